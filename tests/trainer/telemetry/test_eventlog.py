"""A full disk costs lines of the log, which are counted, and never ends the training."""

import errno
import os
from pathlib import Path

import pytest

from monitor.grammar import Error, Floor, parse_line
from tests.trainer.runs import SMALL, make_panel
from trainer.settings import resolve
from trainer.telemetry.eventlog import EventLog
from trainer.training.loop import train


class Disk:
    """A disk with space for `room` bytes."""

    def __init__(self, room: int) -> None:
        self.room = room

    def put(self, file: int, line: bytes) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = os.write(file, line[: self.room])
        self.room -= written
        return written


def write_numbers(log: EventLog, *numbers: float) -> None:
    for number in numbers:
        log.write(Floor(loss_floor=number))


def read(path: Path) -> list[object]:
    """Return the number of each line, or the message of an error line."""
    lines = [parse_line(line) for line in path.read_bytes().splitlines()]
    assert None not in lines
    records = [line.record for line in lines if line is not None]
    return [record.message if isinstance(record, Error) else record.loss_floor for record in records]


def test_lost_lines_are_counted_and_reported_as_soon_as_there_is_space(tmp_path: Path):
    disk = Disk(10_000)
    log = EventLog(tmp_path / "run.log", lambda: 0.0, put=disk.put)
    write_numbers(log, 1.0)
    disk.room = 0
    write_numbers(log, 2.0, 3.0)
    disk.room = 10_000
    write_numbers(log, 4.0)
    log.close()
    assert read(log.path) == [1.0, "2 lines could not be written: no space left on the disk", 4.0]
    assert log.num_lost == 2


def test_a_line_written_in_part_is_completed_before_anything_else_is_written(tmp_path: Path):
    disk = Disk(20)
    log = EventLog(tmp_path / "run.log", lambda: 0.0, put=disk.put)
    write_numbers(log, 1.0, 2.0)
    disk.room = 10_000
    write_numbers(log, 3.0)
    log.close()
    assert read(log.path) == [1.0, "1 lines could not be written: no space left on the disk", 3.0]


def test_lines_lost_at_the_end_are_reported_when_the_log_is_closed(tmp_path: Path):
    disk = Disk(0)
    log = EventLog(tmp_path / "run.log", lambda: 0.0, put=disk.put)
    write_numbers(log, 1.0)
    disk.room = 10_000
    log.close()
    assert read(log.path) == ["1 lines could not be written: no space left on the disk"]


def test_any_other_error_of_the_log_is_raised(tmp_path: Path):
    def put(file: int, line: bytes) -> int:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    with pytest.raises(OSError, match="Bad file descriptor"):
        EventLog(tmp_path / "run.log", lambda: 0.0, put=put).write(Floor(loss_floor=1.0))


def test_a_training_without_space_for_its_log_completes(tmp_path: Path):
    asked = {**SMALL, "epochs": 1, "data": str(make_panel(tmp_path)), "checkpoint_dir": str(tmp_path / "c")}
    result = train(resolve(cli={**asked, "log": "/dev/full"}))
    assert (result.status, result.epochs) == ("completed", 1)
    assert result.num_lost_lines > 100
