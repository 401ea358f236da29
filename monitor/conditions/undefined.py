"""``undefined``: tests for a figure that used to be a number and no longer is one."""

from __future__ import annotations

import math
from typing import Literal

from monitor.conditions.freshness import absence, overdue
from monitor.conditions.reading import Context, Outcome, Reading, not_applicable, unknown
from monitor.conditions.series_selection import OneSignal, ranges_of
from monitor.reader.signals import Labels
from monitor.run.attempt import Attempt
from monitor.run.columns.preview import Ahead
from monitor.run.run import Run
from monitor.run.series import Series

CHANCE = 1e-3
"""So many reports in a row that are not a number come by chance in fewer cases than this. Chosen by hand, 2026-11."""

FEWEST = 3
"""So many in a row at least: one batch may spoil two reports. Chosen by hand, 2026-11."""


class Undefined(OneSignal):
    """The newest reports of a series are not numbers, and too many of them for chance.

    Some figures are not always defined: the mean reward of an interval without an episode, the accuracy of a class
    that the batch does not have. How often a series was not a number before tells for how long it may not be one
    now: the chance is that of the beta-binomial distribution, with half a report of either kind added (Jeffreys),
    since a few reports hardly tell how often. A series that has never been a number is not judged.
    """

    kind: Literal["undefined"]
    splits: tuple[str, ...] | None = None
    """Only series of these parts of the data; an empty word for those that name none."""

    def in_words(self) -> str:
        """Return what is tested."""
        return f"{self.subject} was a number and is none any more, for longer than chance explains"

    def readings(self, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
        """Return a reading for each series, or a single reading if there are none."""
        known = run.attempt.of(self.signal)
        found = {labels: each for labels, each in known.items() if self._is_meant(labels)}
        if not found:
            return [absence(run.attempt, self.signal) or unknown(f"no {self.signal} of the training was seen")]
        asked = context.asked
        return [
            self._read(run.attempt, labels, series)
            for labels, series in found.items()
            if asked is None or labels in asked
        ]

    def stays_quiet(self, run: Run, ahead: Ahead, context: Context, firing: frozenset[Labels]) -> bool:
        """Quiet while every value is finite."""
        found = ranges_of(run.attempt, self.signal, self.where, ahead)
        return not firing and all(each.is_finite for labels, each in found if self._is_meant(labels))

    def _is_meant(self, labels: Labels) -> bool:
        own = dict(labels)
        is_asked = all(own.get(name) == value for name, value in self.where.items())
        return is_asked and (self.splits is None or own.get("split", "") in self.splits)

    def _read(self, attempt: Attempt, labels: Labels, series: Series) -> Reading:
        last, name = series.last, dict(labels).get("name", self.signal)
        if late := overdue(attempt, self.signal, labels, series):
            return late
        none = 0
        for point in reversed(series.recent):
            if math.isfinite(point.value):
                break
            none += 1
        first = series.recent[-none] if none else last
        if series.nonfinite == series.count:
            return not_applicable(f"{name} has never been a number", last.evidence, labels)
        is_breach = none >= FEWEST and _chance(series, none) < CHANCE
        return Reading(
            Outcome.BREACH if is_breach else Outcome.OK,
            f"{name} was a number, and is {last.value:.6g} in {none} reports in a row"
            if none
            else f"{name} is a number",
            labels,
            last.value,
            None,
            tuple(dict.fromkeys((first.evidence, last.evidence))),
            epoch=last.epoch,
            step=last.step,
        )


def _chance(series: Series, none: int) -> float:
    """Return the chance of so many reports in a row without a number, after all those before."""
    before, others = series.count - none, series.nonfinite - none + 0.5
    return math.prod((others + each) / (before + 1 + each) for each in range(none))
