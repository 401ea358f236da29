"""The figures of each day, and their means: predictions, returns and days in, numbers out.

A day on which all predictions or all returns are equal has no ranks, no portfolio and no correlation: it is undefined.

Shape legend: B rows, M rows of one day, C days.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.measure.portfolio import Floats, Ints, decile_spread, rows_of_days, varies


class Daily(NamedTuple):
    """One horizon's figures of each day with at least two labelled rows."""

    day_C: Ints
    is_defined_C: NDArray[np.bool_]
    """Whether both predictions and returns differ; the other figures of such a day are nan."""
    ic_C: Floats
    rank_ic_C: Floats
    spread_C: Floats
    """Top minus bottom decile mean return."""
    hits_C: Floats
    """Rows predicted on the right side of the day's mean."""
    chances_C: Floats
    """Rows that are on a side at all."""

    def defined(self) -> Daily:
        """Return the days that are defined."""
        chosen: Any = [values[self.is_defined_C] for values in self]
        return Daily(*chosen)


def daily_figures(predictions_B: Floats, returns_B: Floats, day_B: Ints) -> Daily:
    """Return the figures of each day with at least two rows; every row has a return, and days are in order."""
    days, figures = [], []
    for rows in rows_of_days(day_B):
        p, r = predictions_B[rows], returns_B[rows]
        if len(p) < 2:
            continue
        days.append(int(day_B[rows.start]))
        if varies(p) and varies(r):
            figures.append((1.0, pearson(p, r), pearson(ranks(p), ranks(r)), decile_spread(p, r), *_hits(p, r)))
        else:
            figures.append((0.0, *(math.nan,) * 5))
    is_defined_C, *columns = np.array(figures, dtype=np.float64).reshape(len(days), 6).T
    return Daily(np.array(days, dtype=np.int64), is_defined_C > 0, *columns)


class Mean(NamedTuple):
    """A mean over days, and how sure it is."""

    mean: float
    se: float
    """Standard error."""
    ir: float
    """Mean / standard deviation."""
    t: float
    """Mean / standard error."""


def mean_over_days(value_C: Floats, *, lags: int) -> Mean:
    """Return the mean with its Newey-West standard error (Newey and West, 1987); 0 lags is std / sqrt(days).

    Daily figures of overlapping returns are correlated over a horizon; Bartlett weights over just one horizon would
    leave out a third of their variance, hence twice as many lags. The error is nan where fewer than two days per lag
    are left to estimate it.
    """
    num_days, mean = len(value_C), float(value_C.mean())
    if num_days < 2:
        return Mean(mean, math.nan, math.nan, math.nan)
    off_C = value_C - mean
    variance = float((off_C**2).sum())
    ir = ratio(mean, (variance / (num_days - 1)) ** 0.5)
    if num_days < 2 * lags:
        return Mean(mean, math.nan, ir, math.nan)
    for lag in range(1, lags + 1):
        variance += 2 * (1 - lag / (lags + 1)) * float((off_C[lag:] * off_C[:-lag]).sum())
    se = (max(variance, 0.0) / (num_days - 1) / num_days) ** 0.5
    return Mean(mean, se, ir, ratio(mean, se))


def ranks(values_M: Floats) -> Floats:
    """Return ranks from 1; equal values share the average of their ranks."""
    _, place, counts = np.unique(values_M, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    average: Floats = (last - (counts - 1) / 2)[place]
    return average


def pearson(left_M: Floats, right_M: Floats) -> float:
    """Return the correlation; nan if either side is constant."""
    if not (varies(left_M) and varies(right_M)):
        return math.nan
    left, right = left_M - left_M.mean(), right_M - right_M.mean()
    return float((left * right).sum() / np.sqrt((left**2).sum() * (right**2).sum()))


def _hits(predictions_M: Floats, returns_M: Floats) -> tuple[float, float]:
    """Return the number of rows predicted on the right side of the mean, and of rows that are on a side at all."""
    sides = np.sign(predictions_M - predictions_M.mean()) * np.sign(returns_M - returns_M.mean())
    return float((sides > 0).sum()), float((sides != 0).sum())


def ratio(part: float, whole: float) -> float:
    """Return part / whole; nan where the whole is 0."""
    return part / whole if whole else math.nan
