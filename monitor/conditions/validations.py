"""The validations of a run, each once: what a figure was in each, as far as it is remembered."""

from __future__ import annotations

import math

from monitor.conditions.baseline import declared_change, since
from monitor.run.attempt import Attempt
from monitor.run.series import Point, Series

MOST_KEPT = 128
"""So many of the newest validations are looked at, where one per epoch is remembered. Chosen by hand, 2026-11."""


def validations_of(attempt: Attempt, series: Series) -> list[Point]:
    """Return a figure of each validation since the last declared change: a bar repeats the last one until the next."""
    found: list[Point] = []
    by_epoch = [tally.last for tally in [*series.epochs.values()][-MOST_KEPT:]]
    for point in since(declared_change(attempt), by_epoch if len(by_epoch) > len(series.recent) else series.recent):
        if math.isfinite(point.value) and not (found and _is_repeat(found[-1], point)):
            found.append(point)
    return found


def _is_repeat(before: Point, point: Point) -> bool:
    return point.value == before.value and point.epoch == before.epoch
