"""``zero``: tests for a value of exactly 0, where the printed digits can tell it from a rounded one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Annotated, Literal

from pydantic import Field, model_validator

from monitor.conditions.condition import SignalName
from monitor.conditions.digits import SHARE_SEEN, is_zero, printed_place
from monitor.conditions.freshness import overdue
from monitor.conditions.learning import has_learnt, reports_a_loss
from monitor.conditions.reading import Context, Outcome, Reading, unknown
from monitor.conditions.series_selection import OneSignal, declared_frozen, ranges_of
from monitor.reader.dialects.state import NATIVE
from monitor.reader.metric_names import ACCURACY, parts_of
from monitor.reader.signals import CATALOGUE, METRIC, Labels
from monitor.run.attempt import Attempt
from monitor.run.columns.preview import Ahead
from monitor.run.run import Run
from monitor.run.series import RECENT_PER_LABEL, Point, Series

PERFECT = (1.0, 100.0)
"""An accuracy of every row, as a share or in percent."""
MOST_APART = 3.0
"""Losses of single batches that are further apart may be next to 0 by chance. Chosen by hand, 2026-11."""
FEWEST_UNEVEN = 3
"""So many zeros in a row are not chance where single batches are so far apart. Chosen by hand, 2026-11."""
TIMES_BACK = 3
"""Once a loss was 0 and came back, it must be 0 for more than so many times as long. Chosen by hand, 2026-11."""
OFTEN_BACK = 2
"""A loss that came back from 0 so often may be 0. Chosen by hand, 2026-11."""
LEAST_WRONG = 0.01
"""So much of a loss is not rounding, however it is printed. Chosen by hand, 2026-11."""


class Zero(OneSignal):
    """A series is exactly 0 in the newest reports.

    A log that rounds prints 0 for anything small. There, 0 counts only if the value before it was far from 0 and the
    series has never fallen so steeply. A series that was 0 from its first report is compared with ``scale``.
    """

    kind: Literal["zero"]
    consecutive: Annotated[int, Field(ge=1, le=RECENT_PER_LABEL)] = 1
    """How many reports in a row must be 0."""
    scale: tuple[SignalName, ...] = ()
    """Signals of about the same size: for a series that has never been anything but 0."""
    largest: SignalName | None = None
    """The largest value since the last report. Where a log has it, one value of 0 among others proves nothing; where
    it has not, neither does one that is rounded."""
    against_accuracy: bool = False
    """Judge a loss of a validation by its accuracy instead of by its digits: each row that is wrong costs at least
    ln 2, for the right class had less than half of the probability."""
    is_rounded: bool = True
    """Whether trainers round this number in their logs. Where they do not, ``0.0`` from the first report on is 0 unless
    the loss falls all the same."""

    @model_validator(mode="after")
    def _is_measured(self) -> Zero:
        if CATALOGUE[self.signal].is_event:
            raise ValueError(f"signal: {self.signal} is an event; expected a measurement")
        return self

    def in_words(self) -> str:
        """Return what is tested."""
        times = f" in {self.consecutive} reports in a row" if self.consecutive > 1 else ""
        return f"{self.subject} is exactly 0{times}, as far as its printed digits can tell"

    def readings(self, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
        """Return a reading for each series, or a single reading if there are no series."""
        return self.each(run.attempt, context.asked, lambda labels, series: self._read(run, labels, series))

    def stays_quiet(self, run: Run, ahead: Ahead, context: Context, firing: frozenset[Labels]) -> bool:
        """Quiet while no value is 0."""
        if firing:
            return False
        ranges = [each for _, each in ranges_of(run.attempt, self.signal, self.where, ahead)]
        return all(each.is_finite and (each.least > 0 or each.most < 0) for each in ranges)

    def _read(self, run: Run, labels: Labels, series: Series) -> Reading:
        attempt, last = run.attempt, series.last
        if unclear := declared_frozen(attempt, labels) or overdue(attempt, self.signal, labels, series):
            return unclear
        if not math.isfinite(last.value):
            return unknown(f"{self.signal} is {last.value}", labels, (last.evidence,))
        points = list(series.recent)
        zeros = 0
        while zeros < len(points) and points[-1 - zeros].value == 0:
            zeros += 1
        if not zeros:
            reason = f"{self.signal} is {last.value:.6g}; expected other than 0"
            return Reading(
                Outcome.OK, reason, labels, last.value, 0.0, (last.evidence,), epoch=last.epoch, step=last.step
            )
        whole = attempt.of(self.largest).get(labels) if self.largest is not None else None
        if whole is not None and whole.last.serial == last.serial and whole.last.value != 0:
            reason = f"{self.signal} is 0, and {self.largest} of its interval is {whole.last.value:.6g}"
            return Reading(
                Outcome.OK, reason, labels, last.value, 0.0, (last.evidence,), epoch=last.epoch, step=last.step
            )
        first = points[len(points) - zeros]
        if zeros < self.consecutive:
            return unknown(f"{self.signal} is 0 in {zeros} of {self.consecutive} reports", labels, (last.evidence,))
        was_other = zeros < len(points) and points[-1 - zeros].epoch < first.epoch
        if was_other and (solved := _solved_beside(attempt, last)):
            return unknown(f"{self.signal} is 0, and {solved} of the same line is perfect", labels, (last.evidence,))
        if zeros == series.count and (unmeasured := self._unmeasured(run, labels, last)):
            return unmeasured
        told = self._told(run, points, zeros, is_whole=zeros == series.count)
        if not told:
            reason = f"{self.signal} is printed as 0, which may be rounded"
            return unknown(reason, labels, (last.evidence,))
        if self.largest is not None and whole is None and zeros < len(points) and _may_be_chance(points, zeros):
            reason = f"{self.signal} is printed as 0 {zeros} times, which easy batches may be"
            return unknown(reason, labels, (last.evidence,))
        return Reading(
            Outcome.BREACH,
            f"{self.signal} is exactly 0; expected other than 0",
            labels,
            value=0.0,
            threshold=0.0,
            evidence=tuple(dict.fromkeys((first.evidence, last.evidence))),
            epoch=last.epoch,
            step=last.step,
        )

    def _unmeasured(self, run: Run, labels: Labels, last: Point) -> Reading | None:
        """Return why zeros since the first report may be a field that another trainer never fills; None if not."""
        if self.is_rounded or run.dialect.name in ("", NATIVE) or not reports_a_loss(run.attempt):
            return None
        learnt = has_learnt(run.attempt)
        if learnt is False:
            return None
        why = " while the training loss falls: it is not measured" if learnt else "; too early to tell by the loss"
        return unknown(f"{self.signal} is 0 in every report{why}", labels, (last.evidence,))

    def _told(self, run: Run, points: Sequence[Point], zeros: int, *, is_whole: bool) -> bool | None:
        """Return whether the newest zeros are not rounded; None where that cannot be told."""
        bare = _is_bare(points[len(points) - zeros].evidence.text)
        if self.against_accuracy:
            place = 0.0 if is_whole and bare else printed_place(points)
            return _is_refuted(run.attempt, place, max(point.value for point in points))
        told = is_zero(run, self.signal, points[: len(points) - zeros + 1], self._scale(run.attempt))
        return bare if told is None and is_whole and not self.is_rounded else told

    def _scale(self, attempt: Attempt) -> float | None:
        """Return the size of a number of the same kind, if the log has one."""
        found = [abs(each.last.value) for name in self.scale for each in attempt.of(name).values()]
        return max((each for each in found if math.isfinite(each)), default=None)


def _may_be_chance(points: Sequence[Point], zeros: int) -> bool:
    """Whether the newest values may be printed as 0 by chance: losses of easy batches, or a mean that has only begun.

    A loss with a margin is 0 for every easy batch, and comes back. The first report of an epoch may be the sum of one
    batch, divided by as many as will be.
    """
    if _is_bare(points[-1].evidence.text):
        return False
    before = points[: len(points) - zeros]
    earlier = [len(list(run)) for is_zero, run in groupby(before, lambda point: point.value == 0) if is_zero]
    if len(earlier) >= OFTEN_BACK or (earlier and zeros <= TIMES_BACK * max(earlier)):
        return True
    is_begun = before[-1].epoch < points[-zeros].epoch and len(before) > 1 and before[-2].epoch == before[-1].epoch
    if is_begun and zeros == 1:
        return True
    sizes = [abs(point.value) for point in before if point.value and math.isfinite(point.value)]
    is_of_step = before[-1].epoch == points[-1].epoch
    return is_of_step and bool(sizes) and max(sizes) > MOST_APART * min(sizes) and zeros < FEWEST_UNEVEN


def _solved_beside(attempt: Attempt, last: Point) -> str:
    """Return the name of an accuracy of the training that is perfect in the same line; empty if there is none.

    A model that is right on every row and ever surer of it has a loss that fades to 0 over the epochs.
    """
    return next(
        (
            dict(labels)["name"]
            for labels, series in attempt.of(METRIC).items()
            if dict(labels)["split"] in ("train", "")
            and parts_of(dict(labels)["name"]) & ACCURACY
            and series.last.serial == last.serial
            and series.last.value in PERFECT
        ),
        "",
    )


def _is_refuted(attempt: Attempt, place: float, largest: float) -> bool:
    """Return whether so many rows of all validations are wrong that their loss would show in the last printed place.

    A loss that was smaller than theirs before it was 0 is on a scale of its own, which they tell nothing of.
    """
    wrong = [
        1 - series.maximum / (100.0 if series.maximum > 1 else 1.0)
        for labels, series in attempt.of(METRIC).items()
        if ("split", "val") in labels and parts_of(dict(labels)["name"]) & ACCURACY
    ]
    costs = [each * math.log(2) for each in wrong]
    return any(each >= max(SHARE_SEEN * place, LEAST_WRONG) and not 0 < largest < each for each in costs)


def _is_bare(text: str) -> bool:
    """Whether no 0 of a line has been cut to a fixed number of places: ``0.00`` may be 0.004, ``0.0`` is Python's."""
    return not any(word in text for word in ("0.00 ", "0.000", "0.00,", "0.00|")) or "0.000e+00" in text.lower()
