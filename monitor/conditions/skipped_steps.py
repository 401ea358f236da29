"""``skipped``: tests whether a loss scaler skips steps for good, rather than while it looks for its scale."""

from __future__ import annotations

from itertools import pairwise, takewhile
from typing import Literal

from monitor.conditions.condition import Condition, Needed
from monitor.conditions.reading import Context, Outcome, Reading, unknown
from monitor.reader.signals import LOSS_SCALE, SKIPPED_STEP, Labels
from monitor.run.attempt import Attempt
from monitor.run.columns.preview import Ahead
from monitor.run.run import Run
from monitor.run.series import Point

SHARE = "train.skipped_share"
MOST_SEARCHED = 40
"""A scaler that has not taken a step yet may skip so many: from 2 ** 40 it comes down to 1 by halves."""
LEAST_SKIPPED = 10
"""Fewer may be a scaler that comes down from its first scale, in reports of every step. Chosen by hand, 2026-11."""
LINES_COUNTED = 20
"""So many lines about a skipped step make an interval; half of its steps are twice as many. Chosen by hand, 2026-11."""
SKIPS_AT_LOWEST = 3
"""One skipped step at a small scale may be chance; three reports in a row are not. Chosen by hand, 2026-11."""
LOWEST_SCALE = 1.0
"""The minimum of DeepSpeed's and Megatron's scalers; below it no gradient of half precision is left."""


class SkippedSteps(Condition):
    """Half or more of the steps are skipped in two intervals running, or some in three at the smallest loss scale.

    Short intervals are taken together until so many steps were skipped that it is not a search for a scale any more.

    Intervals are those of reports that count skipped steps, or twenty lines that each tell of one. While no step was
    taken yet, a scaler that starts too high may skip forty.
    """

    kind: Literal["skipped"]

    @property
    def watches(self) -> frozenset[str]:
        """What tells of skipped steps."""
        return frozenset({SHARE, SKIPPED_STEP})

    def in_words(self) -> str:
        """Return what is tested."""
        return (
            f"half or more of the steps are skipped in two intervals in a row, {LEAST_SKIPPED} or more, or at a loss "
            f"scale of {LOWEST_SCALE:g} or less in {SKIPS_AT_LOWEST} reports in a row; up to {MOST_SEARCHED} are free "
            "before the first step is taken"
        )

    def needed_signals(self) -> Needed:
        """Return one group: a count in reports, or lines about single steps."""
        return (frozenset(self.watches),)

    def readings(self, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
        """Return a single reading."""
        attempt = run.attempt
        shares, lines = self._points(attempt, SHARE), self._points(attempt, SKIPPED_STEP)
        newest = max([*shares[-1:], *lines[-1:]], key=lambda point: point.serial, default=None)
        if newest is None:
            return [unknown("no line tells of skipped steps")]
        skipped = shares[-2:] if shares and shares[-1] is newest else lines[-LINES_COUNTED:]
        reason = self._by_scale(attempt, shares, lines) or self._by_share(shares) or self._by_lines(attempt, lines)
        if self._is_searching(attempt, shares, lines):
            reason = f"no step was taken yet; a scaler may look for its scale for {MOST_SEARCHED} steps"
            return [unknown(reason, evidence=(newest.evidence,))]
        if not reason:
            return [self._reading(Outcome.OK, "steps are taken", skipped[-1:])]
        return [self._reading(Outcome.BREACH, reason, skipped)]

    def stays_quiet(self, run: Run, ahead: Ahead, context: Context, firing: frozenset[Labels]) -> bool:
        """Quiet while nothing tells of skipped steps, or reports say that there are none."""
        if firing or SKIPPED_STEP in ahead.coming:
            return False
        shares = ahead.coming.get(SHARE)
        if not shares:
            return True
        return not run.attempt.of(SKIPPED_STEP) and all(max(ahead.values(SHARE, labels)) <= 0 for labels in shares)

    def _by_share(self, shares: list[Point]) -> str:
        lasting = list(takewhile(lambda point: point.value >= 0.5, reversed(shares)))
        if len(lasting) < 2:
            return ""
        since = shares[-1 - len(lasting) :]  # with the report before them, where it is known
        if (
            sum(newer.value * ((newer.step or 0) - (older.step or 0)) for older, newer in pairwise(since))
            < LEAST_SKIPPED
        ):
            return ""
        return f"{shares[-1].value:.0%} of the steps were skipped, and {shares[-2].value:.0%} before that"

    def _by_lines(self, attempt: Attempt, lines: list[Point]) -> str:
        if len(lines) < LINES_COUNTED or attempt.step is None:
            return ""
        num_steps = attempt.step - (lines[-LINES_COUNTED].step or 0)
        if num_steps > 2 * LINES_COUNTED:
            return ""
        return f"{LINES_COUNTED} steps were skipped within {num_steps} steps"

    def _by_scale(self, attempt: Attempt, shares: list[Point], lines: list[Point]) -> str:
        scales = self._points(attempt, LOSS_SCALE)
        if not scales or scales[-1].value > LOWEST_SCALE:
            return ""
        lowest = [point.serial for point in scales[-SKIPS_AT_LOWEST:] if point.value <= LOWEST_SCALE]
        skips = {point.serial for point in lines} | {point.serial for point in shares if point.value > 0}
        is_lasting = len(lowest) == SKIPS_AT_LOWEST and skips.issuperset(lowest)
        return f"steps are skipped at a loss scale of {scales[-1].value:g}, the smallest" if is_lasting else ""

    def _is_searching(self, attempt: Attempt, shares: list[Point], lines: list[Point]) -> bool:
        """Whether every step so far may have been skipped, and they are few."""
        if attempt.first_train_step is None or attempt.step is None:
            return len(lines) <= MOST_SEARCHED
        scales = self._points(attempt, LOSS_SCALE)
        if scales and scales[-1].value <= LOWEST_SCALE:
            return False
        num_steps = attempt.step - attempt.first_train_step + 1
        is_first = attempt.first_train_step <= MOST_SEARCHED
        if shares:
            return is_first and min(point.value for point in shares) >= 1 and attempt.step <= MOST_SEARCHED
        return is_first and len(lines) <= MOST_SEARCHED and len(lines) >= num_steps

    def _points(self, attempt: Attempt, signal: str) -> list[Point]:
        return [point for series in attempt.of(signal).values() for point in series.recent]

    def _reading(self, outcome: Outcome, reason: str, points: list[Point]) -> Reading:
        last = points[-1]
        shown = tuple(dict.fromkeys((points[0].evidence, last.evidence)))
        return Reading(outcome, reason, value=last.value, evidence=shown, epoch=last.epoch, step=last.step)
