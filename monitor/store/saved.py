"""What a watch of one log needs after a restart, split into rows that seldom change."""

from __future__ import annotations

import copy
import dataclasses
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

from monitor.alert import Alert, Told
from monitor.base.evidence import Evidence
from monitor.engine.lifecycle import AlertStates
from monitor.reader.signals import CATALOGUE, Labels
from monitor.run.run import Run
from monitor.run.series import Series
from monitor.snapshot import Totals
from monitor.store.codec import StateCodec
from monitor.store.coders import UnknownState
from monitor.tail import TailPosition

FORMAT = 1
"""Increased when the meaning of a state changes but its fields do not; then an older state is refused, and the log is
read from its start."""


@dataclass
class Saved:
    """The state of one watched log at one moment."""

    position: TailPosition | None = None
    run: Run = field(default_factory=Run)
    states: AlertStates = field(default_factory=AlertStates)
    history: deque[Alert] = field(default_factory=deque)
    """The newest transitions, oldest first."""
    fired: int = 0
    """Number of alerts of severity warning or above that have fired."""
    has_caught_up: bool = False
    """Whether everything that existed at the first attach has been read."""
    is_resending: bool = False
    """Whether the log is being read a second time because the state was lost."""
    committed_at: float = 0.0
    """Time of day of the commit, in seconds since 1970-01-01 UTC."""
    line_came_at: float | None = None
    """Time of day when the run's time was `Run.now`; None while silence is not judged."""
    facts_file: str = ""
    """Name of the file with the recorded facts; empty while there is none."""
    facts_bytes: int = 0
    """Bytes of that file that belong to this state."""
    holds_heard: bool = False
    """Whether `Run.heard_at` is not recorded yet, and may have to be."""
    totals: Totals = field(default_factory=Totals)
    behind: Alert | None = None
    """The alert that the watch itself is late, if it is firing."""
    unjudged: Alert | None = None
    """The alert that the newest line could not be judged, if it is firing."""


@dataclass
class _Core:
    """A state without its series and its history."""

    format: int
    state: Saved
    order: list[tuple[str, Labels]]
    """The series in the order in which they first appeared."""


Family = list[tuple[str, Labels, Series]]
"""The series of one tag, with names and labels."""


class SavedRows(NamedTuple):
    """A state as the rows of tables."""

    core: bytes
    series: dict[str, bytes]
    """The series of each tag together, because they cite the same lines; only tags with a changed series."""
    gone: list[str]
    """Tags that no longer have any series, because a new attempt has begun."""
    alerts: list[bytes]
    """Transitions since the last commit."""
    marks: SavedMarks


class SavedMarks(NamedTuple):
    """What the last commit wrote, to find out what has changed since."""

    series: dict[str, list[tuple[object, ...]]]
    alert: Alert | None
    """The newest transition of the history."""


NOTHING = SavedMarks({}, None)

_SHARED = (Evidence,)
_core = cache(lambda: StateCodec(_Core, shared=_SHARED))
_family = cache(lambda: StateCodec(Family, shared=_SHARED))
_alert = cache(lambda: StateCodec(Alert, shared=_SHARED))
_told = cache(lambda: StateCodec(Told, shared=_SHARED))


def to_rows(saved: Saved, before: SavedMarks) -> SavedRows:
    """Split a state into rows, without those that have not changed since ``before``."""
    run = copy.copy(saved.run)
    run.attempt = copy.copy(run.attempt)
    every, run.attempt.series = run.attempt.series, {}
    order = [(name, labels) for name, by_labels in every.items() for labels in by_labels]
    core = _Core(FORMAT, dataclasses.replace(saved, run=run, history=deque()), order)
    tags: dict[str, Family] = {}
    for name, labels in order:
        tags.setdefault(CATALOGUE[name].tag, []).append((name, labels, every[name][labels]))
    marks = {
        tag: [(run.attempt.number, name, labels, *map(_sketch, _values(series))) for name, labels, series in family]
        for tag, family in tags.items()
    }
    return SavedRows(
        core=_sealed(_core().dumps(core)),
        series={
            tag: _sealed(_family().dumps(each)) for tag, each in tags.items() if before.series.get(tag) != marks[tag]
        },
        gone=[tag for tag in before.series if tag not in tags],
        alerts=[_sealed(_alert().dumps(alert)) for alert in _since(saved.history, before.alert)],
        marks=SavedMarks(marks, saved.history[-1] if saved.history else before.alert),
    )


def from_rows(core: bytes, series: dict[str, bytes], alerts: list[bytes], history_limit: int) -> Saved:
    """Join the rows of a state. Raises UnknownState."""
    known: dict[Evidence, Evidence] = {}
    read = _core().loads(_unsealed(core), known)
    if read.format != FORMAT:
        raise UnknownState(f"format {read.format}; expected {FORMAT}")
    every: dict[str, dict[Labels, Series]] = {}
    families = [_family().loads(_unsealed(data), known) for data in series.values()]
    found = {(name, labels): each for family in families for name, labels, each in family}
    if found.keys() != set(read.order):
        raise UnknownState("some of its series are missing, or there are too many")
    for name, labels in read.order:
        every.setdefault(name, {})[labels] = found[name, labels]
    read.state.run.attempt.series = every
    read.state.history = deque((_alert().loads(_unsealed(alert), known) for alert in alerts), maxlen=history_limit)
    return read.state


def alert_to_bytes(alert: Alert) -> bytes:
    """Write one alert."""
    return _sealed(_alert().dumps(alert))


def alert_from_bytes(data: bytes) -> Alert:
    """Read one alert. Raises UnknownState."""
    return _alert().loads(_unsealed(data))


def told_to_bytes(told: Told) -> bytes:
    """Write what a receiver was told."""
    return _sealed(_told().dumps(told))


def told_from_bytes(data: bytes) -> Told:
    """Read what a receiver was told. Raises UnknownState."""
    return _told().loads(_unsealed(data))


_values = attrgetter(*(each.name for each in dataclasses.fields(Series)))


def _sketch(value: Any) -> object:
    """Return what shows whether a value changed: the value if it is plain, else its length and newest item."""
    if isinstance(value, (list, deque)):
        return (len(value), value[-1]) if value else 0
    return len(value) if isinstance(value, dict) else value


def _since(history: deque[Alert], newest: Alert | None) -> list[Alert]:
    """Return the transitions after the newest one that was written."""
    return list(_take_until(history, newest))[::-1]


def _take_until(history: deque[Alert], newest: Alert | None) -> Iterator[Alert]:
    for alert in reversed(history):
        if alert is newest:
            return
        yield alert


def _sealed(data: bytes) -> bytes:
    """Return a document with its checksum, so that a bit flipped by the disk is not taken for an offset."""
    return data + b"%08x" % zlib.crc32(data)


def _unsealed(data: bytes) -> bytes:
    """Return the document of a sealed one. Raises UnknownState."""
    document, seal = data[:-_SEAL_BYTES], data[-_SEAL_BYTES:]
    if seal != b"%08x" % zlib.crc32(document):
        raise UnknownState("its checksum does not match")
    return document


_SEAL_BYTES = 8
