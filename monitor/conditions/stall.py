"""``stall``: tests for silence, or lack of progress, while the run should be working."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from monitor.base.evidence import Evidence
from monitor.conditions.clock_evidence import clock_stops
from monitor.conditions.condition import Condition
from monitor.conditions.freshness import has_ended
from monitor.conditions.reading import Context, Outcome, Reading, unknown
from monitor.conditions.values import Seconds
from monitor.reader.dialects.state import NATIVE
from monitor.reader.signals import LOSSES, Labels
from monitor.run.attempt import Attempt
from monitor.run.columns.preview import Ahead
from monitor.run.ended import planned_end
from monitor.run.process_state import stuck_process
from monitor.run.run import Run

LONGEST_PAUSE_S = 86_400.0
"""A declared pause counts for at most a day, so that no log line can switch the rule off for good."""
ALIVE_S = 60.0
"""A run that wrote within this time is alive: twice the heartbeat that the log grammar asks for."""


RARE_S = 100.0
"""Where reports come further apart, a silence may last three times as long as the usual distance between two. Three
such distances make the five minutes that others get. Chosen by hand, 2026-11."""
UNLEARNT_S = 1_800.0
"""A log that cannot be read, or whose writer has no heartbeat, may be silent for so long before it is known how often
it writes. Chosen by hand, 2026-11."""
BURST_S = 10.0
"""Reports that come closer together are one, unless all do. Chosen by hand, 2026-11."""
MOVES_NEEDED = 3
"""How many moves show how often a log says how far it is."""
TOLERANCE_S = 0.001
"""Allowance for rounding in sums of times: a float resolves 5e-7 s in 3e9 s, which is 100 years."""


class Stall(Condition):
    """No new bytes, or new bytes without progress, for longer than the budget of the phase.

    Bytes: in the phases of ``fixed_in`` the budget is ``silence``. In other phases it is learnt: ``learnt_factor``
    times the longest silence of that phase in this attempt, never below ``silence``. Other trainers have no heartbeat:
    where their reports come rarely, one per epoch, the budget is three times the usual distance, and half an hour
    before the fourth report. Where lines came again after silences of more than five minutes, such silences are usual.
    Lines without a time hide how long a silence was, except from a watch.

    Progress: a further step, or a rising ``done=``. A heartbeat with a frozen step, a part of a line, or the refresh
    of a progress bar does not count. The budget is ``learnt_factor`` times the slowest recent interval between two
    moves in the phase, at least ``silence``, and at most ``most`` or ``most_factor`` times that interval. A phase that
    has shown no interval yet, or does not count its work, gets the highest budget, and so does another trainer, which
    says nothing of phases: it may validate. If the bytes have stopped too, the
    reading is unknown: the run is stalled rather than hanging. After a stall, the budget begins with the first line.

    A declared pause adds its expected length.
    """

    level_fields = ("silence",)
    judges_silence = True
    needs_times = True

    kind: Literal["stall"]
    of: Literal["bytes", "progress"] = "bytes"
    """What has to come."""
    silence: Seconds
    """The smallest budget."""
    fixed_in: tuple[str, ...] | None = None
    """Phases whose budget is ``silence``; by default ``train`` for bytes, and none for progress."""
    learnt_factor: Annotated[float, Field(ge=1)] = 3.0
    """Multiple of the longest interval so far that is still normal."""
    most: Seconds | None = None
    """The highest budget, unless ``most_factor`` allows more; without it there is no highest budget."""
    most_factor: Annotated[float, Field(ge=1)] = 3.0
    """Multiple of the longest interval so far that is always allowed, even beyond ``most``."""

    @model_validator(mode="after")
    def _most_is_not_least(self) -> Stall:
        if self.of == "progress" and self.most is None:
            raise ValueError("most: is missing; expected a duration, the budget of a phase without progress yet")
        if self.most is not None and self.most < self.silence:
            raise ValueError("most: shorter than silence; expected a longer duration")
        return self

    @property
    def watches(self) -> frozenset[str]:
        """Every line."""
        return frozenset({"log.line"})

    def in_words(self) -> str:
        """Return what is tested."""
        silence, factor = f"{self.silence:g}s", f"{self.learnt_factor:g}"
        if self.of == "progress":
            most = f"at most {self.most:g}s or {self.most_factor:g} × that interval"
            return (
                f"the run writes, and neither its step nor its done= moves on for more than {factor} × the slowest "
                f"recent interval between two moves, at least {silence} and {most}"
            )
        fixed = " or ".join(("train",) if self.fixed_in is None else self.fixed_in)
        return (
            f"nothing is written for more than {silence} in phase {fixed}; in other phases for more than "
            f"{factor} × the longest silence of that phase so far, never less than {silence}"
        )

    def readings(self, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
        """Return a single reading for the log."""
        attempt, last = run.attempt, run.last
        if last is None:
            return [unknown("no line was written yet")]
        if attempt.ended is not None and has_ended(attempt):
            if stopped := clock_stops(attempt):
                lines = (attempt.ended.evidence,) if attempt.began_at is not None else ()
                return [unknown(f"{stopped}, so silence cannot be measured", evidence=lines)]
            verb = "wrote" if self.of == "bytes" else "moved"
            return [self._reading(Outcome.OK, f"{verb} until its end line", run, attempt.ended.evidence, None)]
        if (plan := planned_end(run)) is not None:
            return [self._reading(Outcome.OK, plan.why, run, plan.evidence[0], None)]
        since = self._since(run)
        if since is None:
            return [unknown("no step and no piece of work was reported yet", evidence=(last,))]
        began_at, line = since
        if began_at is None or run.heard_at is None or now is None:
            return [unknown("the log's lines carry no times, so silence cannot be measured")]
        # A line without a time is judged at the time of the last timed line; its bytes arrived later.
        now = max(now, run.heard_at)
        budget_s = self._budget_s(run)
        is_over = now > began_at + budget_s
        if is_over and run.is_undated:
            return [unknown("lines without a time came since then", evidence=(line, last))]
        if is_over and self.of == "progress" and now > run.heard_at + ALIVE_S:
            reason = f"no progress for {now - began_at:.0f} s, and nothing written for {now - run.heard_at:.0f} s"
            return [unknown(f"{reason}: a stall, or the end of the run", evidence=(line, last))]
        lasted_s = max(0.0, now - began_at)
        if is_over:
            reason, stuck = self._complaint(attempt, budget_s), stuck_process(attempt, now)
            if stuck is None:
                return [self._reading(Outcome.BREACH, reason, run, line, lasted_s)]
            reason = f"{reason}; its process {stuck[0]}"
            found = self._reading(Outcome.BREACH, reason, run, line, lasted_s)
            return [replace(found, evidence=(*found.evidence, stuck[1]))]
        if not context.is_following:
            reason = "the log stops without an end line, and the silence after it was not observed"
            return [unknown(reason, evidence=(last,))]
        verb = "wrote" if self.of == "bytes" else "moved"
        reason = f"{verb} {lasted_s:.0f} s ago in phase {attempt.phase}; expected within {budget_s:.0f} s"
        if self.of == "bytes" and lasted_s > self.silence and _usual_s(run) is None and not _has_heartbeat(run):
            return [unknown(f"{reason}: how often this log writes is not known yet", evidence=(line,))]
        return [self._reading(Outcome.OK, reason, run, line, lasted_s)]

    def stays_quiet(self, run: Run, ahead: Ahead, context: Context, firing: frozenset[Labels]) -> bool:
        """Quiet while no gap is as long as the smallest budget."""
        return (
            not firing and (ahead.silence_s if self.of == "bytes" else ahead.stillness_s) < self.silence - TOLERANCE_S
        )

    def deadline(self, run: Run, after: float) -> float | None:
        """Return when the budget runs out."""
        since = self._since(run)
        if since is None or since[0] is None or run.heard_at is None or run.is_undated:
            return None
        if has_ended(run.attempt) or run.was_done or planned_end(run):
            return None
        ends_at = since[0] + self._budget_s(run)
        return ends_at if ends_at > after else None

    def _since(self, run: Run) -> tuple[float | None, Evidence] | None:
        """Return when the last byte or the last move came, and the line that shows it; None before the first."""
        if self.of == "bytes":
            return None if run.last is None else (run.heard_at, run.last)
        move, writes_since = run.attempt.progress.last, run.attempt.writes_since
        if move is None:
            return None
        # A silence is a stall: a run hangs only while lines keep coming.
        is_before = move.at is not None and writes_since is not None and move.at < writes_since
        return writes_since if is_before else move.at, move.evidence

    def _budget_s(self, run: Run) -> float:
        attempt = run.attempt
        intent, phase = attempt.intent, attempt.phase
        if not run.understood:
            return max(self.silence, UNLEARNT_S)
        asked_s = intent.expected_s if intent.pause == phase else None
        is_usable = asked_s is not None and math.isfinite(asked_s) and asked_s > 0
        pause_s = min(asked_s or 0.0, LONGEST_PAUSE_S) if is_usable else 0.0
        fixed_in = ("train",) if self.fixed_in is None and self.of == "bytes" else self.fixed_in or ()
        rare_s = self._rare_s(run)
        if phase in fixed_in:
            return max(self.silence, rare_s) + pause_s
        learnt_s = self._learnt_s(attempt)
        if learnt_s is None and self.most is not None:
            return self.most + pause_s
        learnt_s = learnt_s or 0.0
        most_s = math.inf if self.most is None else max(self.most, self.most_factor * learnt_s)
        if self.of == "progress" and not (attempt.progress.is_counted and _has_heartbeat(run)):
            return most_s + pause_s
        return min(max(self.silence, self.learnt_factor * learnt_s, rare_s), most_s) + pause_s

    def _rare_s(self, run: Run) -> float:
        """Return the budget of a log whose reports come rarely, or how often is not known yet; 0 for any other."""
        if self.of != "bytes" or _has_heartbeat(run):
            return 0.0
        usual_s, breaks_s = _usual_s(run), sorted(run.attempt.breaks_s)
        if len(breaks_s) > 1:
            # One of them may have been a stall that ended.
            return self.learnt_factor * breaks_s[-2]
        if usual_s is None:
            return UNLEARNT_S
        return self.learnt_factor * usual_s if usual_s > RARE_S else 0.0

    def _learnt_s(self, attempt: Attempt) -> float | None:
        """Return the longest interval that this phase has shown so far, if any."""
        if self.of == "bytes":
            return attempt.longest_silence_s.get(attempt.phase)
        return max(attempt.progress.recent(attempt.phase), default=None)

    def _complaint(self, attempt: Attempt, budget_s: float) -> str:
        if self.of == "bytes":
            return f"nothing written for more than {budget_s:.0f} s in phase {attempt.phase}"
        return (
            f"no step and no work done for more than {budget_s:.0f} s in phase {attempt.phase}, while lines keep coming"
        )

    def _reading(self, outcome: Outcome, reason: str, run: Run, line: Evidence, lasted_s: float | None) -> Reading:
        attempt = run.attempt
        return Reading(
            outcome,
            reason,
            value=lasted_s,
            threshold=self._budget_s(run),
            evidence=(line,),
            epoch=attempt.epoch,
            step=attempt.step,
        )


def _has_heartbeat(run: Run) -> bool:
    """Whether the writer promises lines in between: ours does."""
    return run.dialect.name in ("", NATIVE)


def _usual_s(run: Run) -> float | None:
    """Return the usual distance between two reports; None before it is known.

    Reports of a loss may come seldom in a log that says more often how far it is; a report may have several lines.
    """
    moves = run.attempt.progress.recent(run.attempt.phase)
    usual_move_s = statistics.fmean(moves) if len(moves) >= MOVES_NEEDED else None
    if run.now is None:
        # In a log without times, moves have the times at which a watch saw them arrive, several at once.
        slow = [each for each in moves if each >= BURST_S]
        return statistics.median(slow) if slow else usual_move_s
    times = [point.at for name in LOSSES for each in run.attempt.of(name).values() for point in each.recent]
    dated = sorted(at for at in times if at is not None)
    gaps = [right - left for left, right in pairwise(dated) if right - left >= BURST_S]
    if len(gaps) < MOVES_NEEDED:
        return usual_move_s
    return statistics.median(gaps) if usual_move_s is None else min(statistics.median(gaps), usual_move_s)
