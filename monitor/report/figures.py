"""Figures in words for the page: times, durations, shares, and absent values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from monitor.base.evidence import Evidence
from monitor.report.statement import Mark, Statement

NOT_SEEN = "not seen"
SHOWN = 64
"""Most entries of one list or table; a hostile log can name any number of horizons, groups and cards."""


YEAR_9999 = 253_402_300_800.0
"""The end of the calendar, in seconds since 1970-01-01 UTC."""


def moment(at: float | None) -> str:
    """Return a time as ``2025-10-30 23:43:04 UTC``."""
    if at is None:
        return "unknown (no line has a time)"
    try:
        return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        return f"{at:.0f} s after 1970-01-01 UTC"


def clock_time(at: float) -> str:
    """Return a time of day as ``23:43 UTC``."""
    return f"{moment(at)[11:16]} UTC" if abs(at) < YEAR_9999 else "a time beyond the calendar"


def duration(seconds: float) -> str:
    """Return a duration in its two largest units: ``2 minutes 13 seconds``, ``3 hours 5 minutes``."""
    if not math.isfinite(seconds):
        return f"{seconds} s"
    rest = round(seconds)
    words = []
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        count, rest = divmod(rest, size)
        if count:
            words.append(f"{count:,} {unit}{'' if count == 1 else 's'}")
    return " ".join(words[:2]) or "0 seconds"


def megabytes(mb: float) -> str:
    """Return a size in MB, and in GB of 1,000 MB from 1 GB on."""
    return f"{mb:.0f} MB ({mb / 1000:.1f} GB)" if mb >= 1000 else f"{mb:.0f} MB"


def signal_value(signal: str, value: float, *, decimals: int = 0) -> str:
    """Return a value of a signal as a person would write it, by the unit in its name.

    ``decimals`` is the least number of decimals where a power of ten is used.
    """
    if not math.isfinite(value):
        return str(value)
    if signal.endswith("_mb"):
        return megabytes(value)
    if signal.endswith("_pct"):
        return f"{value:.0f} %"
    if signal.startswith(("grad.", "encoder_grad.", "weight.")) and value:
        return scientific(value, decimals)
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"


def scientific(value: float, decimals: int = 0) -> str:
    """Return ``6.317e-03``, ``7e+00``: up to four digits, without trailing zeros beyond ``decimals``."""
    digits, _, power = f"{value:.3e}".partition("e")
    whole, _, part = digits.partition(".")
    part = part.rstrip("0").ljust(decimals, "0")
    return f"{whole}.{part}e{power}" if part else f"{whole}e{power}"


def share(part: float, whole: float) -> str:
    """Return `` (21 %)``; nothing where the whole is zero or the share not finite."""
    if not whole or not math.isfinite(part / whole):
        return ""
    return f" ({100 * part / whole:.{0 if part >= whole / 10 else 1}f} %)"


def plain(value: object) -> str:
    """Return a value as a person would write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, tuple):
        return ", ".join(map(plain, value))
    return str(value)


def fact(subject: str, value: object | None, *evidence: Evidence) -> Statement:
    """State a value with its line; None reads "not seen"."""
    if value is None:
        return Statement(subject, NOT_SEEN, mark=Mark.UNKNOWN)
    return Statement(subject, plain(value), evidence)


def bounded(statements: Sequence[Statement]) -> tuple[Statement, ...]:
    """Return at most SHOWN statements, and the number of those left out."""
    if len(statements) <= SHOWN:
        return tuple(statements)
    rest = len(statements) - SHOWN
    return (*statements[:SHOWN], Statement("", f"{rest:,} more are not shown"))


BARS = "▁▂▃▄▅▆▇█"
GAP = "·"
"""Replaces a number that is missing or not finite."""
WIDTH = 24
"""Most numbers shown; the newest are kept."""


def sparkline(values: Iterable[float | None]) -> str:
    """Return the newest numbers as bars between their minimum and maximum; nothing for fewer than two."""
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
