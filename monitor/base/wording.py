"""How sentences name a log, a duration and a list: the same in pages, alerts and on the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import PurePath

GENERIC = frozenset(
    ("train", "training", "log", "output", "out", "run", "stdout", "stderr", "console", "nohup", "slurm")
)
"""Names of log files that name no run; the folder's name goes in front."""
NAMED = 3
"""Most names in a list; the rest is counted."""
LONG_S = 60.0
"""Shorter durations are left out of what is told of a trouble."""


def log_name(log: str) -> str:
    """Return the name of a log's file, with its folder where the file's own name says nothing."""
    path = PurePath(log)
    stem = path.name.removesuffix(".gz").rpartition(".")[0] or path.name
    is_generic = stem.strip("0123456789-_.").lower() in GENERIC
    return f"{path.parent.name}/{path.name}" if is_generic and path.parent.name else path.name


def span(seconds: float) -> str:
    """Return a duration in its two largest units: ``8 s``, ``12 min``, ``3 h 5 min``, ``2 d 4 h``."""
    if not math.isfinite(seconds):
        return f"{seconds} s"
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3_600:
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole < 600 and whole % 60 else "")
    if whole < 86_400:
        return f"{whole // 3_600} h {whole % 3_600 // 60} min"
    return f"{whole // 86_400:,} d {whole % 86_400 // 3_600} h"


def long_span(seconds: float) -> str:
    """Return a duration as `span` does; empty for one of less than LONG_S, which is not worth a word."""
    return span(seconds) if seconds >= LONG_S else ""


def cut(text: str, most: int) -> str:
    """Return a text of at most ``most`` characters, with a sign where more of it was left out."""
    return text if len(text) <= most else f"{text[:most]} …"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 epoch``, ``2,400 steps``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def listed(names: Sequence[str], most: int = NAMED) -> str:
    """Return the first names of a list, and the number of the others."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"
