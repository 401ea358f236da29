"""The long-short portfolio that a day's predictions stand for, and what it earns when it is held.

In: predictions and returns by day. Out: the spread of each day, and Sharpe, turnover and costs of a portfolio that is
rebuilt once per horizon, so that no return is counted twice.

Shape legend: M rows of one day, B rows of all days, C days, K codes.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DECILE = 10
"""The long and the short leg each have a tenth of the day's stocks, and at least one."""
_WHOLE_BOOK = 4.0
"""Sum of the changes of all weights when both legs are replaced: each is sold (1) and bought anew (1)."""


class Held(NamedTuple):
    """A portfolio rebuilt once per horizon; Sharpe ratios are per horizon, not per year. nan: too few days."""

    sharpe: float
    sharpe_net: float
    """After costs; nan without codes."""
    turnover: float
    """Mean share of the two legs that is replaced: 0 none, 1 all; nan without codes."""


def leg_weights(predictions_M: Floats) -> Floats:
    """Return each row's weight: the decile predicted highest sums to 1, the lowest to -1, the rest has 0.

    Rows that tie at a decile's edge share its remaining places, so the order of rows does not matter.
    """
    places = max(1, len(predictions_M) // DECILE)
    return _leg(predictions_M, places) - _leg(-predictions_M, places)


def decile_spread(predictions_M: Floats, returns_M: Floats) -> float:
    """Return the mean return of the top decile minus that of the bottom one; nan for a constant prediction."""
    if not varies(predictions_M):
        return math.nan
    return float(leg_weights(predictions_M) @ returns_M)


def varies(values_M: Floats) -> bool:
    """Return whether the values differ by more than single-precision rounding."""
    return bool(np.ptp(values_M) > 4 * np.finfo(np.float32).eps * np.abs(values_M).max())


def sharpe_ratio(spread_C: Floats) -> float:
    """Return mean / standard deviation; nan for fewer than two days or equal ones."""
    if len(spread_C) < 2:
        return math.nan
    std = float(spread_C.std(ddof=1))
    return float(spread_C.mean()) / std if std else math.nan


def hold(spread_C: Floats, day_C: Ints, weight_CK: Floats | None, *, horizon_days: int, cost_bps: float) -> Held:
    """Return what a portfolio earns that is rebuilt every `horizon_days`, as the mean over all first days.

    `day_C` are date indices, ascending. `cost_bps` is paid for each value bought or sold, the first purchase included.
    """
    start_C = _starts(day_C, horizon_days)
    all_traded_C = None if weight_CK is None else _traded(weight_CK, start_C)
    gross, net, changes = [], [], []
    for start in range(horizon_days):
        mine_C = start_C == start
        if mine_C.sum() < 2:
            continue
        gross.append(sharpe_ratio(spread_C[mine_C]))
        if all_traded_C is not None:
            traded_C = all_traded_C[mine_C]
            net.append(sharpe_ratio(spread_C[mine_C] - traded_C * cost_bps / 1e4))
            changes.append(traded_C[1:] / _WHOLE_BOOK)
    return Held(
        sharpe=_mean_of_known(gross),
        sharpe_net=_mean_of_known(net),
        turnover=float(np.concatenate(changes).mean()) if changes else math.nan,
    )


class Book(NamedTuple):
    """What each day adds to a portfolio with a part for each day of the horizon, each rebuilt once per horizon."""

    gross_C: Floats
    """Return of the part that is rebuilt on this day, as a share of the whole."""
    net_C: Floats
    """After costs."""
    turnover_C: Floats
    """Share of the two legs of this day's part that is replaced; nan where it is bought for the first time."""


def book(spread_C: Floats, day_C: Ints, weight_CK: Floats, *, horizon_days: int, cost_bps: float) -> Book:
    """Return each day's part of the portfolios whose Sharpe ratios `hold` gives."""
    start_C = _starts(day_C, horizon_days)
    traded_C = _traded(weight_CK, start_C)
    is_first_C = np.zeros(len(day_C), dtype=bool)
    is_first_C[np.unique(start_C, return_index=True)[1]] = True
    return Book(
        gross_C=spread_C / horizon_days,
        net_C=(spread_C - traded_C * cost_bps / 1e4) / horizon_days,
        turnover_C=np.where(is_first_C, np.nan, traded_C / _WHOLE_BOOK),
    )


def _starts(day_C: Ints, horizon_days: int) -> Ints:
    """Return which of the portfolios, one for each first day, is rebuilt on each day."""
    return (day_C - day_C[:1]) % horizon_days


def _traded(weight_CK: Floats, start_C: Ints) -> Floats:
    """Return the value that is bought and sold on each day; the first purchase of a portfolio included."""
    traded_C = np.zeros(len(weight_CK))
    for start in np.unique(start_C):
        mine_C = start_C == start
        traded_C[mine_C] = np.abs(np.diff(weight_CK[mine_C], axis=0, prepend=0.0)).sum(axis=1)
    return traded_C


def weights_of_days(predictions_B: Floats, day_B: Ints, code_B: Ints) -> Floats:
    """Return the weights of each day, [C, K], over the codes that occur; `day_B` must be in order."""
    codes, place_B = np.unique(code_B, return_inverse=True)
    days = rows_of_days(day_B)
    weight_CK = np.zeros((len(days), len(codes)))
    for weight_K, rows in zip(weight_CK, days, strict=True):
        weight_K[place_B[rows]] = leg_weights(predictions_B[rows])
    return weight_CK


def rows_of_days(day_B: Ints) -> list[slice]:
    """Return the rows of each day; `day_B` must be in order."""
    edges = [*np.flatnonzero(np.diff(day_B, prepend=day_B[:1] - 1)).tolist(), len(day_B)]
    return [slice(first, stop) for first, stop in pairwise(edges)]


def _leg(predictions_M: Floats, places: int) -> Floats:
    edge = np.partition(predictions_M, -places)[-places]
    inside_M, tied_M = predictions_M > edge, predictions_M == edge
    share = (places - inside_M.sum()) / tied_M.sum()
    weight_M: Floats = (inside_M + tied_M * share) / places
    return weight_M


def _mean_of_known(values: list[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan
