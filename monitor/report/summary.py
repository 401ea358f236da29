"""Snapshot → the first screen: what happened, what is wrong and what was checked, in the same words everywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitor.alert import Alert, Severity, State
from monitor.base.escape import redact, unmarked
from monitor.base.evidence import Evidence
from monitor.base.wording import NAMED, listed, log_name, span
from monitor.conditions import Outcome
from monitor.grammar import Checkpoint, RunStart
from monitor.report.judgement import RuleVerdict, judge
from monitor.report.statement import Mark
from monitor.report.verdict import Verdict, verdict_of
from monitor.run.ended import Ended
from monitor.run.last_values import LastValues, last_values
from monitor.snapshot import Snapshot

SHORTEST_S = 60.0
"""A trouble that lasted for less has no duration in its words."""
QUOTED = 120
"""Characters of a line of evidence."""
_STATES = {
    Ended.COMPLETED: "completed",
    Ended.STOPPED: "stopped early, as it was told to",
    Ended.FAILED: "DIED",
    Ended.KILLED: "KILLED",
    Ended.CANCELLED: "cancelled",
    Ended.TIME_LIMIT: "ended by its time limit",
    Ended.RUNNING: "running",
}
GLYPHS = frozenset("🔴🟠🔵🟢")
"""Colours of problems."""
_MARKS = {Severity.CRITICAL: "🔴", Severity.WARNING: "🟠", Severity.INFO: "🔵"}


@dataclass(frozen=True)
class Problem:
    """One cause, with its effects folded under it."""

    rule: str
    severity: str
    mark: str
    """Its colour at a glance: 🔴 critical, 🟠 warning, 🟢 over."""
    is_over: bool
    words: str
    """What it is, in how many series, since where and for how long."""
    evidence: tuple[Evidence, ...]
    """The first line that proves it."""
    advice: tuple[str, ...]
    """What to do, and the last checkpoint before it."""
    effects: tuple[str, ...]
    """Rules whose alerts it explains."""

    @property
    def lines(self) -> Iterator[str]:
        """Yield the problem as lines."""
        yield f"{self.mark} {self.rule}{' (over)' if self.is_over else ''}: {unmarked(redact(self.words))}"
        for line in self.evidence:
            text = unmarked(redact(line.text.strip()))
            shown = text if len(text) <= QUOTED else f"{text[:QUOTED]} …"
            yield f"   L{line.line}: {shown}"
        for each in self.advice:
            yield f"   → {unmarked(redact(each))}"
        if self.effects:
            yield f"   explains: {listed(self.effects)}"


@dataclass(frozen=True)
class Summary:
    """The first screen."""

    mark: Mark
    name: str
    host: str
    """The machine that the run says it is on; empty if it says none."""
    state: str
    place: str
    figures: str
    problems: tuple[Problem, ...]
    """Open ones first, then by severity and place in the log."""
    notes: int
    """Number of further findings at info."""
    checked: str
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
        """Return the number of problems in words: the same count everywhere."""
        if not self.problems:
            return "no problem found" if self.mark is not Mark.OK else ""
        num_over = sum(problem.is_over for problem in self.problems)
        words = f"{len(self.problems)} problem{'s' if len(self.problems) != 1 else ''}"
        return words if not num_over else f"{words}, {num_over} of them over"

    @property
    def lines(self) -> list[str]:
        """Return the first screen as lines."""
        found = [f"{self.mark} {unmarked(redact(self.head))}", *([self.counted] if self.problems else [])]
        for problem in self.problems:
            found += [f"  {line}" for line in problem.lines]
        return [*found, self.checked]


def summary_of(snapshot: Snapshot, verdicts: Sequence[RuleVerdict] | None = None) -> Summary:
    """Return the first screen at this moment; ``verdicts`` is the result of `judge`, if the caller has it."""
    verdicts = judge(snapshot) if verdicts is None else verdicts
    verdict, values = verdict_of(snapshot, verdicts), last_values(snapshot.run)
    started = snapshot.run.attempt.stated(RunStart)
    found = sorted(_found(snapshot, verdicts), key=lambda each: each[0])
    problems = [problem for _, problem in found if problem.severity != Severity.INFO]
    return Summary(
        mark=verdict.mark,
        name=_name(snapshot),
        host=(started[0].host or "") if started else "",
        state=_state(snapshot),
        place=_place(snapshot, values),
        figures=_figures(snapshot, values),
        problems=tuple(problems),
        notes=len(found) - len(problems),
        checked=_checked(snapshot, verdict, verdicts),
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
    if end.ended is Ended.RUNNING:
        return run.status.value
    return _STATES[end.ended] + (f" ({end.cause.words})" if end.cause is not None else "")


def _place(snapshot: Snapshot, values: LastValues) -> str:
    parts = []
    if values.step is not None:
        unit = "report" if snapshot.run.dialect.is_counted else "step"
        parts.append(f"at {unit} {values.step:,}" + (f" of {values.steps:,}" if values.steps else ""))
    if values.epochs_done is not None:
        planned = f" of {values.epochs:,}" if values.epochs else ""
        parts.append(f"{values.epochs_done:,}{planned} epochs done")
    attempt, now = snapshot.run.attempt, snapshot.run.now
    if attempt.began_at is not None and now is not None and now > attempt.began_at:
        parts.append(span(now - attempt.began_at))
    return ", ".join(parts)


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


def _found(snapshot: Snapshot, verdicts: Sequence[RuleVerdict]) -> Iterator[tuple[tuple[bool, int, int], Problem]]:
    """Yield each rule that fires or fired and is not explained, with its place in the order."""
    explained: dict[str, list[str]] = {}
    for each in verdicts:
        for alert in (*each.open_alerts, *each.past):
            if alert.inhibited_by and each.rule.alert not in explained.setdefault(alert.inhibited_by, []):
                explained[alert.inhibited_by].append(each.rule.alert)
    for each in verdicts:
        known = [alert for alert in each.open_alerts or each.past if not alert.inhibited_by]
        if not known:
            continue
        first = min(known, key=lambda alert: alert.evidence[0].offset if alert.evidence else 0)
        offset = first.evidence[0].offset if first.evidence else 0
        is_over = not each.open_alerts
        problem = Problem(
            rule=first.rule,
            severity=first.severity.value,
            mark="🟢" if is_over and first.state is State.RESOLVED else _MARKS[first.severity],
            is_over=is_over,
            words=_words(snapshot, first, len({alert.labels for alert in known}) - 1, is_over=is_over),
            evidence=first.evidence[:1],
            advice=tuple(_advice(snapshot, first, is_over=is_over)),
            effects=tuple(explained.get(each.rule.alert, ())),
        )
        yield (is_over, -first.severity.rank, offset), problem


def _words(snapshot: Snapshot, alert: Alert, num_others: int, *, is_over: bool) -> str:
    others = f", and {num_others} more alike" if num_others else ""
    lasted = _lasted(snapshot, alert, is_over=is_over)
    return f"{alert.summary}{others}" + (f" — {lasted}" if lasted else "")


def _advice(snapshot: Snapshot, alert: Alert, *, is_over: bool) -> Iterator[str]:
    if is_over:
        return
    yield alert.action.split(". ")[0].rstrip(".")
    if alert.severity is Severity.CRITICAL and (checkpoint := _checkpoint(snapshot, alert)):
        yield checkpoint


def _lasted(snapshot: Snapshot, alert: Alert, *, is_over: bool) -> str:
    end = alert.ends_at if is_over else snapshot.run.now
    since = f"since step {alert.step:,}" if alert.step is not None and not is_over else ""
    if alert.starts_at is None or end is None or end - alert.starts_at < SHORTEST_S:
        return since
    lasted = span(end - alert.starts_at)
    return f"{since} ({lasted})" if since else f"for {lasted}"


def _checkpoint(snapshot: Snapshot, alert: Alert) -> str:
    found = snapshot.run.attempt.stated(Checkpoint)
    if found is None or not alert.evidence:
        return ""
    record, line = found
    where = record.path or (f"step {record.step:,}" if record.step is not None else "")
    step = f" (step {record.step:,})" if record.path and record.step is not None else ""
    if line.offset > alert.evidence[0].offset:
        return f"the last checkpoint, {where}{step}, L{line.line}, was saved after it began"
    return f"last checkpoint before it: {where}{step}, L{line.line}" if where else ""


def _checked(snapshot: Snapshot, verdict: Verdict, verdicts: Sequence[RuleVerdict]) -> str:
    if not snapshot.run.understood:
        return "Checked: texts of death only; no line of this log is understood"
    passed = ", all passed" if verdict.all_passed else ""
    parts = [f"Checked{passed}: {verdict.ok}", *verdict.unseen]
    if surplus := snapshot.run.dialect.unread_words:
        parts.append(surplus)
    if verdict.undecided:
        parts.append(f"undecided: {listed(verdict.undecided)}")
    unseen = [each for each in verdicts if each.applies and _is_unseen(each)]
    if unseen:
        themes = tuple(dict.fromkeys(each.rule.group.replace("_", " ") for each in unseen))
        parts.append(f"{len(unseen)} not judged, for no line has what they need ({', '.join(themes)})")
    return " · ".join(parts)


def _is_unseen(verdict: RuleVerdict) -> bool:
    return all(each.outcome is Outcome.UNKNOWN and not each.evidence for each in verdict.readings)
