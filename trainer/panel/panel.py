"""The panel: long-format files in, contiguous arrays out, with every row of the file accounted for.

Interface:
    panel = load_panel(path, PanelSchema(), cache_dir=None)    # in `file`; raises PanelError
    panel.windows(20)[code, date - 19]                         # a 20-day window: a view, no copy
    report = check_panel(panel, SplitSettings())               # in `checks`; splits the dates too
    normalisation = fit_normalisation(panel, report.splits.train)    # in `batches.normalisation`
    batches = DayBatches(panel, report.splits.train, ...)      # in `batches.batches`

The file has one row per (date, code). Labels come from target columns, or else from a price column. The returns that
the graph is built from come from the price column, or else from the one-day target of the date before.
Shape legend: C codes, D dates, F features, G group columns, H horizons, T window days.
"""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from trainer.config import TrainerError


class PanelError(TrainerError, ValueError):
    """A panel that cannot be used."""


@dataclass(frozen=True)
class PanelSchema:
    """What the columns of the file are called."""

    date: str = "date"
    """Date or timestamp column, or ISO text."""
    code: str = "code"
    """Stock code, text or whole number."""
    price: str | None = "close"
    """Adjusted price; optional unless a target is missing. None: the file has no price."""
    target: str = "target_{horizon}d"
    """Label column of a horizon."""
    horizons: tuple[int, ...] = (1, 5, 10, 20)
    """Forecast horizons in dates of the panel, ascending."""
    features: tuple[str, ...] | None = None
    """Feature columns in order, names or patterns such as `mom_*`; None: every other numeric column that does not look
    like a label."""
    exclude: tuple[str, ...] = ()
    """Columns to leave out of the features, names or patterns."""
    static: Path | None = None
    """File with one row per code, whose columns count as columns of the panel."""
    categories: tuple[str, ...] = ()
    """Columns each of whose values becomes a feature of 0 and 1, called `column=value`."""
    groups: tuple[str, ...] = ()
    """Columns that put the codes into groups."""
    weight: str | None = None
    """Column with the weight of each row in the loss."""
    features_per_date: str = "none"
    """none, or what each feature is among the codes of its date: rank or z_score."""
    since: str | None = None
    """First date that is read, YYYY-MM-DD; None for no such limit."""
    until: str | None = None
    """Last date that is read."""

    def __post_init__(self) -> None:
        """Raise PanelError if the target's name is the same for two horizons."""
        try:
            names = self.target_columns()
        except (KeyError, IndexError, ValueError):
            names = ()
        if not names or len(set(names)) < len(names):
            raise PanelError(f"schema: unusable target; expected a name with {{horizon}} in it, got {self.target!r}")

    def target_columns(self) -> tuple[str, ...]:
        """Return the names of the label columns, one per horizon."""
        return tuple(self.target.format(horizon=horizon) for horizon in self.horizons)


class CacheUse(Enum):
    """How the cache was used when the panel was loaded."""

    NONE = "none"
    """No cache directory was given."""
    BUILT = "built"
    """There was no cache for this file and schema; one was built."""
    REUSED = "reused"
    """The cache matched the file's content."""
    REBUILT = "rebuilt"
    """The cache was stale, that is built from other content; it was rebuilt."""
    REPAIRED = "repaired"
    """The cache could not be read; it was rebuilt."""


@dataclass(frozen=True)
class DuplicateRow:
    """A (date, code) that occurs more than once in the file."""

    date: str
    code: str
    rows: int


class PriceMove(NamedTuple):
    """A move of one price that probably did not happen."""

    kind: str
    """split: a ratio of small whole numbers; spike: gone within a few dates; jump: another change of several times."""
    date: str
    code: str
    factor: float
    """Price / price before."""


class StalePrice(NamedTuple):
    """A price that does not change for many dates."""

    code: str
    first: str
    last: str
    num_dates: int


class PriceMoves(NamedTuple):
    """What no adjusted price of a trading day does."""

    moves: tuple[PriceMove, ...] = ()
    still_dates: tuple[str, ...] = ()
    """Dates on which nearly no price moves: holidays that were filled forward."""
    stale: tuple[StalePrice, ...] = ()


@dataclass(frozen=True)
class LoadFacts:
    """What was counted while the file was read; the checks turn it into problems."""

    rows_available: int
    """Rows of the file."""
    rows_without_key: int
    """Rows without a date or a code; they are not in the panel."""
    rows_outside_dates: int
    """Rows before the first or after the last date that was asked for; they are not in the panel."""
    rows_duplicate: int
    """Rows after the first of their (date, code); only the first is kept."""
    duplicates: tuple[DuplicateRow, ...]
    """The first few duplicates."""
    non_finite_features: tuple[int, ...]
    """Per feature: rows whose value is null, nan or infinite."""
    infinite_targets: tuple[int, ...]
    """Per horizon: rows whose label is infinite; they count as unlabeled."""
    bad_weights: int
    """Rows whose weight is null, not finite or below 0; they count as 0."""
    bad_prices: int
    """Rows whose price is null, not finite or not above 0; returns that need it are unknown."""
    ignored_columns: tuple[str, ...]
    """Columns that are not used, because they are not numeric or look like labels."""
    labels_from: str
    """target | price"""
    returns_from: str
    """price | target"""
    moves: PriceMoves
    """What no adjusted price of a trading day does."""


@dataclass(frozen=True, eq=False)
class Panel:
    """A panel in memory or memory-mapped; missing values are nan."""

    source: Path
    source_mtime_s: float
    """Modification time of the newest file when it was read, seconds since 1970."""
    fingerprint: str
    """SHA-256 of the file's bytes, or of the fingerprints of several files."""
    files: tuple[Path, ...]
    """The files that were read, those of `static` after those of `source`."""
    dates: NDArray[np.datetime64]
    """Ascending and distinct."""
    codes: tuple[str, ...]
    feature_names: tuple[str, ...]
    horizons: tuple[int, ...]
    features_CDF: NDArray[np.float32]
    present_CD: NDArray[np.bool_]
    targets_DCH: NDArray[np.float32]
    """Return from the date to `horizon` dates later; nan if unlabeled."""
    returns_DC: NDArray[np.float32]
    """Return from the date before to this date, so known at its end."""
    cache: CacheUse
    facts: LoadFacts
    static: Path | None = None
    """File with one row per code; None: none was read."""
    group_columns: tuple[str, ...] = ()
    group_names: tuple[tuple[str, ...], ...] = ()
    """Per group column, its values."""
    groups_GDC: NDArray[np.int32] | None = None
    """Index into the column's values, -1 without one; None without group columns."""
    weights_DC: NDArray[np.float32] | None = None
    """Weight of each row, 0 where the panel has none; None without a weight column: all weights are 1."""
    learnt_DCH: NDArray[np.float32] | None = None
    """What the model learns to predict; None for the returns themselves."""

    @property
    def labels_DCH(self) -> NDArray[np.float32]:
        """What the model learns to predict: the returns, or what was made of them; nan if unlabeled."""
        return self.targets_DCH if self.learnt_DCH is None else self.learnt_DCH

    def windows(self, window_days: int) -> NDArray[np.float32]:
        """Return a view of the features, [C, D - T + 1, T, F]; window [c, d] ends on date index d + T - 1."""
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
