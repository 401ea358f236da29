"""Values of a chart → heights and axis labels."""

from __future__ import annotations

import math
from collections.abc import Sequence

MOST_LABELS = 10
"""Most labels of one axis."""
FARTHEST = 1e100
"""Larger values are drawn here: pygal cannot compute with the largest numbers."""


NEAREST = 1e-6
"""A range that is a smaller share of its own ends is widened: pygal counts in steps, which must move a float."""


def apart(least: float, most: float) -> tuple[float, float]:
    """Return the ends of a range that is wide enough to be counted through."""
    size = max(abs(least), abs(most))
    if most - least > NEAREST * size:
        return least, most
    return least - size / 10 - 1e-9, most + size / 10 + 1e-9


class EvenScale:
    """A linear scale."""

    def __init__(self, values: Sequence[float], known: tuple[float, float] | None) -> None:
        least, most = known or (self.height(min(values, default=0.0)), self.height(max(values, default=1.0)))
        least, most = apart(least, most)
        room = 0.0 if known else (most / 2 - least / 2) / 10
        self.range = (least - room, most + room)
        self.ticks = [(f"{tick:g}", tick) for tick in even_ticks(*self.range)]

    def height(self, value: float) -> float:
        """Return the height of a value."""
        return min(max(value, -FARTHEST), FARTHEST)


class LogScale:
    """A logarithmic scale; zero and negative values are drawn on its lower edge."""

    def __init__(self, values: Sequence[float]) -> None:
        powers = [math.log10(value) for value in values if value > 0] or [0.0]
        has_zero = any(value <= 0 for value in values)
        least, most = math.floor(min(powers)), math.ceil(max(powers))
        most += most == least
        self._floor = float(least - has_zero)
        self.range = (self._floor, float(most))
        step = max(1, math.ceil((most - least) / MOST_LABELS))
        self.ticks = [(f"1e{power:+03d}", float(power)) for power in range(least, most + 1, step)]
        if has_zero:
            self.ticks.insert(0, ("0", self._floor))

    def height(self, value: float) -> float:
        """Return the height of a value."""
        return math.log10(value) if value > 0 else self._floor


Scale = EvenScale | LogScale


def even_ticks(least: float, most: float, *, whole: bool = False) -> list[float]:
    """Return round numbers between two, at most MOST_LABELS."""
    step = 10 ** math.floor(math.log10(max((most - least) / 4, 1e-300)))
    for factor in (1, 2, 5, 10, 20, 50):
        if (most - least) / (step * factor) <= MOST_LABELS - 3:
            step *= factor
            break
    if whole:
        step = max(1, round(step))
    first = math.ceil(least / step)
    # A product of a whole number and the step is rounder than a sum of steps.
    found = [float(f"{index * step:.12g}") for index in range(first, math.floor(most / step) + 1)]
    return found or [least]
