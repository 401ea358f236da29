"""What a ratio is to: one number for a series' own past, or a reason in words why there is none yet."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from monitor.base.evidence import Evidence
from monitor.conditions.shapes import FEW
from monitor.run.attempt import EARLY_STOP, Attempt
from monitor.run.series import Point, Series

To = Literal["recent", "first", "early", "lowest", "highest", "minimum"]
"""The median of the reports just before, the first report, the median of the first ones, the lowest or highest median
of a window so far, or the lowest value so far."""


def reference(
    to: To, series: Series, before: Sequence[float], change: Change | None, *, past: int, least: int, is_above: bool
) -> float | str:
    """Return what a value is measured by, else why it cannot be.

    ``before`` are the finite values remembered from before the judged ones, since the declared change: after one,
    they are all there is of its first and lowest. ``is_above``: values above it are the suspicious ones.
    """
    if len(before) < least:
        return f"{len(before)} of {least} earlier reports seen"
    if to == "recent" and len(before) < FEW:
        # The one of them that is hardest to go beyond stands for the median.
        return max(before) if is_above else min(before)
    if to == "recent":
        return statistics.median(before[-past:])
    if to == "first":
        return before[0] if change is not None or series.first is None else series.first.value
    if to == "early":
        return early_median(series, before, least)
    if to == "minimum":
        return min([*before, series.minimum] if change is None else before)
    lowest, highest = series.window_medians
    size = min(past, len(before))
    medians = [statistics.median(before[end - size : end]) for end in range(len(before), size - 1, -size)]
    known = [each for each in (*medians, lowest if to == "lowest" else highest) if math.isfinite(each)]
    return min(known) if to == "lowest" else max(known)


def early_median(series: Series, before: Sequence[float], least: int) -> float:
    """Return the median of the ``least`` first values since the declared change; no later one moves it."""
    early = [value for value in series.early if math.isfinite(value)] or before
    return statistics.median(early[:least])


class Change(NamedTuple):
    """A declared change, and the line that declared it."""

    words: str
    evidence: Evidence
    serial: int
    """As `Point.serial`: samples with a larger one came after it."""


def declared_change(attempt: Attempt) -> Change | None:
    """Return the newest phase or data change that the run declared; None for none."""
    changes = [
        Change(f"{word}={getattr(attempt.intent, word)}", attempt.intent_evidence[word], attempt.intent_serials[word])
        for word in ("phase_change", "data_change")
        if word in attempt.intent_evidence and getattr(attempt.intent, word) != EARLY_STOP
    ]
    return max(changes, key=lambda change: change.serial, default=None)


def since(change: Change | None, points: Iterable[Point]) -> list[Point]:
    """Return the points that came after a change; all of them where there was none."""
    if change is None:
        return list(points)
    return [point for point in points if point.serial > change.serial]
