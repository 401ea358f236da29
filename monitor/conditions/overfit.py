"""``overfit``: tests for a validation figure whose level gets worse than its best, and that of the training better."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from monitor.conditions.baseline import declared_change
from monitor.conditions.condition import Condition, Needed
from monitor.conditions.level_rise import Rise, rises_of
from monitor.conditions.reading import Context, Outcome, Reading, not_applicable, too_early, unknown
from monitor.conditions.scores import ideal_of
from monitor.conditions.shapes import mean
from monitor.conditions.shapes import rise as slope
from monitor.conditions.training_move import TRAINING, noise_of
from monitor.conditions.validations import validations_of
from monitor.reader.metric_names import direction_of, is_best_so_far
from monitor.reader.signals import METRIC, Labels
from monitor.run.attempt import Attempt
from monitor.run.columns.preview import Ahead
from monitor.run.run import Run
from monitor.run.series import Point, Series

VALIDATION = "epoch.val_loss"
SIGMAS = 3.0
"""A rise counts if it is so many times the noise of the training loss. Chosen by hand, 2026-11."""
LEAST_RISE = 0.05
"""A rise counts if it is this share of the first validation loss: next to zero a loss may double. By hand, 2026-11."""
LEAST_POINTS = 0.02
"""A score must be so much of what is possible lower than it was. Chosen by hand, 2026-11."""
LASTING = 16
"""Where only the figure of the best level is remembered, so many validations in a row above it prove a rise. Chosen by
hand, 2026-11."""


class _Pair(NamedTuple):
    """A figure of the validation and that of the training, of the same kind."""

    labels: Labels
    what: str
    key: tuple[str, Labels]
    """The signal and the labels of the validation's series."""
    validation: Series
    training: Series
    ideal: float | None = None
    """The best that a score can be: what it lacks is judged. None for what is better when lower."""

    def cost(self, value: float) -> float:
        """Return what is better when lower."""
        return value if self.ideal is None else self.ideal - value


