"""A condition's reading of a run: an outcome with its value, its evidence and a reason in words."""

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
    """The four outcomes of a reading. Nothing is ok without evidence."""

    OK = "ok"
    BREACH = "breach"
    UNKNOWN = "unknown"
    """The signal was never seen, or has been silent for longer than its cadence allows. Resolves nothing."""
    NOT_APPLICABLE = "not_applicable"
    """The run declared that there is nothing to check."""


MOST_SERIOUS_FIRST = (Outcome.BREACH, Outcome.UNKNOWN, Outcome.OK, Outcome.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a condition answers for one set of labels."""

    outcome: Outcome
    reason: str
    """Why, in words and figures."""
    labels: Labels = ()
    value: float | None = None
    threshold: float | None = None
    evidence: tuple[Evidence, ...] = ()
    """The lines that show it, oldest first; never empty for ok and breach."""
    epoch: int | None = None
    step: int | None = None
    severity: Severity | None = None
    """The severity of the level that was crossed, if the condition has several levels; None for the rule's own."""
    advice: str = ""
    """What to do about it, where the condition knows more than its rule."""
    is_early: bool = False
    """Unknown only because the run is too short to judge so far: what is needed comes, and nothing is missing."""

    def __post_init__(self) -> None:
        """Keep the first promise: no pass and no alarm without a line that shows it."""
        if self.outcome in (Outcome.OK, Outcome.BREACH):
            assert self.evidence, f"{self.outcome} without evidence: {self.reason}"


class Band(NamedTuple):
    """The range expected of a signal at the end of an epoch."""

    epoch: int
    least: float | None
    most: float | None
    where: Labels = ()
    """Labels of the series that it is expected of; none means all series of its signal."""


@dataclass(frozen=True)
class Background:
    """What is known before the run begins; fixed while the run is watched."""

    baseline: RunSummary | None = None
    """The run to compare with."""
    peers: tuple[RunSummary, ...] = ()
    """Other runs, for values that two runs cannot share."""
    bands: Mapping[str, tuple[Band, ...]] = field(default_factory=dict)
    """Expected bands by signal, in order of epoch."""


@dataclass(frozen=True)
class Context:
    """What a condition may know apart from the run."""

    is_following: bool = True
    """Whether the silence after the last line was observed. True between two lines and in a live watch; false after
    the end of a log that was only read."""
    asked: frozenset[Labels] | None = None
    """The labels of the series to read, for conditions with a reading per series; None for all of them."""
    background: Background = field(default_factory=Background)


def unknown(reason: str, labels: Labels = (), evidence: tuple[Evidence, ...] = ()) -> Reading:
    """Return the reading of a condition that has not seen what it needs."""
    return Reading(Outcome.UNKNOWN, reason, labels, evidence=evidence)


def too_early(reason: str, labels: Labels = (), evidence: tuple[Evidence, ...] = ()) -> Reading:
    """Return the reading of a condition that sees what it needs, but not enough of it yet."""
    return Reading(Outcome.UNKNOWN, reason, labels, evidence=evidence, is_early=True)


def not_applicable(reason: str, evidence: Evidence, labels: Labels = ()) -> Reading:
    """Return the reading of a condition that the run itself declared void, in the given line."""
    return Reading(Outcome.NOT_APPLICABLE, reason, labels, evidence=(evidence,))
