"""What the next lines may bring at most, so that the rules are asked once for many lines that come one by one."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from monitor.reader.signals import Labels
from monitor.run.columns.one_line import LineAhead
from monitor.run.columns.preview import Ahead, Range

if TYPE_CHECKING:
    import numpy as np

    from monitor.run.attempt import Attempt
    from monitor.run.run import Run
    from monitor.run.series import Series

LINES = 64
"""So many lines at most are promised at once. Chosen by hand."""
WAIT_S = 60.0
"""Longest time between two of these lines, and without a further step. Chosen by hand: below every rule's silence."""
WIDER = 1.0
"""How far a value may lie outside the remembered ones, as a share of their spread. Chosen by hand."""
NARROWEST = 0.9
"""Bounds of positive numbers are not wider than that to the least of them, so that ratios stay bounded."""

Key = tuple[str, Labels]
Band = dict[Key, tuple[float, float]]
"""The least and the greatest value of some series."""


class Bounds(Ahead):
    """Up to `LINES` lines, each within these bounds: any line may have any sample, or none."""

    is_open = True

    def __init__(self, run: Run, keys: Iterable[Key], gap: int, always: frozenset[str]) -> None:
        """``keys`` are the series that the lines may touch, all of them known; ``gap`` the most steps between two.

        ``always`` are the signals that each line has that reaches a further step.
        """
        attempt = run.attempt
        found: dict[str, dict[Labels, list[float]]] = {}
        within: dict[Key, tuple[float, float]] = {}
        for signal, labels in keys:
            within[signal, labels] = least, most = _wider(attempt.of(signal)[labels])
            found.setdefault(signal, {})[labels] = [least, most]
        self.__dict__.update(
            attempt=attempt, within=within, always=always,
            coming=found, last=run.lines + LINES, epoch=attempt.epoch, is_moving=True,
            is_end_of_epoch=False, silence_s=WAIT_S, stillness_s=WAIT_S, step_s=math.inf, until=run.now,
            step=None if attempt.step is None else attempt.step + LINES * max(gap, 1), gap=max(gap, 1), texts=(),
            _ranges={},
        )  # fmt: skip

    attempt: Attempt
    within: dict[Key, tuple[float, float]]
    last: int
    """The run's last line that is promised."""
    gap: int
    """The most steps from one line to the next."""

    def holds(self, run: Run, line: LineAhead) -> bool:
        """Whether a line is within the bounds."""
        if run.attempt is not self.attempt or run.lines >= self.last or line.is_end_of_epoch:
            return False
        if line.epoch != self.epoch or line.own_epoch != self.epoch:
            return False
        if (line.step or 0) - (run.attempt.step or 0) > self.gap or line.own_step not in (-1, line.step):
            return False
        if line.is_moving and not self.always <= line.coming.keys():
            return False
        if line.silence_s > WAIT_S or line.stillness_s > WAIT_S:
            return False
        within = self.within
        for signal, by_labels in line.coming.items():
            for labels, values in by_labels.items():
                bounds = within.get((signal, labels))
                if bounds is None:
                    return False
                if len(values) > 1 or not bounds[0] <= values[0] <= bounds[1]:
                    return False
        return True

    @staticmethod
    def is_beyond(band: Band, line: LineAhead) -> bool:
        """Whether a line within the bounds has a value beyond narrower ones."""
        for (signal, labels), (least, most) in band.items():
            for value in line.values(signal, labels):
                if not least <= value <= most:
                    return True
        return False

    def values(self, signal: str, labels: Labels) -> list[float]:
        """Return the bounds of a series: use them for their range only."""
        return self.coming.get(signal, {}).get(labels, [])  # type: ignore[return-value]

    def steps(self, signal: str, labels: Labels) -> np.ndarray:
        """Return nothing: it is not known which lines have the signal."""
        import numpy as np

        return np.array([], np.int64)

    def places(self, signal: str, labels: Labels) -> list[tuple[int, int]]:
        """Return nothing, as `steps`."""
        return []

    def reached(self, signal: str) -> list[tuple[int, int]]:
        """Return nothing, as `steps`."""
        return []

    def _range_of(self, signal: str, labels: Labels, series: Series | None) -> Range:
        known = [point[0] for point in series.recent] if series else []
        known += self.values(signal, labels)
        return Range(min(known), max(known), all(map(math.isfinite, known)))


def _wider(series: Series) -> tuple[float, float]:
    known = [point[0] for point in series.recent]
    least, most = min(known), max(known)
    if not math.isfinite(least) or not math.isfinite(most):
        return math.inf, -math.inf
    more = WIDER * (most - least)
    lower = least - more
    if least > 0:
        lower = max(lower, NARROWEST * least)
    return lower, most + more
