"""The alert MonitorBehind: the monitor reads its log later than it should, so every alert comes late."""

from __future__ import annotations

from dataclasses import replace

from monitor.alert import Alert, State
from monitor.notify import own_alert
from monitor.run.run import Run

RULE = "MonitorBehind"
BEHIND_S = 10.0
"""Seconds that bytes may wait to be read; ten polls. Chosen by hand."""
BEHIND_FOR_S = 30.0
"""Seconds for which every poll must have been that late: a machine that was suspended is late only once. Chosen by
hand."""


class Lag:
    """Tracks, poll by poll, how long the bytes that it read may have been waiting."""

    def __init__(self, alert: Alert | None = None) -> None:
        """``alert`` is the one that an earlier process left firing."""
        self.alert = alert
        """The firing alert, if any."""
        self._since: float | None = None

    def note(self, run: Run, waited_s: float, at: float | None, monotonic: float) -> list[Alert]:
        """Take note of one poll (``waited_s`` = 0 if it found nothing); return the transition it caused, if any.

        ``at`` is the run's time, ``monotonic`` this process's. The log does not show the delay, so a replay does not
        repeat this alert.
        """
        if waited_s > BEHIND_S:
            self._since = monotonic if self._since is None else self._since
            if self.alert is None and monotonic - self._since >= BEHIND_FOR_S:
                self.alert = _alert(run, waited_s, at)
                return [self.alert]
            return []
        self._since = None
        if self.alert is None:
            return []
        over, self.alert = self.alert, None
        return [replace(over.ended(State.RESOLVED, at, "new output is read at once again"), value=waited_s)]


def _alert(run: Run, waited_s: float, at: float | None) -> Alert:
    where = run.last
    late = f"new log output is read {waited_s:.0f} s late; expected at most {BEHIND_S:.0f} s"
    alert = own_alert(
        RULE,
        (RULE, run.id, run.rank, run.lines, where.text if where else ""),
        at,
        fault="monitor_behind",
        summary=f"the monitor is behind: {late}",
        action="Give the monitor more CPU, follow fewer logs with it, or make the trainer log less.",
        reason=late,
        evidence=(where,) if where else (),
    )
    return replace(
        alert,
        run=run.id or "",
        attempt=run.attempt.number,
        epoch=run.attempt.epoch,
        step=run.attempt.step,
        counts=run.counts,
        value=waited_s,
        threshold=BEHIND_S,
    )
