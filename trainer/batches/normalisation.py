"""Normalisation of features and labels, fitted on the training part only: panel in, locations and scales out.

Interface:
    normalisation = fit_normalisation(panel, splits.train, method="mean_std")     # or "robust"
    features_CDF = normalised_features(panel, normalisation, cache_dir=None)      # nan -> 0
    normalisation.normalise_targets(labels), normalisation.restore_targets(predictions)

Shape legend: C codes, D dates, F features, H horizons.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trainer.panel.moments import CODES_PER_BLOCK, feature_moments
from trainer.panel.panel import Panel, PanelError
from trainer.panel.source import source_name
from trainer.panel.splits import DateRange, part_labels

Method = Literal["mean_std", "robust"]

CLIP = 10.0
"""Largest normalised feature, in scales; chosen by hand so that one outlier cannot dominate a batch."""
_IQR_PER_STD = 1.349
"""Interquartile range of a normal distribution in standard deviations."""
_QUARTILE_ROWS = 1_000_000


@dataclass(frozen=True, eq=False)
class Normalisation:
    """value -> (value - location) / scale, of features and of labels."""

    method: Method
    feature_location_F: NDArray[np.float32]
    feature_scale_F: NDArray[np.float32]
    """1 for a feature that is constant in training."""
    target_mean_H: NDArray[np.float32]
    target_std_H: NDArray[np.float32]
    """1 for a horizon without labels or with a constant one; its mean is then 0 or the constant."""
    num_labels_H: NDArray[np.int64]
    """Number of labels from which the means and standard deviations were computed."""

    def normalise_targets(self, target_H: NDArray[np.float32]) -> NDArray[np.float32]:
        """Convert returns [..., H] to standard units."""
        return (target_H - self.target_mean_H) / self.target_std_H

    def restore_targets(self, value_H: NDArray[np.float32]) -> NDArray[np.float32]:
        """Convert standard units [..., H] back to returns."""
        return value_H * self.target_std_H + self.target_mean_H

    def restore_quantiles(self, value_NHQ: NDArray[np.float32]) -> NDArray[np.float64]:
        """Convert predicted quantiles in standard units back to returns."""
        return self.restore_targets(value_NHQ.swapaxes(1, 2)).swapaxes(1, 2).astype(np.float64)


def fit_normalisation(panel: Panel, train: DateRange, *, method: Method = "mean_std") -> Normalisation:
    """Fit on the features of the windows that end in the training part, and on its labels that were not purged.

    `robust` uses the median and interquartile range of each feature, `mean_std` the mean and standard deviation.
    Labels always use the mean and standard deviation, and so does a feature that has an interquartile range of 0
    without being constant.
    """
    moments = feature_moments(panel, train.stop)
    location_F = np.where(moments.is_dead_F & (moments.count_F > 0), moments.low_F, moments.mean_F)
    scale_F = np.where(moments.is_dead_F, 1.0, moments.std_F)
    if method == "robust":
        low_F, median_F, high_F = _quartiles(panel, train.stop)
        has_spread_F = high_F > low_F
        location_F = np.where(has_spread_F, median_F, location_F)
        scale_F = np.where(has_spread_F, (high_F - low_F) / _IQR_PER_STD, scale_F)
    labels_DCH = part_labels(panel.labels_DCH, train, panel.horizons).astype(np.float64)
    target_mean_H, target_std_H, num_labels_H = [], [], []
    for h in range(len(panel.horizons)):
        label_N = labels_DCH[:, :, h][np.isfinite(labels_DCH[:, :, h])]
        std = float(label_N.std()) if len(label_N) else 0.0
        target_mean_H.append(float(label_N.mean()) if len(label_N) else 0.0)
        target_std_H.append(std if std > 0.0 else 1.0)
        num_labels_H.append(len(label_N))
    return Normalisation(
        method=method,
        feature_location_F=location_F.astype(np.float32),
        feature_scale_F=scale_F.astype(np.float32),
        target_mean_H=np.array(target_mean_H, dtype=np.float32),
        target_std_H=np.array(target_std_H, dtype=np.float32),
        num_labels_H=np.array(num_labels_H, dtype=np.int64),
    )


def normalised_features(
    panel: Panel, normalisation: Normalisation, *, cache_dir: Path | None = None
) -> NDArray[np.float32]:
    """Return the whole panel's features [C, D, F] in standard units, clipped to +-CLIP, with missing values as 0.

    With `cache_dir` the array is a memory-mapped file there, named after its content; files from the same source with
    other content are deleted. Raises PanelError when it cannot be written.
    """
    shape = panel.features_CDF.shape
    if cache_dir is None:
        features_CDF = np.empty(shape, dtype=np.float32)
        _fill(features_CDF, panel, normalisation)
        return features_CDF
    path = cache_dir / f"{source_name(panel.source)}-normalised-{_digest(panel, normalisation)}.npy"
    try:
        if not path.exists():
            cache_dir.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(f".{os.getpid()}.part")
            mapped_CDF = np.lib.format.open_memmap(part, mode="w+", dtype=np.float32, shape=shape)
            _fill(mapped_CDF, panel, normalisation)
            mapped_CDF.flush()
            part.replace(path)
            for other in cache_dir.glob(f"{source_name(panel.source)}-normalised-*.npy"):
                if other != path:
                    other.unlink(missing_ok=True)
        return np.load(path, mmap_mode="r")
    except OSError as error:
        raise PanelError(f"{path}: cannot be written; expected a writable folder, got {error}") from error


def _quartiles(panel: Panel, stop: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the lower quartile, median and upper quartile of each feature before a date index; nan without values.

    For a panel with more rows than _QUARTILE_ROWS only evenly spaced codes are read.
    """
    every = max(-(-len(panel.codes) * stop // _QUARTILE_ROWS), 1)
    value_FN = np.ascontiguousarray(panel.features_CDF[::every, :stop].reshape(-1, len(panel.feature_names)).T)
    quartiles_F3 = np.full((len(value_FN), 3), np.nan)
    for feature, value_N in enumerate(value_FN):
        finite_N = value_N[np.isfinite(value_N)]
        if len(finite_N):
            quartiles_F3[feature] = np.percentile(finite_N, (25, 50, 75))
    return quartiles_F3[:, 0], quartiles_F3[:, 1], quartiles_F3[:, 2]


def _fill(target_CDF: NDArray[np.float32], panel: Panel, normalisation: Normalisation) -> None:
    inverse_F = 1.0 / normalisation.feature_scale_F
    for first in range(0, len(panel.codes), CODES_PER_BLOCK):
        block = slice(first, first + CODES_PER_BLOCK)
        value_CDF = (panel.features_CDF[block] - normalisation.feature_location_F) * inverse_F
        target_CDF[block] = np.nan_to_num(np.clip(value_CDF, -CLIP, CLIP), copy=False, nan=0.0)


def _digest(panel: Panel, normalisation: Normalisation) -> str:
    digest = hashlib.sha256(panel.fingerprint.encode())
    digest.update(repr((panel.feature_names, panel.features_CDF.shape, CLIP)).encode())
    digest.update(normalisation.feature_location_F.tobytes() + normalisation.feature_scale_F.tobytes())
    return digest.hexdigest()[:24]
