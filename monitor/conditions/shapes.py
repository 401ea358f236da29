"""Finite numbers → their shape, robust to a single outlier: spikes, runs, slopes, growth; and figures of a window."""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

MANY = 64
"""From so many values on, arrays are faster than loops. Chosen by hand."""
MAD_TO_SIGMA = 1.4826
"""Turns the median absolute deviation of normal noise into its standard deviation."""
NOISE_SIGMAS = 5.0
"""Robust standard deviations of the logarithm; normal noise goes further once in three million reports."""
SINCE_BEST = 20
"""Reports since the best one that show what is usual. Chosen by hand, 2026-11."""
USUAL_SHARE = 0.05
"""What a twentieth of the reports since the best one reached, and at least two, is usual. Chosen by hand, 2026-11."""
SLOWING_OVER, SLOWER = 2, 0.6
"""A rise slows if its last two steps are, as logarithms, less than this share of its first two. By hand, 2026-11."""
LARGEST_EXPONENT = 700.0
"""e to this power is nearly the largest float."""
FEW = 5
"""With fewer values than this, neither spread nor median is reliable."""


def mean(values: Iterable[float]) -> float:
    """Return the mean; infinite where the sum is beyond every float."""
    try:
        return statistics.fmean(values)
    except OverflowError:
        return math.inf


FIGURES: dict[str, Callable[[Sequence[float]], float]] = {
    "last": lambda values: values[-1],
    "median": statistics.median,
    "mean": mean,
    "p95": lambda values: sorted(values)[math.ceil(0.95 * len(values)) - 1],
    "min": min,
    "max": max,
}
"""The figures of a window, by the word that a rule file uses."""


def spikes(values: Sequence[float], *, sigmas: float, times: float, past: int, least: int) -> list[int]:
    """Return the indices of values far above the values before them.

    A spike is more than ``sigmas`` robust standard deviations above the median of the (up to ``past``) values before
    it, more than ``times`` that median, and beyond what `noise_factor` allows. If the median is not positive, "twice
    the median" means the median plus its own size. Values with fewer than ``least`` values before them are not judged.
    """
    found: list[int] = []
    past, lowest = max(past, least), least_median(values, least)
    for place in range(least, len(values)):
        value = values[place]
        # This runs for every report of a loss: look at the values before it only where it may be a spike.
        if lowest >= 0 and value < times * lowest * (1 - 1e-9):
            continue
        ordered = sorted(values[max(0, place - past) : place])
        median = _median_of_sorted(ordered)
        if value - median > (times - 1) * abs(median):
            sigma = MAD_TO_SIGMA * statistics.median(abs(each - median) for each in ordered)
            if value - median > sigmas * sigma and value > median * noise_factor(ordered):
                found.append(place)
    return found


