"""Alerts that the monitor raises about itself while it judges a log, and that a replay raises again."""

from __future__ import annotations

from monitor.alert import Alert, Severity, State, alert_id
from monitor.base.evidence import Evidence
from monitor.reader.signals import Labels
from monitor.run.run import Run


def monitor_alert(
    rule: str,
    identity: tuple[object, ...],
    run: Run,
    at: float | None,
    *,
    summary: str,
    action: str,
    reason: str,
    evidence: tuple[Evidence, ...],
    labels: Labels = (),
) -> Alert:
    """Return a warning about a run that fires ``at`` (the run's time). ``rule`` and ``identity`` decide its id."""
    return Alert(
        id=alert_id((rule, *identity)),
        run=run.id or "",
        attempt=run.attempt.number,
        rule=rule,
        fault="monitor",
        severity=Severity.WARNING,
        state=State.FIRING,
        at=at,
        starts_at=at,
        ends_at=None,
        epoch=run.attempt.epoch,
        step=run.attempt.step,
        labels=labels,
        value=None,
        threshold=None,
        summary=summary,
        action=action,
        reason=reason,
        needs="",
        evidence=evidence,
        log=run.log,
        host=run.host,
        counts=run.counts,
    )
