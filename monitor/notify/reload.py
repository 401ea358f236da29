"""The alert that says that rules or watch file were changed and cannot be used; what was in force before still is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from monitor.alert import Alert, State
from monitor.base.errors import MonitorError
from monitor.base.evidence import Evidence
from monitor.notify.own_alerts import Moment, own_alert

RULE = "ReloadFailed"
MOST_CITED = 10
"""Mistakes cited; the journal has them all."""


def reload_failed(problems: Sequence[MonitorError], at: float) -> Alert:
    """Return an alert for a reload that was refused for these mistakes, one at least; ``at`` in seconds since 1970."""
    first = str(problems[0])
    return own_alert(
        RULE,
        (round(at, 3),),
        Moment(at, starts_at=at),
        summary="the changed rules or watch file cannot be used; those from before stay in force",
        action=(
            "Mend what is named (monitor config check, monitor rules check), then reload. Do not restart: a start "
            "with this file is refused, and nobody watches then."
        ),
        reason=first if len(problems) == 1 else f"{first} (and {len(problems) - 1} more)",
        evidence=tuple(Evidence(each.where, 0, 0, None, str(each)) for each in problems[:MOST_CITED]),
    )


def reload_mended(failed: Alert, at: float) -> Alert:
    """Return the end of such an alert: what is there now has been read and is in force."""
    words = "rules and watch file were read and are in force"
    return replace(failed, state=State.RESOLVED, at=at, ends_at=at, reason=words)
