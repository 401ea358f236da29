"""What printed digits can tell: whether a 0 is zero or rounded, and whether equal numbers are equal."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise

from monitor.reader.dialects.state import NATIVE
from monitor.reader.numbers import decimals
from monitor.run.run import Run
from monitor.run.series import Point

_FULL_PRECISION = frozenset({"train.loss", "train.lr", "train.grad_norm", "train.lr_zero"})
"""Signals whose values our own writer writes so that no digit is lost."""
_NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.])")
SHARE_SEEN = 100.0
"""A value is far from 0 if it is so many times as large as the last place that is printed. Chosen by hand, 2026-11."""
MANY = 4
"""Among so many values, the one with the most places is left out of account."""
STEEPER = 10.0
"""A fall to 0 counts if it is so many times as steep as the steepest fall before. Chosen by hand, 2026-11."""


def last_place(run: Run, signal: str, points: Sequence[Point]) -> float:
    """Return the size of the last decimal place in which these values were printed; 0 if no digit is lost.

    Trainers that round leave out zeros at the end, so the value with the most places shows how many there can be.
    """
    if run.dialect.name in ("", NATIVE) and (signal in _FULL_PRECISION or _is_repeated_in_full(signal, points)):
        return 0.0
    return printed_place(points)


def printed_place(points: Iterable[Point]) -> float:
    """Return the size of the last decimal place that the lines of these points show; 0 if they show none."""
    found = (_places(point.evidence.text, point.value) for point in points)
    places = sorted((each for each in found if each is not None), reverse=True)
    if not places:
        return 0.0
    # Another number of one line may happen to be the same, with more places.
    return 10.0 ** -places[1 if len(places) >= MANY else 0]


def is_zero(run: Run, signal: str, points: Sequence[Point], scale: float | None) -> bool | None:
    """Return whether the newest of these values is exactly 0; None where the digits cannot tell.

    ``scale`` is the size of a number of the same kind, for a series that has never been anything but 0.
    """
    if points[-1].value != 0:
        return False
    size = last_place(run, signal, points)
    if size == 0:
        return True
    before = [abs(point.value) for point in points if point.value != 0 and math.isfinite(point.value)]
    if not before:
        return True if scale is not None and scale >= SHARE_SEEN * size else None
    falls = [left / right for left, right in pairwise(before) if right > 0]
    is_sudden = before[-1] >= SHARE_SEEN * size and before[-1] / size >= STEEPER * max(falls, default=1.0)
    return True if is_sudden else None


def _is_repeated_in_full(signal: str, points: Sequence[Point]) -> bool:
    """Whether the lines write the value a second time, as our own writer does behind a rounded one."""
    key = f" {signal.rpartition('.')[2]}="
    return key in points[-1].evidence.text


@lru_cache(maxsize=4_096)
def _places(text: str, value: float) -> int | None:
    """Return the decimal places with which a line prints a value; None if the line does not show it."""
    places = None
    for found in _NUMBER.finditer(text):
        try:
            is_it = float(found[0]) == value
        except ValueError:
            continue
        if is_it:
            shown = decimals(found[0])
            places = shown if places is None else max(places, shown)
    return places
