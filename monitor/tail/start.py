"""Where a first attach to a log begins: at its start, at its newest attempt, or at its end."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from monitor.tail import TailPosition
from monitor.tail.generation import Generation
from monitor.tail.linebuffer import CHUNK_BYTES

_MARK = b"[RUN] start"
"""What the first line of an attempt bears."""


class Start(StrEnum):
    """What is read of a log that was there before."""

    START = "start"
    """All of it."""
    ATTEMPT = "attempt"
    """From the newest RUN start line on; all of it where there is none."""
    END = "end"
    """Nothing: from the next line on."""


def position_at(log: Path, start: Start) -> TailPosition | None:
    """Return where to begin; None for the first byte. Raises OSError."""
    if start is Start.START or not log.exists():
        return None
    offset, number = _place(log, start)
    file = Generation.open(log)
    try:
        while file.offset < offset and file.read(min(CHUNK_BYTES, offset - file.offset)):
            pass
        if file.offset < offset:
            return None
        return file.position(log, offset=offset, number=number, generation=1)
    finally:
        file.close()


def _place(log: Path, start: Start) -> tuple[int, int]:
    """Return the byte offset and the 1-based number of the line to begin with."""
    place, offset, number, read = (0, 1), 0, 1, 0
    with log.open("rb") as file:
        for line in iter(lambda: file.readline(CHUNK_BYTES), b""):
            if _MARK in line:
                place = (offset, number)
            read += len(line)
            if line.endswith(b"\n"):
                offset, number = read, number + 1
    return (offset, number) if start is Start.END else place
