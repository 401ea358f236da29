"""``stuck``: tests for a validation metric of any name that should change and does not, or that stays at its floor."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from typing import Annotated, Literal

from pydantic import Field

from monitor.conditions.condition import OfMetrics
from monitor.conditions.constant import num_digits
from monitor.conditions.digits import printed_place
from monitor.conditions.freshness import absence, overdue
from monitor.conditions.reading import Context, Outcome, Reading, not_applicable, too_early, unknown
from monitor.conditions.rest import rests_with_training
from monitor.conditions.training_move import has_moved, training_of
from monitor.reader.metric_names import direction_of, is_best_so_far, is_counted, parts_of
from monitor.reader.signals import METRIC, Labels
from monitor.run.attempt import Attempt
from monitor.run.columns.preview import Ahead
from monitor.run.run import Run
from monitor.run.series import RECENT_PER_LABEL, Point, Series

SPLITS = ("val", "test")
IDEAL = (1.0, 100.0)
"""The best that a score can be, as a share or in percent."""
COUNTS_OFF = 2.0 + 1e-6
"""A ratio of counts that is off its best by two examples is not below it. Chosen by hand, 2026-11."""
NEAR = 0.05
"""A ratio of counts this near to its best may stay there while the loss of the same validations changes: few rows are
near the border between two answers. Chosen by hand, 2026-11."""
VALUES_NEEDED = 4
"""So many different values show how much one example changes a ratio."""
LEARNT_NOTHING = 10
"""Training figures of this name that are identical in so many validations have learnt nothing (FAULTS 35)."""
_OF_GAMES = frozenset(("score", "hit", "hits", "top", "match", "exact", "em"))
"""Words of scores that count other things, too: points of a game, hits of a cache."""
_OF_CLASSES = frozenset(("class", "cls", "label", "category", "small", "medium", "large"))


class Stuck(OfMetrics):
    """A validation metric of another trainer, of any name, does not change, or a score stays at exactly 0.

    A ratio of counts, such as an accuracy, may stay the same for some validations while the model changes, and for
    ever at its best. A continuous figure may not while the training loss moves, if enough digits are printed.
    """

    kind: Literal["stuck"]
    counted: Annotated[int, Field(ge=2, le=RECENT_PER_LABEL)] = 6
    """In how many validations a ratio of counts must be the same, and not at its best."""
    continuous: Annotated[int, Field(ge=2, le=RECENT_PER_LABEL)] = 3
    """In how many validations any other figure must be the same while the training loss moves."""
    digits: Annotated[int, Field(ge=1, le=15)] = 4
    """How many significant digits a continuous figure must show."""
    floor: Annotated[int, Field(ge=1, le=RECENT_PER_LABEL)] = 3
    """In how many validations a score must be exactly 0, where ``floor_share`` gives no more."""
    floor_share: Annotated[float, Field(ge=0, le=1)] = 0.1
    """The share of the planned epochs that a score may be 0: detectors find nothing at first."""
    floor_unplanned: Annotated[int, Field(ge=1, le=RECENT_PER_LABEL)] = 5
    """In how many validations a score must be 0 if the log does not say how many epochs are planned."""

    level_fields = ("counted",)

    def in_words(self) -> str:
        """Return what is tested."""
        return (
            f"a validation metric of any name is the same in {self.continuous} validations in a row while the training "
            f"loss moves; for ratios of counts: in {self.counted}, and not at its best, or exactly 0 in {self.floor} "
            f"and in {self.floor_share:.0%} of the planned epochs"
        )

    def stays_quiet(self, run: Run, ahead: Ahead, context: Context, firing: frozenset[Labels]) -> bool:
        """Quiet while no metric of a validation comes, nor a score without a split, which may be one."""
        coming = (dict(labels) for labels in ahead.coming.get(METRIC, ()))
        return not firing and not any(
            each["split"] in SPLITS or (not each["split"] and is_counted(each["name"])) for each in coming
        )

    def readings(self, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
        """Return a reading for each metric of a validation or test, or a single reading if there is none."""
        known = run.attempt.of(METRIC)
        found = {labels: each for labels, each in known.items() if dict(labels)["split"] in SPLITS}
        if found:
            # Beside the figures of a validation, a score that says no split is that of the validation.
            found |= {labels: each for labels, each in known.items() if _is_score_of_epochs(labels, each)}
        if not found:
            return [absence(run.attempt, METRIC) or unknown("no metric of a validation was seen")]
        asked = context.asked
        return [
            self._read(run, labels, series, found)
            for labels, series in found.items()
            if asked is None or labels in asked
        ]

    def _read(self, run: Run, labels: Labels, series: Series, others: Iterable[Labels]) -> Reading:
        attempt, name, last = run.attempt, dict(labels)["name"], series.last
        if late := overdue(attempt, METRIC, labels, series):
            return late
        if not math.isfinite(last.value):
            return unknown(f"{name} is {last.value}", labels, (last.evidence,))
        if is_best_so_far(name):
            return not_applicable(f"{name} is the best so far, which need not change", last.evidence, labels)
        same, name_of_all = _run_of_equals(series), [dict(each)["name"] for each in others if each[1] == labels[1]]
        number = _num_validations(same)
        if len(same) < len(series.recent) and number < 2:
            return _reading(Outcome.OK, f"{name} changes from one validation to the next", labels, same)
        is_score = is_counted(name) and direction_of(name) == "higher"
        if is_score and _is_part(name, name_of_all):
            return not_applicable(f"{name} is one part of another metric", last.evidence, labels)
        if is_score and last.value == 0:
            return self._at_floor(attempt, labels, same)
        echo = _echo(series, same)
        wanted = (self.counted if is_counted(name) else self.continuous) * echo
        if number < wanted:
            reason = f"{name} is the same in {number} of {wanted} validations"
            if len(same) == series.count:
                return too_early(reason, labels, (last.evidence,))
            return _reading(Outcome.OK, reason, labels, same)
        if echo == 1 and _may_be_echoed(attempt, series, same):
            reason = f"every training report of one epoch repeats {name}; whether it is new is not told"
            return not_applicable(reason, last.evidence, labels)
        return self._judged(run, labels, series, same)

    def _at_floor(self, attempt: Attempt, labels: Labels, same: Sequence[Point]) -> Reading:
        planned = attempt.epochs_planned
        share = min(RECENT_PER_LABEL, math.ceil(self.floor_share * planned)) if planned else self.floor_unplanned
        wanted, name, number = max(self.floor, share), dict(labels)["name"], _num_validations(same)
        if number < wanted:
            return too_early(f"{name} is 0 in {number} of {wanted} validations", labels, (same[-1].evidence,))
        reason = f"{name} of the validation is exactly 0 in {number} validations in a row"
        return _reading(Outcome.BREACH, reason, labels, same)

    def _judged(self, run: Run, labels: Labels, series: Series, same: Sequence[Point]) -> Reading:
        attempt, name, last = run.attempt, dict(labels)["name"], series.last
        value, number = f"{last.value:.6g}", _num_validations(same)
        reason = f"{name} of the validation is {value} in {number} validations in a row"
        if is_counted(name):
            best = series.minimum if direction_of(name) == "lower" else series.maximum
            if last.value == best or last.value in IDEAL:
                return _reading(Outcome.OK, f"{name} is at its best, {value}", labels, same)
            if abs(last.value - best) <= COUNTS_OFF * _one_count(series):
                reason = f"{name} is {value}, as near to its best, {best:.6g}, as its counts can tell"
                return _reading(Outcome.OK, reason, labels, same)
            if abs(last.value - best) <= NEAR * abs(best) and _loss_moves(attempt, same):
                reason = f"{name} is {value}, near its best, {best:.6g}, while the validation loss changes"
                return _reading(Outcome.OK, reason, labels, same)
            if len(same) < series.count and (doubt := _doubt(run, series, same[0])):
                return _reading(Outcome.OK, doubt, labels, same)
            return _reading(Outcome.BREACH, f"{reason}; its best was {best:.6g}", labels, same)
        if float(last.value).is_integer() or not self._is_precise(series):
            return not_applicable(f"{name} shows too few digits to tell equal from rounded", last.evidence, labels)
        is_new = len(same) == series.count
        if is_new and not direction_of(name):
            return not_applicable(f"{name} was never anything but {value}; it may be a setting", last.evidence, labels)
        training = training_of(attempt, name)
        if training is None:
            return not_applicable("the log has no training figure that could move", last.evidence, labels)
        before = [point for point in series.recent if point.serial < same[0].serial]
        moved = has_moved(training, [*before[-1:], *same])
        if moved:
            return _reading(Outcome.BREACH, f"{reason}, while the training moves", labels, same)
        if number >= LEARNT_NOTHING and _is_dead(training):
            return _reading(Outcome.BREACH, f"{reason}, and the training's figure does not change either", labels, same)
        if moved is None:
            return too_early(f"too few training reports between the validations of {name}", labels, (last.evidence,))
        return _reading(Outcome.OK, f"{name} stays the same, as does the training's level", labels, same)

    def _is_precise(self, series: Series) -> bool:
        """Whether the printed digits would show a change."""
        size = printed_place(series.recent)
        if size and abs(series.last.value) < 10.0 ** (self.digits - 1) * size * (1 - 1e-9):
            return False
        return any(num_digits(value) >= self.digits for value in (*series.early, *(p.value for p in series.recent)))


def _doubt(run: Run, series: Series, since: Point) -> str:
    """Return why a run may be at a minimum, so that a score need not change; empty if nothing speaks for it."""
    if run.attempt.batch is not None and run.attempt.batch.whole == 1:
        return "an epoch is one batch, without noise: the run may be at a minimum"
    if rests_with_training(run, METRIC, series, since):
        return "the training stays the same, too: the run may be at a minimum"
    return ""


def _loss_moves(attempt: Attempt, same: Sequence[Point]) -> bool:
    """Return whether the validation loss had another value at the end of some validations than at their start."""
    loss = attempt.of("epoch.val_loss").get(())
    values = [point.value for point in loss.recent if point.serial >= same[0].serial] if loss is not None else []
    return len(set(values)) > 1


def _one_count(series: Series) -> float:
    """Return by how much one example more changes a ratio of counts; 0 where too few values were seen to tell."""
    values = sorted({value for value in (*series.early, *(p.value for p in series.recent)) if math.isfinite(value)})
    return min(right - left for left, right in pairwise(values)) if len(values) >= VALUES_NEEDED else 0.0


def _run_of_equals(series: Series) -> list[Point]:
    """Return the newest points with the value of the last one."""
    points = list(series.recent)
    start = len(points)
    while start and points[start - 1].value == points[-1].value:
        start -= 1
    return points[start:]


def _is_score_of_epochs(labels: Labels, series: Series) -> bool:
    """Whether a figure without a split is a score, given once in each epoch."""
    split, name = dict(labels)["split"], dict(labels)["name"]
    if split or not is_counted(name) or direction_of(name) != "higher" or parts_of(name) & _OF_GAMES:
        return False
    epochs = [point.epoch for point in series.recent]
    return len(set(epochs)) == len(epochs) > 1


def _num_validations(points: Sequence[Point]) -> int:
    """Return how many validations some points are of: those of one epoch count once, unless there is no other."""
    epochs = {point.epoch for point in points}
    return len(epochs) if len(epochs) > 1 else len({(point.step, not point.has_own_step) for point in points})


def _echo(series: Series, same: Sequence[Point]) -> int:
    """Return how often a value is shown: a log that shows the last validation again and again repeats each value."""
    before = list(series.recent)[: len(series.recent) - len(same)]
    runs = [_num_validations(list(run)) for _, run in groupby(before, key=lambda point: point.value)]
    # The oldest run may have been cut by the limit on points.
    return max(runs[1:] or runs, default=1)


def _may_be_echoed(attempt: Attempt, series: Series, same: Sequence[Point]) -> bool:
    """Whether each training report within one epoch shows the metric, so that it may be the last validation's."""
    if len({point.epoch for point in same}) > 1:
        return False
    shown = {point.serial for point in same}
    reports = [point.serial for each in attempt.of("train.loss").values() for point in each.recent]
    return bool(reports) and all(serial in shown for serial in reports if serial >= same[0].serial)


def _is_part(name: str, names: Iterable[str]) -> bool:
    """Whether a score is a part of another one, as that of a class, of small objects or at a stricter level."""
    words = parts_of(name)
    others = [parts_of(each) for each in names if each != name and is_counted(each)]
    return bool(words & _OF_CLASSES) or any(other < words for other in others)


def _is_dead(training: Series) -> bool:
    """Whether the newest training figures are identical."""
    newest = [point.value for point in training.recent][-LEARNT_NOTHING:]
    return len(newest) == LEARNT_NOTHING and all(left == right for left, right in pairwise(newest))


def _reading(outcome: Outcome, reason: str, labels: Labels, points: Sequence[Point]) -> Reading:
    first, last = points[0], points[-1]
    evidence = tuple(dict.fromkeys((first.evidence, last.evidence)))
    return Reading(outcome, reason, labels, value=last.value, evidence=evidence, epoch=last.epoch, step=last.step)
