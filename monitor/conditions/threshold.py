"""``threshold``: a signal against a level."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field, model_validator

from monitor.attempt import Attempt
from monitor.conditions.condition import Condition, SignalName, check_where
from monitor.conditions.freshness import absence, overdue
from monitor.conditions.reading import Context, Outcome, Reading, not_applicable, unknown
from monitor.conditions.values import Level, level_value
from monitor.run import Run
from monitor.series import RECENT_PER_LABEL, Point, Series
from monitor.signals import CATALOGUE, Labels


class Threshold(Condition):
    """The last value of each series is above, below or equal to a level, or is not a finite number."""

    kind: Literal["threshold"]
    signal: SignalName
    where: dict[str, str] = Field(default_factory=dict)
    """Only series with these labels."""
    above: Level | None = None
    below: Level | None = None
    equals: Level | None = None
    clear: Level | None = None
    """The level at which a firing alert resolves, where it is not the one that fires it."""
    nonfinite: bool = False
    """Breach on nan and infinities alone, with no level."""
    on_nan: Literal["breach", "ignore", "unknown"] = "breach"
    """What a nan means where a level is given, and an infinity that does not breach the level by itself.

    ``ignore``: as if the sample were not there.
    """
    consecutive: Annotated[int, Field(ge=1, le=RECENT_PER_LABEL)] = 1
    """Reports in a row that must breach."""

    @model_validator(mode="after")
    def _one_test(self) -> Threshold:
        given = [name for name in ("above", "below", "equals") if getattr(self, name) is not None]
        if len(given) + self.nonfinite != 1:
            raise ValueError("expected exactly one of above, below, equals, nonfinite: true")
        check_where(self.where, self.signal)
        if isinstance(self.clear, float):
            above, below = self.above, self.below
            is_beyond = isinstance(above, float) and self.clear > above
            if is_beyond or (isinstance(below, float) and self.clear < below):
                raise ValueError("clear: lies where the alert fires; expected the quiet side of the level")
        return self

    @property
    def watches(self) -> frozenset[str]:
        """The signal itself."""
        return frozenset({self.signal})

    @property
    def labels(self) -> tuple[str, ...]:
        """Those of the signal."""
        return CATALOGUE[self.signal].labels

    def readings(self, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
        """Answer for each series; in one answer where there is none."""
        attempt = run.attempt
        known = attempt.of(self.signal)
        found = {
            labels: known[labels]
            for labels in _asked(known, context.asked)
            if self.where.items() <= dict(labels).items()
        }
        if not found:
            return [absence(attempt, self.signal) or unknown(f"no {self.signal} with {self.where} was seen")]
        return [self._read(attempt, labels, series, labels in firing) for labels, series in found.items()]

    def _read(self, attempt: Attempt, labels: Labels, series: Series, is_firing: bool) -> Reading:
        if frozen := _declared_frozen(attempt, labels):
            return frozen
        if late := overdue(attempt, self.signal, labels, series):
            return late
        fires_at = self._level(attempt)
        level = level_value(self.clear, attempt) if is_firing and self.clear is not None else fires_at
        points = [point for point in series.recent if not self._is_ignored(point)][-self.consecutive :]
        if not points:
            return unknown(f"{self.signal} was never a number", labels, (series.last.evidence,))
        if self.on_nan == "unknown" and level is not None and not self._breaches(points[-1], level):
            value = points[-1].value
            if not math.isfinite(value):
                return unknown(f"{self.signal} is {value}", labels, (points[-1].evidence,))
        is_breach = len(points) == self.consecutive and all(self._breaches(point, level) for point in points)
        last = points[-1]
        return Reading(
            Outcome.BREACH if is_breach else Outcome.OK,
            f"{self.signal} is {last.value:.6g}{self._expectation(fires_at)}",
            labels,
            value=last.value,
            threshold=fires_at,
            evidence=tuple(dict.fromkeys(point.evidence for point in points)),
            epoch=last.epoch,
            step=last.step,
        )

    def _level(self, attempt: Attempt) -> float | None:
        level = next((each for each in (self.above, self.below, self.equals) if each is not None), None)
        return None if level is None else level_value(level, attempt)

    def _is_ignored(self, point: Point) -> bool:
        return self.on_nan == "ignore" and not self.nonfinite and math.isnan(point.value)

    def _breaches(self, point: Point, level: float | None) -> bool:
        value = point.value
        if level is None:
            return not math.isfinite(value)
        by_itself = (
            (self.above is not None and value > level)
            or (self.below is not None and value < level)
            or (self.equals is not None and value == level)
        )
        return by_itself or (self.on_nan == "breach" and not math.isfinite(value))

    def _expectation(self, level: float | None) -> str:
        if level is None:
            return "; expected a finite number"
        side = "at most" if self.above is not None else "at least" if self.below is not None else "other than"
        return f"; expected {side} {level:g}"


def _declared_frozen(attempt: Attempt, labels: Labels) -> Reading | None:
    """A group that the run declared frozen has no gradient to speak of."""
    group = dict(labels).get("group")
    if group is None or group not in (attempt.intent.frozen or ()):
        return None
    return not_applicable(f"{group} is declared frozen", attempt.intent_evidence["frozen"], labels)


def _asked(known: dict[Labels, Series], asked: frozenset[Labels] | None) -> Iterable[Labels]:
    """Return the labels asked about, always in the order in which they first came."""
    if asked is None:
        return known
    if len(asked) == 1:
        return asked & known.keys()
    return [labels for labels in known if labels in asked]
