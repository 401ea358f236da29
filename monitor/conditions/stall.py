"""``stall``: nothing written while the run should be writing."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from monitor.attempt import Attempt
from monitor.conditions.condition import Condition
from monitor.conditions.reading import Context, Outcome, Reading, unknown
from monitor.conditions.values import Seconds
from monitor.run import Run
from monitor.signals import Labels

LONGEST_PAUSE_S = 86_400.0
"""A declared pause counts for a day at most: no line of a log switches the rule off for good."""


class Stall(Condition):
    """No new bytes for longer than the phase's budget.

    In the phases of ``fixed_in`` the budget is ``silence``. Elsewhere it is learnt: ``learnt_factor`` times the
    longest silence which that phase has had in this attempt, never below ``silence``. A declared pause adds its
    expected length.
    """

    kind: Literal["stall"]
    silence: Seconds
    fixed_in: tuple[str, ...] = ("train",)
    learnt_factor: Annotated[float, Field(ge=1)] = 3.0

    @property
    def watches(self) -> frozenset[str]:
        """Every line."""
        return frozenset({"log.line"})

    def readings(self, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
        """Answer for the whole log."""
        attempt, last = run.attempt, run.last
        if last is None:
            return [unknown("no line was written yet")]
        if attempt.ended is not None:
            return [self._reading(Outcome.OK, "wrote until its end line", run, None)]
        if run.heard_at is None or now is None:
            return [unknown("the log's lines bear no time, so no silence can be measured", evidence=(last,))]
        silence_s, budget_s = max(0.0, now - run.heard_at), self._budget_s(attempt)
        if silence_s > budget_s:
            reason = f"nothing written for more than {budget_s:.0f} s in phase {attempt.phase}"
            return [self._reading(Outcome.BREACH, reason, run, silence_s)]
        if not context.is_following:
            reason = "the log stops without an end line, and the silence after it was not observed"
            return [unknown(reason, evidence=(last,))]
        reason = f"wrote {silence_s:.0f} s ago in phase {attempt.phase}; expected within {budget_s:.0f} s"
        return [self._reading(Outcome.OK, reason, run, silence_s)]

    def deadline(self, run: Run, after: float) -> float | None:
        """Return when the silence will have lasted too long."""
        if run.heard_at is None or run.attempt.ended is not None:
            return None
        ends_at = run.heard_at + self._budget_s(run.attempt)
        return ends_at if ends_at > after else None

    def _budget_s(self, attempt: Attempt) -> float:
        intent, phase = attempt.intent, attempt.phase
        asked_s = intent.expected_s if intent.pause == phase else None
        is_usable = asked_s is not None and math.isfinite(asked_s) and asked_s > 0
        pause_s = min(asked_s or 0.0, LONGEST_PAUSE_S) if is_usable else 0.0
        if phase in self.fixed_in:
            return self.silence + pause_s
        return max(self.silence, self.learnt_factor * attempt.longest_silence_s.get(phase, 0.0)) + pause_s

    def _reading(self, outcome: Outcome, reason: str, run: Run, silence_s: float | None) -> Reading:
        assert run.last is not None
        attempt = run.attempt
        return Reading(
            outcome,
            reason,
            value=silence_s,
            threshold=self._budget_s(attempt),
            evidence=(attempt.ended.evidence if attempt.ended else run.last,),
            epoch=attempt.epoch,
            step=attempt.step,
        )
