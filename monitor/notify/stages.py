"""What people are told of what happened: stage by stage, each a pure sifting of what waits.

Silence, grouping, deduplication, retry and record are the stages of a notice; inhibition came before, in the engine.
This file sifts and times; `queue` sends, tries again and records.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from monitor.alert import Alert, Severity, State


class Paces(NamedTuple):
    """How long people are left in peace; the defaults are those of Alertmanager, which operators know."""

    group_wait_s: float = 30.0
    """What fires first waits so long for others; what is critical does not."""
    group_interval_s: float = 300.0
    """Least time between two notices about one run."""
    repeat_interval_s: float = 14_400.0
    """What goes on firing is told again so often."""


class Sifted(NamedTuple):
    """What became of what waits."""

    told: list[Alert]
    """To be told, oldest first."""
    held: list[Alert]
    """Not now, but perhaps later."""
    dropped: list[Alert]
    """Never: nobody has to know."""


class View(NamedTuple):
    """What the stages know."""

    is_silenced: Callable[[Alert], bool]
    known: Collection[str]
    """Ids of what people were told is firing."""


Stage = Callable[[Sequence[Alert], View], Sifted]


def leave_out_explained(alerts: Sequence[Alert], view: View) -> Sifted:
    """Drop what another alert explains."""
    del view
    return _split(alerts, drop=lambda alert: bool(alert.inhibited_by))


def hold_silenced(alerts: Sequence[Alert], view: View) -> Sifted:
    """Hold what fires silently, until it is over or the silence is."""
    over = {alert.id for alert in alerts if alert.state is not State.FIRING}
    silenced = {alert.id for alert in alerts if alert.state is State.FIRING and view.is_silenced(alert)}
    silenced -= frozenset(view.known)
    return _split(
        alerts,
        hold=lambda alert: alert.id in silenced - over,
        drop=lambda alert: alert.id in silenced & over,
    )


def tell_the_newest(alerts: Sequence[Alert], view: View) -> Sifted:
    """Tell of each alert how it stands now, and of no end where nobody knows of a beginning."""
    newest = {alert.id: alert for alert in alerts}
    begun = {alert.id for alert in alerts if alert.state is State.FIRING} | frozenset(view.known)
    return _split(
        alerts,
        drop=lambda alert: newest[alert.id] is not alert or (alert.state is State.RESOLVED and alert.id not in begun),
    )


STAGES: tuple[Stage, ...] = (leave_out_explained, hold_silenced, tell_the_newest)


def sift(alerts: Sequence[Alert], view: View) -> Sifted:
    """Take alerts through all stages."""
    rest, held, dropped = list(alerts), list[Alert](), list[Alert]()
    for stage in STAGES:
        found = stage(rest, view)
        rest, held, dropped = found.told, held + found.held, dropped + found.dropped
    return Sifted(rest, held, dropped)


def due_at(told: Sequence[Alert], came_at: float, last_at: float | None, paces: Paces) -> float:
    """Return when a group is to be told of: it began to wait at ``came_at``, and was told of last at ``last_at``."""
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
