"""What a block of lines holds, as the rules are asked about it before it is folded."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from monitor.signals import Labels

if TYPE_CHECKING:
    import numpy as np

    from monitor.series import Series


@dataclass(frozen=True)
class Ahead:
    """Lines that are about to be folded together. They open no attempt and declare nothing."""

    values: Mapping[str, Mapping[Labels, np.ndarray]]
    """The samples of each series, in order; none where the block touches it not."""
    steps: Mapping[str, Mapping[Labels, Sequence[int]]]
    """The steps that their lines say; -1 where they say none."""
    epochs: Mapping[str, Mapping[Labels, Sequence[int]]]
    """The epochs that they belong to; not told of TRAIN lines."""
    reached: Mapping[str, Sequence[tuple[int, int]]]
    """The run's epoch after each line with a signal, and the line's own, in order; equal ones of TRAIN lines once."""
    is_moving: bool
    """Whether the run goes a step further."""
    is_end_of_epoch: bool
    """Whether an epoch ends in it."""
    silence_s: float
    """Longest time from one line to the next, from the last line before the block on."""
    stillness_s: float
    """Longest time without a further step, from the last move before the block to its last line."""
    step_s: float
    """Longest time of a step, by two neighbouring TRAIN lines of one epoch; 0 where there are none."""
    until: float | None
    """The run's time at its last line."""
    step: int | None
    """The run's step at its last line."""
    epoch: int
    """The run's epoch at its last line."""
    _ranges: dict[tuple[str, Labels], Range] = field(default_factory=dict, repr=False, compare=False)

    @property
    def touched(self) -> frozenset[str]:
        """What the block touches."""
        happened = (("run.moved", self.is_moving), ("run.epoch", self.is_end_of_epoch), ("run.phase", True))
        return frozenset({*self.values, "log.line", *(name for name, has_happened in happened if has_happened)})

    def range_of(self, signal: str, labels: Labels, series: Series | None) -> Range:
        """Return between which values a series will have moved, from the oldest point that is remembered."""
        found = self._ranges.get((signal, labels))
        if found is None:
            found = self._ranges[signal, labels] = self._range_of(signal, labels, series)
        return found

    def _range_of(self, signal: str, labels: Labels, series: Series | None) -> Range:
        known = [point.value for point in series.recent] if series else []
        coming = self.values.get(signal, {}).get(labels)
        if coming is not None:
            # Either of them is nan where one of all is.
            known += (float(coming.min()), float(coming.max()))
        return Range(min(known), max(known), all(map(math.isfinite, known)))


@dataclass(frozen=True)
class Range:
    """Where values lie."""

    least: float
    most: float
    is_finite: bool
    """Whether all of them are finite numbers; else `least` and `most` are not to be relied on."""

    def rounded(self) -> Range:
        """Return a range that also holds what rounding can make of a mean of its values."""
        slack = 1e-12 * max(abs(self.least), abs(self.most))
        return Range(self.least - slack, self.most + slack, self.is_finite)
