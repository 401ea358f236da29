"""Snapshot → the first screen: what happened, what is wrong and what was checked, in the same words everywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitor.alert import Severity
from monitor.base.escape import redact, unmarked
from monitor.base.wording import NAMED, counted, cut, log_name, span
from monitor.conditions import Outcome
from monitor.conditions.death import cause_words
from monitor.grammar import Error, ProcessStopping, RunStart
from monitor.report.checked import checked_words
from monitor.report.judgement import RuleVerdict, judge
from monitor.report.problems import Problem, problems_of
from monitor.report.run_state import STALLS
from monitor.report.statement import Mark
from monitor.report.verdict import verdict_of
from monitor.run.ended import Ended
from monitor.run.last_values import LastValues, last_values
from monitor.snapshot import Snapshot

SILENT_S = 60.0
"""A run that is followed and has written nothing for so long is called silent."""
CAUSE = 80
"""Characters of a cause in the state; the problem below quotes its line."""
_STATES = {
    Ended.COMPLETED: "completed",
    Ended.STOPPED: "stopped early on request",
    Ended.FAILED: "DIED",
    Ended.KILLED: "KILLED",
    Ended.CANCELLED: "cancelled",
    Ended.TIME_LIMIT: "ended by its time limit",
}
_TOLD = frozenset({Ended.STOPPED, Ended.TIME_LIMIT, Ended.COMPLETED})
"""Ends whose words say the cause."""


@dataclass(frozen=True)
class Summary:
    """The first screen."""

    mark: Mark
    name: str
    host: str
    """The machine that the run says it is on; empty if it says none."""
    state: str
    """How the run goes or ended, with the cause."""
    place: str
    figures: str
    problems: tuple[Problem, ...]
    """At warning or above; open ones first, then by severity and place in the log."""
    notes: tuple[Problem, ...]
    """Findings at info."""
    waiting: tuple[str, ...]
    """Rules whose limit is broken, but not yet for as long as they ask."""
    checked: str
    """What was checked, and what was not and why, in one line."""
    all_passed: bool
    """The run was seen to end, nothing fired, and no rule lacks evidence of a kind that the log carries."""
    num_ok: int
    num_applicable: int

    @property
    def head(self) -> str:
        """Return who, how it goes or ended, where, and the newest figures, in one line."""
        who = f"{self.name} on {self.host}" if self.host else self.name
        joint = " " if self.place.startswith("at ") else ", "
        state = joint.join(part for part in (self.state, self.place) if part)
        return " · ".join(part for part in (who, state, self.figures) if part)

    @property
    def counted(self) -> str:
        """Return the number of problems in words: the same count everywhere. Empty where all is proved to be well."""
        if not self.problems and self.waiting:
            return f"nothing told yet; broken, but not for long enough: {', '.join(self.waiting)}"
        if not self.problems:
            return "" if self.mark is Mark.OK else "no problem found" if self.num_ok else "nothing could be judged"
        num_over = sum(problem.is_over for problem in self.problems)
        words = counted(len(self.problems), "problem")
        if not num_over:
            return words
        return f"{words}, over" if num_over == len(self.problems) else f"{words}, {num_over} of them over"

    @property
    def noted(self) -> str:
        """Return the findings at info in one line; empty for none."""
        found = [f"{each.title} (L{each.evidence[0].line})" if each.evidence else each.title for each in self.notes]
        more = f" · {len(found) - NAMED} more" if len(found) > NAMED else ""
        return f"Worth knowing: {' · '.join(found[:NAMED])}{more}" if found else ""

    @property
    def lines(self) -> list[str]:
        """Return the first screen as lines."""
        found = [f"{self.mark} {unmarked(redact(self.head))}", *([self.counted] if self.counted else [])]
        for problem in self.problems:
            found += [f"  {line}" for line in problem.lines]
        return [*found, *([self.noted] if self.notes else []), self.checked]


def summary_of(snapshot: Snapshot, verdicts: Sequence[RuleVerdict] | None = None) -> Summary:
    """Return the first screen at this moment; ``verdicts`` is the result of `judge`, if the caller has it."""
    verdicts = judge(snapshot) if verdicts is None else verdicts
    verdict, values = verdict_of(snapshot, verdicts), last_values(snapshot.run)
    started = snapshot.run.attempt.stated(RunStart)
    found = problems_of(snapshot, verdicts)
    return Summary(
        mark=verdict.mark,
        name=_name(snapshot),
        host=(started[0].host or "") if started else "",
        state=_state(snapshot),
        place=", ".join(_place(snapshot, values)),
        figures=_figures(snapshot, values),
        problems=tuple(each for each in found if each.severity != Severity.INFO),
        # The state says how the run ended.
        notes=tuple(each for each in found if each.severity == Severity.INFO and each.fault != "crash"),
        waiting=tuple(each.rule.alert for each in verdicts if each.outcome is Outcome.BREACH and not each.open_alerts),
        checked=checked_words(snapshot, verdict, verdicts),
        all_passed=verdict.all_passed,
        num_ok=verdict.num_ok,
        num_applicable=verdict.num_applicable,
    )


def _name(snapshot: Snapshot) -> str:
    log = log_name(snapshot.log)
    started = snapshot.run.attempt.stated(RunStart)
    return f"{snapshot.run.id} ({log})" if started and snapshot.run.id else log


def _state(snapshot: Snapshot) -> str:
    end, run = snapshot.end, snapshot.run
    if end.ended is Ended.NO_END:
        return end.why
    if end.is_over and (stop := run.attempt.stated(ProcessStopping)) is not None:
        return f"ENDED by monitor run ({stop[0].alert})"
    if end.ended is Ended.RUNNING:
        return _running(snapshot)
    if end.cause is None or end.ended in _TOLD:
        return _STATES[end.ended]
    failed = run.attempt.stated(Error)
    is_stated = failed is not None and failed[1].offset <= end.evidence[0].offset and run.attempt.ended is not None
    # A secret that is cut in two is not recognised any more.
    words = redact(_error_words(failed[0]) if failed and is_stated else cause_words(end.cause, end.evidence[0]))
    return f"{_STATES[end.ended]} ({cut(words, CAUSE)})"


def _error_words(error: Error) -> str:
    return f"{error.type}: {error.message}" if error.message else error.type


def _running(snapshot: Snapshot) -> str:
    """Return how a run goes that is followed."""
    is_stalled = any(alert.fault in STALLS and not alert.inhibited_by for alert in snapshot.open)
    return "STALLED" if is_stalled else snapshot.run.status.value


def _place(snapshot: Snapshot, values: LastValues) -> Iterator[str]:
    if values.step is not None:
        yield f"at {snapshot.run.step_word} {values.step:,}" + (f" of {values.steps:,}" if values.steps else "")
    if values.epochs_done is not None and values.epochs:
        yield f"{values.epochs_done:,} of {counted(values.epochs, 'epoch')} done"
    elif values.epochs_done:
        yield f"{counted(values.epochs_done, 'epoch')} done"
    attempt, now = snapshot.run.attempt, snapshot.run.now
    if attempt.began_at is not None and now is not None and now - attempt.began_at >= 1:
        yield span(now - attempt.began_at)
    heard_at = snapshot.run.heard_at
    if snapshot.end.ended is Ended.RUNNING and snapshot.now is not None and heard_at is not None:
        silent_s = snapshot.now - heard_at
        if silent_s >= SILENT_S:
            yield f"silent for {span(silent_s)}"


def _figures(snapshot: Snapshot, values: LastValues) -> str:
    parts = []
    if values.loss is not None:
        best = min((each.minimum for each in snapshot.run.attempt.of("train.loss").values()), default=values.loss)
        parts.append(f"loss {values.loss:.6g}" + (f" (best {best:.6g})" if best < values.loss else ""))
    if values.val_loss is not None:
        parts.append(f"val loss {values.val_loss:.6g}")
    measured = [(name, by["val"]) for name, by in (values.metrics or {}).items() if "val" in by]
    parts += [f"{name} {value:.6g}" for name, value in measured[:NAMED]]
    return ", ".join(parts)
