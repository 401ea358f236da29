"""``threshold``: compares a signal with a level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from pydantic import model_validator

from monitor.conditions.condition import SignalName
from monitor.conditions.freshness import overdue
from monitor.conditions.levels import Broken, Leveled
from monitor.conditions.reading import Context, Reading, not_applicable, too_early, unknown
from monitor.conditions.series_selection import check_window, declared_frozen, ranges_of, within
from monitor.conditions.shapes import FIGURES
from monitor.conditions.values import Window
from monitor.reader.signals import Labels
from monitor.run.attempt import Attempt
from monitor.run.columns.preview import Ahead
from monitor.run.run import Run
from monitor.run.series import Point, Series


class Threshold(Leveled):
    """The last value of a series, or a figure of a window, crosses a level or is not a finite number."""

    kind: Literal["threshold"]
    nonfinite: bool = False
    """Breach on nan and infinities only, without a level."""
    of: Literal["last", "median", "mean", "p95", "min", "max"] = "last"
    """Which figure of the window ``over`` to compare."""
    over: Window | None = None
    """The window of ``of``; only a full window is judged."""
    unless_seen: SignalName | None = None
    """Not applicable where this signal was seen, because it says the same and says it better."""

    @model_validator(mode="after")
    def _one_test(self) -> Threshold:
        if self.sides_given() + self.nonfinite != 1:
            raise ValueError("expected exactly one of above, below, equals, levels, nonfinite: true")
        check_window(self.over, self.signal)
        if (self.of != "last") != (self.over is not None):
            raise ValueError("of and over belong together; expected both, or neither for the last value")
        if self.over is not None and self.consecutive > 1:
            raise ValueError("consecutive: a window has a single figure; expected over or consecutive, not both")
        return self

    def readings(self, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
        """Return a reading for each series, or a single reading if there are no series."""
        if self.unless_seen is not None and (seen := next(iter(run.attempt.of(self.unless_seen).values()), None)):
            return [not_applicable(f"no need: the log has {self.unless_seen}", seen.last.evidence)]
        return self.each(
            run.attempt,
            context.asked,
            lambda labels, series: self._read(run.attempt, labels, series, labels in firing),
        )

    def stays_quiet(self, run: Run, ahead: Ahead, context: Context, firing: frozenset[Labels]) -> bool:
        """Quiet while every value, and every window of values, is finite and on the quiet side."""
        if firing:
            return False
        ranges = [each for _, each in ranges_of(run.attempt, self.signal, self.where, ahead)]
        if self.nonfinite:
            return all(each.is_finite for each in ranges)
        is_exact = self.of not in ("mean", "median") or not any(side == "equals" for side, _, _ in self._tests)
        return is_exact and all(
            self.is_quiet_within(each.rounded() if self.of == "mean" else each, run.attempt) for each in ranges
        )

    def _read(self, attempt: Attempt, labels: Labels, series: Series, is_firing: bool) -> Reading:
        if frozen := declared_frozen(attempt, labels):
            return frozen
        if late := overdue(attempt, self.signal, labels, series):
            return late
        points = [point for point in series.recent if not self._is_ignored(point)]
        if not points:
            return unknown(f"{self.signal} has never been a number", labels, (series.last.evidence,))
        if self.over is not None:
            points = within(self.over, points)
            if not points:
                return too_early(
                    f"{self.signal} has not been seen for {self.over} yet", labels, (series.last.evidence,)
                )
            values = [_figure(self.of, [point.value for point in points])]
        else:
            points = points[-self.consecutive :]
            values = [point.value for point in points]
        last, broken = points[-1], None
        if len(points) >= self.consecutive:
            broken = self._broken(values, attempt, is_firing)
        if broken is None and self.on_nan == "unknown" and not self.nonfinite and not math.isfinite(values[-1]):
            return unknown(f"{self.signal} is {values[-1]}", labels, (last.evidence,))
        figure = "" if self.over is None else f"{self.of} of "
        expected = "; expected a finite number" if self.nonfinite else self.expectation(attempt)
        words = f"{figure}{self.signal} is {values[-1]:.6g}{expected}"
        return self.conclusion(broken, values, words, labels, attempt, last, points[-self.consecutive :])

    def in_words(self) -> str:
        """Return what is tested."""
        if self.nonfinite:
            return f"{self.subject} is not a finite number{self.running_words()}"
        figure = "" if self.over is None else f"the {self.of} over {self.over} of "
        return f"{figure}{self.subject} is {self.level_in_words()}{self.running_words()}"

    def _broken(self, values: Sequence[float], attempt: Attempt, is_firing: bool) -> Broken | None:
        if self.nonfinite:
            return None if any(map(math.isfinite, values)) else Broken(None, None)
        return self.broken(values, attempt, is_firing=is_firing)

    def _is_ignored(self, point: Point) -> bool:
        return self.on_nan == "ignore" and not self.nonfinite and math.isnan(point.value)


def _figure(of: str, values: list[float]) -> float:
    """Return one figure of a window: nan if any value is nan."""
    return math.nan if any(map(math.isnan, values)) else FIGURES[of](values)
