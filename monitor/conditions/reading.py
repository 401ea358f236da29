"""What a condition says of a run: an outcome with its value, its evidence and a reason in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from monitor.alert import Severity
from monitor.base.evidence import Evidence
from monitor.reader.signals import Labels
from monitor.run.summary import RunSummary


class Outcome(StrEnum):
    """The four answers. Nothing is ok without evidence."""

    OK = "ok"
    BREACH = "breach"
    UNKNOWN = "unknown"
    """The signal was never seen, or not for longer than its cadence; resolves nothing."""
    NOT_APPLICABLE = "not_applicable"
    """The run declared that there is nothing to check."""


@dataclass(frozen=True)
class Reading:
    """One answer, for one set of labels."""

    outcome: Outcome
    reason: str
    """Why, in words, with the figures."""
    labels: Labels = ()
    value: float | None = None
    threshold: float | None = None
    evidence: tuple[Evidence, ...] = ()
    """The lines it rests on, oldest first; never empty for ok and breach."""
    epoch: int | None = None
    step: int | None = None
    severity: Severity | None = None
    """Where the condition has levels of its own severity: that of the level gone beyond. None: the rule's."""

    def __post_init__(self) -> None:
        """Hold the first promise: neither a pass nor an alarm without a line to show."""
        if self.outcome in (Outcome.OK, Outcome.BREACH):
            assert self.evidence, f"{self.outcome} without evidence: {self.reason}"


class Band(NamedTuple):
    """Where a signal is expected to lie at the end of an epoch."""

    epoch: int
    least: float | None
    most: float | None


@dataclass(frozen=True)
class Background:
    """What is known before the run begins; it never changes while the run is watched."""

    baseline: RunSummary | None = None
    """The run that this one is compared with."""
    peers: tuple[RunSummary, ...] = ()
    """Other runs, for values that no two runs can share."""
    bands: Mapping[str, tuple[Band, ...]] = field(default_factory=dict)
    """Expected bands by signal, in the order of epochs."""


@dataclass(frozen=True)
class Context:
    """What a condition may know besides the run."""

    is_following: bool = True
    """Whether silence after the last line was observed: between two lines and live, but not behind the end of a log
    that was only read."""
    asked: frozenset[Labels] | None = None
    """The series whose labels are asked about, for conditions that answer per series; None asks about all."""
    background: Background = field(default_factory=Background)


def unknown(reason: str, labels: Labels = (), evidence: tuple[Evidence, ...] = ()) -> Reading:
    """Return the answer of a condition that has not seen what it would need."""
    return Reading(Outcome.UNKNOWN, reason, labels, evidence=evidence)


def not_applicable(reason: str, evidence: Evidence, labels: Labels = ()) -> Reading:
    """Return the answer of a condition that the run itself declared void, in the line given."""
    return Reading(Outcome.NOT_APPLICABLE, reason, labels, evidence=(evidence,))
