"""Read a log to its end, in blocks, with a progress bar for a long log on a terminal."""

from __future__ import annotations

import gc
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple

from monitor.alert import Alert
from monitor.pipeline import Pipeline
from monitor.run.columns import ByteSpan
from monitor.tail import STRETCH_BYTES, Line, Stretch, read_pieces
from monitor.tail.opening import opened

LONG_BYTES = 32 << 20
"""Least size of a log for which a bar is shown: about two seconds of reading."""


def read_log(pipeline: Pipeline, *, shows_progress: bool = False) -> list[Alert]:
    """Read the pipeline's log to its end and return the transitions of its alerts. Raises LogError."""
    changes: list[Alert] = []
    with opened(pipeline.log) as stream, _collecting_rarely(), _bar(stream, shows_progress) as advance:
        for part, spans in read_searched(stream, pipeline):
            if isinstance(part, Stretch):
                changes += pipeline.take_all(part, spans=spans)
                advance(part.offset + len(part.data))
            else:
                changes += pipeline.take(part)
                advance(part.offset)
    return changes


@contextmanager
def _collecting_rarely() -> Iterator[None]:
    """Collect garbage rarely: lines make no reference cycles, and the search takes a tenth of the time."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, 50, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def _bar(stream: BinaryIO, is_wanted: bool) -> Iterator[Callable[[int], object]]:
    """Yield a function to call with the number of bytes read so far."""
    size = _size(stream)
    if not (is_wanted and size >= LONG_BYTES and sys.stderr is not None and sys.stderr.isatty()):
        yield lambda num_bytes: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("reading"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=size)
        yield lambda num_bytes: progress.update(task, completed=num_bytes)


def _size(stream: BinaryIO) -> int:
    """Return the size of a plain file; 0 for a compressed one, or one without a size."""
    try:
        name = str(getattr(stream, "name", ""))
        return 0 if name.endswith(".gz") else os.fstat(stream.fileno()).st_size
    except (OSError, AttributeError):
        return 0


class Searched(NamedTuple):
    """A part of a log."""

    part: Line | Stretch
    spans: Sequence[ByteSpan] | None
    """The lines of a stretch whose text may matter; None for a single line."""


def read_searched(stream: BinaryIO, pipeline: Pipeline) -> Iterator[Searched]:
    """Yield a pipeline's log to its end, in stretches; at most two pieces are in memory. Raises LogError."""
    pieces = _pieces(stream, pipeline)
    for piece in _ahead(pieces) if _is_long_file(stream) else pieces:
        yield from piece


def _pieces(stream: BinaryIO, pipeline: Pipeline) -> Iterator[list[Searched]]:
    for parts in read_pieces(stream):
        yield [Searched(each, pipeline.speaking(each.data) if isinstance(each, Stretch) else None) for each in parts]


def _ahead(pieces: Iterator[list[Searched]]) -> Iterator[list[Searched]]:
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, pieces, None)
        while (piece := coming.result()) is not None:
            coming = thread.submit(next, pieces, None)
            yield piece


def _is_long_file(stream: BinaryIO) -> bool:
    """Whether reading ahead in a thread pays; never for a pipe, where a waiting thread could not be stopped."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, AttributeError):
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size > STRETCH_BYTES
