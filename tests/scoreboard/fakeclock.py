"""Time that does not depend on the load of the machine: a clock that a run moves, and a timer of its own work."""

from __future__ import annotations

import time

START = 1_750_000_000.0
STEP_S = 1.0
"""Duration of one training step on the clock."""


class FakeClock:
    """Seconds since 1970 as the log sees them."""

    def __init__(self) -> None:
        self._now, self._slept_s = START, 0.0

    def __call__(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        self._now += seconds

    def sleep(self, seconds: float) -> None:
        """Move the clock forward within a step."""
        self._slept_s += seconds
        self.advance(seconds)

    def timer(self) -> float:
        """Return the seconds that this thread has worked or slept by this clock; other processes do not count."""
        return time.thread_time() + self._slept_s
