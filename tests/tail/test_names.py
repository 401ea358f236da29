"""What the log's name may point to: a file that was read before, a pipe, another name of the same file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from monitor.engine.step import Engine
from monitor.pipeline import Pipeline
from monitor.replay import replay
from monitor.tail import FileTail
from monitor.tail.source import FileChange
from tests.cli.command import monitor
from tests.cli.logs import HEALTHY, joined, write
from tests.cli.watching import SHIPPED, Watching
from tests.tail.followed import Followed


@pytest.fixture
def pointing(tmp_path: Path) -> Followed:
    """A log whose name is a symlink to the file ``a``."""
    (tmp_path / "run.log").symlink_to("a")
    (tmp_path / "a").write_text("a1\na2\n")
    return Followed(tmp_path / "run.log", FileTail(tmp_path / "run.log"))


def point(log: Path, to: str) -> None:
    new = log.with_name("new")
    new.symlink_to(to)
    new.rename(log)


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_name_that_points_back_goes_on_where_its_file_was_left(pointing: Followed, is_killed: bool) -> None:
    folder = pointing.path.parent
    (folder / "b").write_text("b1\n")
    assert pointing.lines() == ["a1", "a2"]
    point(pointing.path, "b")
    assert pointing.lines() == ["b1"]
    if is_killed:
        pointing.restart()
    with (folder / "a").open("a") as file:
        file.write("a3\n")
    point(pointing.path, "a")
    assert pointing.results() == [FileChange.ROTATED, "a3"]
    pointing.append("a4\n")
    point(pointing.path, "b")
    with (folder / "b").open("a") as file:
        file.write("b2\n")
    assert pointing.lines() == ["a4", "b2"]
    if is_killed:
        pointing.restart()
    assert pointing.lines() == []


def test_a_file_that_was_refilled_meanwhile_is_read_from_its_start(pointing: Followed) -> None:
    folder = pointing.path.parent
    (folder / "b").write_text("b1\n")
    assert pointing.lines() == ["a1", "a2"]
    point(pointing.path, "b")
    assert pointing.lines() == ["b1"]
    (folder / "a").write_text("x1\nx2\nx3\n")
    point(pointing.path, "a")
    assert pointing.lines() == ["x1", "x2", "x3"]


def test_of_many_files_the_last_eight_are_remembered(pointing: Followed) -> None:
    folder = pointing.path.parent
    pointing.lines()
    for number in range(40):
        (folder / f"f{number}").write_text(f"f{number}\n")
        point(pointing.path, f"f{number}")
        assert pointing.lines() == [f"f{number}"]
    assert pointing.tail.position is not None
    assert len(pointing.tail.position.left) == 8


def test_a_rotation_by_hard_link_loses_and_doubles_nothing(tmp_path: Path) -> None:
    log = Followed(tmp_path / "run.log", FileTail(tmp_path / "run.log"))
    log.append("1\n")
    assert log.lines() == ["1"]
    (tmp_path / "run.log.1").hardlink_to(tmp_path / "run.log")
    log.append("2\n")
    (tmp_path / "run.log").unlink()
    log.append("3\n")
    assert log.lines() == ["2", "3"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user and back")
def test_a_permission_that_is_lost_and_given_back_loses_nothing(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    for parent in [each for each in tmp_path.parents if each.stat().st_uid == 0 and "pytest-" in str(each)]:
        parent.chmod(0o755)
    log = Followed(tmp_path / "run.log", FileTail(tmp_path / "run.log"))
    log.append("1\n")
    log.path.chmod(0o644)
    os.seteuid(65_534)
    try:
        assert log.lines() == ["1"]
        os.seteuid(0)
        log.append("2\n")
        log.path.chmod(0)
        log.tail.close()
        os.seteuid(65_534)
        assert log.results() == [FileChange.UNREADABLE]
        assert log.results() == []
        os.seteuid(0)
        log.path.chmod(0o644)
        os.seteuid(65_534)
        assert log.lines() == ["2"]
    finally:
        os.seteuid(0)


def test_a_named_pipe_is_refused_at_the_start(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "run.log")
    said = monitor("watch", tmp_path / "run.log", "--plain")
    assert said.code == 2
    assert "is not a regular file; expected a file; a pipe as standard input" in said.err


def test_an_unterminated_last_line_is_shown_read_anew_and_counted_at_the_end(tmp_path: Path) -> None:
    live, whole = Watching(tmp_path / "run.log", until_end=True), joined(HEALTHY)
    live.turn(whole[:-1])
    assert not live.follower.is_over
    live.rest(6)
    assert live.follower.pipeline.run.lines == len(HEALTHY) - 1
    assert live.follower.snapshot().run.lines == len(HEALTHY)
    assert live.follower.is_over
    assert "in a last line without a line feed" in live.follower.why_over
    live.follower.finish()
    assert live.follower.pipeline.run.lines == len(HEALTHY)
    assert live.follower.pipeline.run.understood == len(HEALTHY)


def test_a_line_that_was_shown_before_its_end_is_read_anew_whole(tmp_path: Path) -> None:
    live = Watching(tmp_path / "run.log")
    data = joined(HEALTHY)
    cut = data.rindex(b"status=")
    live.turn(data[:cut])
    live.rest(6)
    live.turn(data[cut:])
    assert live.follower.pipeline.run.lines == len(HEALTHY)
    assert live.follower.is_over


def test_a_watch_until_the_end_ends_and_its_replay_is_the_same(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    write(log, HEALTHY)
    log.write_bytes(log.read_bytes()[:-1])
    state = tmp_path / "state"
    said = monitor("watch", log, "--until-end", "--plain", "--state", state)
    assert "last line without a line feed" in said.err
    (facts,) = state.glob("*.facts.jsonl")
    replayed = Pipeline(str(log), Engine(SHIPPED))
    replay(replayed, facts=facts)
    assert replayed.run.lines == len(HEALTHY)