class Overfit(Condition):
    """The level of a validation loss is above its best, beyond its own noise, and the training loss is lower than then.

    Levels are medians of as many validations as the noise asks for, and the newest ones must all be above the best one.
    The rise must also stand out from the noise of the training loss. Losses below zero have no multiples.
    """

    kind: Literal["overfit"]
    of: Literal["loss", "metrics"] = "loss"
    """The loss, or other figures printed for both splits: errors, such as an RMSE, and scores, such as an accuracy."""
    above: Annotated[float, Field(gt=1)] = 1.2
    """What multiple of the best counts."""
    consecutive: Annotated[int, Field(ge=1, le=8)] = 3
    """In how many validations running."""

    level_fields = ("above",)

    @property
    def watches(self) -> frozenset[str]:
        """The validation's figures: they are judged when a new one comes."""
        return frozenset({VALIDATION if self.of == "loss" else METRIC})

    @property
    def labels(self) -> tuple[str, ...]:
        """The name of a metric; a loss has none."""
        return () if self.of == "loss" else ("name",)

    def in_words(self) -> str:
        """Return what is tested."""
        what = "the validation loss" if self.of == "loss" else "an error of the validation, or what a score lacks,"
        return (
            f"{what} is above {self.above:g} × its best level in {self.consecutive} validations in a row, by more than "
            "its own noise and the training figure's, while that is lower than it was then"
        )

    def needed_signals(self) -> Needed:
        """Return the validation's figure, and one of the training's."""
        if self.of == "metrics":
            return (frozenset({METRIC}),)
        return (frozenset({VALIDATION}), frozenset(TRAINING))

    def stays_quiet(self, run: Run, ahead: Ahead, context: Context, firing: frozenset[Labels]) -> bool:
        """Quiet while every figure of a validation stays near its lowest, and no pair of figures is new."""
        if firing:
            return False
        attempt, coming = run.attempt, ahead.coming.get(VALIDATION if self.of == "loss" else METRIC)
        if not coming:
            return True
        if self.of == "metrics" and _are_new_pairs(attempt, coming):
            return False
        pairs = [*self._pairs(attempt)]
        is_first = self.of == "loss" and not pairs
        return not is_first and all(self._stays_low(pair, ahead) for pair in pairs)

    def _stays_low(self, pair: _Pair, ahead: Ahead) -> bool:
        """Whether neither the newest validation nor one that comes is above what counts of the lowest ever."""
        lowest = pair.cost(pair.validation.minimum if pair.ideal is None else pair.validation.maximum)
        for value in (pair.validation.last.value, *ahead.values(*pair.key)):
            cost = pair.cost(value)
            lowest = min(lowest, cost)
            if not 0 < cost <= self.above * lowest:
                return False
        return True

    def readings(self, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
        """Return a reading for each pair of figures."""
        return [self._read(run.attempt, pair, pair.labels in firing) for pair in self._pairs(run.attempt)] or [
            unknown("no validation loss and training loss of one kind were seen")
        ]

    def _pairs(self, attempt: Attempt) -> Iterator[_Pair]:
        if self.of == "loss":
            validation = attempt.of(VALIDATION).get(())
            training = next((each for name in TRAINING if (each := attempt.of(name).get(()))), None)
            if validation is not None and training is not None:
                yield _Pair((), "the validation loss", (VALIDATION, ()), validation, training)
            return
        known = attempt.of(METRIC)
        trainings = {own["name"]: each for labels, each in known.items() if (own := dict(labels))["split"] == "train"}
        for labels, validation in known.items():
            name, split = dict(labels)["name"], dict(labels)["split"]
            training = trainings.get(name)
            if split != "val" or training is None or is_best_so_far(name):
                continue
            ideal = None if direction_of(name) == "lower" else ideal_of(name, validation, training)
            if ideal is not None or direction_of(name) == "lower":
                yield _Pair(
                    (("name", name),), f"{name} of the validation", (METRIC, labels), validation, training, ideal
                )

    def _read(self, attempt: Attempt, pair: _Pair, is_firing: bool) -> Reading:
        points, last = _costs(attempt, pair), pair.validation.last
        if not math.isfinite(last.value):
            return unknown(f"{pair.what} is {last.value}", pair.labels, (last.evidence,))
        if len(points) <= self.consecutive:
            reason = f"{len(points)} of {self.consecutive + 1} validations seen"
            return too_early(reason, pair.labels, (last.evidence,))
        lowest = min(point.value for point in points)
        if not lowest > 0:
            return not_applicable(f"{pair.what} was {lowest:.6g}, which has no multiples", last.evidence, pair.labels)
        rise, best = None, lowest
        if is_firing or min(point.value for point in points[-self.consecutive :]) > self.above * lowest:
            rise = self._rise(pair, points, is_certain=not is_firing)
        if rise is None and declared_change(attempt) is None:
            rise = self._rise_since_long_ago(pair, points, is_certain=not is_firing)
        is_better: bool | None = True
        if rise is not None:
            best = math.exp(rise.best)
            is_better = is_firing or _is_better(pair, points, rise)
        if is_better is None:
            return too_early("too few training reports between the validations", pair.labels, (last.evidence,))
        first = points[-self.consecutive if rise is None else -rise.width]
        times = points[-1].value / best
        reason = f"{pair.what}, {last.value:.6g}, is {times:.3g} times its best level, {best:.6g}"
        if pair.ideal is not None:
            reason = f"{pair.what}, {last.value:.6g}, lacks {times:.3g} times what its best level did, {best:.6g}"
        if rise is not None:
            reason += f", while that of the training is {'' if is_better else 'not '}better than it was then"
        return Reading(
            Outcome.BREACH if rise is not None and is_better else Outcome.OK,
            reason,
            pair.labels,
            value=times,
            threshold=self.above,
            evidence=tuple(dict.fromkeys((first.evidence, last.evidence))),
            epoch=last.epoch,
            step=last.step,
        )

    def _rise(self, pair: _Pair, points: Sequence[Point], *, is_certain: bool) -> Rise | None:
        """Return the rise of the level that counts, of the fewest validations; once it was told, its noise does not."""
        newest, least = min(point.value for point in points[-self.consecutive :]), _least_rise(pair, points)
        logarithms = [math.log(point.value) for point in points]
        for rise in rises_of(logarithms, math.log(self.above), is_certain=is_certain):
            level, best = math.exp(rise.level), math.exp(rise.best)
            if level - best > least and (newest > self.above * best or not is_certain):
                return rise
        return None

    def _rise_since_long_ago(self, pair: _Pair, points: Sequence[Point], *, is_certain: bool) -> Rise | None:
        """Return the rise above the best lasting level of the whole run, whose validations may be forgotten by now."""
        best = pair.cost(pair.validation.window_medians[0 if pair.ideal is None else 1])
        newest = [point.value for point in points[-(LASTING if is_certain else self.consecutive) :]]
        if not best > 0 or not math.isfinite(best) or (is_certain and len(newest) < LASTING):
            return None
        level = statistics.median(newest)
        # Once it was told, one good validation does not end it.
        compared = min(newest) if is_certain else level
        if compared <= self.above * best or level - best <= _least_rise(pair, points):
            return None
        return Rise(math.log(level) - math.log(best), math.log(level), math.log(best), len(newest), 0, 0)


def _are_new_pairs(attempt: Attempt, coming: Iterable[Labels]) -> bool:
    """Whether a figure comes for the first time that both the training and the validation have then."""
    known = attempt.of(METRIC)
    splits: defaultdict[str, set[str]] = defaultdict(set)
    for labels in (*known, *coming):
        splits[dict(labels)["name"]].add(dict(labels)["split"])
    return any(splits[dict(labels)["name"]] >= {"train", "val"} for labels in coming if labels not in known)


def _least_rise(pair: _Pair, points: Sequence[Point]) -> float:
    """Return the least rise that counts, by the noise of the training figure and by what there is to lose."""
    first = pair.validation.first or points[0]
    least = LEAST_RISE * abs(first.value) if pair.ideal is None else LEAST_POINTS * pair.ideal
    return max(SIGMAS * noise_of(pair.training), least)


def _costs(attempt: Attempt, pair: _Pair) -> list[Point]:
    """Return what each validation cost."""
    found = validations_of(attempt, pair.validation)
    return found if pair.ideal is None else [point._replace(value=pair.cost(point.value)) for point in found]


def _is_better(pair: _Pair, validations: Sequence[Point], rise: Rise) -> bool | None:
    """Return whether the training figure is better than at the best level; None if too little is known.

    Where what it was then is forgotten: whether it gets better, or is as good as it ever was.
    """
    now = _levels(pair, validations[-rise.width - 1 :])
    then = _levels(pair, validations[max(0, rise.start - 1) : rise.end])
    if now and then:
        return statistics.median(now) < statistics.median(then)
    if len(now) > 1 and slope(now) < 0:
        return True
    training = pair.training
    known = [pair.cost(point.value) for point in training.recent if math.isfinite(point.value)]
    best = pair.cost(training.window_medians[0 if pair.ideal is None else 1])
    if known and math.isfinite(best):
        return statistics.median(known) <= best
    return False if len(now) > 1 else None


def _levels(pair: _Pair, validations: Sequence[Point]) -> list[float]:
    """Return the mean of the training figure between each validation and the next, where it is remembered."""
    training = pair.training
    by_epoch = [tally.last for tally in training.epochs.values()]
    known = by_epoch if len(by_epoch) > len(training.recent) else training.recent
    levels = []
    for before, point in pairwise(validations):
        values = [pair.cost(each.value) for each in known if before.serial < each.serial <= point.serial]
        if values and all(map(math.isfinite, values)):
            levels.append(mean(values))
    return levels
