"""``nats``: tests whether a cross-entropy rises above its best by an amount, for a ratio says little about nats."""

from __future__ import annotations

import math
import re
import statistics
from typing import Annotated, Literal

from pydantic import Field

from monitor.conditions.baseline import declared_change, since
from monitor.conditions.condition import SignalName
from monitor.conditions.freshness import overdue
from monitor.conditions.reading import Context, Outcome, Reading, not_applicable, too_early
from monitor.conditions.series_selection import OneSignal, ranges_of
from monitor.conditions.shapes import MAD_TO_SIGMA
from monitor.reader.signals import Labels
from monitor.run.columns.preview import Ahead
from monitor.run.run import Run
from monitor.run.series import Point, Series

WINDOW = 10
"""Reports whose median is a level that the loss has reached. Chosen by hand, 2026-11."""
_ENTROPY = re.compile(r"\blm[ _-]?loss\b|\bppl\b|perplexity|\bbp[bc]\b|bits.per.(?:byte|char)", re.IGNORECASE)


class Nats(OneSignal):
    """The newest reports of a cross-entropy are all above the best level by an amount, and beyond its noise.

    A loss counts as a cross-entropy only where its line says so: ``lm loss``, or a perplexity or bits per byte beside
    it. Reports before a declared change of phase or data do not count.
    """

    kind: Literal["nats"]
    signal: SignalName = "train.loss"
    above: Annotated[float, Field(gt=0)] = 0.5
    """How many nats above its best level."""
    consecutive: Annotated[int, Field(ge=2, le=16)] = 5
    """In how many reports in a row."""
    sigmas: Annotated[float, Field(gt=0)] = 8.0
    """How many median absolute deviations it must be above the best level, too."""

    level_fields = ("above",)

    def in_words(self) -> str:
        """Return what is tested."""
        return (
            f"{self.subject}, which its lines call a cross-entropy, is more than {self.above:g} and {self.sigmas:g} "
            f"deviations above its best level in {self.consecutive} reports in a row"
        )

    def stays_quiet(self, run: Run, ahead: Ahead, context: Context, firing: frozenset[Labels]) -> bool:
        """Quiet while no loss can be above the level; the lines of our own trainer do not say what their loss is."""
        if firing:
            return False
        known = list(run.attempt.of(self.signal).values())
        texts = (*ahead.texts, known[-1].last.evidence.text if known else "")
        if not ahead.is_open and not any(map(_ENTROPY.search, texts)):
            return True
        for labels, where in ranges_of(run.attempt, self.signal, self.where, ahead):
            series = run.attempt.of(self.signal).get(labels)
            lowest = math.nan if series is None else series.window_medians[0]
            # No level is lower than the lowest value, or the lowest median of a window that is forgotten.
            best = lowest if lowest < where.least else where.least
            if not where.is_finite or where.most > best + self.above:
                return False
        return True

    def readings(self, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
        """Return a reading for each series, or a single reading if there are no series."""
        return self.each(run.attempt, context.asked, lambda labels, series: self._read(run, labels, series))

    def _read(self, run: Run, labels: Labels, series: Series) -> Reading:
        last = series.last
        if late := overdue(run.attempt, self.signal, labels, series):
            return late
        if not _ENTROPY.search(last.evidence.text):
            return not_applicable("no line says that this loss is a cross-entropy", last.evidence, labels)
        change = declared_change(run.attempt)
        points = [point for point in since(change, series.recent) if point.value == point.value]
        newest, before = points[-self.consecutive :], points[: -self.consecutive]
        if len(before) < WINDOW:
            return too_early(f"{len(before)} of {WINDOW} earlier reports seen", labels, (last.evidence,))
        best, spread = self._best(before, series if change is None else None)
        level = best + max(self.above, self.sigmas * spread)
        is_above = all(point.value > level for point in newest)
        reason = f"{self.signal} is {last.value:.6g}; its best level is {best:.6g}, and {level:.6g} is too high"
        return Reading(
            Outcome.BREACH if is_above else Outcome.OK,
            reason,
            labels,
            value=last.value,
            threshold=level,
            evidence=tuple(dict.fromkeys((newest[0].evidence, last.evidence))),
            epoch=last.epoch,
            step=last.step,
        )

    def _best(self, points: list[Point], series: Series | None) -> tuple[float, float]:
        """Return the lowest level so far, and how far a report is from its level at most half of the time."""
        values = [point.value for point in points]
        windows = [values[end - WINDOW : end] for end in range(WINDOW, len(values) + 1)]
        lowest = min(windows, key=statistics.median)
        level = statistics.median(lowest)
        spread = MAD_TO_SIGMA * statistics.median(abs(value - level) for value in lowest)
        earlier = series.window_medians[0] if series is not None else level
        return (earlier if earlier < level else level), spread
