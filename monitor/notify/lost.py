"""The alert that says that the monitor's own memory is lost."""

from __future__ import annotations

from monitor.alert import Alert, State
from monitor.base.evidence import Evidence
from monitor.notify.own_alerts import Moment, own_alert

RULE = "StateLost"


def state_lost(log: str, kept: str, why: str) -> Alert:
    """Return an alert for a state that could not be read; ``kept`` is where it can be looked at."""
    return own_alert(
        RULE,
        (log, kept),
        Moment(None, starts_at=None),
        state=State.CLOSED,
        fault="evidence_lost",
        summary=why,
        action=(
            "Alerts of this log go out once more, with the same ids, marked as resent. What lay in files that are "
            "gone by now cannot be read again."
        ),
        reason=why,
        evidence=(Evidence(kept, 0, 0, None, why),),
    )
