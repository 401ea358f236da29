"""Read a log to its end, in blocks, with a progress bar for a long log on a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from monitor.alert import Alert
from monitor.pipeline import Pipeline
from monitor.replay import replay

LONG_BYTES = 32 << 20
"""Least size of a log for which a bar is shown: about two seconds of reading."""


def read_log(pipeline: Pipeline) -> list[Alert]:
    """Read the pipeline's log to its end and return the transitions of its alerts. Raises LogError."""
    return replay(pipeline, progress=progress_bar)


@contextmanager
def progress_bar(stream: BinaryIO) -> Iterator[Callable[[int], object]]:
    """Yield a function to call with the number of bytes read so far."""
    size = _size(stream)
    if not (size >= LONG_BYTES and sys.stderr is not None and sys.stderr.isatty()):
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
