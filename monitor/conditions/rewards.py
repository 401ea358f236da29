"""The rewards of a run: which metrics are mean rewards, how high they once were, and whether one is below that."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from monitor.conditions.baseline import declared_change, since
from monitor.conditions.freshness import absence
from monitor.conditions.reading import Reading, not_applicable, unknown
from monitor.conditions.shapes import running_medians
from monitor.conditions.training_move import noise
from monitor.reader.metric_names import Family, is_best_so_far, is_of
from monitor.reader.signals import METRIC, Labels
from monitor.run.attempt import Attempt
from monitor.run.columns.preview import Ahead
from monitor.run.series import Point, Series

SIGMAS = 4.0
"""A level is clearly lower if it is so many times the noise below. Chosen by hand, 2026-11."""


class Levels(NamedTuple):
    """Where a reward has been, in figures that single reports do not move."""

    newest: Sequence[Point]
    """The newest reports: as many as a level has."""
    level: float
    """Their median."""
    best: float
    """The highest median of as many reports before them."""
    lowest: float
    """The lowest one."""
    noise: float
    """The noise of a single report."""

    @property
    def is_clearly_lower(self) -> bool:
        """Whether every newest report is below the best level, by more than noise."""
        return max(point.value for point in self.newest) < self.best - SIGMAS * self.noise


def of_family(attempt: Attempt, family: Family) -> Iterator[tuple[Labels, Series]]:
    """Yield the series of a family that the training reports, not those of an evaluation."""
    for labels, series in attempt.of(METRIC).items():
        name = dict(labels)["name"]
        if is_of(name, family) and not is_best_so_far(name):
            yield labels, series


def rising_reward(attempt: Attempt) -> Series | None:
    """Return a reward whose newest value is not below the median of those before; None if there is none."""
    for _, series in of_family(attempt, "rewards"):
        values = [point.value for point in series.recent if math.isfinite(point.value)]
        if len(values) > 1 and values[-1] >= statistics.median(values[:-1]):
            return series
    return None


def not_reported(attempt: Attempt, what: str) -> Reading:
    """Return the reading of a log that has no metric of a family; ``what`` is the family in words."""
    if known := attempt.of(METRIC):
        return not_applicable(f"the log reports no {what}", next(iter(known.values())).last.evidence)
    return absence(attempt, METRIC) or unknown("no metric was seen")


def comes(ahead: Ahead, family: Family) -> bool:
    """Whether a metric of a family is among the lines ahead."""
    return any(is_of(dict(labels)["name"], family) for labels in ahead.coming.get(METRIC, ()))


def levels_of(attempt: Attempt, series: Series, size: int) -> Levels | None:
    """Return the levels of a reward; None while there are too few reports since the last declared change."""
    change = declared_change(attempt)
    points = [point for point in since(change, series.recent) if math.isfinite(point.value)]
    early = [] if change is not None else [value for value in series.early if math.isfinite(value)]
    newest, before = points[-size:], [point.value for point in points[:-size]]
    # The first values are kept for ever, also while they are still among the newest.
    early = early[: max(0, series.count - size)]
    known = [*running_medians(before, size), *running_medians(early, size)]
    if len(newest) < size or not known:
        return None
    highest = series.window_medians[1]
    best = max(known) if change is not None or not math.isfinite(highest) else max(*known, highest)
    spread = max(noise(before), noise(early))
    return Levels(newest, statistics.median(point.value for point in newest), best, min(known), spread)
