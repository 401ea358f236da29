"""The denominator of a ratio: one number for a series' own past, or the reason why there is none yet."""

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
"""The median of the reports just before, the first report, the median of the first reports, the lowest or highest
median of a window so far, or the lowest value so far."""

_PAST_WORDS = {
    "recent": "the median of the {past} reports before",
    "first": "the first value",
    "early": "the median of the first reports",
    "lowest": "the lowest median of {past} reports so far",
    "highest": "the highest median of {past} reports so far",
    "minimum": "the lowest value so far",
}


def past_words(to: To, past: int) -> str:
    """Return what a ratio divides by, in words."""
    return _PAST_WORDS[to].format(past=past)


def reference(
    to: To, series: Series, before: Sequence[float], change: Change | None, *, past: int, least: int, is_above: bool
) -> float | str:
    """Return the number to divide by, or the reason why there is none.

    ``before`` holds the finite values that are remembered from before the judged ones and after the declared change.
    After a declared change, only these give the first and the lowest value. ``is_above``: high values are suspicious.
    """
    if len(before) < least:
        return f"{len(before)} of {least} earlier reports seen"
    if to == "recent" and len(before) < FEW:
        # Too few for a median: take the one that makes a breach least likely.
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
    if not known:
        return "the earlier values are too large to be compared"
    return min(known) if to == "lowest" else max(known)


def early_median(series: Series, before: Sequence[float], least: int) -> float:
    """Return the median of the first ``least`` values since the declared change; later values do not move it."""
    early = [value for value in series.early if math.isfinite(value)] or before
    return statistics.median(early[:least])


class Change(NamedTuple):
    """A change that the run declared, and the line that declared it."""

    words: str
    evidence: Evidence
    serial: int
    """Like `Point.serial`: samples with a larger serial came after the change."""


def declared_change(attempt: Attempt) -> Change | None:
    """Return the newest phase or data change that the run declared, if any."""
    changes = [
        Change(f"{word}={getattr(attempt.intent, word)}", attempt.intent_evidence[word], attempt.intent_serials[word])
        for word in ("phase_change", "data_change")
        if word in attempt.intent_evidence and getattr(attempt.intent, word) != EARLY_STOP
    ]
    return max(changes, key=lambda change: change.serial, default=None)


def since(change: Change | None, points: Iterable[Point]) -> list[Point]:
    """Return the points that came after a change; all points if there was no change."""
    if change is None:
        return list(points)
    return [point for point in points if point.serial > change.serial]
