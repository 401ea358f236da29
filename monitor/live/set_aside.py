"""Logs that cannot be judged because of a mistake of ours: set aside, told once, tried again when they grow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from monitor.alert import Alert, State
from monitor.engine.unjudged import reason_of
from monitor.live.follower import Follower
from monitor.notify import own_alert

RULE = "LogNotJudged"


class SetAside:
    """The logs that the others must not wait for."""

    def __init__(self) -> None:
        self._alerts: dict[str, Alert] = {}
        self._sizes: dict[str, int] = {}

    def is_waiting(self, follower: Follower) -> bool:
        """Whether a log is set aside, and has not grown since."""
        return follower.log in self._sizes and self._sizes[follower.log] == _size(follower.log)

    def holds(self, follower: Follower) -> bool:
        """Whether a log is set aside: what is known of it is not stored."""
        return follower.log in self._sizes

    def put(self, follower: Follower, error: Exception, at: float) -> list[Alert]:
        """Set a log aside; return the alert, unless it has been told. ``at`` in seconds since 1970."""
        is_told = follower.log in self._sizes
        self._sizes[follower.log] = _size(follower.log)
        if is_told:
            return []
        self._alerts[follower.log] = _alert(follower, error, at)
        return [self._alerts[follower.log]]

    def take_back(self, follower: Follower, at: float) -> list[Alert]:
        """Note that a log was judged; return the end of its alert, if it was set aside."""
        if self._sizes.pop(follower.log, None) is None:
            return []
        return [self._alerts.pop(follower.log).ended(State.RESOLVED, at, "the log is judged again")]


def _size(log: str) -> int:
    try:
        return Path(log).stat().st_size
    except OSError:
        return -1


def _alert(follower: Follower, error: Exception, at: float) -> Alert:
    run, why = follower.pipeline.run, reason_of(error)
    line = f"line {run.last.line:,}" if run.last else "its start"
    alert = own_alert(
        RULE,
        (RULE, follower.log, round(at, 3)),
        at,
        summary=f"{follower.log} is not judged after {line} ({why}); it is tried again when it grows",
        action="Report the fault with this line. The other logs are watched as before.",
        reason=why,
        evidence=(run.last,) if run.last else (),
        labels=(("log", follower.log),),
    )
    return replace(alert, run=run.id or "", log=run.log)
