"""Checks of the data that training would read: a panel and one part of its dates in, problems out.

Shape legend: C codes, D dates, F features, H horizons.
"""

import numpy as np
from numpy.typing import NDArray

from trainer.panel.moments import CODES_PER_BLOCK, FeatureMoments
from trainer.panel.panel import Panel
from trainer.panel.problem import Consequence, PanelProblem, some_of
from trainer.panel.samples import Samples
from trainer.panel.splits import DateRange, part_labels

DEAD_SHARE_REFUSED = 0.1
"""Share of dead features above which a panel is refused, because a run would then alert on dead inputs as critical."""
SUSPECT_CORRELATION = 0.3
"""|correlation| of a feature with a label that no honest daily feature reaches. Chosen by hand."""
MIN_CODES_PER_DAY = 10
"""Fewest codes of a day for which a decile portfolio has one code."""


def part_problems(panel: Panel, name: str, part: DateRange, samples: Samples) -> list[PanelProblem]:
    """Report a part that has no samples, days with few codes, or a horizon without labels."""
    problems = []
    where = f"{panel.source}: {name} part {part.describe(panel.dates)}"
    if not samples.rows.used:
        rows = samples.rows
        message = (
            f"{where}: no samples; expected at least one, got {rows.present} rows, {rows.incomplete} "
            f"without a complete window, {rows.unlabeled} without a label"
        )
        return [PanelProblem(Consequence.REFUSE, "empty_split", message, rows.present)]
    codes_of_day = samples.is_sample_DC.sum(axis=1)
    thin = np.flatnonzero((codes_of_day > 0) & (codes_of_day < MIN_CODES_PER_DAY))
    if len(thin):
        dates = tuple(str(date) for date in panel.dates[part.first + thin])
        message = (
            f"{where}: {len(thin)} dates have few codes; expected at least {MIN_CODES_PER_DAY}, "
            f"got fewer on {some_of(dates)}"
        )
        problems.append(PanelProblem(Consequence.WARN, "thin_days", message, len(thin), dates=dates))
    num_labels_H = np.isfinite(part_labels(panel.targets_DCH, part, panel.horizons)).sum(axis=(0, 1))
    without = [f"{horizon} d" for horizon, num in zip(panel.horizons, num_labels_H, strict=True) if not num]
    if without:
        message = f"{where}: horizons without labels; expected labels for each, got none for {', '.join(without)}"
        problems.append(PanelProblem(Consequence.WARN, "unlabeled_horizon", message, len(without)))
    return problems


def dead_problems(panel: Panel, dead: tuple[str, ...]) -> list[PanelProblem]:
    """Report dead features; more than DEAD_SHARE_REFUSED are a refusal."""
    if not dead:
        return []
    num_features = len(panel.feature_names)
    consequence = Consequence.REFUSE if len(dead) > DEAD_SHARE_REFUSED * num_features else Consequence.WARN
    message = (
        f"{panel.source}: {len(dead)} of {num_features} features are constant or empty in training; "
        f"expected values that vary, got {some_of(dead)}"
    )
    return [PanelProblem(consequence, "dead_features", message, len(dead), dead)]


def leak_problems(panel: Panel, train: DateRange, moments: FeatureMoments) -> list[PanelProblem]:
    """Report features whose correlation with a label is too high for an honest feature."""
    correlation_FH = _label_correlations(panel, train, moments)
    suspects = np.flatnonzero(np.abs(correlation_FH).max(axis=1) > SUSPECT_CORRELATION)
    if not len(suspects):
        return []
    names = tuple(panel.feature_names[feature] for feature in suspects)
    named = []
    for feature in suspects:
        h = int(np.abs(correlation_FH[feature]).argmax())
        named.append(f"{panel.feature_names[feature]} ({correlation_FH[feature, h]:+.2f} with {panel.horizons[h]} d)")
    message = (
        f"{panel.source}: features may leak the future; expected a correlation with a label of at most "
        f"{SUSPECT_CORRELATION}, got {some_of(tuple(named))}"
    )
    return [PanelProblem(Consequence.WARN, "suspected_leak", message, len(names), names)]


def _label_correlations(panel: Panel, train: DateRange, moments: FeatureMoments) -> NDArray[np.float64]:
    """Return the Pearson correlation of each feature with each label over the training rows with both, [F, H]."""
    label_DCH = part_labels(panel.targets_DCH, train, panel.horizons).astype(np.float64)
    features, horizons = len(panel.feature_names), len(panel.horizons)
    count, sum_x, sum_y, sum_xx, sum_yy, sum_xy = np.zeros((6, features, horizons))
    for first in range(0, len(panel.codes), CODES_PER_BLOCK):
        block = slice(first, first + CODES_PER_BLOCK)
        # Subtract the mean first, or a large offset would cost the sums their precision.
        x_NF = panel.features_CDF[block, train.first : train.stop].reshape(-1, features) - moments.mean_F
        y_NH = label_DCH[:, block].transpose(1, 0, 2).reshape(-1, horizons)
        has_x_NF, has_y_NH = np.isfinite(x_NF).astype(np.float64), np.isfinite(y_NH).astype(np.float64)
        x_NF, y_NH = np.nan_to_num(x_NF, copy=False, nan=0.0), np.nan_to_num(y_NH, copy=False, nan=0.0)
        count += has_x_NF.T @ has_y_NH
        sum_x += x_NF.T @ has_y_NH
        sum_y += has_x_NF.T @ y_NH
        sum_xx += (x_NF**2).T @ has_y_NH
        sum_yy += has_x_NF.T @ y_NH**2
        sum_xy += x_NF.T @ y_NH
    count = np.maximum(count, 1.0)
    covariance = sum_xy / count - sum_x * sum_y / count**2
    variance = (sum_xx / count - (sum_x / count) ** 2) * (sum_yy / count - (sum_y / count) ** 2)
    return np.where(variance > 0.0, covariance / np.sqrt(np.where(variance > 0.0, variance, 1.0)), 0.0)
