"""A log that is rotated by rename is read to its end, then the new one from its start."""

from __future__ import annotations

import os
import threading

import pytest

from monitor.tail.linebuffer import Ending, Line
from monitor.tail.source import FileChange, Notice
from tests.tail.followed import Followed


def test_lines_written_to_the_old_file_after_the_rename_are_read_before_the_new_file(log: Followed) -> None:
    log.append("a\n")
    assert log.results() == ["a"]
    with log.path.open("ab", buffering=0) as writer:
        log.rotate()
        writer.write(b"b\n")
        assert log.results() == ["b", FileChange.VANISHED]
        log.path.touch()
        assert log.results() == [FileChange.APPEARED]
        writer.write(b"c\n")
        assert log.results() == ["c"]
        writer.write(b"d\n")
    log.append("e\n")
    assert log.results() == ["d", FileChange.ROTATED, "e"]


def test_the_new_file_begins_a_generation_with_its_own_numbers_and_offsets(log: Followed) -> None:
    log.append("a\nb\n")
    log.poll()
    log.rotate()
    log.append("c\n")
    expected = [Notice(FileChange.ROTATED, str(log.path), 2, 0, ""), Line(1, 0, b"c", 0, Ending.LF)]
    assert expected == log.poll()


def test_an_unfinished_line_of_the_old_file_comes_out_when_it_is_left(log: Followed) -> None:
    log.append("a\nhalf")
    assert log.lines() == ["a"]
    log.rotate()
    log.append("b\n")
    assert Line(2, 2, b"half", 0, Ending.END) == log.poll()[0]


def test_two_rotations_between_two_polls_lose_no_file(log: Followed) -> None:
    log.append("a\n")
    log.poll()
    for text in ("b\n", "c\n", "d\n"):
        log.append(text)
        log.rotate()
    log.append("e\n")
    assert log.results() == ["b", FileChange.ROTATED, "c", FileChange.ROTATED, "d", FileChange.ROTATED, "e"]


def test_files_rotated_by_date_are_read_in_their_order(log: Followed) -> None:
    log.append("a\n")
    log.poll()
    log.path.rename(log.path.with_name("run.log-20251029"))
    log.append("b\n")
    log.path.rename(log.path.with_name("run.log-20251030"))
    log.append("c\n")
    assert log.results() == [FileChange.ROTATED, "b", FileChange.ROTATED, "c"]


def test_a_log_moved_to_any_name_is_read_to_its_end(log: Followed) -> None:
    log.append("a\n")
    log.poll()
    log.append("b\n")
    log.path.rename(log.path.with_name("kept aside"))
    log.append("c\n")
    assert log.results() == ["b", FileChange.ROTATED, "c"]


def test_an_empty_file_between_two_rotations_is_skipped(log: Followed) -> None:
    log.append("a\n")
    log.poll()
    log.rotate()
    log.path.touch()
    log.rotate()
    log.append("b\n")
    assert log.results() == [FileChange.ROTATED, "b"]


def test_rotated_files_that_are_left_when_ours_is_gone_are_read_from_the_oldest(log: Followed) -> None:
    log.append("a\n")
    log.poll()
    position = log.tail.position
    for number, text in enumerate(("b\n", "c\n"), start=1):
        log.rotate()
        log.append(text)
        # Later than the last look by more than the coarsest clock of a file system.
        os.utime(log.path, (2_000_000_000 + number, 2_000_000_000 + number))
    log.path.with_name("run.log.2").unlink()
    log.resume(position)
    assert log.results() == [FileChange.ROTATED, "b", FileChange.ROTATED, "c"]


def test_a_log_that_is_deleted_and_written_again_is_still_read(log: Followed) -> None:
    log.append("a\n")
    log.poll()
    log.append("b\n")
    log.path.unlink()
    assert log.results() == ["b", FileChange.VANISHED]
    log.append("c\n")
    assert log.results() == [FileChange.ROTATED, "c"]


def test_a_log_that_is_moved_away_and_back_is_the_same_log(log: Followed) -> None:
    log.append("a\n")
    log.poll()
    away = log.path.with_name("away")
    log.path.rename(away)
    assert log.results() == [FileChange.VANISHED]
    away.rename(log.path)
    log.append("b\n")
    assert log.results() == ["b", FileChange.APPEARED]
    assert log.tail.counters.generations == 1


def test_a_link_that_points_to_the_next_log_is_a_rotation(log: Followed) -> None:
    first, second = log.path.with_name("first"), log.path.with_name("second")
    log.path.symlink_to(first)
    log.append("a\n")
    assert log.results() == ["a"]
    first.write_text("a\nb\n")
    second.write_text("c\n")
    log.path.unlink()
    log.path.symlink_to(second)
    assert log.results() == ["b", FileChange.ROTATED, "c"]


@pytest.mark.parametrize("num_rotations", [1, 2, 3])
def test_a_rotation_while_the_program_was_down_loses_nothing(log: Followed, num_rotations: int) -> None:
    log.append("a\nb")
    assert log.lines() == ["a"]
    position = log.tail.position
    log.append("b\n")
    expected = ["bb"]
    for number in range(num_rotations):
        log.rotate()
        log.append(f"{number}\n")
        expected += [FileChange.ROTATED, str(number)]
    log.resume(position)
    assert expected == log.results()


def test_a_log_moved_to_any_name_while_the_program_was_down_is_read_to_its_end(log: Followed) -> None:
    log.append("a\n")
    log.poll()
    position = log.tail.position
    log.append("b\n")
    log.path.rename(log.path.with_name("kept aside"))
    log.append("c\n")
    log.resume(position)
    assert log.results() == ["b", FileChange.ROTATED, "c"]


def test_rotations_at_any_moment_of_a_poll_lose_nothing(log: Followed) -> None:
    """A writer in its own thread writes and rotates as fast as it can while we poll."""
    expected = [f"line {number}" for number in range(6000)]
    log.path.touch()
    log.poll()

    def write() -> None:
        for begin in range(0, len(expected), 100):
            with log.path.open("ab", buffering=0) as writer:
                for number in range(begin, begin + 100):
                    if number == begin + 50 and begin:
                        log.rotate()
                    writer.write(f"line {number}\n".encode())

    writer = threading.Thread(target=write)
    writer.start()
    seen: list[str] = []
    while writer.is_alive():
        seen += log.lines()
    writer.join()
    assert expected == seen + log.lines()


def test_a_rotated_file_that_is_gone_at_the_start_is_reported_with_what_was_seen_of_it(
    log: Followed,
) -> None:
    log.tail.close()
    log.append("12345\nhalf")
    assert log.lines() == ["12345"]
    position = log.tail.position
    log.path.rename(log.path.with_name("aside"))
    log.append("new\n")
    log.path.with_name("aside").unlink()
    log.resume(position)
    expected = [Notice(FileChange.ROTATED, str(log.path), 2, len("half"), ""), Line(1, 0, b"new", 0, Ending.LF)]
    assert expected == log.poll()
