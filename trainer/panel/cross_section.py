"""Values relative to the other stocks of the same date: features and labels as ranks or z-scores, labels within groups.

Whatever is computed of a date uses the values of that date only; a missing value stays missing and counts for none.

Shape legend: D dates, C codes, F features, H horizons; M columns, each compared by itself.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trainer.panel.categories import MISSING

PerDate = Literal["none", "rank", "z_score"]
PER_DATE = ("none", "rank", "z_score")
_BYTES_AT_ONCE = 1 << 25
_ROUNDING = 4 * float(np.finfo(np.float32).eps)
"""Values that differ by less, as a share of the largest, are equal but for single-precision rounding."""


def compare_features(features_CDF: NDArray[np.float32], kind: PerDate, columns: NDArray[np.int64]) -> None:
    """Replace some features by their rank or z-score among the codes of each date, in place."""
    if kind == "none" or not len(columns):
        return
    codes, days, _ = features_CDF.shape
    days_at_once = max(_BYTES_AT_ONCE // (8 * max(codes, 1) * len(columns)), 1)
    for first in range(0, days, days_at_once):
        block_CDF = features_CDF[:, first : first + days_at_once, columns]
        compared_CM = compared(block_CDF.reshape(codes, -1).astype(np.float64), kind)
        features_CDF[:, first : first + days_at_once, columns] = compared_CM.reshape(block_CDF.shape)


def compare_labels(
    targets_DCH: NDArray[np.float32], kind: PerDate, group_DC: NDArray[np.int32] | None = None
) -> NDArray[np.float32]:
    """Return labels less the mean of their group on their date, then their rank or z-score on that date.

    A label in no group, or alone in its group, is missing: there is nothing that it could be relative to.
    """
    label_DCH = targets_DCH.astype(np.float64)
    if group_DC is not None:
        label_DCH = np.stack([_within_groups(each_DC, group_DC) for each_DC in np.moveaxis(label_DCH, 2, 0)], axis=2)
    if kind != "none":
        days, codes, horizons = label_DCH.shape
        label_CM = label_DCH.transpose(1, 0, 2).reshape(codes, days * horizons)
        label_DCH = compared(label_CM, kind).reshape(codes, days, horizons).transpose(1, 0, 2)
    return np.ascontiguousarray(label_DCH, dtype=np.float32)


def compared(value_CM: NDArray[np.float64], kind: PerDate) -> NDArray[np.float64]:
    """Return each column's ranks, from above -1 to below 1 with ties averaged, or its z-scores.

    Where all values of a column are equal, or there is only one, each is 0.
    """
    known_CM = np.isfinite(value_CM)
    count_M = known_CM.sum(axis=0)
    found_CM = (_ranks if kind == "rank" else _z_scores)(np.where(known_CM, value_CM, np.nan), known_CM, count_M)
    return np.where(known_CM, found_CM, np.nan)


def _ranks(
    value_CM: NDArray[np.float64], known_CM: NDArray[np.bool_], count_M: NDArray[np.int64]
) -> NDArray[np.float64]:
    order_CM = np.argsort(value_CM, axis=0, kind="stable")  # missing values last
    sorted_CM = np.take_along_axis(value_CM, order_CM, axis=0)
    place_C1 = np.arange(len(value_CM))[:, None]
    begins_CM = np.ones(value_CM.shape, dtype=bool)
    begins_CM[1:] = sorted_CM[1:] != sorted_CM[:-1]
    ends_CM = np.ones(value_CM.shape, dtype=bool)
    ends_CM[:-1] = begins_CM[1:]
    first_CM = np.maximum.accumulate(np.where(begins_CM, place_C1, 0), axis=0)
    last_CM = np.minimum.accumulate(np.where(ends_CM, place_C1, len(value_CM))[::-1], axis=0)[::-1]
    rank_CM = np.empty(value_CM.shape)
    # Places count from 0, so the middle of a column is at (count - 1) / 2.
    np.put_along_axis(rank_CM, order_CM, (first_CM + last_CM + 1 - count_M) / np.maximum(count_M, 1), axis=0)
    return rank_CM


def _z_scores(
    value_CM: NDArray[np.float64], known_CM: NDArray[np.bool_], count_M: NDArray[np.int64]
) -> NDArray[np.float64]:
    filled_CM = np.where(known_CM, value_CM, 0.0)
    off_CM = np.where(known_CM, filled_CM - filled_CM.sum(axis=0) / np.maximum(count_M, 1), 0.0)
    std_M = np.sqrt((off_CM**2).sum(axis=0) / np.maximum(count_M, 1))
    largest_M = np.abs(filled_CM).max(axis=0, initial=0.0)
    varies_M = np.abs(off_CM).max(axis=0, initial=0.0) > _ROUNDING * largest_M
    return np.where(varies_M, off_CM / np.where(varies_M, std_M, 1.0), 0.0)


def _within_groups(label_DC: NDArray[np.float64], group_DC: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return each label less the mean of its group on its date."""
    num_groups = int(group_DC.max(initial=0)) + 1
    cell_DC = np.arange(len(label_DC))[:, None] * num_groups + group_DC
    counts_DC = np.isfinite(label_DC) & (group_DC != MISSING)
    cells = cell_DC[counts_DC]
    num_cells = len(label_DC) * num_groups
    count = np.bincount(cells, minlength=num_cells)
    mean = np.bincount(cells, weights=label_DC[counts_DC], minlength=num_cells) / np.maximum(count, 1)
    relative_DC = np.full(label_DC.shape, np.nan)
    relative_DC[counts_DC] = np.where(count[cells] >= 2, label_DC[counts_DC] - mean[cells], np.nan)
    return relative_DC
