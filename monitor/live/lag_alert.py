"""The alert of a watch on itself: it reads its log later than it should, so that every alert comes late."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from monitor.alert import Alert, Severity, State
from monitor.run.run import Run

RULE = "MonitorBehind"
BEHIND_S = 10.0
"""Seconds that bytes may wait to be read; ten looks. Chosen by hand."""
BEHIND_FOR_S = 30.0
"""Seconds for which they must have waited so long, look after look: a machine that slept is late once. By hand."""


class Lag:
    """Notes at each look how long what it found may have been waiting."""

    def __init__(self, alert: Alert | None = None) -> None:
        """``alert`` is the one that an earlier process left firing."""
        self.alert = alert
        """The alert that is out; None for none."""
        self._since: float | None = None

    def note(self, run: Run, waited_s: float, at: float | None, monotonic: float) -> list[Alert]:
        """Note a look that found something, or nothing (``waited_s`` = 0), and return what that changed.

        ``at`` is the run's time, ``monotonic`` this process's. What the log says of it is nothing: a replay needs
        more than the log to tell it again, and does not.
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
        reason = "what is written is read at once again"
        return [replace(over, state=State.RESOLVED, at=at, ends_at=at, value=waited_s, reason=reason)]


def _alert(run: Run, waited_s: float, at: float | None) -> Alert:
    where = run.last
    identity = repr((RULE, run.id, run.rank, run.lines, where.text if where else ""))
    said = f"what is written to the log is read {waited_s:.0f} s later; expected at most {BEHIND_S:.0f} s"
    return Alert(
        id=hashlib.sha256(identity.encode("utf-8", "backslashreplace")).hexdigest()[:16],
        run=run.id or "",
        attempt=run.attempt.number,
        rule=RULE,
        fault="monitor_behind",
        severity=Severity.WARNING,
        state=State.FIRING,
        at=at,
        starts_at=at,
        ends_at=None,
        epoch=run.attempt.epoch,
        step=run.attempt.step,
        labels=(),
        value=waited_s,
        threshold=BEHIND_S,
        summary=f"the monitor is behind: {said}",
        action="Give the monitor more of the processor, follow fewer logs with it, or let the trainer write less.",
        reason=said,
        needs="facts",
        evidence=(where,) if where else (),
    )
