"""What a watch needs from any log: from a file that it follows, or a stream that ends."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple, Protocol

from monitor.tail.generation import TailPosition
from monitor.tail.linebuffer import Line


class TailCounters(NamedTuple):
    """What a tail has done since it was made."""

    bytes_read: int
    """Bytes, including NULs."""
    lines: int
    """Lines, not counting partial ones."""
    truncated_lines: int
    """Lines that were cut: only their start was kept."""
    generations: int
    """Number of the current generation, counted from 1 across restarts of this program."""
    lost_bytes: int
    """Sum over the notices."""
    bytes_behind: int
    """Bytes of the current generation that are known but not read yet."""


class LineCounter:
    """Counts what a tail reads, for its `TailCounters`."""

    def __init__(self) -> None:
        self.bytes_read = self.lines = self.truncated_lines = 0

    def counted(self, lines: list[Line]) -> list[Line]:
        """Count lines, and return them."""
        self.lines += len(lines)
        self.truncated_lines += sum(line.truncated_bytes > 0 for line in lines)
        return lines

    def counters(self, *, generations: int, lost_bytes: int = 0, bytes_behind: int = 0) -> TailCounters:
        """Return what was counted, with what only the tail knows."""
        return TailCounters(self.bytes_read, self.lines, self.truncated_lines, generations, lost_bytes, bytes_behind)


class Tail(Protocol):
    """Bytes → lines, poll by poll."""

    @property
    def descriptor(self) -> int | None:
        """An open stream whose bytes end a wait; None for a file, whose events end it."""
        ...

    @property
    def position(self) -> TailPosition | None:
        """Where to continue after all lines returned so far; None before a file was found, and always for a stream."""
        ...

    @property
    def is_behind(self) -> bool:
        """Whether the last poll stopped at its limit: poll again before waiting."""
        ...

    @property
    def is_at_end(self) -> bool:
        """Whether nothing more can ever come."""
        ...

    @property
    def counters(self) -> TailCounters:
        """What this tail has done."""
        ...

    def poll(self, now: float) -> list[Line | Notice]:
        """Read what is new; ``now`` is monotonic time in seconds. Never waits, never raises for a change of the log."""
        ...

    def close(self) -> None:
        """Close what is open."""
        ...


class FileChange(Enum):
    """What happened to the file itself."""

    APPEARED = "appeared"
    """It exists again, or for the first time."""
    VANISHED = "vanished"
    """Nothing is at its path any longer; the open file is still read."""
    ROTATED = "rotated"
    """The following lines come from another file."""
    TRUNCATED = "truncated"
    """The following lines come from the same file, whose old content is gone."""
    UNREADABLE = "unreadable"
    """It exists but cannot be read; ``detail`` is the reason. Reported once for each reason."""


class Notice(NamedTuple):
    """One change of the file, at its place between two lines."""

    change: FileChange
    """What happened."""
    path: str
    """The log as the user named it."""
    generation: int
    """Number of the generation that the next lines belong to, from 1; 0 before the first one."""
    lost_bytes: int
    """Bytes that existed and were never read, as far as the tail saw them."""
    detail: str
    """The system's reason for UNREADABLE; else empty."""
