"""Everything that fired before a watch began, as one alert, so that history pages no one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

from monitor.alert import Alert, Severity, State
from monitor.notify.own_alerts import own_alert

RULE = "BeforeThisWatch"
EVIDENCE_LIMIT = 10
"""Lines cited; the report and a replay have all of them."""


def summarise_history(log: str, history: Sequence[Alert], still_firing: Collection[Alert]) -> Alert:
    """Return one alert of severity info for all transitions (at least one) from before a watch began."""
    last = history[-1]
    firing = [alert for alert in still_firing if not alert.inhibited_by]
    names = Counter(alert.rule for alert in history if alert.state is State.FIRING)
    fired = ", ".join(f"{name} ×{count}" if count > 1 else name for name, count in names.items())
    rules = ", ".join(dict.fromkeys(alert.rule for alert in firing))
    now = f"{len(firing)} still firing: {rules}" if firing else "none firing now"
    alert = own_alert(
        RULE,
        (last.run, last.attempt, RULE, last.id, last.at),
        last.at,
        fault="history",
        severity=Severity.INFO,
        state=State.CLOSED,
        summary=f"{names.total()} alerts fired before this watch began, {now}",
        action=f"monitor replay {log} shows each of them",
        reason=f"fired before: {fired or 'none on record'}",
        evidence=tuple(alert.evidence[0] for alert in (firing or history)[:EVIDENCE_LIMIT] if alert.evidence),
    )
    return replace(
        alert,
        run=last.run,
        attempt=last.attempt,
        starts_at=history[0].at,
        epoch=last.epoch,
        step=last.step,
        needs="",
    )
