"""``death``: a text that a run may have died of, in any log, with no progress behind it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from monitor.alert import Severity
from monitor.base.escape import redact
from monitor.base.evidence import Evidence
from monitor.base.wording import cut, span
from monitor.conditions.condition import Condition, Needed
from monitor.conditions.freshness import has_ended
from monitor.conditions.reading import Context, Outcome, Reading, unknown
from monitor.conditions.values import Seconds
from monitor.reader.causes import STARTED_AGAIN, Cause
from monitor.reader.endings import ending_of
from monitor.reader.signals import DEATH, Labels
from monitor.run.attempt import Attempt
from monitor.run.columns.preview import Ahead
from monitor.run.deaths import Death as Text
from monitor.run.deaths import leading_cause
from monitor.run.run import Run

GONE_S = 5.0
"""A process that is gone makes no progress any more; its last lines may still be on their way. As in ProcessGone."""
QUOTED = 160
"""Characters of a text in a summary."""
REQUEUED_S = 86_400.0
"""A job that was preempted is started again when there is room: info until then. Chosen by hand, 2026-11."""
CITED = 4
"""Lines cited: the cause first, then its effects."""
_MILD = dict.fromkeys((Cause.TIME_LIMIT, *STARTED_AGAIN), Severity.WARNING)
"""Planned by the scheduler: nothing is wrong with the run."""
_UNTOLD = frozenset({Cause.PYTHON_ERROR, Cause.ASSERTION, Cause.IMPORT_ERROR, Cause.CONFIG_ERROR, Cause.IO_ERROR})
"""Causes whose own words do not say what is wrong: the text does."""


Advice = Annotated[str, Field(min_length=1, pattern=r"[.!]$")]
"""What to do, in whole sentences."""


class Death(Condition):
    """A text of death, and no progress in time: an exception, out of memory, a signal, a time limit.

    Every line of every log is searched for the texts of ``rules/endings/``. Of several texts the one nearest to the
    root names the cause. A text that progress follows was survived. A log that was read to its end and says nothing
    more is judged as a watch would have judged it at the deadline. A time limit is a warning, and so
    is a preemption after a day without a new start; an interrupt and a cancellation are info.
    """

    kind: Literal["death"]
    before: Seconds
    """How long progress may take after the first text."""
    times_slowest: Annotated[float, Field(ge=1)] | None = None
    """Allow at least this many times the slowest recent interval between two moves."""
    advice: dict[Cause, Advice] = Field(default_factory=dict)
    """What to do about each cause; it comes before the rule's action."""

    @property
    def watches(self) -> frozenset[str]:
        """The texts, and what shows that the run goes on or is over."""
        return frozenset({DEATH, "run.moved", "run.end", "process.gone"})

    def needed_signals(self) -> Needed:
        """Return nothing: any log can say how it died."""
        return ()

    def signals_to_keep_coming(self) -> Iterator[tuple[str, bool]]:
        """Yield nothing: a text is read wherever it comes."""
        yield from ()

    def in_words(self) -> str:
        """Return what is tested."""
        words = f"a text that a run may have died of is not followed by progress or an end within {self.before:g}s"
        if self.times_slowest is None:
            return words
        return f"{words}, at least {self.times_slowest:g} × the slowest recent interval between two moves of the run"

    def is_idle(self, run: Run) -> bool:
        """Idle while there was no text."""
        return not run.attempt.deaths

    def readings(self, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
        """Return a single reading for the log."""
        attempt, deaths = run.attempt, run.attempt.unanswered_deaths
        if not deaths:
            return [self._alive(attempt)]
        if attempt.ended is not None and has_ended(attempt):
            return [_ok(attempt, "the run has an end line", attempt.ended.evidence)]
        cause = leading_cause(deaths)
        text = deaths[cause]
        deadline = self.deadline_of(run)
        # With nothing to wait with, the end of the log decides.
        is_over = not context.is_following or (deadline is not None and now is not None and now > deadline)
        if not is_over:
            return [unknown(f"{cause.words}; whether the run goes on is not known yet", evidence=(text.evidence,))]
        is_waiting = cause in STARTED_AGAIN and context.is_following and not self._is_late(run, now)
        return [_dead(cause, text, attempt, is_waiting=is_waiting, advice=self.advice.get(cause, ""))]

    def stays_quiet(self, run: Run, ahead: Ahead, context: Context, firing: frozenset[Labels]) -> bool:
        """Quiet while there is no text that waits for progress, and none comes."""
        return not firing and DEATH not in ahead.coming and not run.attempt.unanswered_deaths

    def deadline(self, run: Run, after: float) -> float | None:
        """Return when progress is overdue."""
        ends = (self.deadline_of(run), self.last_deadline(run))
        return min((each for each in ends if each is not None and each > after), default=None)

    def last_deadline(self, run: Run) -> float | None:
        """Return when nothing more is waited for: of a run that was preempted, its next start."""
        ends_at = self.deadline_of(run)
        if ends_at is None or STARTED_AGAIN.isdisjoint(run.attempt.unanswered_deaths):
            return ends_at
        return ends_at + REQUEUED_S

    def deadline_of(self, run: Run) -> float | None:
        """Return when the run is taken for dead; None if it is not waited for, or no time is known."""
        attempt = run.attempt
        if not attempt.deaths or has_ended(attempt):
            return None
        deaths = attempt.unanswered_deaths
        if not deaths:
            return None
        began_at = next(iter(deaths.values())).at
        if began_at is None:
            return None
        wait_s = self.before
        if self.times_slowest is not None:
            wait_s = max(wait_s, self.times_slowest * max(attempt.progress.recent(attempt.phase), default=0.0))
        return min(began_at + wait_s, _gone_until(attempt, default=began_at + wait_s))

    def _is_late(self, run: Run, now: float | None) -> bool:
        ends_at = self.last_deadline(run)
        return ends_at is not None and now is not None and now > ends_at

    def _alive(self, attempt: Attempt) -> Reading:
        move, seen = attempt.progress.last, attempt.of(DEATH)
        if move is not None:
            words = "progress followed each text of an error" if seen else "no text of a death"
            return _ok(attempt, words, move.evidence)
        if attempt.ended is not None:
            return _ok(attempt, "no text of a death up to the end line", attempt.ended.evidence)
        return unknown(f"no text of a death, and no progress, in {attempt.lines:,} lines")


def _gone_until(attempt: Attempt, *, default: float) -> float:
    """Return when a process that is gone is taken for dead."""
    gone = [series.last for series in attempt.of("process.gone").values()]
    move = attempt.progress.last
    ats = [point.at for point in gone if point.at is not None and (move is None or point.serial > move.serial)]
    return max(ats) + GONE_S if ats else default


def _ok(attempt: Attempt, reason: str, evidence: Evidence) -> Reading:
    return Reading(Outcome.OK, reason, evidence=(evidence,), epoch=attempt.epoch, step=attempt.step)


def _dead(cause: Cause, text: Text, attempt: Attempt, *, is_waiting: bool, advice: str) -> Reading:
    said = ending_of(text.evidence.text.encode("utf-8", "replace"))
    others = (each.evidence for each in attempt.unanswered_deaths.values())
    words = cause_words(cause, text.evidence)
    rank = "" if said is None or said.rank is None else f" on rank {said.rank}{_among(said.rank, attempt)}"
    severity = Severity.INFO if is_waiting or cause.ended == "cancelled" else _MILD.get(cause)
    verb = "died" if severity is None else "was ended"
    return Reading(
        Outcome.BREACH,
        f"the run {verb}{rank}: {words}",
        evidence=tuple(dict.fromkeys((text.evidence, *others)))[:CITED],
        epoch=text.epoch,
        step=text.step,
        severity=severity,
        advice=advice,
    )


def cause_words(cause: Cause, evidence: Evidence) -> str:
    """Return why a run died: the cause, or the text itself where its cause alone says too little."""
    if cause not in _UNTOLD:
        return cause.words
    said = ending_of(evidence.text.encode("utf-8", "replace"))
    return cut(redact(evidence.text.strip() if said is None else said.text.strip()), QUOTED)


def _among(rank: int, attempt: Attempt) -> str:
    """Return where a rank's death comes among the others' deaths, where several ranks write one log."""
    ranks = attempt.failed_ranks
    if len(ranks) < 2:
        return ""
    (first, death), (second, next_death) = itertools.islice(ranks.items(), 2)
    if first != rank:
        return f", one of {len(ranks)} that failed"
    if death.at is None or next_death.at is None:
        return f", the first of {len(ranks)} that failed"
    return f", the first of {len(ranks)} that failed, {_lead(next_death.at - death.at)} before rank {second}"


def _lead(seconds: float) -> str:
    """Return how much earlier one rank failed than the next."""
    return span(seconds) if seconds >= 1 else f"{1_000 * max(0.0, seconds):.3g} ms"
