"""A number against levels: one level, or several of rising severity, with a level of its own to clear at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

from monitor.alert import Severity
from monitor.conditions.series_selection import OneSignal
from monitor.conditions.values import Level, level_value
from monitor.run.attempt import Attempt
from monitor.run.columns.preview import Range
from monitor.run.series import RECENT_PER_LABEL

SIDES = ("above", "below", "equals")


class SeverityLevel(BaseModel):
    """One of several levels, with the severity of going beyond it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    severity: Severity
    """Of an alert beyond this level."""
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


class Broken(NamedTuple):
    """A level that was gone beyond."""

    level: float | None
    """None where the number was none, and no level was needed to see that."""
    severity: Severity | None
    """None: the rule's own."""


class Leveled(OneSignal):
    """A condition that comes down to a number against a level."""

    above: Level | None = None
    """Fires above this level."""
    below: Level | None = None
    """Fires below this level."""
    equals: Level | None = None
    """Fires at exactly this value."""
    levels: tuple[SeverityLevel, ...] = ()
    """In place of the one level: several, each with a severity; an alert's severity rises with them."""
    clear: Level | None = None
    """The level at which a firing alert resolves, where it is not the one that fires it."""
    on_nan: Literal["breach", "ignore", "unknown"] = "breach"
    """What a nan means, and an infinity that does not breach the level by itself.

    ``ignore``: as if the sample were not there.
    """
    consecutive: Annotated[int, Field(ge=1, le=RECENT_PER_LABEL)] = 1
    """Reports in a row that must breach."""

    @model_validator(mode="after")
    def _clears_on_the_quiet_side(self) -> Leveled:
        if isinstance(self.clear, float):
            above, below = self.above, self.below
            is_beyond = isinstance(above, float) and self.clear > above
            if is_beyond or (isinstance(below, float) and self.clear < below):
                raise ValueError("clear: lies where the alert fires; expected the quiet side of the level")
        return self

    def sides_given(self) -> int:
        """Return how many tests were declared: one is right for most kinds."""
        return sum(getattr(self, side) is not None for side in SIDES) + bool(self.levels)

    def fires_at(self, attempt: Attempt) -> float | None:
        """Return the level that an alert names; of several, the mildest."""
        for test in self._tests:
            return level_value(test[1], attempt)
        return None

    def broken(self, values: Sequence[float], attempt: Attempt, *, is_firing: bool) -> Broken | None:
        """Return the severest level that every one of these values is beyond, in this attempt; None for none.

        ``is_firing``: the alert is out, so that ``clear`` counts where it is given.
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
        """Say how many of the newest values lie beyond, too few in a row for a breach, and whether none ever did not.

        What has never been seen on the quiet side is no evidence that all is well.
        """
        beyond = 0
        while beyond < len(values) and self.broken(values[-1 - beyond :][:1], attempt, is_firing=False):
            beyond += 1
        words = f"; {beyond} of the {self.consecutive} in a row that make a fault" if beyond else ""
        return words, beyond == len(values)

    def expectation(self, attempt: Attempt) -> str:
        """Return ``; expected at most 10``, or nothing where no level is declared."""
        words = {"above": "at most", "below": "at least", "equals": "other than"}
        for side, level, _ in self._tests:
            return f"; expected {words[side]} {level_value(level, attempt):g}"
        return ""

    def is_quiet_within(self, where: Range, attempt: Attempt) -> bool:
        """Whether no value between the ends of a range, both included, is beyond a level."""
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

    @cached_property
    def _tests(self) -> Sequence[tuple[str, Level, Severity | None]]:
        """Return side, level and severity of each test, mildest first."""
        own = [(side, getattr(self, side), None) for side in SIDES if getattr(self, side) is not None]
        ranked = sorted(self.levels, key=lambda each: each.severity.rank)
        return own + [
            (side, getattr(each, side), each.severity)
            for each in ranked
            for side in SIDES
            if getattr(each, side) is not None
        ]

    def _is_beyond(self, value: float, side: str, level: float) -> bool:
        if (
            (side == "above" and value > level)
            or (side == "below" and value < level)
            or (side == "equals" and value == level)
        ):
            return True
        return self.on_nan == "breach" and not math.isfinite(value)
