"""``threshold``: a signal against a level."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from monitor.attempt import Attempt
from monitor.conditions.condition import Condition, SignalName
from monitor.conditions.freshness import absence, overdue
from monitor.conditions.reading import Context, Outcome, Reading, not_applicable
from monitor.conditions.values import Level, level_value
from monitor.run import Run
from monitor.series import Series
from monitor.signals import Labels


class Threshold(Condition):
    """The last value of each series is above, below or equal to a level, or is not a finite number."""

    kind: Literal["threshold"]
    signal: SignalName
    where: dict[str, str] = {}
    """Only series with these labels."""
    above: Level | None = None
    below: Level | None = None
    equals: Level | None = None
    clear: Level | None = None
    """The level at which a firing alert resolves, where it is not the one that fires it."""
    nonfinite: bool = False
    """Breach on nan and infinities alone, with no level."""
    on_nan: Literal["breach", "ignore", "unknown"] = "breach"
    """What a nan means where a level is given; an infinity is compared like any number."""
    consecutive: Annotated[int, Field(ge=1, le=64)] = 1
    """Reports in a row that must breach."""

    @model_validator(mode="after")
    def _one_test(self) -> Threshold:
        given = [name for name in ("above", "below", "equals") if getattr(self, name) is not None]
        if len(given) + self.nonfinite != 1:
            raise ValueError("expected exactly one of above, below, equals, nonfinite: true")
        return self

    @property
    def watches(self) -> frozenset[str]:
        """The signal itself."""
        return frozenset({self.signal})

    def readings(self, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
        """Answer for each series; in one answer where there is none."""
        attempt = run.attempt
        found = {
            labels: series
            for labels, series in attempt.of(self.signal).items()
            if self.where.items() <= dict(labels).items()
        }
        if not found:
            reason = f"no {self.signal} with {self.where} was seen"
            return [absence(attempt, self.signal) or Reading(Outcome.UNKNOWN, reason)]
        return [self._read(attempt, labels, series, labels in firing) for labels, series in found.items()]

    def _read(self, attempt: Attempt, labels: Labels, series: Series, is_firing: bool) -> Reading:
        if frozen := _declared_frozen(attempt, labels):
            return frozen
        if late := overdue(attempt, self.signal, labels, series):
            return late
        fires_at = self._level(attempt)
        level = level_value(self.clear, attempt) if is_firing and self.clear is not None else fires_at
        points = list(series.recent)[-self.consecutive :]
        last = points[-1]
        if math.isnan(last.value) and not self.nonfinite and self.on_nan != "breach":
            outcome = Outcome.UNKNOWN if self.on_nan == "unknown" else Outcome.OK
        else:
            is_breach = len(points) == self.consecutive and all(self._breaches(each.value, level) for each in points)
            outcome = Outcome.BREACH if is_breach else Outcome.OK
        return Reading(
            outcome,
            f"{self.signal} is {last.value:.6g}{self._expectation(fires_at)}",
            labels,
            value=last.value,
            threshold=fires_at,
            evidence=tuple(dict.fromkeys(each.evidence for each in points)),
            epoch=last.epoch,
            step=last.step,
        )

    def _level(self, attempt: Attempt) -> float | None:
        level = next((each for each in (self.above, self.below, self.equals) if each is not None), None)
        return None if level is None else level_value(level, attempt)

    def _breaches(self, value: float, level: float | None) -> bool:
        if level is None:
            return not math.isfinite(value)
        if math.isnan(value):
            return True
        if self.above is not None:
            return value > level
        return value < level if self.below is not None else value == level

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
