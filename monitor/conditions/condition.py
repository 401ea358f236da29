"""What every kind of condition has: the signals it reads, a pure test, and perhaps a deadline."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from monitor.conditions.reading import Context, Reading
from monitor.reader.signals import CATALOGUE, Labels
from monitor.run.columns.preview import Ahead
from monitor.run.run import Run


class Condition(BaseModel, ABC):
    """A test of a run, declared in a rule file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @property
    @abstractmethod
    def watches(self) -> frozenset[str]:
        """The signals (and ``run.*`` or ``log.line`` touches) after which the answer may be another."""

    @abstractmethod
    def readings(self, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
        """Return the answers, at least one, each with other labels.

        ``now`` is the run's time; ``firing`` are the labels whose alert is out, for levels that clear elsewhere.
        """

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the labels that its readings bear."""
        return ()

    @property
    def is_timed(self) -> bool:
        """Whether silence alone can change the answer, so that it may have a deadline."""
        return type(self).deadline is not Condition.deadline

    def deadline(self, run: Run, after: float) -> float | None:
        """Return the first time later than ``after`` past which the answer changes if no line comes; None for never."""
        del run, after
        return None

    def is_idle(self, run: Run) -> bool:
        """Whether no answer can be a breach for as long as nothing else comes: what it needs for one was never seen."""
        del run
        return False

    def stays_quiet(self, run: Run, ahead: Ahead, context: Context, firing: frozenset[Labels]) -> bool:
        """Whether no line of a block, and no silence in it, can change what is out.

        That is: no answer for other labels than ``firing`` can be a breach at any of its lines, asked about or not;
        those for ``firing`` stay breaches of one severity; and no deadline falls into the block. False promises
        nothing: the lines are then folded, and judged, one by one.
        """
        del run, ahead, context, firing
        return False


def _known_signal(name: str) -> str:
    if name not in CATALOGUE:
        raise ValueError(f"unknown signal {name!r}")
    return name


def check_where(where: dict[str, str], signal: str) -> None:
    """Refuse labels that a signal does not have. Raises ValueError."""
    known = CATALOGUE[signal].labels
    for label in where.keys() - set(known):
        expected = f"one of {', '.join(known)}" if known else "none, for it has no labels"
        raise ValueError(f"where: {signal} has no label {label!r}; expected {expected}")


SignalName = Annotated[str, AfterValidator(_known_signal)]
"""The name of a signal in the catalogue."""


KINDS: dict[str, type[Condition]] = {}
"""Each kind of condition by the word that a rule file uses; `monitor.conditions` fills it."""
