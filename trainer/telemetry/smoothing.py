"""Whether a cross-entropy has smoothed labels: a part of each target is spread evenly over all classes.

In: for each look, the loss of the training, the cross-entropy of its outputs, and that of evenly spread targets. Out:
the part that is spread. It is the same in every step, while the two losses move: that tells it from any other loss.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

LEAST, MOST = 0.01, 0.5
"""Parts that are in use."""
LOOKS_NEEDED = 8
"""Looks that must agree. Chosen by hand, 2026-11."""
MOVED = 1.2
"""How much further apart the two losses must be in one look than in another: from a single place, every loss could be a
smoothed one. Chosen by hand, 2026-11."""
ROUND = 100
"""People write such a part with two decimals."""


class Scored(NamedTuple):
    """Cross-entropies of one batch's outputs."""

    plain: float
    """That of the targets."""
    even: float
    """That of targets which are spread evenly over the classes."""


class Smoothed(NamedTuple):
    """A loss with smoothed labels."""

    loss: str
    part: float


class _Parts(NamedTuple):
    """The parts that fit all looks, and how far apart the two losses were."""

    low: float = LEAST
    high: float = MOST
    nearest: float = math.inf
    farthest: float = 0.0


class Smoothing:
    """Which cross-entropy with smoothed labels fits all looks."""

    def __init__(self) -> None:
        self._fits: dict[str, _Parts] | None = None
        self._num_looks = 0

    @property
    def is_open(self) -> bool:
        """Whether more looks may still tell."""
        return (self._fits is None or bool(self._fits)) and self.found is None

    @property
    def found(self) -> Smoothed | None:
        """The only one that is left, if it is certain."""
        if self._num_looks < LOOKS_NEEDED or not self._fits or len(self._fits) > 1:
            return None
        ((name, parts),) = self._fits.items()
        part = round((parts.low + parts.high) / 2 * ROUND) / ROUND
        return Smoothed(name, part) if parts.farthest >= MOVED * parts.nearest else None

    def add(self, losses: Mapping[str, Scored], loss: float, *, same: float) -> None:
        """Compare one look; losses that differ by less than the share ``same`` are equal."""
        self._num_looks += 1
        known = dict.fromkeys(losses, _Parts()) if self._fits is None else self._fits
        self._fits = {}
        for name, parts in known.items():
            if name not in losses:
                continue
            reach, error = losses[name].even - losses[name].plain, same * abs(loss)
            if abs(reach) > 0 and math.isfinite(reach):
                part, unsure = (loss - losses[name].plain) / reach, abs(error / reach)
                low, high = max(parts.low, part - unsure), min(parts.high, part + unsure)
                ends = min(parts.nearest, abs(reach)), max(parts.farthest, abs(reach))
                parts = _Parts(low, high, *ends)
            if math.ceil(parts.low * ROUND) <= math.floor(parts.high * ROUND):
                self._fits[name] = parts
