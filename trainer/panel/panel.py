"""The panel: a long-format parquet file in, contiguous arrays out, with every row of the file accounted for.

Interface:
    panel = load_panel(path, PanelSchema(), cache_dir=None)    # in panel_file; raises PanelError
    panel.windows(20)[code, date - 19]                         # a 20-day window: a view, no copy
    report = check_panel(panel, SplitSettings())               # in panel_checks; divides the dates as well
    normalisation = fit_normalisation(panel, report.splits.train)    # in normalisation
    batches = DayBatches(panel, report.splits.train, ...)      # in batches

The file holds one row per (date, code). Labels come from target columns, else from a price column; the
returns that the graph is made of come from the price column, else from the one-day target a day later.
Shape legend: C codes, D dates, F features, H horizons, T window days.
"""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from trainer.config import TrainerError


class PanelError(TrainerError, ValueError):
    """A panel that cannot be used; reads `where: what; expected ..., got ...`."""


@dataclass(frozen=True)
class PanelSchema:
    """Which column of the file means what."""

    date: str = "date"
    """Date or timestamp column, or ISO text."""
    code: str = "code"
    """Stock code, text or whole number."""
    price: str | None = "close"
    """Adjusted price; used where it exists, required where a target is missing. None: the file has none."""
    target: str = "target_{horizon}d"
    """Name of the label column of a horizon."""
    horizons: tuple[int, ...] = (1, 5, 10, 20)
    """Forecast horizons in dates of the panel, ascending."""
    features: tuple[str, ...] | None = None
    """Feature columns in order; None: every other numeric column that does not look like a label."""

    def __post_init__(self) -> None:
        """Raise PanelError when the target's name does not tell the horizons apart."""
        try:
            names = self.target_columns()
        except (KeyError, IndexError, ValueError):
            names = ()
        if not names or len(set(names)) < len(names):
            raise PanelError(f"schema: target; expected a name with {{horizon}} in it, got {self.target!r}")

    def target_columns(self) -> tuple[str, ...]:
        """Name the label columns, one per horizon."""
        return tuple(self.target.format(horizon=horizon) for horizon in self.horizons)


class CacheUse(Enum):
    """What became of the cache when the panel was loaded."""

    NONE = "none"
    """No cache directory was given."""
    BUILT = "built"
    """There was none for this file and schema."""
    REUSED = "reused"
    """Its content matches the file."""
    REBUILT = "rebuilt"
    """It was stale: made from another content of the file; it was made anew."""
    REPAIRED = "repaired"
    """It could not be read; it was made anew."""


@dataclass(frozen=True)
class DuplicateRow:
    """A (date, code) that the file holds more than once."""

    date: str
    code: str
    rows: int


@dataclass(frozen=True)
class LoadFacts:
    """What reading the file showed; the checks judge it."""

    rows_available: int
    """Rows of the file."""
    rows_without_key: int
    """Rows without a date or a code; they are not in the panel."""
    rows_duplicate: int
    """Rows beyond the first of their (date, code); the first is kept."""
    duplicates: tuple[DuplicateRow, ...]
    """The first few of them."""
    non_finite_features: tuple[int, ...]
    """Per feature: rows whose value is null, nan or infinite."""
    infinite_targets: tuple[int, ...]
    """Per horizon: rows whose label is infinite; they count as unlabeled."""
    bad_prices: int
    """Rows whose price is null, not finite or not above 0; returns that need them are unknown."""
    ignored_columns: tuple[str, ...]
    """Columns not used because they are not numeric or look like labels."""
    labels_from: str
    """target | price"""
    returns_from: str
    """price | target"""


@dataclass(frozen=True, eq=False)
class Panel:
    """A panel in memory or memory-mapped; absent values are nan."""

    source: Path
    source_mtime_s: float
    """Modification time of the file when it was read, seconds since 1970."""
    fingerprint: str
    """SHA-256 of the file's bytes."""
    dates: NDArray[np.datetime64]
    """Ascending, each once."""
    codes: tuple[str, ...]
    feature_names: tuple[str, ...]
    horizons: tuple[int, ...]
    features_CDF: NDArray[np.float32]
    present_CD: NDArray[np.bool_]
    targets_DCH: NDArray[np.float32]
    """Return from the date to `horizon` dates later; nan where unlabeled."""
    returns_DC: NDArray[np.float32]
    """Return that was known at the end of the date: from the date before to it."""
    cache: CacheUse
    facts: LoadFacts

    def windows(self, window_days: int) -> NDArray[np.float32]:
        """Return the features as [C, D - T + 1, T, F], a view: entry [c, d] ends on date index d + T - 1."""
        return window_view(self.features_CDF, window_days)


def window_view(features_CDF: NDArray[np.float32], window_days: int) -> NDArray[np.float32]:
    """View contiguous [C, D, F] as overlapping windows [C, D - T + 1, T, F] without copying."""
    codes, days, features = features_CDF.shape
    by_code, by_day, by_feature = features_CDF.strides
    return as_strided(
        features_CDF,
        (codes, max(days - window_days + 1, 0), window_days, features),
        (by_code, by_day, by_day, by_feature),
        writeable=False,
    )
