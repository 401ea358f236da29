"""Alerts of the monitor about itself: they belong to no run, and no log alone can tell them again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from monitor.alert import Alert, Severity, State
from monitor.base.errors import MonitorError
from monitor.base.evidence import Evidence
from monitor.reader.signals import Labels

RECEIVER_FAILED = "ReceiverFailed"
STATE_LOST = "StateLost"
RELOAD_FAILED = "ReloadFailed"
UNWATCHED = "Unwatched"
MOST_CITED = 10
"""Mistakes cited; the journal has them all."""


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


def receiver_failed(name: str, why: str, state: State, *, began_at: float, at: float) -> Alert:
    """Return an alert for a receiver that has failed since ``began_at``; times are in seconds since 1970."""
    words = f"{name} does not take alerts" if state is not State.RESOLVED else f"{name} takes alerts again"
    return own_alert(
        RECEIVER_FAILED,
        (name, round(began_at, 3)),
        Moment(at, starts_at=began_at, ends_at=None if state is State.FIRING else at),
        state=state,
        labels=(("receiver", name),),
        summary=words,
        action="Test it: monitor sinks test. What it should have got is in the other receivers and in the report.",
        reason=why,
        evidence=(Evidence(name, 0, 0, None, why),),
    )


def state_lost(log: str, kept: str, why: str) -> Alert:
    """Return an alert for a state that could not be read; ``kept`` is where it can be looked at."""
    return own_alert(
        STATE_LOST,
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


def reload_failed(problems: Sequence[MonitorError], at: float) -> Alert:
    """Return an alert for a reload that was refused for these mistakes, one at least; ``at`` in seconds since 1970."""
    first = str(problems[0])
    return own_alert(
        RELOAD_FAILED,
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


def unwatched(instance: str, why: str, at: float) -> Alert:
    """Return an alert for an instance of the service that has ended for good; ``at`` in seconds since 1970."""
    return own_alert(
        UNWATCHED,
        (instance, round(at, 3)),
        Moment(at, starts_at=at),
        severity=Severity.CRITICAL,
        labels=(("instance", instance),),
        summary=f"nobody watches {instance} any more: the monitor has failed, and is not started again",
        action=f"journalctl -u monitor@{instance} says why; then systemctl restart monitor@{instance}",
        reason=why,
        evidence=(Evidence(f"monitor@{instance}.service", 0, 0, None, why),),
    )
