"""What a new watch tells about the alerts that an earlier one raised about itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from monitor.alert import Alert, State
from monitor.notify.delivery import Delivery
from monitor.notify.own_alerts import RECEIVER_FAILED, RELOAD_FAILED, UNWATCHED


def settled_by_a_start(delivery: Delivery, at: float) -> Sequence[Alert]:
    """Return the ends of what an earlier watch said of itself, now that a new one has begun.

    That a receiver failed is not over for that: nothing more will be known of it.
    """
    over = [
        replace(alert, state=State.RESOLVED, at=at, ends_at=at, reason="a watch has begun, with what is there now")
        for rule in (UNWATCHED, RELOAD_FAILED)
        for alert in delivery.still_firing(rule)
    ]
    left = [
        replace(alert, state=State.CLOSED, at=at, ends_at=at, reason="a watch has begun anew, and tries it again")
        for alert in delivery.still_firing(RECEIVER_FAILED)
    ]
    return over + left
