"""What a condition says of a run: an outcome with its value, its evidence and a reason in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from monitor.evidence import Evidence
from monitor.signals import Labels


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

    def __post_init__(self) -> None:
        """Hold the first promise: neither a pass nor an alarm without a line to show."""
        if self.outcome in (Outcome.OK, Outcome.BREACH):
            assert self.evidence, f"{self.outcome} without evidence: {self.reason}"


@dataclass(frozen=True)
class Context:
    """What a condition may know besides the run."""

    is_following: bool = True
    """Whether silence after the last line was observed: between two lines and live, but not behind the end of a log
    that was only read."""
    asked: frozenset[Labels] | None = None
    """The series whose labels are asked about, for conditions that answer per series; None asks about all."""


def unknown(reason: str, labels: Labels = (), evidence: tuple[Evidence, ...] = ()) -> Reading:
    """Return the answer of a condition that has not seen what it would need."""
    return Reading(Outcome.UNKNOWN, reason, labels, evidence=evidence)


def not_applicable(reason: str, evidence: Evidence, labels: Labels = ()) -> Reading:
    """Return the answer of a condition that the run itself declared void, in the line given."""
    return Reading(Outcome.NOT_APPLICABLE, reason, labels, evidence=(evidence,))
