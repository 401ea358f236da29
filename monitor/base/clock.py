"""The only reader of wall and monotonic time; everything else takes time as an argument."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time to the edge of the program."""

    def wall(self) -> float:
        """Return the time of day in seconds since 1970-01-01 UTC; it may jump."""
        ...

    def monotonic(self) -> float:
        """Return seconds since an arbitrary moment; never goes back."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def wall(self) -> float:
        """Return the system's time of day."""
        return time.time()

    def monotonic(self) -> float:
        """Return the system's monotonic time."""
        return time.monotonic()
