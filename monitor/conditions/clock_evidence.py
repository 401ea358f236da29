"""Tells whether a log's clock ran: without times, or by a clock that has stopped, silence cannot be measured."""

from __future__ import annotations

from itertools import pairwise

from monitor.conditions.reach import GAPS_COUNTED
from monitor.run.attempt import Attempt
from monitor.run.series import Point

FEWEST_REPORTS = 8
"""Fewer progress lines with one time prove nothing: a fast trainer writes several in one tick. By hand, 2026-11."""
LONGEST_TICK = 2
"""Reports within one tick of the clock that are normal, as a multiple of the longest such row. By hand, 2026-11."""


def clock_stops(attempt: Attempt) -> str:
    """Return, in words, why the times of an attempt's lines prove nothing; nothing if the clock ran to the end."""
    if attempt.began_at is None:
        return "the log's lines carry no times"
    points = max((series.recent for series in attempt.of("train.loss").values()), key=len, default=())
    since = 0
    ticks: list[int] = []
    for place, (before, after) in enumerate(pairwise(points), 1):
        if _ticks(before, after):
            ticks.append(place - since)
            since = place
    standing = len(points) - 1 - since
    usual = max(ticks[-GAPS_COUNTED:], default=1)
    if standing < FEWEST_REPORTS or standing <= LONGEST_TICK * usual:
        return ""
    return f"the log's clock stopped at step {points[since].step}"


def _ticks(before: Point, after: Point) -> bool:
    return before.at is not None and after.at is not None and after.at > before.at
