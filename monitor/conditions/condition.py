"""What every kind of condition provides: the signals it reads, a pure test, its words, and for some a deadline."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict

from monitor.conditions.reading import Context, Reading
from monitor.reader.signals import CATALOGUE, METRIC, Labels
from monitor.run.columns.bounds import LINES, Band, Bounds
from monitor.run.columns.preview import Ahead
from monitor.run.run import Run

Needed = tuple[frozenset[str], ...]
"""Groups of signals; at least one signal of each group is needed."""


class Condition(BaseModel, ABC):
    """A test of a run, declared in a rule file."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    level_fields: ClassVar[tuple[str, ...]] = ()
    """The fields that may hold the level of this kind; ``--set RULE.level=VALUE`` sets the one that is given."""
    judges_silence: ClassVar[bool] = False
    """Whether this kind breaches on lines that do not come."""
    needs_times: ClassVar[bool] = False
    """Whether this kind cannot be judged in a log whose lines carry no times."""

    @property
    @abstractmethod
    def watches(self) -> frozenset[str]:
        """The signals (and ``run.*`` or ``log.line`` touches) that can change a reading."""

    @abstractmethod
    def readings(self, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
        """Return at least one reading, each with different labels.

        ``now`` is the run's time; ``firing`` holds the labels whose alert is firing, for levels that clear elsewhere.
        """

    @abstractmethod
    def in_words(self) -> str:
        """Return what is tested, as a sentence without its full stop."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the labels on its readings."""
        return ()

    def needed_signals(self) -> Needed:
        """Return the signals that a log must be able to hold; by default every signal watched."""
        return tuple(frozenset({name}) for name in in_catalogue(self.watches))

    def signals_to_keep_coming(self) -> Iterator[tuple[str, bool]]:
        """Yield each signal that must keep coming for a breach to be noticed, and whether its cadence delays that.

        An event is noticed as soon as it is written, so the cadence of its heartbeat delays nothing.
        """
        yield from ((name, True) for name in in_catalogue(self.watches))

    def patterns(self) -> Iterator[str]:
        """Yield the patterns to look for in the text of every line."""
        yield from ()

    @property
    def is_timed(self) -> bool:
        """Whether silence alone can change a reading, so that there may be a deadline."""
        return type(self).deadline is not Condition.deadline

    def deadline(self, run: Run, after: float) -> float | None:
        """Return the first time later than ``after`` at which silence changes a reading; None for never."""
        del run, after
        return None

    def is_idle(self, run: Run) -> bool:
        """Whether no reading can be a breach yet, because what a breach requires was never seen."""
        del run
        return False

    def stays_quiet(self, run: Run, ahead: Ahead, context: Context, firing: frozenset[Labels]) -> bool:
        """Whether no line of a block, and no silence within it, can change which alerts fire.

        True promises three things for every line of the block: no reading with labels outside ``firing`` is a breach,
        asked about or not; readings with labels in ``firing`` stay breaches of the same severity; and no deadline
        falls into the block. False promises nothing: the lines are then folded and judged one by one.
        """
        del run, ahead, context, firing
        return False

    def quiet_lines(self, run: Run, bounds: Bounds, context: Context, firing: frozenset[Labels]) -> int:
        """Return for how many of the next lines `stays_quiet` holds, as long as they stay within bounds.

        0 promises nothing: the next line is asked about by itself.
        """
        return LINES if self.stays_quiet(run, bounds, context, firing) else 0

    def quiet_band(self, run: Run, bounds: Bounds, firing: frozenset[Labels]) -> Band | None:
        """Return narrower bounds of some series, within which `LINES` lines cannot make it speak; None for none.

        A value beyond them ends what is promised.
        """
        del run, bounds, firing
        return None


class OfMetrics(Condition):
    """A test of the metrics that other trainers report by a name of their own."""

    @property
    def watches(self) -> frozenset[str]:
        """The metrics of other trainers."""
        return frozenset({METRIC})

    @property
    def labels(self) -> tuple[str, ...]:
        """The name of a metric and its split."""
        return ("name", "split")


def in_catalogue(names: Iterable[str]) -> list[str]:
    """Return those names that are signals, sorted: ``run.*`` and ``log.line`` are not."""
    return sorted(CATALOGUE.keys() & set(names))


def where_words(where: dict[str, str]) -> str:
    """Return `` with name=value and ...``, or nothing where no labels are asked for."""
    return f" with {' and '.join(f'{name}={value}' for name, value in where.items())}" if where else ""


def _known_signal(name: str) -> str:
    if name not in CATALOGUE:
        raise ValueError(f"unknown signal {name!r}")
    return name


def check_where(where: dict[str, str], signal: str) -> None:
    """Refuse labels that a signal does not have. Raises ValueError."""
    known = CATALOGUE[signal].labels
    for label in where.keys() - set(known):
        expected = f"one of {', '.join(known)}" if known else "none, because it has no labels"
        raise ValueError(f"where: {signal} has no label {label!r}; expected {expected}")


SignalName = Annotated[str, AfterValidator(_known_signal)]
"""The name of a signal in the catalogue."""


KINDS: dict[str, type[Condition]] = {}
"""Each kind of condition by the word that a rule file uses; `monitor.conditions` fills it."""
