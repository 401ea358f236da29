"""Validation metrics, and the definitions that the log gives with them.

In: point predictions and realised returns of one horizon, and the day of each row. Out: numbers; an undefined one is
nan, never 0: a constant prediction has neither ranks nor a portfolio nor a correlation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TRADING_DAYS_PER_YEAR = 252
DECILE = 10
"""The long and the short leg each have a tenth of the day's stocks, and at least one."""

DEFINITIONS = {
    "sharpe": "mean / std over days of top minus bottom decile mean return, times sqrt(252 / horizon)",
    "ic": "mean over days of the Pearson correlation of prediction and return",
    "rank_ic": "mean over days of the Spearman correlation with average ranks for ties",
    "hit_rate": "share of rows where prediction and return are on the same side of their day's means",
    "pred_std": "standard deviation of predictions around their day's mean; target_std likewise",
    "overall": "mean over horizons of the daily figures",
}


class Score(NamedTuple):
    """The metrics of one horizon."""

    sharpe: float
    ic: float
    rank_ic: float
    hit_rate: float
    pred_std: float
    target_std: float
    ratio: float
    r2: float
    n_days: int


class Overall(NamedTuple):
    """The metrics of all horizons together; nan if a horizon's metric is undefined."""

    sharpe: float
    ic: float
    rank_ic: float
    hit_rate: float
    n_days: int
    definition: str


def score(predictions_B: Floats, returns_B: Floats, day_B: NDArray[np.int64], *, horizon_days: int) -> Score:
    """Return one horizon's metrics; rows with a return of nan are unlabelled and are skipped.

    `day_B` must be in order. A day counts if it has at least two labelled rows.
    """
    labelled = ~np.isnan(returns_B)
    predictions, returns, days = predictions_B[labelled], returns_B[labelled], day_B[labelled]
    daily = [
        (
            pearson(p, r),
            pearson(ranks(p), ranks(r)) if _varies(p) else np.nan,
            decile_spread(p, r),
            *_hits(p, r),
        )
        for p, r in _by_day(predictions, returns, days)
    ]
    if not daily:
        return Score(*(float("nan"),) * 8, n_days=0)
    ic, rank_ic, spread, hits, chances = np.array(daily, dtype=np.float64).T
    pred_std, target_std = _within_day_std(predictions, days), _within_day_std(returns, days)
    residual = float(((returns - predictions) ** 2).sum())
    total = float(((returns - returns.mean()) ** 2).sum())
    return Score(
        sharpe=_sharpe(spread, horizon_days),
        ic=float(ic.mean()),
        rank_ic=float(rank_ic.mean()),
        hit_rate=_ratio(float(hits.sum()), float(chances.sum())),
        pred_std=pred_std,
        target_std=target_std,
        ratio=_ratio(pred_std, target_std),
        r2=1 - _ratio(residual, total),
        n_days=len(daily),
    )


def overall(scores: Sequence[Score]) -> Overall:
    """Return the mean over horizons; `n_days` is the smallest of any horizon."""
    sharpe, ic, rank_ic, hit_rate = (
        float(np.mean([getattr(each, name) for each in scores])) for name in ("sharpe", "ic", "rank_ic", "hit_rate")
    )
    definition = f"{DEFINITIONS['sharpe']}; {DEFINITIONS['overall']}"
    return Overall(sharpe, ic, rank_ic, hit_rate, min(each.n_days for each in scores), definition)


def ranks(values_M: Floats) -> Floats:
    """Return ranks from 1; equal values share the average of their ranks."""
    _, place, counts = np.unique(values_M, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    average: Floats = (last - (counts - 1) / 2)[place]
    return average


def pearson(left_M: Floats, right_M: Floats) -> float:
    """Return the correlation; nan if either side is constant."""
    if not (_varies(left_M) and _varies(right_M)):
        return float("nan")
    left, right = left_M - left_M.mean(), right_M - right_M.mean()
    return float((left * right).sum() / np.sqrt((left**2).sum() * (right**2).sum()))


def decile_spread(predictions_M: Floats, returns_M: Floats) -> float:
    """Return the mean return of the decile predicted highest minus that of the lowest; nan for a constant prediction.

    Rows that tie at a decile's edge share its remaining places, so the order of rows does not matter.
    """
    if not _varies(predictions_M):
        return float("nan")
    places = max(1, len(predictions_M) // DECILE)
    return _leg(predictions_M, returns_M, places) - _leg(-predictions_M, returns_M, places)


def _leg(predictions_M: Floats, returns_M: Floats, places: int) -> float:
    edge = np.partition(predictions_M, -places)[-places]
    inside, tied = predictions_M > edge, predictions_M == edge
    shared = (places - inside.sum()) * returns_M[tied].mean()
    return float((returns_M[inside].sum() + shared) / places)


def _hits(predictions_M: Floats, returns_M: Floats) -> tuple[float, float]:
    """Return the number of rows predicted on the right side of the mean, and of rows that are on a side at all."""
    if not _varies(predictions_M):
        return 0.0, 0.0
    sides = np.sign(predictions_M - predictions_M.mean()) * np.sign(returns_M - returns_M.mean())
    return float((sides > 0).sum()), float((sides != 0).sum())


def _by_day(predictions: Floats, returns: Floats, days: NDArray[np.int64]) -> Iterator[tuple[Floats, Floats]]:
    edges = np.flatnonzero(np.diff(days)) + 1
    for p, r in zip(np.split(predictions, edges), np.split(returns, edges), strict=True):
        if len(p) >= 2:
            yield p, r


def _within_day_std(values: Floats, days: NDArray[np.int64]) -> float:
    """Return the standard deviation around each day's mean: 0 for a model that only knows the date."""
    _, place, counts = np.unique(days, return_inverse=True, return_counts=True)
    means = np.bincount(place, weights=values) / counts
    return float(np.sqrt(((values - means[place]) ** 2).mean()))


def _varies(values_M: Floats) -> bool:
    """Return whether the values differ by more than single-precision rounding."""
    return bool(np.ptp(values_M) > 4 * np.finfo(np.float32).eps * np.abs(values_M).max())


def _sharpe(spread_C: Floats, horizon_days: int) -> float:
    if len(spread_C) < 2:
        return float("nan")
    return _ratio(float(spread_C.mean()), float(spread_C.std(ddof=1))) * (TRADING_DAYS_PER_YEAR / horizon_days) ** 0.5


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
