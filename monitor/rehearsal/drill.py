"""A healthy log → what a watch would say of copies of it that are broken, and what it would not see."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from monitor.alert import AlertKey, State
from monitor.base.clock import Clock
from monitor.conditions import Outcome
from monitor.engine.step import Engine
from monitor.rehearsal.breaks import BREAKS, Break, Material, NotApplicable
from monitor.rehearsal.healthy import LEAD_LINES, Healthy, copied_until, read_healthy
from monitor.rehearsal.watched import Told, WatchedCopy
from monitor.snapshot import Snapshot
from monitor.tail.opening import opened

MOST_REASONS = 3
"""Rules named that could have seen a break and did not."""


_WORDS = {Outcome.BREACH: "has not lasted long enough", Outcome.UNKNOWN: "is unknown", Outcome.OK: "is ok"}


class Seen(StrEnum):
    """What came of a break."""

    CAUGHT = "caught"
    BLIND = "blind"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True)
class Result:
    """What a watch says of one broken copy."""

    of: Break
    seen: Seen
    what: str
    """What was done to the copy; else why it does not apply."""
    told: Told | None = None
    """The first alert at warning or above that names the fault rightly."""
    others: tuple[Told, ...] = ()
    """What else fires at warning or above, and did not before."""
    why: tuple[str, ...] = ()
    """Where nothing fires: what the rules for it say at the end."""
    note: str = ""


@dataclass(frozen=True)
class Drill:
    """What came of all breaks of a log."""

    healthy: Healthy
    anyway: tuple[Told, ...]
    """What fires behind the break in a copy that is not broken."""
    results: tuple[Result, ...]

    @property
    def is_passed(self) -> bool:
        """Whether each break that applies is caught."""
        return all(each.seen is not Seen.BLIND for each in self.results)


def drill(log: str, engine: Engine, clock: Clock, *, pace_s: float, keep: Path | None = None) -> Drill:
    """Break copies of a log, and watch each of them. Raises LogError.

    ``pace_s`` is the time between two lines of a log without times; the broken copies are kept in the folder ``keep``.
    """
    healthy = read_healthy(log, engine, pace_s)
    material = Material(healthy, engine)
    lead = range(max(0, healthy.broken_at - LEAD_LINES), healthy.broken_at)
    with tempfile.TemporaryDirectory(prefix="monitor-drill-") as folder:
        copy = Path(folder, Path(log).name.removesuffix(".gz"))
        with WatchedCopy(
            copy,
            log,
            engine,
            _before(healthy, lead.start),
            [material.writing(place) for place in lead],
            wall=clock.wall() - healthy.arrivals[-1],
            starts_s=healthy.arrivals[lead.start] if len(lead) else 0.0,
        ) as watched:
            anyway, _ = watched.goes_on(tuple(material.tail()))
            known = {each.alert.key for each in anyway}
            results = tuple(_result(each, material, watched, known, keep) for each in BREAKS)
    return Drill(healthy, tuple(_alarms(anyway, frozenset())), results)


def _before(healthy: Healthy, lead: int) -> Iterator[bytes]:
    with opened(healthy.log) as stream:
        yield from copied_until(stream, healthy.lines[lead].offset)


def _result(of: Break, material: Material, watched: WatchedCopy, known: set[AlertKey], keep: Path | None) -> Result:
    broken = of.make(material)
    if isinstance(broken, NotApplicable):
        return Result(of, Seen.NOT_APPLICABLE, broken.reason)
    found, snapshot = watched.goes_on(broken.tail, falls_silent=broken.falls_silent)
    if keep is not None:
        watched.keep(keep / f"{of.name}{Path(material.healthy.log.removesuffix('.gz')).suffix or '.log'}")
    alarms = list(_alarms(found, known))
    first = next((each for each in alarms if each.alert.fault in of.faults), None)
    if first is None:
        return Result(of, Seen.BLIND, broken.what, None, tuple(alarms), tuple(_reasons(of, snapshot)), broken.note)
    others = tuple(each for each in alarms if each is not first)
    return Result(of, Seen.CAUGHT, broken.what, first, others, note=broken.note)


def _alarms(found: list[Told], known: set[AlertKey] | frozenset[AlertKey]) -> Iterator[Told]:
    """Yield the first time that each alert fires at warning or above, which no other one explains."""
    seen = set(known)
    for each in found:
        alert = each.alert
        if (
            alert.state is State.FIRING
            and alert.severity.is_alarming
            and not alert.inhibited_by
            and alert.key not in seen
        ):
            seen.add(alert.key)
            yield each


def _reasons(of: Break, snapshot: Snapshot) -> Iterator[str]:
    """Yield what the rules for a fault say; those for which no line ever came only where there are no others."""
    order = list(_WORDS)
    found = [
        (
            not reading.evidence,
            order.index(reading.outcome),
            f"{rule.alert} {_WORDS[reading.outcome]}: {reading.reason}",
        )
        for rule, readings in snapshot.readings
        if rule.fault in of.faults
        for reading in readings[:1]
        if reading.outcome in order
    ]
    if not found:
        yield "no rule for it applies to this log"
    near = [each for each in sorted(found) if not each[0]] or sorted(found)
    yield from (words for _, _, words in near[:MOST_REASONS])
