"""The alert that says that a receiver does not take alerts; it goes to the others."""

from __future__ import annotations

import hashlib

from monitor.alerts import Alert, Severity, State
from monitor.evidence import Evidence

RULE = "ReceiverFailed"


def receiver_failed(name: str, why: str, state: State, *, began_at: float, at: float) -> Alert:
    """Return an alert for a receiver that has failed since ``began_at``; times are in seconds since 1970."""
    identity = repr((RULE, name, round(began_at, 3)))
    words = f"{name} does not take alerts" if state is not State.RESOLVED else f"{name} takes alerts again"
    return Alert(
        id=hashlib.sha256(identity.encode("utf-8", "backslashreplace")).hexdigest()[:16],
        run="",
        attempt=0,
        rule=RULE,
        fault="monitor",
        severity=Severity.WARNING,
        state=state,
        at=at,
        starts_at=began_at,
        ends_at=None if state is State.FIRING else at,
        epoch=0,
        step=None,
        labels=(("receiver", name),),
        value=None,
        threshold=None,
        summary=words,
        action="Test it: monitor sinks test. What it should have got is in the other receivers and in the report.",
        reason=why,
        needs="facts",
        evidence=(Evidence(name, 0, 0, None, why),),
    )
