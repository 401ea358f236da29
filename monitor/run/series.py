"""Series: what is remembered of one signal with one set of labels, bounded for any length of run."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from monitor.base.evidence import Evidence, shortened
from monitor.reader.signals import Labels, Signal, is_kept_by_epoch

if TYPE_CHECKING:
    import numpy as np

RECENT = 64
"""Points kept of a signal that a run has once, or once per GPU or per pattern of the rules."""
RECENT_PER_LABEL = 24
"""Points kept of a signal that exists for each group, layer or horizon; there can be hundreds."""
RECENT_IN_CROWD = 8
"""Points kept of a series when there are more series than a model has: enough to count, but not for every trend."""
EARLY = 32
"""First values, which are kept for ever."""
WINDOW_SHARE = 0.8
"""Windows whose medians are compared have this share of the points kept: 51 of 64, 19 of 24."""
FEW = 8
"""Below this number, adding samples one by one is faster than all at once. Chosen by hand."""
EPOCHS_CITED = 4
"""Newest epochs whose tallies keep the text of their lines; older ones keep only its place in the log."""
AT_REST = 1e-3
"""A gradient of this share of its largest is that of a minimum. Chosen by hand, 2026-11."""
EPOCHS_KEPT = 256
"""Most epochs with a tally; the oldest is dropped first."""


class Point(NamedTuple):
    """One sample in its place."""

    value: float
    serial: int
    """Number of its line within the attempt: an order that does not depend on clocks and files."""
    step: int | None
    """The line's own step, else the last step before it; None before the first."""
    has_own_step: bool
    epoch: int
    at: float | None
    """Time in the run (see `Run.now`)."""
    evidence: Evidence


class Steps(NamedTuple):
    """The steps of many samples, at least two."""

    first: int
    least_gap: int
    """Smallest distance between two neighbours; zero or negative if a step repeats or goes back."""
    largest_gap: int
    are_own: bool
    """Whether all lines have their own step; else none has."""

    @classmethod
    def of(cls, steps: np.ndarray, *, are_own: bool) -> Steps:
        """Summarise the steps of samples."""
        gaps = steps[1:] - steps[:-1]
        return cls(int(steps[0]), int(gaps.min()), int(gaps.max()), are_own)


@dataclass(slots=True)
class Tally:
    """One signal in one epoch."""

    count: int
    minimum: float
    maximum: float
    first: Point
    last: Point


