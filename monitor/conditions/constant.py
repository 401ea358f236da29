"""``constant``: tests for a value that should change and does not, within a run or from one run to another."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field, model_validator

from monitor.base.evidence import Evidence
from monitor.conditions.condition import SignalName
from monitor.conditions.digits import last_place
from monitor.conditions.freshness import overdue
from monitor.conditions.reading import Context, Outcome, Reading, not_applicable, too_early, unknown
from monitor.conditions.rest import has_fallen_to_rest, rests_with_training
from monitor.conditions.series_selection import OneSignal, declared_frozen
from monitor.conditions.shapes import longest_true
from monitor.conditions.training_move import TRAINING
from monitor.conditions.values import Window
from monitor.reader.signals import CATALOGUE, Labels, spoken
from monitor.run.attempt import Attempt
from monitor.run.columns.bounds import LINES, Bounds
from monitor.run.columns.preview import Ahead
from monitor.run.run import Run
from monitor.run.series import RECENT_PER_LABEL, Point, Series
from monitor.run.summary import RunSummary

TWIN_SIGNALS = ("epoch.train_loss", "epoch.val_loss")
"""If these are equal too, one run repeats the other; a single equal value among different losses is suspicious."""


class Constant(OneSignal):
    """A series keeps the same value to the last digit: for several reports, or the value that another run had.

    Zeros, nan and infinities do not count as values; other rules cover them. A log that prints few digits proves
    nothing, because different values look the same in it.
    """

    kind: Literal["constant"]
    over: Window | None = None
    """For how many reports or epochs the value must stay the same; only distinct steps or epochs count."""
    across: Literal["runs"] | None = None
    """Instead of ``over``: the value equals the last or any epoch's value of the baseline or another known run."""
    digits: Annotated[int, Field(ge=1, le=15)] = 4
    """How many significant digits the value must show, so that equal values are not merely rounded."""
    unless_at_rest: SignalName | None = None
    """The norm of the gradient. Where it is a thousandth of its largest or less, the run has come to a minimum, as it
    has where the loss fell in smaller and smaller moves. It may have, which is unknown, where an epoch is one batch and
    the value was another one before, and where the training stays the same as well."""
    on_nan: Literal["breach", "ignore"] = "ignore"
    """Whether nothing but nan counts as a breach."""

    @model_validator(mode="after")
    def _one_test(self) -> Constant:
        if CATALOGUE[self.signal].is_event:
            raise ValueError(f"signal: {self.signal} is an event; expected a measurement")
        if (self.over is None) == (self.across is None):
            raise ValueError("expected exactly one of over, across: runs")
        if self.over is not None and self.over.unit not in ("reports", "epochs"):
            raise ValueError(f"over: {self.over} is not countable; expected a number of reports or epochs")
        if self.over is not None and not 2 <= self.over.amount <= RECENT_PER_LABEL:
            raise ValueError(f"over: {self.over} is out of range; expected 2 to {RECENT_PER_LABEL} reports or epochs")
        if self.across is not None and self.on_nan == "breach":
            raise ValueError("on_nan: breach needs over, because nan in two runs proves nothing; expected ignore")
        return self

    def in_words(self) -> str:
        """Return what is tested."""
        if self.across is not None:
            return f"{self.subject} equals the value of another known run to the last digit"
        return f"{self.subject} stays the same to the last digit for {self.over}"

    def readings(self, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
        """Return a reading for each series, or a single reading if there are no series."""
        attempt, background = run.attempt, context.background
        others = [each for each in (background.baseline, *background.peers) if each is not None and each.run != run.id]
        if self.across is not None and not others and (line := attempt.started or run.dialect.line):
            return [not_applicable("no other run was given to compare with", line)]
        return self.each(
            attempt,
            context.asked,
            lambda labels, series: (
                declared_frozen(attempt, labels)
                or overdue(attempt, self.signal, labels, series)
                or (self._within(run, labels, series) if self.over else self._across(run, labels, series, others))
            ),
        )

    def stays_quiet(self, run: Run, ahead: Ahead, context: Context, firing: frozenset[Labels]) -> bool:
        """Quiet while no value is repeated often enough, or while there is no other run to equal."""
        if firing or self.on_nan == "breach":
            return False
        coming = ahead.coming.get(self.signal, {})
        if self.over is None:
            background = context.background
            return not coming or (background.baseline is None and not background.peers)
        known = run.attempt.of(self.signal)
        if ahead.is_open:
            return False
        # Of one line, only the value that it repeats can be repeated often enough by it.
        for labels in coming if ahead.is_single else {**known, **coming}:
            if self.over.unit == "reports" and labels in known and not ahead.is_single:
                run_of = _longest_run(known[labels].recent, ahead, self.signal, labels)
                if run_of is not None and run_of < self.over.amount:
                    continue
            values = [point.value for point in known[labels].recent] if labels in known else []
            if _most_equal(values + ahead.values(self.signal, labels)) >= self.over.amount:
                return False
        return True

    def quiet_lines(self, run: Run, bounds: Bounds, context: Context, firing: frozenset[Labels]) -> int:
        """Return for how many lines none of the values can be repeated often enough: each line repeats one once."""
        if self.over is None or firing or self.on_nan == "breach":
            return super().quiet_lines(run, bounds, context, firing)
        known = (run.attempt.of(self.signal)[labels].recent for labels in bounds.coming.get(self.signal, ()))
        most = (_most_equal(point.value for point in recent) for recent in known)
        return max(0, min(LINES, math.ceil(self.over.amount) - 1 - max(most, default=-LINES)))

    def _within(self, run: Run, labels: Labels, series: Series) -> Reading:
        assert self.over is not None
        wanted = int(self.over.amount)
        by_epoch = self.over.unit == "epochs" and not _has_own_reports(run.attempt, series)
        points = _distinct(series.recent, by_epoch=by_epoch)[-wanted:]
        last = points[-1]
        if len(points) < wanted:
            unit = "epochs" if self.over.unit == "epochs" else "reports at distinct steps"
            return too_early(f"{len(points)} of {wanted} {unit} seen", labels, (last.evidence,))
        is_nan = all(math.isnan(point.value) for point in points)
        if (is_nan and self.on_nan == "breach") or (_is_value(last.value) and _are_equal(points)):
            if not is_nan and not self._is_precise(run, series):
                return not_applicable(
                    f"{self.signal} shows too few digits to tell equal from rounded", points[-1].evidence, labels
                )
            if not is_nan and self.unless_at_rest is not None:
                if rest := self._rest(run, series):
                    return self._reading(Outcome.OK, rest, labels, points)
                if doubt := self._doubt(run, series, points[0]):
                    return unknown(doubt, labels, (last.evidence,))
            reason = f"{spoken(self.signal)} is {last.value!r} in {self.over} in a row"
            return self._reading(Outcome.BREACH, reason, labels, points)
        if not math.isfinite(last.value):
            return unknown(f"{self.signal} is {last.value}", labels, (last.evidence,))
        return self._reading(Outcome.OK, f"{self.signal} changed within {self.over}", labels, points)

    def _rest(self, run: Run, series: Series) -> str:
        """Return how the log shows that the run has come to a minimum, where every value is the same; empty if not."""
        norm = run.attempt.of(self.unless_at_rest).get(()) if self.unless_at_rest is not None else None
        if norm is not None and norm.is_at_rest:
            return f"the gradient has come to {norm.last.value:.3g}: the run is at a minimum"
        if self.signal in TRAINING and has_fallen_to_rest(run, self.signal, series):
            return f"{spoken(self.signal)} fell in smaller and smaller moves: the run is at a minimum"
        return ""

    def _doubt(self, run: Run, series: Series, since: Point) -> str:
        """Return why a run may be at a minimum though no gradient shows it; empty if nothing speaks for it."""
        attempt = run.attempt
        has_moved = series.first is not None and series.first.value != series.last.value
        if has_moved and attempt.batch is not None and attempt.batch.whole == 1:
            return "an epoch is one batch, without noise: the run may be at a minimum"
        if self.signal in TRAINING:
            return ""
        rests = rests_with_training(run, self.signal, series, since)
        if rests is None:
            return "too few reports of the training since to tell whether it still moves"
        return "the training stays the same, too: the run may be at a minimum" if rests else ""

    def _across(self, run: Run, labels: Labels, series: Series, others: list[RunSummary]) -> Reading:
        last = series.last
        if not others:
            return unknown("no other run was given to compare with", labels, (last.evidence,))
        if not _is_value(last.value):
            return unknown(f"{self.signal} is {last.value:g}, which any two runs may share", labels, (last.evidence,))
        for other in others:
            known = [other.last.get((self.signal, labels)), *other.by_epoch.get((self.signal, labels), {}).values()]
            if last.value not in known:
                continue
            if not self._is_precise(run, series):
                return not_applicable(
                    f"{self.signal} shows too few digits to tell equal from rounded", last.evidence, labels
                )
            twin = f"{self.signal} is {last.value!r}, as in run {other.run} ({other.log})"
            if _repeats(run.attempt, other):
                return self._reading(
                    Outcome.OK, f"{twin}, which this run repeats: its losses are equal", labels, [last]
                )
            return self._reading(Outcome.BREACH, f"{twin}; expected a value of its own", labels, [last])
        reason = f"{self.signal} is {last.value!r}, in none of {len(others)} other runs"
        return self._reading(Outcome.OK, reason, labels, [last])

    def _is_precise(self, run: Run, series: Series) -> bool:
        """Whether the newest value would show a change in its last digits."""
        size = last_place(run, self.signal, list(series.recent))
        if size and abs(series.last.value) < 10.0 ** (self.digits - 1) * size * (1 - 1e-9):
            return False
        values = [*series.early, *(point.value for point in series.recent)]
        return any(num_digits(value) >= self.digits for value in values)

    def _reading(self, outcome: Outcome, reason: str, labels: Labels, points: list[Point]) -> Reading:
        last = points[-1]
        return Reading(
            outcome, reason, labels, value=last.value, evidence=_ends(points), epoch=last.epoch, step=last.step
        )


def _most_equal(values: Iterable[float]) -> int:
    """Return how often the most frequent of these values comes."""
    return max(Counter(values).values())


def _longest_run(recent: Iterable[Point], ahead: Ahead, signal: str, labels: Labels) -> int | None:
    """Return how often a value comes in a row at most; None where reports may be for the same step."""
    import numpy as np

    points = list(recent)
    known = [point.step if point.has_own_step and point.step is not None else -1 for point in points]
    steps = np.concatenate((known, ahead.steps(signal, labels)))
    if steps[0] < 0 or (steps[1:] <= steps[:-1]).any():
        return None
    values = np.array([*(point.value for point in points), *ahead.values(signal, labels)])
    return longest_true(values[1:] == values[:-1]) + 1


def _distinct(points: Iterable[Point], *, by_epoch: bool) -> list[Point]:
    """Return the newest point of each step or epoch, oldest first."""
    newest: dict[int, Point] = {}
    for point in points:
        place = point.epoch if by_epoch or point.step is None else point.step
        newest.pop(place, None)
        newest[place] = point
    return list(newest.values())


def _has_own_reports(attempt: Attempt, series: Series) -> bool:
    """Return whether each report of a validation is one, in a log that counts no epochs: the training goes on between.

    Other logs repeat the last validation in every report of the training.
    """
    if len({point.epoch for point in series.recent}) > 1 or len(series.recent) < 2:
        return False
    before, last = list(series.recent)[-2:]
    between = (point.serial for name in TRAINING for each in attempt.of(name).values() for point in each.recent)
    return any(before.serial < serial < last.serial for serial in between)


def _is_value(value: float) -> bool:
    return math.isfinite(value) and value != 0


def _are_equal(points: list[Point]) -> bool:
    return all(point.value == points[0].value for point in points)


@lru_cache(maxsize=4_096)
def num_digits(value: float) -> int:
    """Count the significant digits of a printed number, without zeros at its end."""
    mantissa = repr(abs(value)).partition("e")[0]
    return len(mantissa.replace(".", "").strip("0")) if math.isfinite(value) else 0


def _repeats(attempt: Attempt, other: RunSummary) -> bool:
    """Whether the losses are equal in all epochs that both runs have: the same run, trained again."""
    both = [
        (tally.last.value, other.by_epoch.get((signal, labels), {}).get(epoch))
        for signal in TWIN_SIGNALS
        for labels, series in attempt.of(signal).items()
        for epoch, tally in series.epochs.items()
    ]
    shared = [(mine, theirs) for mine, theirs in both if theirs is not None]
    return bool(shared) and all(mine == theirs for mine, theirs in shared)


def _ends(points: list[Point]) -> tuple[Evidence, ...]:
    """Return the lines of the first and the last point."""
    return tuple(dict.fromkeys((points[0].evidence, points[-1].evidence)))
