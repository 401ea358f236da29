"""A program that is killed and started again continues after the last line it committed."""

from __future__ import annotations

import dataclasses
import json
import random
from pathlib import Path

import pytest

from monitor.tail import FileTail, TailPosition
from monitor.tail.linebuffer import Ending, Line
from monitor.tail.source import FileChange, Notice
from tests.tail.followed import Followed


def test_lines_written_while_the_program_was_down_are_read_once(log: Followed) -> None:
    log.append("a\nb\n")
    assert log.lines() == ["a", "b"]
    position = log.tail.position
    log.append("c\nd\n")
    log.resume(position)
    expected = [Line(3, 4, b"c", 0, Ending.LF), Line(4, 6, b"d", 0, Ending.LF)]
    assert expected == log.poll()


def test_an_unfinished_line_is_read_again_from_its_start(log: Followed) -> None:
    log.append("a\nloss=0.")
    assert log.lines() == ["a"]
    position = log.tail.position
    log.append("5\n")
    log.resume(position)
    assert [Line(2, 2, b"loss=0.5", 0, Ending.LF)] == log.poll()


def test_lines_that_were_read_but_not_committed_are_read_again(log: Followed) -> None:
    log.append("a\n")
    log.poll()
    committed = log.tail.position
    log.append("b\n")
    assert log.lines() == ["b"]
    log.resume(committed)
    assert log.lines() == ["b"]


def test_a_position_survives_json(log: Followed) -> None:
    log.append("a\n" * 1000)
    log.poll()
    position = log.tail.position
    text = json.dumps(dataclasses.asdict(position))
    assert position == TailPosition(**json.loads(text))


def test_a_new_file_on_the_old_inode_is_recognised_by_its_content(log: Followed) -> None:
    log.append("a\nb\nc\n")
    log.poll()
    position = log.tail.position
    log.tail.close()
    for _ in range(100):
        log.path.unlink()
        log.append("x\ny\nz\nx\ny\nz\n")
        if log.path.stat().st_ino == position.inode:
            break
    else:
        pytest.skip("this file system did not reuse the inode")
    log.resume(position)
    assert log.results() == [FileChange.TRUNCATED, "x", "y", "z", "x", "y", "z"]


def test_a_log_restored_with_another_inode_is_the_same_log(log: Followed) -> None:
    log.append("a\nb\n")
    log.poll()
    position = log.tail.position
    copy = log.path.with_name("copy")
    copy.write_bytes(log.path.read_bytes() + b"c\n")
    copy.rename(log.path)
    log.resume(position)
    assert log.results() == ["c"]


def test_a_log_that_is_missing_at_the_start_is_waited_for(log: Followed) -> None:
    log.append("a\n")
    log.poll()
    position = log.tail.position
    away = log.path.with_name("elsewhere") / "run.log"
    away.parent.mkdir()
    log.path.rename(away)
    log.resume(position)
    assert log.results() == [FileChange.VANISHED]
    assert position == log.tail.position
    away.rename(log.path)
    log.append("b\n")
    assert log.results() == [FileChange.APPEARED, "b"]


def test_a_position_before_the_first_byte_resumes(log: Followed) -> None:
    log.path.touch()
    assert log.poll() == []
    log.restart()
    log.append("a\n")
    assert log.results() == ["a"]


@pytest.mark.parametrize("seed", range(10))
def test_no_line_is_lost_or_doubled_by_any_order_of_events(log: Followed, seed: int) -> None:
    """Tagged lines, rotations of both kinds, small reads and kills in random order: every line once, in order."""
    source = random.Random(seed)
    seen: list[str] = []
    lost_bytes = written = 0
    position: TailPosition | None = None
    committed = 0

    def look() -> None:
        nonlocal position, committed, lost_bytes
        for result in log.tail.poll(0.0):
            if isinstance(result, Line):
                seen.append(result.data.decode())
            elif isinstance(result, Notice):
                lost_bytes += result.lost_bytes
        if source.random() < 0.7:
            position, committed = log.tail.position, len(seen)

    def kill() -> None:
        del seen[committed:]
        log.tail.close()
        log.tail = FileTail(log.path, position, poll_bytes=source.choice([7, 100, 5000]))

    for _ in range(1000):
        action = source.choices(["write", "look", "kill", "rotate", "copytruncate"], [8, 8, 2, 1, 1])[0]
        if action == "write":
            num_lines = source.choice([1, 1, 5, 40])
            log.append("".join(f"line {number} of seed {seed}\n" for number in range(written, written + num_lines)))
            written += num_lines
        elif action == "look":
            look()
        elif action == "kill":
            kill()
        # Without a commit, only the name of the file is known.
        elif position is not None and log.path.exists():
            log.rotate() if action == "rotate" else log.copytruncate()
    log.append("the end\n")
    seen += log.lines()
    assert [*(f"line {number} of seed {seed}" for number in range(written)), "the end"] == seen
    assert lost_bytes == 0


def test_two_tails_on_one_log_do_not_disturb_each_other(log: Followed, tmp_path: Path) -> None:
    log.append("a\n")
    with FileTail(log.path) as other:
        assert log.lines() == ["a"]
        assert [Line(1, 0, b"a", 0, Ending.LF)] == other.poll(0.0)
