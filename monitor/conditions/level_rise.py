"""How far the level of a noisy series has risen above its best level, where the rise is beyond its own noise.

The best of many noisy values is lower than what the series is at, so single values are never compared: levels are
medians of some values in a row, few where the series is smooth, more where it is noisy. A rise counts only if it is

- beyond the noise of two such medians. The noise is what a value does not share with its neighbours, taken as larger
  where few values show it, and where the values after one another share it;
- beyond what the level has risen and fallen by before, which it came back from.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from monitor.conditions.shapes import MAD_TO_SIGMA, mean, running_medians

LEAST = 3
"""With fewer values there is no level."""
WIDTHS = (LEAST, 4, 6, 8, 12, 16, 21)
"""How many values may make the level of now."""
WIDEST_BEST = 16
"""The best level is the median of a sixth of all values, of so many at most, if that is more."""
SIGMAS = 3.0
"""A rise counts if it is so many times the noise of the difference of two means, more the longer the series is."""
SIGMAS_WITH_LENGTH = 0.6
"""So many more for each time that the series is e times as long, for it had more chances. Both chosen by hand on
made-up series, 2026-11 (`tests/conditions/test_level_rise.py`)."""
FEW = 4.0
"""With this many values that show the noise it counts double, with twice as many half as much more."""
TIMES_UNDONE = 2.0
"""A rise counts if it is so many times as large as the largest that was undone. Chosen on the same series."""
LEFT_OUT = 2
"""So many values may stand out without counting as noise: where a smooth series turns, and where it falls at once."""
LEAST_FOR_SHARED = 12
"""From so many values on it can be told what neighbours share. Chosen by hand, 2026-11."""
MOST_SHARED = 0.8
"""Neighbours that share more than this share of their noise are taken to share this much."""
STRETCHES = (12, 8)
"""In so many stretches of equal length a series is looked at for wandering, few enough that each spans what neighbours
share. Chosen by hand on made-up series of a correlation of up to 0.98, 2026-11: more caution finds fewer rises."""
MEAN_TO_SIGMA = math.sqrt(math.pi / 2)
"""Turns the mean absolute deviation of normal noise into its standard deviation."""


class Rise(NamedTuple):
    """A level of now, and the best one before it."""

    size: float
    """How far the level of now is above the best one."""
    level: float
    best: float
    width: int
    """How many of the newest values make the level of now."""
    start: int
    """The first value of the best level."""
    end: int
    """The first value after it."""


def rises_of(values: Sequence[float], least: float, *, is_certain: bool = True) -> Iterator[Rise]:
    """Yield the rises of a series that are larger than ``least``, those of few values first.

    With ``is_certain``, only those that stand out from the noise and from what was undone before.
    """
    if len(values) <= LEAST:
        return
    lowest, error = min(values), _most_by_noise(values) if is_certain else 0.0
    wandered = _most_by_wandering(values) if is_certain else 0.0
    for width in WIDTHS:
        if len(values) <= width:
            return
        level = statistics.median(values[-width:])
        needed = max(least, error * math.sqrt(2 / width), wandered)
        if level - lowest <= needed:
            continue
        size = max(width, min(WIDEST_BEST, len(values) // 6))
        if len(values) < width + size:
            size = max(1, len(values) - width - LEAST + 1)
        medians = running_medians(values, size)
        earlier = medians[: len(values) - width - size + 1]
        start = earlier.index(min(earlier))
        # Without noise the lowest value is the best level; a median of its neighbours is above it where a curve turns.
        best = min(earlier[start], lowest + error)
        if level - best > needed and (not is_certain or level - best > TIMES_UNDONE * _undone(medians, start)):
            yield Rise(level - best, level, best, width, start, start + size)


def is_by_noise(value: float, before: Sequence[float]) -> bool:
    """Whether a value may be above the lowest of those before by noise alone; False where too few show the noise."""
    if len(before) < LEAST_FOR_SHARED:
        return False
    return value - min(before) <= _most_by_noise(before)


def _most_by_noise(values: Sequence[float]) -> float:
    """Return how far the noise may bring one value from its level, in a series as long as this."""
    return (SIGMAS + SIGMAS_WITH_LENGTH * math.log(len(values))) * _error(values)


def _most_by_wandering(values: Sequence[float]) -> float:
    """Return how far two levels of a series may be apart because it wanders; 0 where it is too short to tell.

    What neighbours share does not show in how far each value is from those around it. It shows in how much the means
    of whole stretches bend. Noise of each value's own bends them next to nothing, and a straight rise not at all.
    """
    spread = max(_bends(values, num) for num in STRETCHES)
    return math.sqrt(2) * (SIGMAS + SIGMAS_WITH_LENGTH * math.log(len(values))) * spread


def _bends(values: Sequence[float], num: int) -> float:
    """Return the standard deviation of the means of so many stretches by how much they bend, but for the largest."""
    size = len(values) // num
    if size < 2:
        return 0.0
    levels = [mean(values[end - size : end]) for end in range(len(values) - (num - 1) * size, len(values) + 1, size)]
    bends = sorted(
        abs(right - 2 * mid + left) for left, mid, right in zip(levels, levels[1:], levels[2:], strict=False)
    )
    spread = max(MAD_TO_SIGMA * statistics.median(bends), MEAN_TO_SIGMA * mean(bends[: -LEFT_OUT - 1]))
    # The bend of three independent means has six times the variance of each.
    return spread / math.sqrt(6)


def _error(values: Sequence[float]) -> float:
    """Return the standard deviation of the noise of one value, made larger by what is not known of it."""
    apart = [abs(mid - (left + right) / 2) for left, mid, right in zip(values, values[1:], values[2:], strict=False)]
    known = max(1, len(apart) - LEFT_OUT)
    # What a value does not share with the mean of its two neighbours has one and a half times its variance.
    noise, shared = _spread(apart) / math.sqrt(1.5), 0.0
    if len(values) >= LEAST_FOR_SHARED:
        own = _apart_from_neighbours(values, max(4, min(12, len(values) // 8)))
        spread = _spread([abs(each) for each in own])
        noise, shared = max(noise, spread), _shared(own, 3 * spread)
    return noise * math.sqrt((1 + shared) / (1 - shared)) * (1 + FEW / known)


def _apart_from_neighbours(values: Sequence[float], reach: int) -> list[float]:
    """Return by how much each value differs from the median of those around it, as many on either side."""
    ends = ((place, min(reach, place, len(values) - 1 - place)) for place in range(2, len(values) - 2))
    return [values[place] - statistics.median(values[place - near : place + near + 1]) for place, near in ends]


def _spread(sizes: Sequence[float]) -> float:
    """Return the standard deviation of deviations, given without their signs; some may stand out."""
    ordered = sorted(sizes)
    kept = ordered[:-LEFT_OUT] or ordered[:1]
    middle = statistics.median(ordered if len(ordered) > 3 * LEFT_OUT + 1 else kept)
    return max(MAD_TO_SIGMA * middle, MEAN_TO_SIGMA * mean(kept))


def _shared(deviations: Sequence[float], most: float) -> float:
    """Return the correlation of deviations with the next ones, from 0 to MOST_SHARED; none counts as more than most."""
    cut = [max(-most, min(most, each)) for each in deviations]
    variance = mean(each * each for each in cut)
    if not variance:
        return 0.0
    return max(0.0, min(MOST_SHARED, mean(left * right for left, right in pairwise(cut)) / variance))


def _undone(levels: Sequence[float], best: int) -> float:
    """Return the largest rise before the best level, and the largest fall since it: each was undone, or undid one."""
    largest, lowest, highest = 0.0, levels[0], levels[best]
    for level in levels[: best + 1]:
        lowest = min(lowest, level)
        largest = max(largest, level - lowest)
    for level in levels[best:]:
        highest = max(highest, level)
        largest = max(largest, highest - level)
    return largest
