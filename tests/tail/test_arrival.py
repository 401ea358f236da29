"""The tail waits for a log that does not exist yet or cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

from monitor.tail import FileTail
from monitor.tail.linebuffer import Ending, Line
from monitor.tail.source import FileChange, Notice
from tests.tail.followed import Followed


def test_a_log_that_is_created_later_is_read_from_its_start(log: Followed) -> None:
    assert log.poll() == []
    assert log.tail.is_missing
    assert log.tail.position is None
    log.append("a\n")
    assert log.results() == [FileChange.APPEARED, "a"]
    assert not log.tail.is_missing


def test_a_directory_that_is_created_later_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "later" / "run.log"
    with FileTail(path) as tail:
        assert tail.poll(0.0) == []
        path.parent.mkdir()
        assert tail.poll(0.0) == []
        path.write_text("a\n")
        expected = [Notice(FileChange.APPEARED, str(path), 1, 0, ""), Line(1, 0, b"a", 0, Ending.LF)]
        assert expected == tail.poll(0.0)


def test_an_existing_log_gives_no_notice(log: Followed) -> None:
    log.append("a\n")
    assert log.results() == ["a"]


def test_a_directory_in_place_of_the_log_is_reported_once(log: Followed) -> None:
    log.path.mkdir()
    assert [Notice(FileChange.UNREADABLE, str(log.path), 0, 0, "Is a directory")] == log.poll()
    assert log.poll() == []
    log.path.rmdir()
    log.append("a\n")
    assert "a" in log.results()


def test_a_named_pipe_in_place_of_the_log_does_not_block(log: Followed) -> None:
    os.mkfifo(log.path)
    assert [Notice(FileChange.UNREADABLE, str(log.path), 0, 0, "Not a regular file")] == log.poll()


def test_a_directory_that_takes_the_place_of_the_log_leaves_the_old_file_open(log: Followed) -> None:
    log.append("a\n")
    log.poll()
    log.path.rename(log.path.with_name("aside"))
    log.path.mkdir()
    with log.path.with_name("aside").open("a") as writer:
        writer.write("b\n")
    assert log.results() == ["b", FileChange.UNREADABLE]
    assert log.results() == []


def test_a_file_in_the_place_of_the_directory_counts_as_missing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with FileTail(tmp_path / "file" / "run.log") as tail:
        assert tail.poll(0.0) == []
        assert tail.is_missing


def test_a_closed_tail_finds_the_log_again(log: Followed) -> None:
    log.append("a\nhalf")
    log.poll()
    log.tail.close()
    log.append("b\n")
    assert log.results() == ["halfb"]
