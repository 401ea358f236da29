"""``overfit``: tests for a validation loss that rises above its best while the training loss falls."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from monitor.conditions.condition import Condition, Needed
from monitor.conditions.reading import Context, Outcome, Reading, not_applicable, too_early, unknown
from monitor.conditions.shapes import mean, rise
from monitor.conditions.training_move import TRAINING, noise_of
from monitor.reader.metric_names import direction_of
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


class _Pair(NamedTuple):
    """A validation loss and the training loss of the same kind."""

    labels: Labels
    what: str
    validation: Series
    training: Series


class Overfit(Condition):
    """A validation loss is above its best in several validations running, while the training loss falls.

    The rise must stand out from the noise of the training loss. Losses below zero have no multiples.
    """

    kind: Literal["overfit"]
    of: Literal["loss", "metrics"] = "loss"
    """The loss, or other figures that are better when lower, such as an RMSE printed for both splits."""
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
        what = "the validation loss" if self.of == "loss" else "a validation metric that is better when lower"
        return (
            f"{what} is above {self.above:g} × its best in {self.consecutive} validations in a row, by more than the "
            "training figure's noise, while that falls"
        )

    def needed_signals(self) -> Needed:
        """Return the validation's figure, and one of the training's."""
        if self.of == "metrics":
            return (frozenset({METRIC}),)
        return (frozenset({VALIDATION}), frozenset(TRAINING))

    def stays_quiet(self, run: Run, ahead: Ahead, context: Context, firing: frozenset[Labels]) -> bool:
        """Quiet while no validation comes, or no metric of a validation that the training has, too."""
        if firing or self.of == "loss":
            return not firing and VALIDATION not in ahead.coming
        coming = ahead.coming.get(METRIC)
        if not coming:
            return True
        by_split: dict[str, set[str]] = {"train": set(), "val": set()}
        for labels in (*run.attempt.of(METRIC), *coming):
            own = dict(labels)
            if own["split"] in by_split:
                by_split[own["split"]].add(own["name"])
        return by_split["train"].isdisjoint(by_split["val"])

    def readings(self, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
        """Return a reading for each pair of figures."""
        return [self._read(pair) for pair in self._pairs(run.attempt)] or [
            unknown("no validation loss and training loss of one kind were seen")
        ]

    def _pairs(self, attempt: Attempt) -> Iterator[_Pair]:
        if self.of == "loss":
            validation = attempt.of(VALIDATION).get(())
            training = next((each for name in TRAINING if (each := attempt.of(name).get(()))), None)
            if validation is not None and training is not None:
                yield _Pair((), "the validation loss", validation, training)
            return
        known = {(dict(labels)["name"], dict(labels)["split"]): each for labels, each in attempt.of(METRIC).items()}
        for (name, split), validation in known.items():
            training = known.get((name, "train"))
            if split == "val" and training is not None and direction_of(name) == "lower":
                yield _Pair((("name", name),), f"the validation's {name}", validation, training)

    def _read(self, pair: _Pair) -> Reading:
        points, last = _validations(pair.validation), pair.validation.last
        if not math.isfinite(last.value):
            return unknown(f"{pair.what} is {last.value}", pair.labels, (last.evidence,))
        if len(points) <= self.consecutive:
            reason = f"{len(points)} of {self.consecutive + 1} validations seen"
            return too_early(reason, pair.labels, (last.evidence,))
        best = pair.validation.minimum
        if not best > 0:
            return not_applicable(f"{pair.what} was {best:.6g}, which has no multiples", last.evidence, pair.labels)
        newest = points[-self.consecutive :]
        is_falling = _is_falling(pair.training, points[-self.consecutive - 1 :])
        if is_falling is None:
            return too_early("too few training reports between the validations", pair.labels, (last.evidence,))
        first = pair.validation.first
        least = max(SIGMAS * noise_of(pair.training), LEAST_RISE * abs(first.value if first else best))
        is_above = all(point.value > self.above * best and point.value - best > least for point in newest)
        trend = "falls" if is_falling else "does not fall"
        reason = (
            f"{pair.what}, {last.value:.6g}, is {last.value / best:.3g} × its best, {best:.6g}; the training {trend}"
        )
        return Reading(
            Outcome.BREACH if is_above and is_falling else Outcome.OK,
            reason,
            pair.labels,
            value=last.value / best,
            threshold=self.above,
            evidence=tuple(dict.fromkeys((newest[0].evidence, last.evidence))),
            epoch=last.epoch,
            step=last.step,
        )


def _validations(series: Series) -> list[Point]:
    """Return one point for each validation: a bar repeats the last one until the next."""
    found: list[Point] = []
    for point in series.recent:
        if math.isfinite(point.value) and not (found and _is_repeat(found[-1], point)):
            found.append(point)
    return found


def _is_repeat(before: Point, point: Point) -> bool:
    return point.value == before.value and point.epoch == before.epoch


def _is_falling(training: Series, validations: Sequence[Point]) -> bool | None:
    """Return whether the training figure falls from one validation to the next; None if too little is known."""
    known = [point for point in training.recent if math.isfinite(point.value)]
    levels = []
    for before, point in pairwise(validations):
        values = [each.value for each in known if before.serial < each.serial <= point.serial]
        if values:
            levels.append(mean(values))
    if len(levels) > 1:
        return rise(levels) < 0
    lowest = training.window_medians[0]
    # All that is remembered came after the newest validation but one: is it as low as it ever was?
    return statistics.median(each.value for each in known) <= lowest if known and math.isfinite(lowest) else None
