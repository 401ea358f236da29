"""Snapshot → the first screen: what happened, what is wrong and what was checked, in the same words everywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import NamedTuple

from monitor.alert import Alert, Severity, State
from monitor.base.escape import redact
from monitor.conditions import Outcome
from monitor.grammar import Checkpoint, RunStart
from monitor.report.figures import span
from monitor.report.judgement import RuleVerdict, judge
from monitor.report.statement import Mark
from monitor.report.verdict import Verdict, verdict_of
from monitor.run.ended import Ended
from monitor.run.last_values import LastValues, last_values
from monitor.snapshot import Snapshot

GENERIC = frozenset(
    ("train", "training", "log", "output", "out", "run", "stdout", "stderr", "console", "nohup", "slurm")
)
"""Names of log files that name no run; the folder's name goes in front."""
NAMED = 3
"""Most names in a list; the rest is counted."""
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
_MARKS = {Severity.CRITICAL: "🔴", Severity.WARNING: "🟠", Severity.INFO: "🔵"}


class Problem(NamedTuple):
    """One cause, with its effects folded under it."""

    mark: str
    alert: Alert
    """The newest alert of the rule, open ones first."""
    is_over: bool
    num_others: int
    """Further series in which the same rule found the same."""
    effects: tuple[str, ...]
    """Rules whose alerts this one explains."""
    lasted: str
    """Since where and for how long; empty where nothing tells."""
    checkpoint: str
    """The last checkpoint before it; empty if none is known."""

    @property
    def lines(self) -> Iterator[str]:
        """Yield the problem in words: what, its line, what to do, what follows from it."""
        alert = self.alert
        over = f" (over{'' if alert.state is State.RESOLVED else ': its run ended'})" if self.is_over else ""
        others = f", and {self.num_others} more alike" if self.num_others else ""
        lasted = f" — {self.lasted}" if self.lasted else ""
        yield f"{self.mark} {alert.rule}{over}: {alert.summary}{others}{lasted}"
        for line in alert.evidence[:1]:
            text = redact(line.text.strip())
            shown = text if len(text) <= QUOTED else f"{text[:QUOTED]} …"
            yield f"   L{line.line}: {shown}"
        if not self.is_over:
            yield f"   → {alert.action.split('. ')[0].rstrip('.')}"
        if self.checkpoint and alert.severity is Severity.CRITICAL:
            yield f"   → {self.checkpoint}"
        if self.effects:
            yield f"   explains: {_named(self.effects)}"


class Summary(NamedTuple):
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

    @property
    def lines(self) -> list[str]:
        """Return the first screen as lines."""
        who = f"{self.name} on {self.host}" if self.host else self.name
        joint = " " if self.place.startswith("at ") else ", "
        state = joint.join(part for part in (self.state, self.place) if part)
        found = [" · ".join(part for part in (f"{self.mark} {who}", state, self.figures) if part)]
        if self.problems:
            found.append(self.counted)
        for problem in self.problems:
            found += [f"  {line}" for line in problem.lines]
        return [*found, self.checked]

    @property
    def counted(self) -> str:
        """Return the number of problems in words: the same count everywhere."""
        num_over = sum(problem.is_over for problem in self.problems)
        words = f"{len(self.problems)} problem{'s' if len(self.problems) != 1 else ''}"
        return words if not num_over else f"{words}, {num_over} of them over"


def summary_of(snapshot: Snapshot, verdicts: Sequence[RuleVerdict] | None = None) -> Summary:
    """Return the first screen at this moment; ``verdicts`` is the result of `judge`, if the caller has it."""
    verdicts = judge(snapshot) if verdicts is None else verdicts
    verdict, values = verdict_of(snapshot, verdicts), last_values(snapshot.run)
    started = snapshot.run.attempt.stated(RunStart)
    found = [*_problems(snapshot, verdicts)]
    problems = [each for each in found if each.alert.severity.is_alarming]
    return Summary(
        mark=verdict.mark,
        name=_name(snapshot),
        host=(started[0].host or "") if started else "",
        state=_state(snapshot),
        place=_place(snapshot, values),
        figures=_figures(snapshot, values),
        problems=tuple(sorted(problems, key=_order)),
        notes=len(found) - len(problems),
        checked=_checked(snapshot, verdict, verdicts),
    )


def _name(snapshot: Snapshot) -> str:
    path = PurePath(snapshot.log)
    stem = path.name.removesuffix(".gz").rpartition(".")[0] or path.name
    is_generic = stem.strip("0123456789-_.").lower() in GENERIC
    log = f"{path.parent.name}/{path.name}" if is_generic and path.parent.name else path.name
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


def _problems(snapshot: Snapshot, verdicts: Sequence[RuleVerdict]) -> Iterator[Problem]:
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
        is_over = not each.open_alerts
        yield Problem(
            mark="🟢" if is_over and first.state is State.RESOLVED else _MARKS[first.severity],
            alert=first,
            is_over=is_over,
            num_others=len({alert.labels for alert in known}) - 1,
            effects=tuple(explained.get(each.rule.alert, ())),
            lasted=_lasted(snapshot, first, is_over=is_over),
            checkpoint=_checkpoint(snapshot, first),
        )


def _order(problem: Problem) -> tuple[bool, int, int]:
    evidence = problem.alert.evidence
    return problem.is_over, -problem.alert.severity.rank, evidence[0].offset if evidence else 0


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
    reach = f"for {100 * verdict.share:.0f} % of the run" if verdict.gaps else "up to the last step"
    passed = ", all passed" if verdict.all_passed else ""
    parts = [f"Checked{passed}: {verdict.num_ok} of {verdict.num_applicable} rules that apply are ok, evidence {reach}"]
    parts += [f"unknown: {gap.words}" for gap in verdict.gaps[:NAMED]]
    if verdict.unread:
        parts.append(f"unreadable: {', '.join(f'[{tag}]' for tag in verdict.unread)}")
    if verdict.undecided:
        parts.append(f"undecided: {_named(verdict.undecided)}")
    unseen = [each for each in verdicts if each.applies and _is_unseen(each)]
    if unseen:
        themes = tuple(dict.fromkeys(each.rule.group.replace("_", " ") for each in unseen))
        parts.append(f"{len(unseen)} not judged, for no line has what they need ({', '.join(themes)})")
    return " · ".join(parts)


def _is_unseen(verdict: RuleVerdict) -> bool:
    return all(each.outcome is Outcome.UNKNOWN and not each.evidence for each in verdict.readings)


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"
