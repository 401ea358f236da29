"""Alerts: the open ones first, then all transitions, oldest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.alert import Alert, State
from monitor.base.evidence import Evidence
from monitor.report.judgement import RuleVerdict
from monitor.report.statement import Mark
from monitor.snapshot import Snapshot


@dataclass(frozen=True)
class AlertLine:
    """One transition of an alert."""

    mark: Mark
    at: float | None
    starts_at: float | None
    state: str
    severity: str
    rule: str
    summary: str
    reason: str
    action: str
    evidence: tuple[Evidence, ...]
    quoted: tuple[str, ...]
    explained_by: str = ""
    """Rule whose alert explains this one; empty for none."""


@dataclass(frozen=True)
class Alerts:
    """Alerts that fire, or fired until the end, and all transitions."""

    standing: tuple[AlertLine, ...]
    timeline: tuple[AlertLine, ...]
    left_out: int
    """Number of earlier transitions that are not shown."""
    absence: str
    """What to tell where no alert ever fired; else empty."""


TRANSITIONS_SHOWN = 100


def alerts(snapshot: Snapshot, verdicts: Sequence[RuleVerdict]) -> Alerts:
    """Return the open alerts and the newest transitions."""
    standing = [alert for verdict in verdicts for alert in verdict.open_alerts]
    shown = snapshot.history[-TRANSITIONS_SHOWN:]
    left_out = len(snapshot.history) - len(shown)
    lines = snapshot.run.lines
    absence = f"No alert has fired in {lines:,} lines." if lines else "No line was read, so no alert can have fired."
    return Alerts(
        standing=tuple(_line(alert) for alert in standing[:TRANSITIONS_SHOWN]),
        timeline=tuple(_line(alert) for alert in shown),
        left_out=left_out,
        absence="" if snapshot.history or standing else absence,
    )


def _line(alert: Alert) -> AlertLine:
    return AlertLine(
        mark=_mark(alert),
        at=alert.at,
        starts_at=alert.starts_at,
        state=alert.state.value,
        severity=alert.severity.value,
        rule=alert.rule,
        summary=alert.summary,
        reason=alert.reason,
        action=alert.action,
        evidence=alert.evidence[-1:] if alert.state is State.RESOLVED else alert.evidence[:1],
        quoted=tuple(value for _, value in alert.labels),
        explained_by=alert.inhibited_by,
    )


def _mark(alert: Alert) -> Mark:
    """Return the mark of an alert: a resolved one has a line that proves its end, a closed one has none."""
    if alert.state is State.RESOLVED:
        return Mark.OK if alert.evidence else Mark.UNKNOWN
    return Mark.BREACH if alert.severity.is_alarming else Mark.CAUTION
