"""The dates split into train, valid and test, such that no label of one part reaches into the next.

Interface:
    split_dates(panel.dates, SplitSettings(valid_share=0.2), horizons=panel.horizons)    # -> Splits
    winsorised(panel.targets_DCH, splits.train, panel.horizons, share=0.01)    # that part's outliers drawn in
    part_labels(panel.targets_DCH, splits.train, panel.horizons)    # nan if a label reaches the next part

Two parts are separated by `embargo_days` dates that belong to neither. A label that would still reach into the next
part is purged. The features of a validation window may reach back into the embargo and the training part, because they
are in the past.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.panel.panel import PanelError


@dataclass(frozen=True)
class DateRange:
    """Date indices first..stop-1; empty when they are equal."""

    first: int
    stop: int
    label_stop: int
    """Labels must end before this date index: the start of the next part, or the end of the panel."""

    def __len__(self) -> int:
        return self.stop - self.first

    def describe(self, dates: NDArray[np.datetime64]) -> str:
        """Return the range as date..date, or `none` if it is empty."""
        return f"{dates[self.first]}..{dates[self.stop - 1]}" if len(self) else "none"


@dataclass(frozen=True)
class SplitSettings:
    """How the dates are split."""

    valid_share: float = 0.2
    """Share of the dates on which a complete window ends."""
    test_share: float = 0.0
    """The same for the test part, which has the latest dates; 0 for no test part."""
    embargo_days: int = 20
    """Unused dates between two parts; at least the longest horizon."""
    window_days: int = 20
    """Dates that one sample looks back on, including its own."""


@dataclass(frozen=True)
class Splits:
    """The three parts in chronological order."""

    train: DateRange
    valid: DateRange
    test: DateRange
    """Empty if the test share is 0."""
    embargo_days: int

    def dates(self, dates: NDArray[np.datetime64]) -> dict[str, tuple[str, str, str]]:
        """Return each part's first date, last date and last date of a label; empty parts are left out."""
        parts = {"train": self.train, "valid": self.valid, "test": self.test}
        return {
            name: (str(dates[part.first]), str(dates[part.stop - 1]), str(dates[part.label_stop - 1]))
            for name, part in parts.items()
            if len(part)
        }


def split_dates(dates: NDArray[np.datetime64], settings: SplitSettings, *, horizons: tuple[int, ...]) -> Splits:
    """Split the dates: the last share is test, the share before it valid, and the rest, less the embargoes, train.

    Raises PanelError when the embargo is shorter than the longest horizon, or when a requested part would have no
    date with a label of the shortest horizon.
    """
    embargo_days, valid_share, test_share = settings.embargo_days, settings.valid_share, settings.test_share
    if embargo_days < max(horizons):
        raise PanelError(
            f"splits: embargo_days is too short; expected at least the longest horizon {max(horizons)}, "
            f"got {embargo_days}"
        )
    if not (valid_share > 0.0 and test_share >= 0.0 and valid_share + test_share < 1.0):
        raise PanelError(
            f"splits: unusable valid_share or test_share; expected shares that leave dates for training, "
            f"got {valid_share} and {test_share}"
        )
    first, stop = settings.window_days - 1, len(dates)
    usable = max(stop - first, 0)
    test_first = stop - round(usable * test_share)
    valid_stop = test_first - embargo_days if test_first < stop else stop
    valid_first = valid_stop - round(usable * valid_share)
    parts = {
        "train": DateRange(first, max(valid_first - embargo_days, first), label_stop=valid_first),
        "valid": DateRange(valid_first, valid_stop, label_stop=test_first),
        "test": DateRange(test_first, stop, label_stop=stop),
    }
    asked = [name for name in parts if name != "test" or test_share > 0.0]
    empty = [name for name in asked if not _has_label(parts[name], first, min(horizons))]
    if empty:
        raise PanelError(
            f"splits: no labeled date left for {', '.join(empty)} with window {settings.window_days}, "
            f"embargo {embargo_days} and shares valid {valid_share}, test {test_share}; "
            f"expected more dates, got {stop}"
        )
    return Splits(**parts, embargo_days=embargo_days)


def part_labels(targets_DCH: NDArray[np.float32], part: DateRange, horizons: tuple[int, ...]) -> NDArray[np.float32]:
    """Return a part's labels [dates of the part, C, H]; labels that end in the next part or later are nan."""
    labels_DCH = np.array(targets_DCH[part.first : part.stop])
    for h, horizon in enumerate(horizons):
        labels_DCH[max(part.label_stop - horizon - part.first, 0) :, :, h] = np.nan
    return labels_DCH


def winsorised(
    targets_DCH: NDArray[np.float32], part: DateRange, horizons: tuple[int, ...], *, share: float
) -> NDArray[np.float32]:
    """Return all labels, those of a part drawn in to its quantiles `share` and 1 - `share` of each horizon."""
    labels_DCH = np.array(targets_DCH)
    own_DCH = part_labels(targets_DCH, part, horizons)
    for h in range(len(horizons)):
        known_N = own_DCH[:, :, h][np.isfinite(own_DCH[:, :, h])]
        if len(known_N):
            low, high = np.quantile(known_N, (share, 1.0 - share))
            np.clip(labels_DCH[part.first : part.stop, :, h], low, high, out=labels_DCH[part.first : part.stop, :, h])
    return labels_DCH


def _has_label(part: DateRange, first_usable: int, shortest_horizon: int) -> bool:
    return part.first >= first_usable and part.first < min(part.stop, part.label_stop - shortest_horizon)
