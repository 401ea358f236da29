"""What happened before a watch began, as one alert: history pages nobody."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence

from monitor.alert import Alert, Severity, State

RULE = "BeforeThisWatch"
EVIDENCE_LIMIT = 10
"""Lines cited; the report and a replay have them all."""


def told_as_one(log: str, history: Sequence[Alert], still_firing: Collection[Alert]) -> Alert:
    """Return one alert, of no urgency, for all transitions before a watch began; there is at least one."""
    last = history[-1]
    firing = [alert for alert in still_firing if not alert.inhibited_by]
    names = Counter(alert.rule for alert in history if alert.state is State.FIRING)
    told = ", ".join(f"{name} ×{count}" if count > 1 else name for name, count in names.items())
    now = (
        f"{len(firing)} still fire: {', '.join(dict.fromkeys(each.rule for each in firing))}"
        if firing
        else "none fires now"
    )
    identity = repr((last.run, last.attempt, RULE, last.id, last.at))
    return Alert(
        id=hashlib.sha256(identity.encode("utf-8", "backslashreplace")).hexdigest()[:16],
        run=last.run,
        attempt=last.attempt,
        rule=RULE,
        fault="history",
        severity=Severity.INFO,
        state=State.CLOSED,
        at=last.at,
        starts_at=history[0].at,
        ends_at=last.at,
        epoch=last.epoch,
        step=last.step,
        labels=(),
        value=None,
        threshold=None,
        summary=f"{names.total()} alerts fired before this watch began, {now}",
        action=f"monitor replay {log} shows each of them",
        reason=f"fired before: {told or 'none that is remembered'}",
        needs="",
        evidence=tuple(alert.evidence[0] for alert in (firing or history)[:EVIDENCE_LIMIT] if alert.evidence),
    )
