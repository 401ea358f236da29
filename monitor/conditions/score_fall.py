"""``score_fall``: tests whether a score of the validation has fallen far below its best level, and stays there."""

from __future__ import annotations

import math
import statistics
from typing import Annotated, Literal

from pydantic import Field

from monitor.conditions.baseline import declared_change
from monitor.conditions.condition import OfMetrics
from monitor.conditions.freshness import overdue
from monitor.conditions.level_rise import rises_of
from monitor.conditions.reading import Context, Outcome, Reading, too_early, unknown
from monitor.conditions.rewards import not_reported
from monitor.conditions.scores import come, scores_of
from monitor.conditions.shapes import running_medians
from monitor.conditions.validations import validations_of
from monitor.reader.signals import METRIC, Labels
from monitor.run.attempt import Attempt
from monitor.run.columns.preview import Ahead
from monitor.run.run import Run
from monitor.run.series import RECENT_PER_LABEL, Series


class ScoreFall(OfMetrics):
    """The level of a score is below its best one by a part of what is possible, beyond its noise and earlier falls.

    Once told, it lasts until the level is back.
    """

    kind: Literal["score_fall"]
    by: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """The part of what is possible that must be lost: 0.1 are ten points of a hundred."""
    consecutive: Annotated[int, Field(ge=3, le=RECENT_PER_LABEL // 2)] = 10
    """How many validations running must be so far below."""

    level_fields = ("by",)

    def in_words(self) -> str:
        """Return what is tested."""
        return (
            f"a score of the validation is in {self.consecutive} validations in a row below its best level by "
            f"{self.by:.0%} of what is possible, and by more than its noise and than the falls that it came back from"
        )

    def stays_quiet(self, run: Run, ahead: Ahead, context: Context, firing: frozenset[Labels]) -> bool:
        """Quiet while no score comes."""
        return not firing and not come(ahead)

    def readings(self, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
        """Return a reading for each score, or a single reading if there is none."""
        attempt = run.attempt
        found = [
            self._read(attempt, labels, series, self.by * ideal, is_firing=labels in firing)
            for labels, series, ideal in scores_of(attempt)
        ]
        return found or [not_reported(attempt, "score of a validation")]

    def _read(self, attempt: Attempt, labels: Labels, series: Series, least: float, *, is_firing: bool) -> Reading:
        name, last = dict(labels)["name"], series.last
        if late := overdue(attempt, METRIC, labels, series):
            return late
        if not math.isfinite(last.value):
            return unknown(f"{name} is {last.value}", labels, (last.evidence,))
        points, num = validations_of(attempt, series), self.consecutive
        if len(points) < 2 * num:
            return too_early(f"{len(points)} of {2 * num} validations with {name} seen", labels, (last.evidence,))
        values, newest = [point.value for point in points], points[-num:]
        level = statistics.median(values[-num:])
        # The best level of long ago is kept as a figure, when its validations are forgotten.
        long_ago = series.window_medians[1] if declared_change(attempt) is None else math.nan
        best = max(running_medians(values[:-num], num))
        best = max(best, long_ago) if math.isfinite(long_ago) else best
        reason = f"{name} of the validation is at {level:.4g}; its best level was {best:.4g}"
        has_fallen = best - (level if is_firing else max(values[-num:])) >= least
        if has_fallen and not is_firing:
            is_new = any(True for _ in rises_of([-value for value in values], least))
            has_fallen = is_new or max(values) <= long_ago - least
        return Reading(
            Outcome.BREACH if has_fallen else Outcome.OK,
            reason,
            labels,
            value=level,
            threshold=best,
            evidence=tuple(dict.fromkeys((newest[0].evidence, last.evidence))),
            epoch=last.epoch,
            step=last.step,
        )
