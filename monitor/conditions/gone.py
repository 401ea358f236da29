"""``gone``: tests whether the learning rate has been next to nothing for a good part of the run."""

from __future__ import annotations

import math
from itertools import takewhile
from typing import Annotated, Literal

from pydantic import Field

from monitor.conditions.condition import SignalName
from monitor.conditions.freshness import overdue
from monitor.conditions.reading import Context, Outcome, Reading, too_early
from monitor.conditions.series_selection import OneSignal, ranges_of
from monitor.reader.signals import Labels
from monitor.run.attempt import Attempt
from monitor.run.columns.preview import Ahead
from monitor.run.run import Run
from monitor.run.series import RECENT, Point, Series

REPORTS = 3
"""So many reports must show it: one or two may be the last steps of a decay. Chosen by hand, 2026-11."""


class Gone(OneSignal):
    """A rate has been below a share of its highest for a share of the run.

    Decays that are meant come there at their very end: half a cosine is below 1e-5 of its highest in the last 0.2 % of
    its steps, a square in the last 0.3 %. A rate that is printed as exactly 0 is not judged: its digits may be too few.

    Where the reports that are remembered do not reach back far enough, all of them must show it, and be below a tenth
    of that: half a cosine has so many reports there only after some 100,000 of them.
    """

    kind: Literal["gone"]
    signal: SignalName
    below: Annotated[float, Field(gt=0, lt=1)] = 1e-5
    """What share of the highest value is next to nothing."""
    share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """For what share of the steps so far."""

    level_fields = ("below",)

    def in_words(self) -> str:
        """Return what is tested."""
        return (
            f"{self.subject} is below {self.below:g} of its highest value for {self.share:.0%} of the steps so far, in "
            f"{REPORTS} reports or more, and not printed as 0"
        )

    def stays_quiet(self, run: Run, ahead: Ahead, context: Context, firing: frozenset[Labels]) -> bool:
        """Quiet while no remembered or coming value is so low."""
        if firing:
            return False
        known = run.attempt.of(self.signal)
        return all(
            where.is_finite
            and where.least > self.below * max(where.most, known[labels].maximum if labels in known else 0)
            for labels, where in ranges_of(run.attempt, self.signal, self.where, ahead)
        )

    def readings(self, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
        """Return a reading for each series, or a single reading if there are no series."""
        return self.each(
            run.attempt,
            context.asked,
            lambda labels, series: self._read(run.attempt, labels, series, is_firing=labels in firing),
        )

    def _read(self, attempt: Attempt, labels: Labels, series: Series, *, is_firing: bool) -> Reading:
        if late := overdue(attempt, self.signal, labels, series):
            return late
        last, highest = series.last, series.maximum
        if series.count < REPORTS:
            return too_early(f"{series.count} of {REPORTS} reports seen", labels, (last.evidence,))
        gone = list(takewhile(lambda point: 0 < point.value < self.below * highest, reversed(series.recent)))
        times = last.value / highest if highest > 0 else math.nan
        words = f"{self.signal}, {last.value:.6g}, is {times:.3g} of its highest, {highest:.6g}"
        is_breach = bool(gone) and (is_firing or self._is_lasting(gone, series, highest))
        return Reading(
            Outcome.BREACH if is_breach else Outcome.OK,
            words + (f", since step {gone[-1].step}" if gone else ""),
            labels,
            value=times,
            threshold=self.below,
            evidence=tuple(dict.fromkeys((gone[-1].evidence, last.evidence))) if gone else (last.evidence,),
            epoch=last.epoch,
            step=last.step,
        )

    def _is_lasting(self, gone: list[Point], series: Series, highest: float) -> bool:
        """Return whether so many reports, given from the newest on, are a good part of the run."""
        newest, oldest = gone[0], gone[-1]
        if len(gone) < REPORTS:
            return False
        if newest.step and oldest.step is not None and newest.step - oldest.step >= self.share * newest.step:
            return True
        if not newest.step:
            return len(gone) >= max(REPORTS, self.share * series.count)
        return len(gone) == RECENT and all(point.value < self.below / 10 * highest for point in gone)
