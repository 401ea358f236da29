"""The alert that says that a receiver does not take alerts; it goes to the others."""

from __future__ import annotations

from monitor.alert import Alert, State
from monitor.base.evidence import Evidence
from monitor.notify.own_alerts import Moment, own_alert

RULE = "ReceiverFailed"


def receiver_failed(name: str, why: str, state: State, *, began_at: float, at: float) -> Alert:
    """Return an alert for a receiver that has failed since ``began_at``; times are in seconds since 1970."""
    words = f"{name} does not take alerts" if state is not State.RESOLVED else f"{name} takes alerts again"
    return own_alert(
        RULE,
        (name, round(began_at, 3)),
        Moment(at, starts_at=began_at, ends_at=None if state is State.FIRING else at),
        state=state,
        labels=(("receiver", name),),
        summary=words,
        action="Test it: monitor sinks test. What it should have got is in the other receivers and in the report.",
        reason=why,
        evidence=(Evidence(name, 0, 0, None, why),),
    )
