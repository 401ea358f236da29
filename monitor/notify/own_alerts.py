"""The monitor's alerts about itself: they belong to no run, and a replay cannot derive them from the log alone."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import replace

from monitor.alert import Alert, Severity, State, alert_id
from monitor.base.errors import MonitorError
from monitor.base.evidence import Evidence
from monitor.reader.signals import Labels

RECEIVER_FAILED = "ReceiverFailed"
STATE_LOST = "StateLost"
RELOAD_FAILED = "ReloadFailed"
UNWATCHED = "Unwatched"
MOST_CITED = 10
"""Mistakes cited as evidence; the journal has all of them."""


def own_alert(
    rule: str,
    identity: tuple[object, ...],
    at: float | None,
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
    """Return an alert of the monitor's own that starts ``at`` (seconds since 1970, None if unknown).

    ``identity`` alone decides its id.
    """
    return Alert(
        id=alert_id(identity),
        run="",
        attempt=0,
        rule=rule,
        fault=fault,
        severity=severity,
        state=state,
        at=at,
        starts_at=at,
        ends_at=None if state is State.FIRING else at,
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
        host=socket.gethostname(),
    )


def receiver_failed(name: str, why: str, state: State, *, began_at: float, at: float) -> Alert:
    """Return an alert for a receiver that has failed since ``began_at``; times are in seconds since 1970."""
    alert = own_alert(
        RECEIVER_FAILED,
        (RECEIVER_FAILED, name, round(began_at, 3)),
        at,
        state=state,
        labels=(("receiver", name),),
        summary=f"{name} accepts alerts again" if state is State.RESOLVED else f"{name} does not accept alerts",
        action="Test it: monitor sinks test. The other receivers and the report have the alerts that it missed.",
        reason=why,
        evidence=(Evidence(name, 0, 0, None, why),),
    )
    return replace(alert, starts_at=began_at)


def state_lost(log: str, kept: str, why: str) -> Alert:
    """Return an alert for a state that could not be read; ``kept`` is where it can be inspected."""
    return own_alert(
        STATE_LOST,
        (STATE_LOST, log, kept),
        None,
        state=State.CLOSED,
        fault="evidence_lost",
        summary=why,
        action=(
            "Alerts of this log are sent once more, with the same ids, marked as resent. Lines in files that have "
            "since been deleted cannot be read again."
        ),
        reason=why,
        evidence=(Evidence(kept, 0, 0, None, why),),
    )


def reload_failed(problems: Sequence[MonitorError], at: float) -> Alert:
    """Return an alert for a reload refused because of these mistakes (at least one); ``at`` in seconds since 1970."""
    first = str(problems[0])
    return own_alert(
        RELOAD_FAILED,
        (RELOAD_FAILED, round(at, 3)),
        at,
        summary="the changed rules or watch file cannot be used; the previous ones stay in force",
        action=(
            "Correct the mistakes (monitor config check, monitor rules check), then reload. Do not restart: a start "
            "with this file is refused, and the run would go unwatched."
        ),
        reason=first if len(problems) == 1 else f"{first} (and {len(problems) - 1} more)",
        evidence=tuple(Evidence(each.where, 0, 0, None, str(each)) for each in problems[:MOST_CITED]),
    )


def unwatched(instance: str, why: str, at: float) -> Alert:
    """Return an alert for a service instance that has failed for good; ``at`` in seconds since 1970."""
    return own_alert(
        UNWATCHED,
        (UNWATCHED, instance, round(at, 3)),
        at,
        severity=Severity.CRITICAL,
        labels=(("instance", instance),),
        summary=f"{instance} is no longer watched: the monitor has failed and will not be started again",
        action=f"See journalctl -u monitor@{instance} for the cause; then systemctl restart monitor@{instance}",
        reason=why,
        evidence=(Evidence(f"monitor@{instance}.service", 0, 0, None, why),),
    )


def ended_by_start(still_firing: Callable[[str], Sequence[Alert]], at: float) -> list[Alert]:
    """Return the ends of alerts that an earlier watch raised about itself, now that a new watch has begun.

    ``still_firing`` returns a rule's firing alerts. A failed receiver may still be failing, so its alert is closed
    rather than resolved.
    """
    ends = {
        UNWATCHED: (State.RESOLVED, "a new watch has begun with the present files"),
        RELOAD_FAILED: (State.RESOLVED, "a new watch has begun with the present files"),
        RECEIVER_FAILED: (State.CLOSED, "a new watch has begun and tries the receiver again"),
    }
    return [alert.ended(state, at, why) for rule, (state, why) in ends.items() for alert in still_firing(rule)]