def least_median(values: Sequence[float], fewest: int) -> float:
    """Return what no median of ``fewest`` or more of the values is below; infinite where there are not so many.

    At least half of them are not above their median, so it is not below the value at that place of all.
    """
    return sorted(values)[(fewest - 1) // 2] if len(values) >= fewest else math.inf


def noise_factor(values: Sequence[float]) -> float:
    """Return by what factor the next value may be above or below the median of these values by noise alone.

    The noise of a positive quantity is a factor: a loss that doubles and halves from batch to batch may well reach
    four times its median. The factor is 1 if there are too few values to tell, or if some are not positive.
    """
    if len(values) < FEW or min(values) <= 0:
        return 1.0
    logarithms = [math.log(value) for value in values]
    middle = statistics.median(logarithms)
    sigma = MAD_TO_SIGMA * statistics.median(abs(each - middle) for each in logarithms)
    return math.exp(min(NOISE_SIGMAS * sigma, LARGEST_EXPONENT))


def is_usual(value: float, before: Sequence[float], *, is_above: bool) -> bool:
    """Return whether values as far out have been usual since the best one: a noisy series comes back again and again.

    False if too few values came since then to tell.
    """
    ordered = before if is_above else [-each for each in before]
    if not ordered:
        return False
    later = ordered[min(range(len(ordered)), key=ordered.__getitem__) + 1 :]
    beyond = sum(each > (value if is_above else -value) for each in later)
    return len(later) >= SINCE_BEST and beyond >= max(2, USUAL_SHARE * len(later))


def run_up(values: Sequence[float], *, least_share: float = 0.0) -> int:
    """Return how many times in a row, up to the newest value, the values rose by more than a share of their size."""
    count = 0
    for before, value in zip(reversed(values[:-1]), reversed(values), strict=False):
        if value - before <= least_share * abs(before):
            break
        count += 1
    return count


def run_down(values: Sequence[float], *, least_share: float = 0.0) -> int:
    """Return how many times in a row, up to the newest value, the values fell by more than a share of their size."""
    return run_up([-value for value in values], least_share=least_share)


def longest_run_up(values: Sequence[float], *, least_share: float = 0.0) -> int:
    """Return the highest result of `run_up` over all prefixes of the values."""
    if len(values) >= MANY:
        import numpy as np

        numbers = np.array(values)
        with np.errstate(all="ignore"):
            rises = numbers[1:] - numbers[:-1] > least_share * abs(numbers[:-1])
        return longest_true(rises)
    longest = count = 0
    for before, value in pairwise(values):
        count = count + 1 if value - before > least_share * abs(before) else 0
        longest = max(longest, count)
    return longest


def longest_true(found: np.ndarray) -> int:
    """Return the length of the longest run of true values."""
    import numpy as np

    ends = np.flatnonzero(np.concatenate(([True], ~found, [True])))
    return int(np.diff(ends).max()) - 1


def longest_run_down(values: Sequence[float], *, least_share: float = 0.0) -> int:
    """Return the highest result of `run_down` over all prefixes of the values."""
    return longest_run_up([-value for value in values], least_share=least_share)


def rise(values: Sequence[float]) -> float:
    """Return how far the middle line of at least two values rises from the first to the last, in their own unit.

    The line's slope is the median of all slopes between two values (Theil 1950, Sen 1968), so up to 29 % of the values
    may be outliers.
    """
    slopes = [
        (later - earlier) / (right - left)
        for left, earlier in enumerate(values)
        for right, later in enumerate(values[left + 1 :], left + 1)
    ]
    return statistics.median(slopes) * (len(values) - 1)


def slows(values: Sequence[float]) -> bool:
    """Return whether values that rise do so by ever smaller factors; False if one of them is not positive."""
    if len(values) <= 2 * SLOWING_OVER or min(values) <= 0:
        return False
    first, newest = values[SLOWING_OVER] / values[0], values[-1] / values[-1 - SLOWING_OVER]
    return math.log(newest) < SLOWER * math.log(first)


def since_best(values: Sequence[float], *, least_share: float = 0.0) -> int:
    """Return how many values came since the lowest; a new lowest counts only if it is lower by a share of its size."""
    best, place = values[0], 0
    for index, value in enumerate(values):
        if value < best - least_share * abs(best):
            best, place = value, index
    return len(values) - 1 - place


def growth(
    values: Sequence[float],
    windows: int,
    figure: Callable[[Sequence[float]], float] = mean,
    *,
    is_steady: bool = False,
) -> float:
    """Cut the values into equal windows; return the figure of the last window minus that of the first.

    0 unless the figure grew from each window to the next: growth that pauses does not count. With ``is_steady``, growth
    does not count either whose second half is less than half of the first. Values that do not fill the windows evenly
    are left out, oldest first.
    """
    size = len(values) // windows
    kept = values[len(values) - size * windows :]
    figures = [figure(kept[start : start + size]) for start in range(0, len(kept), size)]
    if not all(left < right for left, right in pairwise(figures)):
        return 0.0
    half = (windows - 1) // 2
    if is_steady and figures[-1] - figures[-1 - half] < (figures[half] - figures[0]) / 2:
        return 0.0
    return figures[-1] - figures[0]


def may_grow(values: Sequence[float], num_values: int, windows: int, *, of: str) -> bool:
    """Whether `growth` of the newest ``num_values`` is positive for any prefix of the values; ``of`` is min or max."""
    import numpy as np

    size = num_values // windows
    if len(values) < size * windows:
        return False
    parts = np.lib.stride_tricks.sliding_window_view(np.array(values), size)
    figures = parts.min(axis=1) if of == "min" else parts.max(axis=1)
    grows = figures[size:] > figures[:-size]
    count = len(grows) - (windows - 2) * size
    return bool(np.all([grows[start * size :][:count] for start in range(windows - 1)], axis=0).any())


def running_medians(values: Sequence[float], size: int) -> list[float]:
    """Return the median of each run of some values, in order."""
    ordered, found = sorted(values[:size]), []
    for place in range(size, len(values) + 1):
        found.append(_median_of_sorted(ordered))
        if place < len(values):
            del ordered[bisect_left(ordered, values[place - size])]
            insort(ordered, values[place])
    return found


def _median_of_sorted(ordered: Sequence[float]) -> float:
    half, is_odd = divmod(len(ordered), 2)
    # Add the halves instead of halving the sum: two numbers near the largest float have no finite sum.
    return ordered[half] if is_odd else ordered[half - 1] / 2 + ordered[half] / 2
