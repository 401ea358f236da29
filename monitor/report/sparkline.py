"""Numbers → a line of eight heights, for a cell of a table."""

from __future__ import annotations

import math
from collections.abc import Iterable

BARS = "▁▂▃▄▅▆▇█"
GAP = "·"
"""Stands for a number that is missing or not finite."""
WIDTH = 24
"""Most numbers shown: the newest."""


def sparkline(values: Iterable[float | None]) -> str:
    """Return the newest numbers as bars between their least and their greatest; nothing for less than two."""
    shown = list(values)[-WIDTH:]
    finite = [value for value in shown if value is not None and math.isfinite(value)]
    if len(finite) < 2:
        return ""
    least, most = min(finite), max(finite)
    return "".join(_bar(value, least, most) for value in shown)


def _bar(value: float | None, least: float, most: float) -> str:
    if value is None or not math.isfinite(value):
        return GAP
    # Halves first: the difference of two finite numbers may be infinite.
    height, whole = value / 2 - least / 2, most / 2 - least / 2
    return BARS[0] if whole == 0 else BARS[min(len(BARS) - 1, int(height / whole * len(BARS)))]
