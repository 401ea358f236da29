"""Metrics of predictions, and the definitions that the log gives with them.

In: predictions and realised returns, and the day of each row. Out: numbers. Undefined days, on which all predictions
or all returns are equal, are left out and counted. Where they are more than UNDEFINED_SHARE of the days, every figure
that is a mean over days is nan, never 0.

Shape legend: B rows, C days, Q quantiles; N rows of all horizons K.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from trainer.measure.daily import daily_figures, mean_over_days, ratio
from trainer.measure.portfolio import Floats, Ints, hold, sharpe_ratio, weights_of_days

TRADING_DAYS_PER_YEAR = 252
UNDEFINED_SHARE = 0.05
"""Largest share of undefined days at which the mean over the other days is still given. Chosen by hand, 2026-11: more
than the holidays of any exchange that a panel of another one forward-fills."""

DEFINITIONS = {
    "sharpe": "mean / std over days of top minus bottom decile mean return, times sqrt(252 / horizon)",
    "ic": "mean over days of the Pearson correlation of prediction and return",
    "rank_ic": "mean over days of the Spearman correlation with average ranks for ties",
    "hit_rate": "share of rows where prediction and return are on the same side of their day's means",
    "pred_std": "standard deviation of predictions around their day's mean; target_std likewise",
    "se": "Newey-West standard error of a mean over days, with 2 * (horizon - 1) lags because returns overlap",
    "ir": "mean / std over days; t is mean / standard error",
    "sharpe_apart": "as sharpe, over days that are a horizon apart; mean over all first days",
    "turnover": "share of the long and the short leg that is replaced from one such day to the next",
    "sharpe_net": "as sharpe_apart, after cost_bps for each value bought or sold",
    "coverage": "share of returns between the predicted quantiles; 0.8 and 0.5 are right",
    "units": "pred_std, target_std, ratio, r2 and coverage are of what is learnt: returns, or their ranks",
    "overall": "mean over horizons of the daily figures",
}


class Score(NamedTuple):
    """The metrics of one horizon. What too few days or missing inputs leave unknown is nan."""

    sharpe: float
    ic: float
    rank_ic: float
    hit_rate: float
    pred_std: float
    target_std: float
    ratio: float
    r2: float
    n_days: int
    """Days with at least two labelled rows, the undefined ones included."""
    n_undefined: int
    """Days on which all predictions or all returns are equal."""
    sharpe_se: float = math.nan
    ic_se: float = math.nan
    ic_ir: float = math.nan
    ic_t: float = math.nan
    rank_ic_se: float = math.nan
    rank_ic_ir: float = math.nan
    rank_ic_t: float = math.nan
    sharpe_apart: float = math.nan
    sharpe_net: float = math.nan
    turnover: float = math.nan
    cost_bps: float = math.nan
    coverage_80: float = math.nan
    coverage_50: float = math.nan


class Overall(NamedTuple):
    """The metrics of all horizons together; nan if a horizon's metric is undefined."""

    sharpe: float
    ic: float
    rank_ic: float
    hit_rate: float
    n_days: int
    n_undefined: int
    """The most of any horizon."""
    definition: str
    sharpe_apart: float
    sharpe_net: float
    turnover: float
    cost_bps: float
    coverage_80: float
    coverage_50: float


