"""What people are told, decided in stages; each stage is a pure function of the waiting alerts.

A notice goes through silence, grouping, deduplication, retry and record; the engine has applied inhibition before.
This file sifts and times; `receiver_queue` sends, retries and records.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from monitor.alert import Alert, Severity, State


class Paces(NamedTuple):
    """How often people are notified; the defaults are Alertmanager's, which operators know."""

    group_wait_s: float = 30.0
    """A new alert waits this long for others; a critical one does not."""
    group_interval_s: float = 300.0
    """Shortest time between two notices about one run."""
    repeat_interval_s: float = 14_400.0
    """A firing alert is repeated this often."""


class Sifted(NamedTuple):
    """The waiting alerts, sorted by what becomes of them."""

    told: list[Alert]
    """To be told, oldest first."""
    held: list[Alert]
    """Kept waiting; perhaps told later."""
    dropped: list[Alert]
    """Never told."""


class View(NamedTuple):
    """What the stages need to know besides the alerts."""

    is_silenced: Callable[[Alert], bool]
    known: Collection[str]
    """Ids of alerts that people were told are firing."""


Stage = Callable[[Sequence[Alert], View], Sifted]


def leave_out_explained(alerts: Sequence[Alert], view: View) -> Sifted:
    """Drop alerts that another alert explains."""
    del view
    return _split(alerts, drop=lambda alert: bool(alert.inhibited_by))


def hold_silenced(alerts: Sequence[Alert], view: View) -> Sifted:
    """Hold silenced alerts until the silence ends; drop those that end first."""
    over = {alert.id for alert in alerts if alert.state is not State.FIRING}
    silenced = {alert.id for alert in alerts if alert.state is State.FIRING and view.is_silenced(alert)}
    silenced -= frozenset(view.known)
    return _split(
        alerts,
        hold=lambda alert: alert.id in silenced - over,
        drop=lambda alert: alert.id in silenced & over,
    )


def tell_the_newest(alerts: Sequence[Alert], view: View) -> Sifted:
    """Keep the newest state of each alert; drop the end of an alert whose beginning was never told."""
    newest = {alert.id: alert for alert in alerts}
    begun = {alert.id for alert in alerts if alert.state is State.FIRING} | frozenset(view.known)
    return _split(
        alerts,
        drop=lambda alert: newest[alert.id] is not alert or (alert.state is State.RESOLVED and alert.id not in begun),
    )


STAGES: tuple[Stage, ...] = (leave_out_explained, hold_silenced, tell_the_newest)


def sift(alerts: Sequence[Alert], view: View) -> Sifted:
    """Pass alerts through all stages."""
    rest, held, dropped = list(alerts), list[Alert](), list[Alert]()
    for stage in STAGES:
        found = stage(rest, view)
        rest, held, dropped = found.told, held + found.held, dropped + found.dropped
    return Sifted(rest, held, dropped)


def due_at(told: Sequence[Alert], came_at: float, last_at: float | None, paces: Paces) -> float:
    """Return when a group is due: it began to wait at ``came_at``; its run's last notice went out at ``last_at``."""
    if any(alert.state is State.FIRING and alert.severity is Severity.CRITICAL for alert in told):
        return came_at
    waited = came_at + paces.group_wait_s
    return waited if last_at is None else max(waited, last_at + paces.group_interval_s)


def _split(
    alerts: Sequence[Alert],
    *,
    hold: Callable[[Alert], bool] = lambda alert: False,
    drop: Callable[[Alert], bool] = lambda alert: False,
) -> Sifted:
    sifted = Sifted([], [], [])
    for alert in alerts:
        (sifted.held if hold(alert) else sifted.dropped if drop(alert) else sifted.told).append(alert)
    return sifted
