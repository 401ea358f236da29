"""Figures and foreign text for the view: short, on one line, without terminal codes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.text import Text

from monitor.base.escape import MARKS, redact, terminal

LEVELS = "▁▂▃▄▅▆▇█"
FLAT = LEVELS[3]
NOT_FINITE = "×"
ZERO = "0"
DECADE = 1.0
"""Least range of a logarithmic sparkline, in powers of ten, so that noise within a factor of ten looks calm."""
TEXT_CELLS = 400
"""Most characters of one foreign text; no row has room for more."""

_FORGED = {ord(mark): "?" for mark in MARKS}


def foreign(text: str, style: str = "") -> Text:
    """Return text from a log or a file name without control codes, secrets and our own marks."""
    return Text(terminal(redact(text[: 4 * TEXT_CELLS]), TEXT_CELLS).translate(_FORGED), style)


def number(value: float | None) -> str:
    """Return a figure in at most 9 cells; a dash for none."""
    if value is None:
        return "–"
    if not math.isfinite(value):
        return str(value)
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.4g}"
    return f"{value:.2e}"


def time_of_day(at: float | None) -> str:
    """Return a time as ``23:40:51`` UTC; dashes for none."""
    try:
        return "--:--:--" if at is None else f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}"
    except (OverflowError, ValueError, OSError):
        return "--:--:--"


def size(num_bytes: int) -> str:
    """Return a number of bytes as ``812 bytes``, ``14 kB``, ``3.2 MB``, ``1.4 GB``."""
    if num_bytes < 10_000:
        return f"{num_bytes:,} bytes"
    for unit, factor in (("kB", 1e3), ("MB", 1e6)):
        if num_bytes < 999.5 * factor:
            return f"{num_bytes / factor:.3g} {unit}"
    return f"{num_bytes / 1e9:,.3g} GB"


def sparkline(values: Sequence[float], width: int, *, is_logarithmic: bool = False) -> str:
    """Draw the last ``width`` values, one cell each; × for a value that is not finite.

    Logarithmic for norms: over at least one power of ten, and 0 where a value is zero (or below).
    """
    shown = list(values[-width:]) if width > 0 else []
    heights = [_height(value, is_logarithmic=is_logarithmic) for value in shown]
    known = [height for height in heights if height is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    if is_logarithmic and high - low < DECADE:
        middle = (low + high) / 2
        low, high = middle - DECADE / 2, middle + DECADE / 2
    return "".join(_cell(value, height, low, high) for value, height in zip(shown, heights, strict=True))


def bar(share: float, width: int) -> Text:
    """Draw a progress bar of ``width`` cells."""
    filled = min(width, max(0, int(share * width))) if math.isfinite(share) else 0
    return Text.assemble(("━" * filled, "green"), ("━" * (width - filled), "bright_black"))


def _height(value: float, *, is_logarithmic: bool) -> float | None:
    if not math.isfinite(value) or (is_logarithmic and value <= 0):
        return None
    return math.log10(value) if is_logarithmic else value


def _cell(value: float, height: float | None, low: float, high: float) -> str:
    if height is None:
        return ZERO if math.isfinite(value) else NOT_FINITE
    if high == low:
        return FLAT
    # Halves first: the difference of two finite numbers may be infinite.
    share = (height / 2 - low / 2) / (high / 2 - low / 2)
    return LEVELS[min(len(LEVELS) - 1, max(0, int(share * len(LEVELS))))] if math.isfinite(share) else FLAT
