"""What a watch needs of a log, whatever it is: a file that is followed, or a stream that ends."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple, Protocol

from monitor.tail.generation import TailPosition
from monitor.tail.linebuffer import Line


class TailCounters(NamedTuple):
    """What a tail has done since it was made."""

    bytes_read: int
    """Bytes, NULs included."""
    lines: int
    """Lines, partial ones left out."""
    truncated_lines: int
    """Lines of which only the head was kept."""
    generations: int
    """1-based count of the present generation, earlier runs of this program included."""
    lost_bytes: int
    """Sum over the notices."""
    bytes_behind: int
    """Bytes of the present generation that are known and not read yet."""


class Tail(Protocol):
    """Bytes → lines, look by look."""

    @property
    def descriptor(self) -> int | None:
        """An open stream whose bytes end a wait; None where file events do."""
        ...

    @property
    def position(self) -> TailPosition | None:
        """Where to go on after all lines returned so far; None where that cannot be said."""
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
        """Look once; ``now`` is monotonic time in seconds. Never waits, never raises for what befalls the log."""
        ...

    def close(self) -> None:
        """Let go of what is open."""
        ...


class FileChange(Enum):
    """What happened to the file itself."""

    APPEARED = "appeared"
    """It is there, after it was not."""
    VANISHED = "vanished"
    """Nothing is at its path any more; what is still open is read on."""
    ROTATED = "rotated"
    """The lines that follow come from another file."""
    TRUNCATED = "truncated"
    """The lines that follow come from the same file, whose old content is gone."""
    UNREADABLE = "unreadable"
    """It is there and cannot be read; ``detail`` says why. Said once for each reason."""


class Notice(NamedTuple):
    """One thing that happened to the file, between the lines before and after it."""

    change: FileChange
    """What happened."""
    path: str
    """The log as the user named it."""
    generation: int
    """1-based count of the generation that the next lines belong to; 0 before the first one."""
    lost_bytes: int
    """Bytes known to have been there that nobody will read; what was never seen cannot be counted."""
    detail: str
    """The system's reason, for UNREADABLE; else empty."""
