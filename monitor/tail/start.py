"""Where a watch begins in a log that it sees for the first time: at the start, the newest attempt, or the end."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from monitor.tail.generation import Generation, TailPosition
from monitor.tail.linebuffer import CHUNK_BYTES

_FIRST_LINE = b"[RUN] start"
"""Part of the first line of an attempt."""


class Start(StrEnum):
    """Which existing lines of a log are read."""

    START = "start"
    """All lines."""
    ATTEMPT = "attempt"
    """From the newest RUN start line on; all lines if there is none."""
    END = "end"
    """No line: only what is written from now on."""


def position_at(log: Path, start: Start) -> TailPosition | None:
    """Return the position to begin at; None for the first byte. Raises OSError."""
    if start is Start.START or not log.exists():
        return None
    offset, number = _first_line(log, start)
    file = Generation.open(log)
    try:
        while file.offset < offset and file.read(min(CHUNK_BYTES, offset - file.offset)):
            pass
        if file.offset < offset:
            return None
        return file.position(log, offset=offset, number=number, generation=1)
    finally:
        file.close()


def _first_line(log: Path, start: Start) -> tuple[int, int]:
    """Return the byte offset and the 1-based number of the first line to read."""
    attempt, offset, number, read = (0, 1), 0, 1, 0
    with log.open("rb") as file:
        for line in iter(lambda: file.readline(CHUNK_BYTES), b""):
            if _FIRST_LINE in line:
                attempt = (offset, number)
            read += len(line)
            if line.endswith(b"\n"):
                offset, number = read, number + 1
    return (offset, number) if start is Start.END else attempt
