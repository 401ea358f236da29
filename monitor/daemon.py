"""The loop of a live watch: read what is new, let time pass, wait for more."""

from __future__ import annotations

from monitor.alerts import Alert
from monitor.clock import Clock
from monitor.events import Event, read_event
from monitor.sources import ABANDONED_AFTER_S, age_s
from monitor.tail import Ending, FileTail, Line, Notice, Waker
from monitor.watcher import Snapshot, Watcher

POLL_S = 1.0
"""Longest wait between two looks at the log: right without file events too, a second late at most."""


class Listener:
    """What a watch tells the outside; the default says nothing."""

    def on_event(self, event: Event) -> None:
        """Hear of one line."""

    def on_alerts(self, alerts: list[Alert]) -> None:
        """Hear of alerts that changed, at least one."""

    def on_notice(self, notice: Notice) -> None:
        """Hear of something that befell the log, not the run: rotated, truncated, gone."""

    def on_caught_up(self) -> None:
        """Hear that everything written before the watch began has been told; the rest is live."""

    def on_abandoned(self, age_s: float) -> None:
        """Hear that the log has no end line and was left long before the watch began; its silence is not judged."""

    def on_report_due(self, snapshot: Snapshot) -> None:
        """Hear that it is time for a new status page."""


class Daemon:
    """Follows one log until it is stopped, or until its run has ended."""

    def __init__(
        self,
        watcher: Watcher,
        tail: FileTail,
        clock: Clock,
        listener: Listener,
        *,
        report_every_s: float,
        until_end: bool,
    ) -> None:
        self._watcher, self._tail, self._clock, self._listener = watcher, tail, clock, listener
        self._report_every_s, self._until_end = report_every_s, until_end
        self._is_stopped = False
        self._waker: Waker | None = None
        self._has_caught_up = False
        # Monotonic time at which the run's time was `run.now`; None while the silence is not observed.
        self._line_came_at: float | None = None
        self._report_due_at = clock.monotonic()

    def run(self, waker: Waker) -> None:
        """Follow the log; returns when stopped."""
        self._waker = waker
        while not self._is_stopped:
            self.turn()
            if self._until_end and self._is_over():
                return
            if not self._tail.is_behind:
                waker.wait(POLL_S)

    def stop(self) -> None:
        """End `run` after its present turn; for a signal handler too."""
        self._is_stopped = True
        if self._waker is not None:
            self._waker.wake()

    def turn(self) -> None:
        """Look once: fold what is new, then let silence speak, then renew the page if it is due."""
        bytes_before, has_time = self._tail.counters.bytes_read, False
        for result in self._tail.poll(self._clock.monotonic()):
            if isinstance(result, Notice):
                self._listener.on_notice(result)
            elif result.ending is not Ending.PARTIAL:
                has_time |= self._take(result)
        if self._tail.is_behind:
            return
        if not self._has_caught_up:
            self._catch_up()
        elif self._tail.counters.bytes_read > bytes_before and not has_time:
            self._hear()
        now = self.now()
        if now is not None and self._line_came_at is not None:
            self._tell(self._watcher.pass_time(now))
        if self._clock.monotonic() >= self._report_due_at:
            self._report_due_at = self._clock.monotonic() + self._report_every_s
            self._listener.on_report_due(self.snapshot())

    def now(self) -> float | None:
        """Return the run's present time: that of its last line, plus what has passed since that line came."""
        last = self._watcher.run.now
        if last is None or self._line_came_at is None:
            return last
        return last + self._clock.monotonic() - self._line_came_at

    def snapshot(self) -> Snapshot:
        """Return what is known now."""
        return self._watcher.snapshot(self.now(), is_following=self._line_came_at is not None)

    def _take(self, line: Line) -> bool:
        """Fold a line; return whether it bore a time."""
        event = read_event(line, self._watcher.log)
        if event is None:
            return False
        has_time = event.evidence.at is not None
        if not has_time:
            self._hear()
        changes = self._watcher.fold(event)
        if has_time:
            self._line_came_at = self._clock.monotonic()
        self._listener.on_event(event)
        self._tell(changes)
        return has_time

    def _hear(self) -> None:
        """Bytes without a time of their own, a part of a line even, end a silence at the moment they come."""
        now = self.now()
        if now is not None and self._has_caught_up:
            self._tell(self._watcher.hear(now))

    def _catch_up(self) -> None:
        """Having read what was there: count the silence from the file's last change, unless it was long ago."""
        self._has_caught_up = True
        self._listener.on_caught_up()
        if self._watcher.run.now is None:
            return
        try:
            silent_s = age_s(self._watcher.log, self._clock.wall())
        except OSError:
            return
        if silent_s > ABANDONED_AFTER_S and self._watcher.run.attempt.ended is None:
            self._line_came_at = None
            self._listener.on_abandoned(silent_s)
        else:
            self._line_came_at = self._clock.monotonic() - silent_s

    def _is_over(self) -> bool:
        return self._watcher.run.attempt.ended is not None and not self._tail.is_behind

    def _tell(self, changes: list[Alert]) -> None:
        if changes:
            self._listener.on_alerts(changes)
