"""The alert that says that nobody watches a run any more, and what a new watch says of all that an earlier one left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from monitor.alert import Alert, Severity, State
from monitor.base.evidence import Evidence
from monitor.notify import failed, reload
from monitor.notify.delivery import Delivery
from monitor.notify.own_alerts import Moment, own_alert

RULE = "Unwatched"


def unwatched(instance: str, why: str, at: float) -> Alert:
    """Return an alert for an instance of the service that has ended for good; ``at`` in seconds since 1970."""
    return own_alert(
        RULE,
        (instance, round(at, 3)),
        Moment(at, starts_at=at),
        severity=Severity.CRITICAL,
        labels=(("instance", instance),),
        summary=f"nobody watches {instance} any more: the monitor has failed, and is not started again",
        action=f"journalctl -u monitor@{instance} says why; then systemctl restart monitor@{instance}",
        reason=why,
        evidence=(Evidence(f"monitor@{instance}.service", 0, 0, None, why),),
    )


def settled_by_a_start(delivery: Delivery, at: float) -> Sequence[Alert]:
    """Return the ends of what an earlier watch said of itself, now that a new one has begun.

    That a receiver failed is not over for that: nothing more will be known of it.
    """
    over = [
        replace(alert, state=State.RESOLVED, at=at, ends_at=at, reason="a watch has begun, with what is there now")
        for rule in (RULE, reload.RULE)
        for alert in delivery.still_firing(rule)
    ]
    left = [
        replace(alert, state=State.CLOSED, at=at, ends_at=at, reason="a watch has begun anew, and tries it again")
        for alert in delivery.still_firing(failed.RULE)
    ]
    return over + left
