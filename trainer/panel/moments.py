"""Mean, spread and range of every feature over the dates that training reads, in one pass over the panel.

Shape legend: C codes, D dates, F features.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.panel.panel import Panel

CODES_PER_BLOCK = 64
"""How many codes are in memory at once in double precision."""


@dataclass(frozen=True, eq=False)
class FeatureMoments:
    """Statistics of each feature's finite values; without any: mean 0, std 0, low inf, high -inf."""

    count_F: NDArray[np.int64]
    mean_F: NDArray[np.float64]
    std_F: NDArray[np.float64]
    low_F: NDArray[np.float32]
    high_F: NDArray[np.float32]

    @property
    def is_dead_F(self) -> NDArray[np.bool_]:
        """Whether the feature has fewer than two different values."""
        return self.low_F >= self.high_F


def feature_moments(panel: Panel, stop: int) -> FeatureMoments:
    """Measure the features on date indices 0..stop-1, one block of codes at a time, merging the means exactly."""
    features = len(panel.feature_names)
    count_F = np.zeros(features, dtype=np.int64)
    mean_F, squares_F = np.zeros(features), np.zeros(features)
    low_F = np.full(features, np.inf, dtype=np.float32)
    high_F = np.full(features, -np.inf, dtype=np.float32)
    for first in range(0, len(panel.codes), CODES_PER_BLOCK):
        value_NF = panel.features_CDF[first : first + CODES_PER_BLOCK, :stop].reshape(-1, features)
        low_F = np.fmin(low_F, np.fmin.reduce(value_NF, axis=0, initial=np.inf))
        high_F = np.fmax(high_F, np.fmax.reduce(value_NF, axis=0, initial=-np.inf))
        known_NF = np.isfinite(value_NF)
        block_count_F = known_NF.sum(axis=0)
        filled_NF = np.where(known_NF, value_NF, 0.0).astype(np.float64)
        block_mean_F = filled_NF.sum(axis=0) / np.maximum(block_count_F, 1)
        block_squares_F = (np.where(known_NF, filled_NF - block_mean_F, 0.0) ** 2).sum(axis=0)
        total_F = np.maximum(count_F + block_count_F, 1)
        step_F = block_mean_F - mean_F
        mean_F = mean_F + step_F * block_count_F / total_F
        squares_F = squares_F + block_squares_F + step_F**2 * count_F * block_count_F / total_F
        count_F = count_F + block_count_F
    return FeatureMoments(count_F, mean_F, np.sqrt(squares_F / np.maximum(count_F, 1)), low_F, high_F)
