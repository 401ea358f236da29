"""Labels from prices: the return from one date to a later one.

Shape legend: D dates, C codes, H horizons.
"""

import numpy as np
from numpy.typing import NDArray


def forward_returns(close_DC: NDArray[np.float64], horizons: tuple[int, ...]) -> NDArray[np.float64]:
    """Return close[d + h] / close[d] - 1 as [D, C, H]; nan if either price is missing or d + h is past the end."""
    returns_DCH = np.full((*close_DC.shape, len(horizons)), np.nan)
    for h, horizon in enumerate(horizons):
        if horizon < len(close_DC):
            returns_DCH[:-horizon, :, h] = close_DC[horizon:] / close_DC[:-horizon] - 1.0
    return returns_DCH
