"""Whether the training has moved between some validations: a figure that stays the same proves nothing without it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from monitor.conditions.shapes import mean, rise
from monitor.reader.metric_names import direction_of
from monitor.reader.signals import METRIC
from monitor.run.attempt import Attempt
from monitor.run.series import Point, Series

TRAINING = ("epoch.train_loss", "train.loss")
"""Where a training loss is found, the best source first."""
ERRORS = 2.0
"""A level has moved if it is off by so many standard errors, and by the noise of one report. By hand, 2026-11."""
LEAST_REPORTS = 10
"""So many training reports after the last validation but one show by themselves whether they move. By hand, 2026-11."""


def training_of(attempt: Attempt, name: str) -> Series | None:
    """Return the training's loss; without one, its figure of this name, or another that is better when lower."""
    for signal in TRAINING:
        if (found := attempt.of(signal).get(())) is not None:
            return found
    known = {dict(labels)["name"]: each for labels, each in attempt.of(METRIC).items() if ("split", "train") in labels}
    others = (each for other, each in known.items() if direction_of(other) == "lower")
    return known.get(name) or next(others, None)


def has_moved(training: Series, validations: Sequence[Point]) -> bool | None:
    """Return whether the training's level moved by more than its noise while these validations were made.

    None if too little is known.
    """
    points = [point for point in training.recent if math.isfinite(point.value)]
    parts = [
        [point.value for point in points if before.serial < point.serial <= after.serial]
        for before, after in pairwise(validations)
    ]
    parts = [part for part in parts if part]
    noise = noise_of(training)
    if len(parts) < 2:
        # All that is remembered came after the last validation but one: does it move by itself?
        values = [point.value for point in points]
        return abs(rise(values)) > ERRORS * noise if len(values) >= LEAST_REPORTS else None
    error = noise * math.sqrt(1 / len(parts[0]) + 1 / len(parts[-1]))
    return abs(mean(parts[-1]) - mean(parts[0])) > max(noise, ERRORS * error)


def noise_of(series: Series) -> float:
    """Return the noise of a series from the steps between neighbours, which a trend hardly changes."""
    return noise([point.value for point in series.recent])


def noise(values: Sequence[float]) -> float:
    """Return the standard deviation of what neighbouring values do not share; 0 if there are too few."""
    values = [value for value in values if math.isfinite(value)]
    steps = [right - left for left, right in pairwise(values)]
    if len(steps) < 3:
        return 0.0
    middle = mean(steps)
    # Of normal noise, the mean absolute deviation is sqrt(2 / pi) standard deviations, and a step has the noise of two.
    return mean(abs(each - middle) for each in steps) * math.sqrt(math.pi) / 2
