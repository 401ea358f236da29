"""What a watch needs of a log, whatever it is: a file that is followed, or a stream that ends."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from monitor.tail.generation import TailPosition
from monitor.tail.linebuffer import Line
from monitor.tail.notices import Notice


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
