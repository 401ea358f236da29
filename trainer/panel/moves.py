"""Price moves that probably did not happen: splits that were not adjusted, bad prints, filled holidays, stale prices.

In: the return of each code and date since its last known price. Out: `PriceMoves` with dates and codes.

Shape legend: D dates, C codes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trainer.panel.keys import RowKeys
from trainer.panel.panel import PriceMove, PriceMoves, StalePrice

Floats = NDArray[np.float64]

LEAST_MOVE = 0.3
"""Smallest |log(price / price before)| that is looked at: 3 for 2 is 0.41. Chosen by hand, 2026-11."""
LEAST_SCALES = 8.0
"""The same in robust standard deviations of the code's own moves. Chosen by hand, 2026-11."""
SPLITS = (1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 15.0, 20.0, 25.0, 30.0, 50.0, 100.0)
"""Usual ratios of splits, and of their reverse."""
JUMP = 2.5
"""Change that is reported even if it is near no usual ratio. Chosen by hand, 2026-11: few takeovers pay that much."""
SPLIT_OFF = 0.06
"""Most by which a split's logarithm may be off its ratio, because the price also moved that day: twice the code's
scale, within 0.02 and this. Chosen by hand, 2026-11."""
LEAST_SPIKE = 0.4
"""Smallest |logarithm| of a bad print: banks fell by 30 % in 2009 and came back the next day."""
SPIKE_DATES = 5
"""Most dates until a bad print's price comes back."""
COME_BACK = 0.25
"""Share of a spike that may remain after it, because the market has moved on meanwhile."""
STILL_SHARE = 0.95
"""Share of the prices that do not move on a still date; a few may have been corrected since."""
STILL_CODES = 5
"""Fewest prices that make a still date."""
STALE_DATES = 10
"""Fewest unchanged dates in a row that make a price stale: two trading weeks. Chosen by hand, 2026-11."""


def last_known_returns(price_DC: Floats) -> Floats:
    """Return each price / the code's last known price before it - 1; nan without either."""
    known_DC = np.isfinite(price_DC)
    row_DC = np.where(known_DC, np.arange(len(price_DC))[:, None], -1)
    last_DC = np.maximum.accumulate(row_DC, axis=0)[:-1]
    before_DC = np.where(last_DC >= 0, np.take_along_axis(price_DC, np.maximum(last_DC, 0), axis=0), np.nan)
    returns_DC = np.full_like(price_DC, np.nan)
    returns_DC[1:] = price_DC[1:] / before_DC - 1.0
    return returns_DC


def find_moves(return_DC: NDArray[np.floating], keys: RowKeys) -> PriceMoves:
    """Find what no adjusted price of a trading day does."""
    known_DC = np.isfinite(return_DC) & (return_DC > -1.0)
    log_DC = np.log1p(np.where(known_DC, return_DC, 0.0).astype(np.float64))
    still_D = _still(log_DC, known_DC)
    scale_C = _scales(log_DC, known_DC)
    least_C = np.maximum(LEAST_MOVE, LEAST_SCALES * scale_C)
    moves = [
        move
        for code in np.flatnonzero((np.abs(log_DC) > least_C).any(axis=0))
        for move in _moves_of(log_DC[:, code], known_DC[:, code], int(code), least_C[code], scale_C[code], keys)
    ]
    stale = [
        run
        for code in range(log_DC.shape[1])
        for run in _stale_runs(log_DC[:, code], known_DC[:, code] & ~still_D, int(code), keys)
    ]
    return PriceMoves(
        tuple(sorted(moves, key=lambda move: (move.date, move.code))),
        tuple(str(date) for date in keys.dates[still_D]),
        tuple(stale),
    )


def _still(log_DC: Floats, known_DC: NDArray[np.bool_]) -> NDArray[np.bool_]:
    known_D, same_D = known_DC.sum(axis=1), (known_DC & (log_DC == 0.0)).sum(axis=1)
    still_D: NDArray[np.bool_] = (known_D >= STILL_CODES) & (same_D >= STILL_SHARE * known_D)
    return still_D


def _scales(log_DC: Floats, known_DC: NDArray[np.bool_]) -> Floats:
    """Return the robust standard deviation of each code's moves; 0 for a code that never moves."""
    moves_DC = np.where(known_DC & (log_DC != 0.0), np.abs(log_DC), np.nan)
    scale_C = np.zeros(log_DC.shape[1])
    has_moved_C = np.isfinite(moves_DC).any(axis=0)
    # 1.4826 turns the median of |x| into the standard deviation of a normal distribution.
    scale_C[has_moved_C] = 1.4826 * np.nanmedian(moves_DC[:, has_moved_C], axis=0)
    return scale_C


def _moves_of(
    log_D: Floats, known_D: NDArray[np.bool_], code: int, least: float, scale: float, keys: RowKeys
) -> list[PriceMove]:
    """Return the moves of one code: each large one is a spike, a split, a jump, or none of them."""
    dates, found, came_back = np.flatnonzero(known_D), [], -1
    log_N = log_D[dates]
    for at in np.flatnonzero(np.abs(log_N) > least):
        if at <= came_back:
            continue
        size = log_N[at]
        left_N = size + np.cumsum(log_N[at + 1 : at + 1 + SPIKE_DATES])
        back = np.flatnonzero(np.abs(left_N) < COME_BACK * abs(size))
        kind = None
        if len(back) and abs(size) > LEAST_SPIKE:
            kind, came_back = "spike", at + 1 + back[0]
        elif min(abs(abs(size) - np.log(ratio)) for ratio in SPLITS) < min(max(0.02, 2 * scale), SPLIT_OFF):
            kind = "split"
        elif abs(size) > np.log(JUMP):
            kind = "jump"
        if kind is not None:
            found.append(PriceMove(kind, str(keys.dates[dates[at]]), keys.codes[code], float(np.exp(size))))
    return found


def _stale_runs(log_D: Floats, known_D: NDArray[np.bool_], code: int, keys: RowKeys) -> list[StalePrice]:
    dates = np.flatnonzero(known_D)
    is_same_N = np.concatenate([[False], log_D[dates] == 0.0, [False]])
    edges = np.flatnonzero(np.diff(is_same_N))
    return [
        StalePrice(keys.codes[code], str(keys.dates[dates[first]]), str(keys.dates[dates[stop - 1]]), int(stop - first))
        for first, stop in zip(edges[::2], edges[1::2], strict=True)
        if stop - first >= STALE_DATES
    ]
