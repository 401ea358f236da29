"""The alert that says that the monitor's own memory is lost."""

from __future__ import annotations

import hashlib

from monitor.alerts import Alert, Severity, State
from monitor.evidence import Evidence

RULE = "StateLost"


def state_lost(log: str, kept: str, why: str) -> Alert:
    """Return an alert for a state that could not be read; ``kept`` is where it can be looked at."""
    return Alert(
        id=hashlib.sha256(repr((RULE, log, kept)).encode("utf-8", "backslashreplace")).hexdigest()[:16],
        run="",
        attempt=0,
        rule=RULE,
        fault="evidence_lost",
        severity=Severity.WARNING,
        state=State.CLOSED,
        at=None,
        starts_at=None,
        ends_at=None,
        epoch=0,
        step=None,
        labels=(),
        value=None,
        threshold=None,
        summary=why,
        action=(
            "Alerts of this log go out once more, with the same ids, marked as resent. What lay in files that are "
            "gone by now cannot be read again."
        ),
        reason=why,
        needs="facts",
        evidence=(Evidence(kept, 0, 0, None, why),),
    )
