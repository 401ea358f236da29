"""The run's present time between two lines of its log, and whether its silence is judged.

A log is judged by its own times. While it is silent, the monotonic clock carries the time of its last line forward.
"""

from __future__ import annotations

from typing import NamedTuple

from monitor.base.clock import Clock
from monitor.run.run import Run
from monitor.tail import Tail
from monitor.tail.opening import ABANDONED_AFTER_S, age_s


class CaughtUp(NamedTuple):
    """What the file's last change shows once all output from before the watch has been read."""

    heard_at: float | None = None
    """The run's time at which its newest bytes came, if no line has a time."""
    abandoned_s: float | None = None
    """How long ago the log was abandoned, if it was."""


class SilenceClock:
    """Tells the run's time from the lines that came and from how long none has come."""

    def __init__(
        self, run: Run, tail: Tail, clock: Clock, *, is_first_attach: bool, line_came_at: float | None
    ) -> None:
        """``line_came_at`` is the time of day at which an earlier process saw the last line come."""
        self._run, self._tail, self._clock = run, tail, clock
        self._is_first_attach, self._came_before = is_first_attach, line_came_at
        # Monotonic time at which the run's time was `run.now`; None while the silence is not judged.
        self._line_came_at: float | None = None
        # Whether times of arrival replace those that no line has.
        self._is_by_arrival = False
        self._day_began_at = clock.wall() - clock.monotonic()

    @property
    def is_judged(self) -> bool:
        """Whether a silence of this log is judged."""
        return self._is_by_arrival if self._run.now is None else self._line_came_at is not None

    @property
    def line_came_at(self) -> float | None:
        """The time of day at which the last line came; None while the silence is not judged."""
        if self._line_came_at is None:
            return None
        return self._clock.wall() - (self._clock.monotonic() - self._line_came_at)

    def now(self) -> float | None:
        """Return the run's present time: that of its last line, plus the time since that line came."""
        last = self._run.now
        if last is None:
            return self.time_of_day() if self._is_by_arrival else None
        if self._line_came_at is None or self._tail.is_at_end:
            return last
        return last + self._clock.monotonic() - self._line_came_at

    def time_of_day(self) -> float:
        """Return the time of day, as steady as the monotonic clock: a clock change does not alter a silence."""
        return self._day_began_at + self._clock.monotonic()

    def note_line(self) -> None:
        """Take note that a line with a time has just come."""
        self._line_came_at = self._clock.monotonic()

    def note_bytes(self) -> float | None:
        """Take note that bytes without a time have just come; return the run's time at which they came, if known."""
        # If no line has a time, use the time of arrival.
        self._is_by_arrival = self._run.now is None
        return self.now()

    def catch_up(self, log: str) -> CaughtUp:
        """Count the silence from the file's last change, unless that was long ago; all older output has been read."""
        run, is_timed = self._run, self._run.now is not None
        if not is_timed and (not run.lines or run.attempt.ended is not None):
            return CaughtUp()
        if is_timed and not self._is_first_attach and not self._tail.counters.bytes_read:
            if self._came_before is not None:
                self._line_came_at = self._clock.monotonic() - max(0.0, self._clock.wall() - self._came_before)
            return CaughtUp()
        try:
            silent_s = age_s(log, self._clock.wall())
        except OSError:
            return CaughtUp()
        if self._is_first_attach and silent_s > ABANDONED_AFTER_S and run.attempt.ended is None:
            self._line_came_at = None
            return CaughtUp(abandoned_s=silent_s)
        if run.now is not None:
            # The file last changed when its newest bytes came, and those may have no time.
            ahead_s = max(0.0, run.heard_at - run.now) if run.heard_at is not None else 0.0
            self._line_came_at = self._clock.monotonic() - silent_s - ahead_s
            return CaughtUp()
        self._is_by_arrival = True
        came_at = self.time_of_day() - silent_s
        return CaughtUp(came_at if run.heard_at is None or came_at > run.heard_at else None)
