"""A long log is read a piece ahead with the same result: the same parts in the same order, and the same end."""

from __future__ import annotations

import os

import pytest

from monitor.base.errors import LogError
from monitor.engine.step import Engine
from monitor.pipeline import Pipeline
from monitor.replay import read_searched
from monitor.tail import STRETCH_BYTES, Stretch, read_stretches

FILLER = b"  worker 4: 240 rows in 12.4 ms, nothing left to read ahead\n"
TRACEBACK = b"Traceback (most recent call last):\n"
BAR = b"progress 10%\rprogress 20%\r\n"


@pytest.fixture
def log(tmp_path):
    """A log of three pieces: with a traceback, of plain lines, and with a progress bar and a line left unfinished."""
    path = tmp_path / "run.log"
    piece = FILLER * (STRETCH_BYTES // len(FILLER))
    path.write_bytes(FILLER + TRACEBACK + piece + piece + BAR + FILLER + b"the end")
    return path


def test_what_is_read_ahead_is_what_is_read(log):
    pipeline = Pipeline(str(log), Engine([]))
    with log.open("rb") as stream:
        found = list(read_searched(stream, pipeline))
    with log.open("rb") as stream:
        parts = list(read_stretches(stream))
    assert [each.part for each in found] == parts
    assert [each.spans for each in found] == [
        pipeline.speaking(part.data) if isinstance(part, Stretch) else None for part in parts
    ]
    assert sum(len(each.spans or ()) for each in found) == 1


def test_when_a_log_breaks_off_what_came_before_is_printed(log):
    class Breaking:
        """The file of a disk that is lost behind the first piece."""

        def __init__(self, stream):
            self._stream, self.name, self.fileno = stream, "run.log", stream.fileno

        def read(self, num_bytes):
            if self._stream.tell():
                raise OSError(5, os.strerror(5))
            return self._stream.read(num_bytes)

    parts = []
    with log.open("rb") as stream, pytest.raises(LogError, match="breaks off"):
        parts.extend(each.part for each in read_searched(Breaking(stream), Pipeline(str(log), Engine([]))))
    assert sum(isinstance(part, Stretch) for part in parts) == 1
