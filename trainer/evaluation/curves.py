"""The course of an evaluation, day by day: an evaluation in, series for charts out; the definitions are the log's.

Shape legend: C days, N rows, Q quantiles.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.evaluation.scoring import Evaluation
from trainer.measure.portfolio import Floats, book, weights_of_days
from trainer.model.network import MEDIAN, QUANTILES

BUCKETS = 10
"""Parts of a day's stocks by their prediction; with fewer stocks some are empty."""
MEAN_DAYS = 21
"""Days of a moving mean: a month of trading."""


class Curves(NamedTuple):
    """The series of one horizon; of the days on which predictions and returns differ."""

    date_C: NDArray[np.datetime64]
    gross_C: Floats
    """Sum of the long-short portfolio's returns so far, attributed to the day on which they are predicted."""
    net_C: Floats
    """After costs."""
    drawdown_C: Floats
    """How far `net_C` is below its highest value so far; at most 0."""
    rank_ic_C: Floats
    mean_rank_ic_C: Floats
    """Mean over MEAN_DAYS days up to this one; nan before there are so many."""
    turnover_C: Floats
    """Mean over MEAN_DAYS days."""
    below_Q: Floats
    """Share of what happened below each predicted quantile; `QUANTILES` would be right."""
    bucket_returns: Floats
    """Mean return of the stocks by their prediction, lowest first; nan for an empty bucket."""


def curves_of(found: Evaluation, horizon: int) -> Curves:
    """Return the series of one horizon; empty ones if no day is defined."""
    rows, place = found.predictions, found.predictions.horizons.index(horizon)
    daily = found.daily[horizon].defined()
    is_used_N = ~np.isnan(rows.returns_NK[:, place]) & np.isin(rows.day_N, daily.day_C)
    prediction_N, return_N = rows.quantiles_NKQ[is_used_N, place, MEDIAN], rows.returns_NK[is_used_N, place]
    day_N = rows.day_N[is_used_N]
    _, code_N = np.unique(rows.code_N[is_used_N].astype(str), return_inverse=True)
    weight_CK = weights_of_days(prediction_N, day_N, code_N)
    found_book = book(daily.spread_C, daily.day_C, weight_CK, horizon_days=horizon, cost_bps=found.overall.cost_bps)
    net_C = np.cumsum(found_book.net_C)
    below_NQ = rows.learnt_NK[is_used_N, place, None] < rows.quantiles_NKQ[is_used_N, place]
    return Curves(
        date_C=found.days[daily.day_C],
        gross_C=np.cumsum(found_book.gross_C),
        net_C=net_C,
        drawdown_C=net_C - np.maximum.accumulate(np.maximum(net_C, 0.0)),
        rank_ic_C=daily.rank_ic_C,
        mean_rank_ic_C=moving_mean(daily.rank_ic_C),
        turnover_C=moving_mean(found_book.turnover_C),
        below_Q=below_NQ.mean(axis=0) if len(below_NQ) else np.full(len(QUANTILES), np.nan),
        bucket_returns=_bucket_returns(prediction_N, return_N, day_N),
    )


def moving_mean(value_C: Floats, days: int = MEAN_DAYS) -> Floats:
    """Return the mean of the last `days` values that are known; nan before that many days have passed."""
    known_C = np.isfinite(value_C)
    sums = np.concatenate([[0.0], np.cumsum(np.where(known_C, value_C, 0.0))])
    counts = np.concatenate([[0], np.cumsum(known_C)])
    mean_C = np.full(len(value_C), np.nan)
    if len(value_C) >= days:
        count = counts[days:] - counts[:-days]
        mean_C[days - 1 :] = np.where(count, (sums[days:] - sums[:-days]) / np.maximum(count, 1), np.nan)
    return mean_C


def _bucket_returns(prediction_N: Floats, return_N: Floats, day_N: NDArray[np.int64]) -> Floats:
    """Return the mean return of each bucket, of all rows; rows of equal predictions are in one bucket."""
    bucket_N = np.zeros(len(day_N), dtype=np.int64)
    for day in np.unique(day_N):
        rows = np.flatnonzero(day_N == day)
        below = np.searchsorted(np.sort(prediction_N[rows]), prediction_N[rows])
        bucket_N[rows] = below * BUCKETS // len(rows)
    count = np.bincount(bucket_N, minlength=BUCKETS)
    total = np.bincount(bucket_N, weights=return_N, minlength=BUCKETS)
    return np.where(count, total / np.maximum(count, 1), np.nan)
