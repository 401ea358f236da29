"""Alerts of the monitor about itself: they belong to no run, and no log alone can tell them again."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from monitor.alert import Alert, Severity, State
from monitor.base.evidence import Evidence
from monitor.reader.signals import Labels


class Moment(NamedTuple):
    """When something of the monitor's own happened, in seconds since 1970; None where nobody knows."""

    at: float | None
    starts_at: float | None
    ends_at: float | None = None


def own_alert(
    rule: str,
    identity: tuple[object, ...],
    moment: Moment,
    *,
    summary: str,
    action: str,
    reason: str,
    evidence: tuple[Evidence, ...],
    severity: Severity = Severity.WARNING,
    state: State = State.FIRING,
    fault: str = "monitor",
    labels: Labels = (),
) -> Alert:
    """Return an alert; its id follows from the rule and from ``identity``, which tells this one from others of it."""
    return Alert(
        id=hashlib.sha256(repr((rule, *identity)).encode("utf-8", "backslashreplace")).hexdigest()[:16],
        run="",
        attempt=0,
        rule=rule,
        fault=fault,
        severity=severity,
        state=state,
        at=moment.at,
        starts_at=moment.starts_at,
        ends_at=moment.ends_at,
        epoch=0,
        step=None,
        labels=labels,
        value=None,
        threshold=None,
        summary=summary,
        action=action,
        reason=reason,
        needs="facts",
        evidence=evidence,
    )
