"""``apart``: tests whether the divergence from a reference policy explodes."""

from __future__ import annotations

import math
import statistics
from typing import Annotated, Literal

from pydantic import Field

from monitor.conditions.baseline import declared_change, since
from monitor.conditions.condition import OfMetrics
from monitor.conditions.freshness import overdue
from monitor.conditions.reading import Context, Outcome, Reading, too_early, unknown
from monitor.conditions.rewards import comes, levels_of, not_reported, of_family
from monitor.reader.signals import METRIC, Labels
from monitor.run.attempt import Attempt
from monitor.run.columns.preview import Ahead
from monitor.run.run import Run
from monitor.run.series import Series

REWARD_LEVEL = 10
"""How many reports make a level of the reward (kind ``fallen``)."""
NEEDED = 10
"""Earlier reports whose median says what is usual. Chosen by hand, 2026-11."""


class Apart(OfMetrics):
    """A KL divergence is above a multiple of its own median, and large by itself or while the reward falls.

    Judged only where the log reports a reward: in a variational auto-encoder a growing divergence is good news.
    """

    kind: Literal["apart"]
    times: Annotated[float, Field(gt=1)] = 10.0
    """What multiple of its own median counts."""
    above: Annotated[float, Field(gt=0)] = 0.5
    """How large it must be as well, unless the reward falls."""
    consecutive: Annotated[int, Field(ge=1, le=12)] = 5
    """In how many reports in a row."""

    level_fields = ("above",)

    def in_words(self) -> str:
        """Return what is tested."""
        return (
            f"the KL divergence of a policy is above {self.times:g} × its own median in {self.consecutive} reports in "
            f"a row, and above {self.above:g} or while the reward falls"
        )

    def stays_quiet(self, run: Run, ahead: Ahead, context: Context, firing: frozenset[Labels]) -> bool:
        """Quiet while neither a divergence nor a reward comes."""
        return not firing and not comes(ahead, "kls") and not comes(ahead, "rewards")

    def readings(self, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
        """Return a reading for each divergence, or a single reading if there is none."""
        attempt = run.attempt
        rewards = [series for _, series in of_family(attempt, "rewards")]
        found = list(of_family(attempt, "kls"))
        if found and rewards:
            return [self._read(attempt, labels, series, rewards) for labels, series in found]
        return [not_reported(attempt, "KL divergence of a policy")]

    def _read(self, attempt: Attempt, labels: Labels, series: Series, rewards: list[Series]) -> Reading:
        name, last = dict(labels)["name"], series.last
        if late := overdue(attempt, METRIC, labels, series):
            return late
        if not math.isfinite(last.value):
            return unknown(f"{name} is {last.value}", labels, (last.evidence,))
        change = declared_change(attempt)
        points = [point for point in since(change, series.recent) if math.isfinite(point.value)]
        newest, before = points[-self.consecutive :], [point.value for point in points[: -self.consecutive]]
        if change is None:
            # The oldest values are kept for ever; the newest of them may be among the remembered ones, too.
            oldest = [value for value in series.early if math.isfinite(value)]
            before = [*oldest[: max(0, series.count - len(points))], *before]
        if len(before) < NEEDED:
            reason = f"{len(before)} of {NEEDED} earlier reports of {name} seen"
            return too_early(reason, labels, (last.evidence,))
        usual = statistics.median(before)
        falls = any(_is_lower(attempt, each) for each in rewards)
        level = self.times * usual if falls and usual > 0 else max(self.times * usual, self.above)
        is_breach = all(point.value > level for point in newest)
        reason = f"{name} is {last.value:.4g}; its median was {usual:.4g}" + (", and the reward falls" if falls else "")
        return Reading(
            Outcome.BREACH if is_breach else Outcome.OK,
            reason,
            labels,
            value=last.value,
            threshold=level,
            evidence=tuple(dict.fromkeys((newest[0].evidence, last.evidence))),
            epoch=last.epoch,
            step=last.step,
        )


def _is_lower(attempt: Attempt, reward: Series) -> bool:
    levels = levels_of(attempt, reward, REWARD_LEVEL)
    return levels is not None and levels.is_clearly_lower
