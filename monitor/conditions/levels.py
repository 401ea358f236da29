"""Compares numbers with one level, or several of rising severity, and with a separate level at which to clear."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

from monitor.alert import Severity
from monitor.conditions.reading import Outcome, Reading, unknown
from monitor.conditions.series_selection import OneSignal
from monitor.conditions.values import Level, level_value, level_words
from monitor.reader.signals import Labels
from monitor.run.attempt import Attempt
from monitor.run.columns.preview import Range
from monitor.run.series import RECENT_PER_LABEL, Point

SIDES = ("above", "below", "equals")


class SeverityLevel(BaseModel):
    """One of several levels, with the severity of an alert beyond it."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    severity: Severity
    """Severity of an alert beyond this level."""
    above: Level | None = None
    """Fires above this level."""
    below: Level | None = None
    """Fires below this level."""
    equals: Level | None = None
    """Fires at exactly this value."""

    @model_validator(mode="after")
    def _one_side(self) -> SeverityLevel:
        if sum(getattr(self, side) is not None for side in SIDES) != 1:
            raise ValueError("expected exactly one of above, below, equals")
        return self

    @property
    def test(self) -> tuple[str, Level]:
        """The side that is given, and its level."""
        return next((side, level) for side in SIDES if (level := getattr(self, side)) is not None)


def levels_in_words(own: Mapping[str, Level | None], levels: Iterable[SeverityLevel]) -> str:
    """Return ``above 10``, or several levels with their severities."""
    words = [f"{side} {level_words(level)}" for side, level in own.items() if level is not None]
    words += [f"{side} {level_words(level)} ({each.severity})" for each in levels for side, level in [each.test]]
    return " or ".join(words).replace("equals", "exactly")


class Broken(NamedTuple):
    """A level that was crossed."""

    level: float | None
    """None for a value that is not a finite number, where no level was compared."""
    severity: Severity | None
    """None for the rule's own severity."""


class Leveled(OneSignal):
    """A condition that compares a number with a level."""

    level_fields = SIDES

    above: Level | None = None
    """Fires above this level."""
    below: Level | None = None
    """Fires below this level."""
    equals: Level | None = None
    """Fires at exactly this value."""
    levels: tuple[SeverityLevel, ...] = ()
    """Several levels instead of one, each with a severity; an alert's severity rises with them."""
    clear: Level | None = None
    """The level at which a firing alert resolves, if it differs from the level that fires it."""
    on_nan: Literal["breach", "ignore", "unknown"] = "breach"
    """What a nan means, or an infinity that does not breach the level by itself.

    ``ignore``: the sample is skipped.
    """
    consecutive: Annotated[int, Field(ge=1, le=RECENT_PER_LABEL)] = 1
    """How many reports in a row must breach."""

    @model_validator(mode="after")
    def _clears_on_the_quiet_side(self) -> Leveled:
        if isinstance(self.clear, float):
            above, below = self.above, self.below
            is_beyond = isinstance(above, float) and self.clear > above
            if is_beyond or (isinstance(below, float) and self.clear < below):
                raise ValueError("clear: would fire the alert; expected a level on the quiet side")
        return self

    def sides_given(self) -> int:
        """Return how many tests were declared; most kinds need exactly one."""
        return sum(getattr(self, side) is not None for side in SIDES) + bool(self.levels)

    def fires_at(self, attempt: Attempt) -> float | None:
        """Return the level that an alert shows: the mildest of several."""
        for test in self._tests:
            return level_value(test[1], attempt)
        return None

    def broken(self, values: Sequence[float], attempt: Attempt, *, is_firing: bool) -> Broken | None:
        """Return the severest level that all of these values are beyond in this attempt; None if there is none.

        ``is_firing``: the alert is firing, so ``clear`` is the level, if it is given.
        """
        if not values:
            return None
        if is_firing and self.clear is not None:
            side = next(iter(self._tests))[0]
            held = level_value(self.clear, attempt)
            return Broken(self.fires_at(attempt), None) if all(self._is_beyond(v, side, held) for v in values) else None
        for side, level, severity in reversed(list(self._tests)):
            number = level_value(level, attempt)
            if all(self._is_beyond(value, side, number) for value in values):
                return Broken(number, severity)
        return None

    def begun(self, values: Sequence[float], attempt: Attempt) -> tuple[str, bool]:
        """Return, in words, how many of the newest values are beyond the level, and whether all of the values are.

        Where no value was ever on the quiet side, there is no evidence that all is well.
        """
        beyond = 0
        while beyond < len(values) and self.broken(values[-1 - beyond :][:1], attempt, is_firing=False):
            beyond += 1
        words = f"; {beyond} of the {self.consecutive} in a row that make a breach" if beyond else ""
        return words, beyond == len(values)

    def expectation(self, attempt: Attempt) -> str:
        """Return ``; expected at most 10``, or nothing if no level is declared."""
        words = {"above": "at most", "below": "at least", "equals": "other than"}
        for side, level, _ in self._tests:
            return f"; expected {words[side]} {level_value(level, attempt):g}"
        return ""

    def is_quiet_within(self, where: Range, attempt: Attempt) -> bool:
        """Whether every value of a range, ends included, is on the quiet side."""
        if not where.is_finite:
            return False
        for side, level, _ in self._tests:
            number = level_value(level, attempt)
            is_beyond = {
                "above": where.most > number,
                "below": where.least < number,
                "equals": where.least <= number <= where.most,
            }
            if is_beyond[side]:
                return False
        return True

    def conclusion(
        self,
        broken: Broken | None,
        values: Sequence[float],
        words: str,
        labels: Labels,
        attempt: Attempt,
        last: Point,
        shown: Sequence[Point],
        *,
        is_slight: bool = False,
    ) -> Reading:
        """Return the reading of some values: a breach if a level is broken, unknown if none was ever quiet, else ok.

        ``last`` is the newest report, ``shown`` the points that show the reading. ``is_slight``: the values are ok
        even if they are beyond the level.
        """
        if broken is None and not is_slight:
            begun, is_all = self.begun(values, attempt)
            words += begun
            if is_all:
                return unknown(words, labels, (last.evidence,))
        return Reading(
            Outcome.OK if broken is None else Outcome.BREACH,
            words,
            labels,
            value=values[-1],
            threshold=broken.level if broken else self.fires_at(attempt),
            evidence=tuple(dict.fromkeys(point.evidence for point in shown)),
            epoch=shown[-1].epoch,
            step=shown[-1].step,
            severity=broken.severity if broken else None,
        )

    def level_in_words(self) -> str:
        """Return the level or levels in words."""
        return levels_in_words({side: getattr(self, side) for side in SIDES}, self.levels)

    def running_words(self) -> str:
        """Return how many reports in a row must breach, in words; nothing for one."""
        return f" in {self.consecutive} reports in a row" if self.consecutive > 1 else ""

    @cached_property
    def _tests(self) -> Sequence[tuple[str, Level, Severity | None]]:
        """Return side, level and severity of each test, mildest first."""
        own = [(side, level, None) for side in SIDES if (level := getattr(self, side)) is not None]
        ranked = sorted(self.levels, key=lambda each: each.severity.rank)
        return own + [(*each.test, each.severity) for each in ranked]

    def _is_beyond(self, value: float, side: str, level: float) -> bool:
        if (
            (side == "above" and value > level)
            or (side == "below" and value < level)
            or (side == "equals" and value == level)
        ):
            return True
        return self.on_nan == "breach" and not math.isfinite(value)