def score(
    predictions_B: Floats,
    returns_B: Floats,
    day_B: Ints,
    *,
    horizon_days: int,
    code_B: Ints | None = None,
    quantiles_BQ: Floats | None = None,
    learnt_B: Floats | None = None,
    cost_bps: float = 0.0,
) -> Score:
    """Return one horizon's metrics; rows with a return of nan are unlabelled and are skipped.

    `day_B` must be in order. A day counts if it has at least two labelled rows. Turnover and net figures need
    `code_B`; coverage needs `quantiles_BQ`, the predicted 10, 25, 50, 75 and 90 % quantiles. `learnt_B` is what the
    model learns to predict, in the units of the predictions; None: the returns.
    """
    labelled_B = ~np.isnan(returns_B)
    predictions, returns, days = predictions_B[labelled_B], returns_B[labelled_B], day_B[labelled_B]
    found = daily_figures(predictions, returns, days)
    if not len(found.day_C):
        return Score(*(math.nan,) * 8, n_days=0, n_undefined=0)
    defined, num_days = found.defined(), len(found.day_C)
    num_undefined = num_days - len(defined.day_C)
    learnt = returns if learnt_B is None else learnt_B[labelled_B]
    pred_std, target_std = _within_day_std(predictions, days), _within_day_std(learnt, days)
    residual = float(((learnt - predictions) ** 2).sum())
    total = float(((learnt - learnt.mean()) ** 2).sum())
    of_rows: dict[str, Any] = {
        "pred_std": pred_std,
        "target_std": target_std,
        "ratio": ratio(pred_std, target_std),
        "r2": 1 - ratio(residual, total),
        "n_days": num_days,
        "n_undefined": num_undefined,
        **_coverage(learnt, None if quantiles_BQ is None else quantiles_BQ[labelled_B]),
    }
    if num_undefined > UNDEFINED_SHARE * num_days or not np.isfinite(predictions).all():
        return Score(sharpe=math.nan, ic=math.nan, rank_ic=math.nan, hit_rate=math.nan, **of_rows)
    weight_CK = None
    if code_B is not None:
        is_held_B = np.isin(days, defined.day_C)
        weight_CK = weights_of_days(predictions[is_held_B], days[is_held_B], code_B[labelled_B][is_held_B])
    held = hold(defined.spread_C, defined.day_C, weight_CK, horizon_days=horizon_days, cost_bps=cost_bps)
    year = (TRADING_DAYS_PER_YEAR / horizon_days) ** 0.5
    per_horizon = sharpe_ratio(defined.spread_C)
    ic, rank_ic = (mean_over_days(each_C, lags=2 * (horizon_days - 1)) for each_C in (defined.ic_C, defined.rank_ic_C))
    return Score(
        sharpe=per_horizon * year,
        ic=ic.mean,
        rank_ic=rank_ic.mean,
        hit_rate=ratio(float(defined.hits_C.sum()), float(defined.chances_C.sum())),
        # Lo, The Statistics of Sharpe Ratios (2002); a horizon counts as one observation, because returns overlap.
        sharpe_se=((1 + per_horizon**2 / 2) * horizon_days / len(defined.day_C)) ** 0.5 * year,
        ic_se=ic.se,
        ic_ir=ic.ir,
        ic_t=ic.t,
        rank_ic_se=rank_ic.se,
        rank_ic_ir=rank_ic.ir,
        rank_ic_t=rank_ic.t,
        sharpe_apart=held.sharpe * year,
        sharpe_net=held.sharpe_net * year,
        turnover=held.turnover,
        cost_bps=cost_bps,
        **of_rows,
    )


def score_horizons(
    predictions_NKQ: Floats,
    returns_NK: Floats,
    day_N: Ints,
    code_N: Ints,
    *,
    horizons: Sequence[int],
    median: int,
    cost_bps: float,
    learnt_NK: Floats | None = None,
) -> dict[int, Score]:
    """Score every horizon, given all quantiles of all predictions, in units of what is learnt and in order of days."""
    return {
        horizon: score(
            predictions_NKQ[:, place, median],
            returns_NK[:, place],
            day_N,
            horizon_days=horizon,
            code_B=code_N,
            quantiles_BQ=predictions_NKQ[:, place],
            learnt_B=None if learnt_NK is None else learnt_NK[:, place],
            cost_bps=cost_bps,
        )
        for place, horizon in enumerate(horizons)
    }


def overall(scores: Sequence[Score]) -> Overall:
    """Return the mean over horizons; `n_days` is the smallest of any horizon, `n_undefined` the largest."""
    means = {
        name: float(np.mean([getattr(each, name) for each in scores]))
        for name in Overall._fields
        if name not in ("n_days", "n_undefined", "definition")
    }
    return Overall(
        **means,
        n_days=min(each.n_days for each in scores),
        n_undefined=max(each.n_undefined for each in scores),
        definition=f"{DEFINITIONS['sharpe']}; {DEFINITIONS['overall']}",
    )


def _coverage(returns: Floats, quantiles_BQ: Floats | None) -> dict[str, float]:
    """Return the share of returns inside the outer and the inner pair of quantiles; nothing for unknown ones."""
    if quantiles_BQ is None or not len(returns):
        return {}
    inside_B2 = (quantiles_BQ[:, :2] <= returns[:, None]) & (returns[:, None] <= quantiles_BQ[:, :-3:-1])
    outer, inner = inside_B2.mean(axis=0).tolist()
    return {"coverage_80": outer, "coverage_50": inner}


def _within_day_std(values: Floats, days: Ints) -> float:
    """Return the standard deviation around each day's mean: 0 for a model that only knows the date."""
    _, place, counts = np.unique(days, return_inverse=True, return_counts=True)
    means = np.bincount(place, weights=values) / counts
    return float(np.sqrt(((values - means[place]) ** 2).mean()))
