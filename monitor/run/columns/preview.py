"""What a block of lines contains, so that the rules can be asked about it before it is folded."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from monitor.reader.signals import Labels

if TYPE_CHECKING:
    import numpy as np

    from monitor.run.series import Series


class Coming(NamedTuple):
    """The samples of one series, in order."""

    values: np.ndarray
    marks: np.ndarray
    """Index of each sample's line among the block's lines with a time."""


@dataclass(frozen=True)
class Ahead:
    """Lines that are about to be folded together. They do not begin an attempt or declare anything."""

    is_open: ClassVar[bool] = False
    """Whether only bounds are known: any line may have any of the samples, with any values between these."""
    is_single: ClassVar[bool] = False
    """Whether it is one line."""
    always: ClassVar[frozenset[str]] = frozenset()
    """Where only bounds are known: the signals that each line has that reaches a further step."""

    coming: Mapping[str, Mapping[Labels, Coming]]
    """The samples of each series that the block touches."""
    own_steps: np.ndarray
    """The step in each line with a time; -1 if it has none."""
    own_epochs: np.ndarray
    """The epoch that the line's samples belong to."""
    epochs: np.ndarray
    """The run's epoch after each line."""
    is_moving: bool
    """Whether the run reaches a further step."""
    is_end_of_epoch: bool
    """Whether an epoch ends in the block."""
    silence_s: float
    """Longest time between two lines, starting with the last line before the block."""
    stillness_s: float
    """Longest time without a further step, from the last move before the block to the block's last line."""
    step_s: float
    """Longest time of a step between two neighbouring TRAIN lines of one epoch; 0 if there are none."""
    until: float | None
    """The run's time at its last line."""
    step: int | None
    """The run's step at its last line."""
    epoch: int
    """The run's epoch at its last line."""
    texts: tuple[str, ...] = ()
    """A line of each shape, where another trainer writes: the others differ from it in their numbers only."""
    _ranges: dict[tuple[str, Labels], Range] = field(default_factory=dict, repr=False, compare=False)

    @property
    def touched(self) -> frozenset[str]:
        """The names that the block touches."""
        happened = (("run.moved", self.is_moving), ("run.epoch", self.is_end_of_epoch), ("run.phase", True))
        return frozenset({*self.coming, "log.line", *(name for name, has_happened in happened if has_happened)})

    def values(self, signal: str, labels: Labels) -> list[float]:
        """Return the samples of a series, in order."""
        found = self.coming.get(signal, {}).get(labels)
        return [] if found is None else found.values.tolist()

    def steps(self, signal: str, labels: Labels) -> np.ndarray:
        """Return the step in the line of each sample; -1 if it has none."""
        import numpy as np

        found = self.coming.get(signal, {}).get(labels)
        return np.array([], np.int64) if found is None else self.own_steps[found.marks]

    def places(self, signal: str, labels: Labels) -> list[tuple[int, int]]:
        """Return the step in the line of each sample, -1 for none, and the epoch that the sample belongs to."""
        found = self.coming.get(signal, {}).get(labels)
        if found is None:
            return []
        return list(zip(self.own_steps[found.marks].tolist(), self.own_epochs[found.marks].tolist(), strict=True))

    def reached(self, signal: str) -> list[tuple[int, int]]:
        """Return the run's epoch after each line with a signal, and its samples' epoch, in order, without repeats."""
        import numpy as np

        found = [each.marks for each in self.coming.get(signal, {}).values()]
        if not found:
            return []
        # Without the indices numpy loads its masked arrays, which takes as long as the rest of it.
        marks, _ = np.unique(np.concatenate(found), return_index=True)
        after, own = self.epochs[marks], self.own_epochs[marks]
        is_new = np.ones(len(marks), bool)
        is_new[1:] = (np.diff(after) != 0) | (np.diff(own) != 0)
        return list(zip(after[is_new].tolist(), own[is_new].tolist(), strict=True))

    def comes_each_epoch(self, signal: str, last_epoch: int, most: float) -> bool:
        """Return whether a signal, last seen in ``last_epoch``, is never silent for more than ``most`` epochs."""
        for epoch, own_epoch in (*self.reached(signal), (self.epoch, 0)):
            if epoch - 1 - last_epoch > most:
                return False
            last_epoch = own_epoch
        return True

    def range_of(self, signal: str, labels: Labels, series: Series | None) -> Range:
        """Return the range of a series' values, from the oldest remembered point to the end of the block."""
        found = self._ranges.get((signal, labels))
        if found is None:
            found = self._ranges[signal, labels] = self._range_of(signal, labels, series)
        return found

    def _range_of(self, signal: str, labels: Labels, series: Series | None) -> Range:
        known = [point.value for point in series.recent] if series else []
        coming = self.coming.get(signal, {}).get(labels)
        if coming is not None:
            # min and max are both nan if any value is nan.
            known += (float(coming.values.min()), float(coming.values.max()))
        return Range(min(known), max(known), all(map(math.isfinite, known)))


@dataclass(frozen=True)
class Range:
    """A range of values."""

    least: float
    most: float
    is_finite: bool
    """Whether all values are finite; otherwise `least` and `most` are meaningless."""

    def rounded(self) -> Range:
        """Return a range widened by what rounding can add to a mean of its values."""
        slack = 1e-12 * max(abs(self.least), abs(self.most))
        return Range(self.least - slack, self.most + slack, self.is_finite)