@dataclass(slots=True)
class Series:
    """One signal with one set of labels, within one attempt."""

    count: int = 0
    minimum: float = math.nan
    maximum: float = math.nan
    nonfinite: int = 0
    """Number of samples that were nan or infinite."""
    step_gap: int | None = None
    """Largest distance in steps between two reports so far: the cadence, if none is declared."""
    first: Point | None = None
    early: list[float] = field(default_factory=list)
    """The first EARLY values: what was usual at the start."""
    window_medians: tuple[float, float] = (math.nan, math.nan)
    """Lowest and highest median of all consecutive whole windows of WINDOW_SHARE of the points kept."""
    recent: deque[Point] = field(default_factory=lambda: deque(maxlen=RECENT))
    has_epochs: bool = True
    """Whether tallies per epoch are kept: for events, and for signals reported once per epoch."""
    epochs: dict[int, Tally] = field(default_factory=dict)
    last_move: float = math.nan
    """By how much the newest two different values differ, however often the last one was repeated since."""
    digits: deque[int] = field(default_factory=lambda: deque(maxlen=RECENT))
    """With how many decimal places the newest values were printed, where the log is another trainer's."""

    @classmethod
    def of(cls, signal: Signal, labels: Labels = (), *, is_in_crowd: bool = False) -> Series:
        """Return an empty series with the size that a signal needs; a small one if there are very many series."""
        is_one_of_many = bool(signal.labels) and not {"index", "pattern"} & {*signal.labels}
        window = RECENT_PER_LABEL if is_one_of_many else RECENT
        window = min(window, RECENT_IN_CROWD) if is_in_crowd else window
        has_epochs = is_kept_by_epoch(signal, labels)
        return cls(recent=deque(maxlen=window), digits=deque(maxlen=window), has_epochs=has_epochs)

    @property
    def last(self) -> Point:
        """The newest point; every series has one."""
        return self.recent[-1]

    @property
    def is_at_rest(self) -> bool:
        """Whether a norm has all but vanished since it was largest, but is not 0, as a gradient's is at a minimum."""
        return 0 < self.last.value <= AT_REST * self.maximum

    @property
    def resolution(self) -> float | None:
        """The coarsest step in which the recent values were printed: 0.0001 for ``0.0210``.

        None for our own logs, which print all digits.
        """
        return 10.0 ** -min(self.digits) if self.digits else None

    def note_digits(self, digits: int) -> None:
        """Note with how many decimal places the newest value was printed."""
        self.digits.append(digits)

    def add(self, point: Point, *, is_event: bool) -> None:
        """Add one sample. A measurement that is repeated for the same step counts once, and the later line wins."""
        recent, value, step = self.recent, point.value, point.step
        last = recent[-1] if recent else None
        is_repeat = False
        if last is not None:
            is_repeat = not is_event and last.step == step and last.has_own_step and point.has_own_step
            move = value - last.value
            if move and math.isfinite(move):
                self.last_move = abs(move)
        if is_repeat:
            self.nonfinite -= not math.isfinite(recent.pop().value)
        else:
            if last is not None and step is not None and last.step is not None:
                gap = step - last.step
                if self.step_gap is None or gap > self.step_gap:
                    self.step_gap = max(0, gap)
            self.count += 1
            if self.first is None:
                self.first = point
        if not math.isfinite(value):
            self.nonfinite += 1
        # The earlier of two equal numbers stays; any number replaces a nan.
        if not self.minimum <= value and not math.isnan(value):
            self.minimum = value
        if not self.maximum >= value and not math.isnan(value):
            self.maximum = value
        recent.append(point)
        if not is_repeat and (len(self.early) < EARLY or self.count % self._window_size == 0):
            self._keep_medians(value)
        if self.has_epochs:
            self._tally(point, is_repeat=is_repeat)

    def extend(self, values: np.ndarray, steps: Steps, points: Callable[[int], list[Point]]) -> None:
        """Add many samples of a measurement without tallies, with the same result as `add` for each of them.

        ``points`` makes the points of the samples from an index on.
        """
        import numpy as np

        last, known = self.last, np.concatenate(([each.value for each in self.recent], values))
        # Two samples of one step count once: such samples must be added one by one.
        may_repeat = steps.are_own and (steps.least_gap <= 0 or (last.has_own_step and last.step == steps.first))
        # -0.0 equals 0.0 but prints differently: which of them becomes the minimum depends on their order.
        has_minus_zero = bool(((known == 0) & np.signbit(known)).any())
        if may_repeat or has_minus_zero:
            for point in points(0):
                self.add(point, is_event=False)
            return
        if last.step is not None:
            self.step_gap = max(self.step_gap or 0, steps.first - last.step)
        self.step_gap = max(self.step_gap or 0, steps.largest_gap)
        self.nonfinite += int((~np.isfinite(values)).sum())
        self.minimum = _least(self.minimum, float(np.fmin.reduce(values)))
        self.maximum = -_least(-self.maximum, -float(np.fmax.reduce(values)))
        moves = known[-len(values) :] - known[-len(values) - 1 : -1]
        moves = moves[np.isfinite(moves) & (moves != 0)]
        self.last_move = abs(float(moves[-1])) if len(moves) else self.last_move
        self.early += values[: EARLY - len(self.early)].tolist()
        self._extend_medians(known)
        self.count += len(values)
        self.recent.extend(points(max(0, len(values) - (self.recent.maxlen or 0))))

    def _extend_medians(self, known: np.ndarray) -> None:
        """Keep the medians of the windows that end in ``known`` after `recent`; `count` is still the old one."""
        import numpy as np

        size, begin = self._window_size, len(self.recent)
        ends = np.arange(begin + size - self.count % size, len(known) + 1, size)
        if not len(ends):
            return
        windows = known[ends[:, None] - size + np.arange(size)]
        is_finite = np.isfinite(windows).all(axis=1)
        medians = np.concatenate((_medians(windows[is_finite]), [*map(_finite_median, windows[~is_finite].tolist())]))
        self._keep_median(float(np.fmin.reduce(medians)), float(np.fmax.reduce(medians)))

    def forget_oldest_epoch(self) -> None:
        """Drop the oldest tally."""
        del self.epochs[next(iter(self.epochs))]

    def forget_usual_values(self) -> None:
        """Start again with the early values and windows, because a declared change makes the old ones invalid."""
        self.early, self.window_medians = [], (math.nan, math.nan)

    def _keep_medians(self, value: float) -> None:
        if len(self.early) < EARLY:
            self.early.append(value)
        size = self._window_size
        if self.count % size == 0:
            median = _finite_median([point.value for point in list(self.recent)[-size:]])
            self._keep_median(median, median)

    @property
    def _window_size(self) -> int:
        assert self.recent.maxlen is not None
        return int(WINDOW_SHARE * self.recent.maxlen)

    def _keep_median(self, least: float, most: float) -> None:
        """Include some medians, given their least and greatest."""
        lowest, highest = self.window_medians
        self.window_medians = (_least(lowest, least), -_least(-highest, -most))

    def _tally(self, point: Point, *, is_repeat: bool) -> None:
        tally = self.epochs.get(point.epoch)
        if tally is None:
            self.epochs[point.epoch] = Tally(1, point.value, point.value, point, point)
            if len(self.epochs) > EPOCHS_KEPT:
                self.forget_oldest_epoch()
            if len(self.epochs) > EPOCHS_CITED:
                old = next(islice(reversed(self.epochs.values()), EPOCHS_CITED, None))
                old.first, old.last = _without_text(old.first), _without_text(old.last)
            return
        tally.count += not is_repeat
        tally.minimum = _least(tally.minimum, point.value)
        tally.maximum = -_least(-tally.maximum, -point.value)
        tally.last = point


def _without_text(point: Point) -> Point:
    return point._replace(evidence=shortened(point.evidence, 0))


def _finite_median(values: Iterable[float]) -> float:
    """Return the median of the finite numbers; nan if there are none."""
    finite = [value for value in values if math.isfinite(value)]
    return statistics.median(finite) if finite else math.nan


def _medians(windows: np.ndarray) -> np.ndarray:
    """Return the median of each row of finite numbers, as `statistics.median` would."""
    import numpy as np

    size = windows.shape[1]
    ordered = np.sort(windows, axis=1)
    return ordered[:, size // 2] if size % 2 else (ordered[:, (size - 1) // 2] + ordered[:, size // 2]) / 2


def _least(left: float, right: float) -> float:
    """Return the smaller of two numbers; a nan does not count."""
    if math.isnan(left):
        return right
    return left if math.isnan(right) else min(left, right)
