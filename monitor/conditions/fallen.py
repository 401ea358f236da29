"""``fallen``: tests whether a mean reward has fallen to its lowest level after having been clearly higher."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from monitor.conditions.condition import OfMetrics
from monitor.conditions.freshness import overdue
from monitor.conditions.reading import Context, Outcome, Reading, too_early
from monitor.conditions.rewards import Levels, comes, levels_of, not_reported, of_family
from monitor.reader.metric_names import is_spread_of
from monitor.reader.signals import METRIC, Labels
from monitor.run.attempt import Attempt
from monitor.run.columns.preview import Ahead
from monitor.run.run import Run
from monitor.run.series import RECENT_PER_LABEL, Series


class Fallen(OfMetrics):
    """A mean reward is at its lowest level in the newest reports and was clearly higher before.

    Where the log gives the spread of the rewards, a spread of exactly 0 counts too while the mean is clearly below its
    best: without differences there is nothing to learn from. Once told, it lasts while the mean is clearly lower.
    """

    kind: Literal["fallen"]
    consecutive: Annotated[int, Field(ge=3, le=RECENT_PER_LABEL // 2)] = 10
    """How many reports make a level."""

    level_fields = ("consecutive",)

    def in_words(self) -> str:
        """Return what is tested."""
        return (
            f"a mean reward is at its lowest level in {self.consecutive} reports in a row, or has no spread, after its "
            "level was clearly higher"
        )

    def stays_quiet(self, run: Run, ahead: Ahead, context: Context, firing: frozenset[Labels]) -> bool:
        """Quiet while no reward comes."""
        return not firing and not comes(ahead, "rewards")

    def readings(self, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
        """Return a reading for each mean reward, or a single reading if there is none."""
        attempt = run.attempt
        known = of_family(attempt, "rewards")
        found = [self._read(attempt, labels, series, is_firing=labels in firing) for labels, series in known]
        if found:
            return found
        return [not_reported(attempt, "reward")]

    def _read(self, attempt: Attempt, labels: Labels, series: Series, *, is_firing: bool) -> Reading:
        name, last = dict(labels)["name"], series.last
        if late := overdue(attempt, METRIC, labels, series):
            return late
        levels = levels_of(attempt, series, self.consecutive)
        if levels is None:
            reason = f"{series.count} of {2 * self.consecutive} reports of {name} seen"
            return too_early(reason, labels, (last.evidence,))
        reason = f"{name} is at {levels.level:.4g}; its best level was {levels.best:.4g}"
        is_lowest = is_firing or max(p.value for p in levels.newest) <= levels.lowest + levels.noise
        if levels.is_clearly_lower and (is_lowest or self._has_no_spread(attempt, levels)):
            return self._answer(Outcome.BREACH, f"{reason}, its lowest {levels.lowest:.4g}", labels, levels)
        return self._answer(Outcome.OK, reason, labels, levels)

    def _has_no_spread(self, attempt: Attempt, levels: Levels) -> bool:
        """Whether the rewards of the newest reports do not differ."""
        spreads = (each for key, each in attempt.of(METRIC).items() if is_spread_of(dict(key)["name"], "rewards"))
        start = levels.newest[0].serial
        for series in spreads:
            newest = [point.value for point in series.recent if point.serial >= start]
            if len(newest) >= self.consecutive and not any(newest):
                return True
        return False

    def _answer(self, outcome: Outcome, reason: str, labels: Labels, levels: Levels) -> Reading:
        first, last = levels.newest[0], levels.newest[-1]
        return Reading(
            outcome,
            reason,
            labels,
            value=levels.level,
            threshold=levels.best,
            evidence=tuple(dict.fromkeys((first.evidence, last.evidence))),
            epoch=last.epoch,
            step=last.step,
        )
