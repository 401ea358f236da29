"""A log that is truncated in place is noticed by its content, at any size."""

from __future__ import annotations

import os

import pytest

from monitor.tail import FileTail
from monitor.tail.linebuffer import Ending, Line
from monitor.tail.source import FileChange, Notice
from tests.tail.followed import Followed

REFILLS = {
    "shorter": [f"new {number}" for number in range(3)],
    "as long": [f"NEW {number:03}" for number in range(20)],
    "longer": [f"new {number}" for number in range(400)],
}


@pytest.mark.parametrize("refill", REFILLS.values(), ids=REFILLS.keys())
def test_a_truncated_and_refilled_log_is_read_from_its_start(log: Followed, refill: list[str]) -> None:
    old = [f"old {number:03}" for number in range(20)]
    log.append("\n".join(old) + "\n")
    assert old == log.lines()
    log.truncate()
    log.append("\n".join(refill) + "\n")
    assert [FileChange.TRUNCATED, *refill] == log.results()


def test_a_refill_that_differs_only_far_before_the_offset_is_noticed_by_the_prefix(log: Followed) -> None:
    log.append("old header\n" + "same\n" * 100)
    log.poll()
    log.truncate()
    log.append("new header\n" + "same\n" * 200)
    assert [FileChange.TRUNCATED, "new header", *["same"] * 200] == log.results()


def test_a_refill_that_differs_only_after_the_prefix_is_noticed_by_the_anchor(log: Followed) -> None:
    banner = [f"banner {number}" for number in range(200)]
    log.append("\n".join([*banner, "old", ""]))
    log.poll()
    log.truncate()
    log.append("\n".join([*banner, "new", "next", ""]))
    assert [FileChange.TRUNCATED, *banner, "new", "next"] == log.results()


def test_a_copytruncated_log_with_its_copy_loses_nothing_unread(log: Followed) -> None:
    log.append("a\n")
    log.poll()
    log.append("b\nhalf")
    log.copytruncate()
    log.append("c\n" * 100)
    assert ["b", "half", FileChange.ROTATED, *"c" * 100] == log.results()
    assert log.tail.counters.lost_bytes == 0


def test_several_copytruncates_between_two_polls_lose_nothing(log: Followed) -> None:
    log.append("a\n")
    log.poll()
    for text in ("b\n", "c\n", "d\n"):
        log.append(text)
        log.copytruncate()
    log.append("e\n")
    assert log.results() == ["b", FileChange.ROTATED, "c", FileChange.ROTATED, "d", FileChange.ROTATED, "e"]


def test_a_copytruncate_seen_while_the_log_is_still_empty_waits_for_new_lines(log: Followed) -> None:
    log.append("a\n")
    log.poll()
    log.copytruncate()
    assert log.results() == []
    log.append("b\n")
    assert log.results() == [FileChange.ROTATED, "b"]


def test_a_copy_whose_original_is_not_truncated_yet_is_read_once(log: Followed) -> None:
    log.append("a\n")
    log.poll()
    log.rotate()
    log.append("b\n")
    log.path.with_name("run.log.1").rename(log.path.with_name("run.log.2"))
    log.path.with_name("run.log.1").write_bytes(log.path.read_bytes())
    assert log.results() == [FileChange.ROTATED, "b"]
    log.truncate()
    log.append("c\n")
    assert log.results() == [FileChange.ROTATED, "c"]


def test_an_older_copy_with_the_same_first_lines_is_not_taken_for_this_generation(log: Followed) -> None:
    older = log.path.with_name("run.log.1")
    older.write_text("banner\nold 1\nold 2\n")
    os.utime(older, (1_700_000_000, 1_700_000_000))
    log.append("banner\n")
    assert log.lines() == ["banner"]
    log.truncate()
    assert log.results() == [FileChange.TRUNCATED]
    log.append("banner\nnew\n")
    assert log.results() == ["banner", "new"]


def test_truncated_bytes_that_were_seen_but_not_read_are_counted(log: Followed) -> None:
    log.tail = FileTail(log.path, poll_bytes=2000)
    log.append("0123456789" * 1000)
    log.tail.poll(0.0)
    log.truncate()
    log.append("new\n")
    expected = [
        Line(1, 0, b"0123456789" * 200, 0, Ending.END),
        Notice(FileChange.TRUNCATED, str(log.path), 2, 8_000, ""),
        Line(1, 0, b"new", 0, Ending.LF),
    ]
    assert expected == log.poll()
    assert log.tail.counters.lost_bytes == 8_000


def test_what_a_copy_lacks_of_what_was_seen_is_counted(log: Followed) -> None:
    log.tail = FileTail(log.path, poll_bytes=2000)
    log.append("0123456789" * 1000)
    log.tail.poll(0.0)
    log.path.with_name("run.log.1").write_text("0123456789" * 600)
    log.truncate()
    log.append("new\n")
    expected = [
        Line(1, 0, b"0123456789" * 600, 0, Ending.END),
        Notice(FileChange.ROTATED, str(log.path), 2, 4_000, ""),
        Line(1, 0, b"new", 0, Ending.LF),
    ]
    assert expected == log.poll()


def test_bytes_lost_while_the_program_was_down_are_counted_as_far_as_they_were_seen(log: Followed) -> None:
    log.append("a\nhalf a line")
    log.poll()
    position = log.tail.position
    log.truncate()
    log.append("new\n")
    log.resume(position)
    expected = [
        Notice(FileChange.TRUNCATED, str(log.path), 2, len("half a line"), ""),
        Line(1, 0, b"new", 0, Ending.LF),
    ]
    assert expected == log.poll()


def test_a_copytruncate_while_the_program_was_down_loses_nothing(log: Followed) -> None:
    log.append("a\n")
    log.poll()
    position = log.tail.position
    log.append("b\n")
    log.copytruncate()
    log.append("c\n")
    log.copytruncate()
    log.append("d\n")
    log.resume(position)
    assert log.results() == ["b", FileChange.ROTATED, "c", FileChange.ROTATED, "d"]


def test_a_writer_that_does_not_append_leaves_a_hole_of_nuls_that_is_skipped(log: Followed) -> None:
    with log.path.open("wb", buffering=0) as writer:
        writer.write(b"a\n" * 1000)
        assert len(log.lines()) == 1000
        log.truncate()
        writer.write(b"b\n")
        expected = [Notice(FileChange.TRUNCATED, str(log.path), 2, 0, ""), Line(1, 2000, b"b", 0, Ending.LF)]
        assert expected == log.poll()
        writer.write(b"c\n")
        assert log.lines() == ["c"]


def test_a_huge_hole_is_passed_block_by_block(log: Followed) -> None:
    with log.path.open("wb") as writer:
        writer.truncate(2**26)
        writer.seek(2**26)
        writer.write(b"a\n")
    assert [Line(1, 2**26, b"a", 0, Ending.LF)] == log.poll()


def test_nuls_at_the_end_are_left_until_text_stands_there(log: Followed) -> None:
    with log.path.open("wb", buffering=0) as writer:
        writer.write(b"a\n")
        writer.truncate(4096)
        assert log.results() == ["a"]
        assert log.tail.counters.bytes_behind == 0
        writer.write(b"b\n")
        assert log.results() == ["b"]
        assert log.tail.counters.lines == 2


def test_a_trainer_that_opens_its_log_anew_begins_a_generation(log: Followed) -> None:
    log.path.write_text("first run\n")
    assert log.results() == ["first run"]
    log.path.write_text("second run\n")
    assert log.results() == [FileChange.TRUNCATED, "second run"]
