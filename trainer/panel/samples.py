"""Which (date, code) pairs of a part are samples, and what happened to every row of the file.

Interface:
    choose_samples(panel, splits.train, window_days=20) -> Samples
    account_rows(panel, {"train": ..., "valid": ..., "test": ...}) -> RowAccount    # adds up to the file

Shape legend: D dates of the panel (of the part, if noted), C codes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.panel.panel import Panel
from trainer.panel.splits import DateRange, part_labels


@dataclass(frozen=True)
class RowCounts:
    """What happened to the rows whose date is in one part."""

    present: int
    """All rows of the part: the sum of the three below."""
    incomplete: int
    """Skipped: too many days of the window are missing."""
    unlabeled: int
    """Skipped: no horizon has a label that belongs to the part."""
    used: int


@dataclass(frozen=True, eq=False)
class Samples:
    """The samples of one part."""

    is_sample_DC: NDArray[np.bool_]
    """[dates of the part, codes]"""
    rows: RowCounts


@dataclass(frozen=True)
class RowAccount:
    """Every row of the file, counted once."""

    available: int
    """Rows of the file: the sum of all below."""
    without_key: int
    """No date or no code."""
    duplicate: int
    """Their (date, code) occurred before."""
    outside: int
    """On an embargo date, on a date too early to end a complete window, or outside the dates that were asked for."""
    incomplete: int
    unlabeled: int
    used: int


def choose_samples(
    panel: Panel, part: DateRange, *, window_days: int, max_missing_days: int = 0, labeled_only: bool = True
) -> Samples:
    """Choose the rows of a part whose window lacks at most `max_missing_days` dates. With `labeled_only` they must
    also have a label, of any horizon, that ends before the next part.
    """
    present_DC = panel.present_CD.T
    num_before_DC = np.zeros((len(panel.dates) + 1, len(panel.codes)), dtype=np.int32)
    np.cumsum(present_DC, axis=0, out=num_before_DC[1:])
    stop_D = np.arange(part.first, part.stop) + 1
    num_in_window_DC = num_before_DC[stop_D] - num_before_DC[np.maximum(stop_D - window_days, 0)]
    in_part_DC = present_DC[part.first : part.stop]
    whole_DC = in_part_DC & (num_in_window_DC >= window_days - max_missing_days)
    used_DC = whole_DC
    if labeled_only:
        used_DC = whole_DC & np.isfinite(part_labels(panel.labels_DCH, part, panel.horizons)).any(axis=2)
    present, whole, used = int(in_part_DC.sum()), int(whole_DC.sum()), int(used_DC.sum())
    return Samples(used_DC, RowCounts(present, incomplete=present - whole, unlabeled=whole - used, used=used))


def account_rows(panel: Panel, parts: Mapping[str, Samples]) -> RowAccount:
    """Count what happened to every row of the file, given the samples of all parts."""
    facts = panel.facts
    rows = [samples.rows for samples in parts.values()]
    return RowAccount(
        available=facts.rows_available,
        without_key=facts.rows_without_key,
        duplicate=facts.rows_duplicate,
        outside=int(panel.present_CD.sum()) - sum(count.present for count in rows) + facts.rows_outside_dates,
        incomplete=sum(count.incomplete for count in rows),
        unlabeled=sum(count.unlabeled for count in rows),
        used=sum(count.used for count in rows),
    )
