"""Bytes → lines, one piece ahead: the next piece of a log is read and searched while the last one is judged.

Reading and RE2 hold no lock of Python's while they work, so another processor can do this; numpy would ask for it too
often. What is handed over, and its order, are the same.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO, NamedTuple

from monitor.pipeline import Watcher
from monitor.run.columns import Span
from monitor.tail import STRETCH_BYTES, Line, Stretch, read_pieces


class Searched(NamedTuple):
    """A part of a log."""

    part: Line | Stretch
    spans: Sequence[Span] | None
    """Where a stretch holds lines whose text may say something; None for a single line."""


def read_searched(stream: BinaryIO, watcher: Watcher) -> Iterator[Searched]:
    """Read a watcher's log to its end, as `read_stretches` does; at most two pieces are held. Raises LogError."""
    pieces = _pieces(stream, watcher)
    for piece in _ahead(pieces) if _is_long_file(stream) else pieces:
        yield from piece


def _pieces(stream: BinaryIO, watcher: Watcher) -> Iterator[list[Searched]]:
    for parts in read_pieces(stream):
        yield [Searched(each, watcher.speaking(each.data) if isinstance(each, Stretch) else None) for each in parts]


def _ahead(pieces: Iterator[list[Searched]]) -> Iterator[list[Searched]]:
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, pieces, None)
        while (piece := coming.result()) is not None:
            coming = thread.submit(next, pieces, None)
            yield piece


def _is_long_file(stream: BinaryIO) -> bool:
    """Whether it is worth a thread; a pipe is not, for one that waits for more could not be stopped."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, AttributeError):
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size > STRETCH_BYTES
