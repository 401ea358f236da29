"""The verdicts of the view, as sections of rows: rules by outcome, alerts and notices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import PurePath

from rich.text import Text

from monitor.alert import Alert, Severity, State
from monitor.conditions import Outcome, Reading
from monitor.report.judgement import RuleVerdict, labels_of
from monitor.report.problems import Problem
from monitor.report.summary import Summary
from monitor.snapshot import Snapshot
from monitor.terminal.screen.layout import NARROW, Row, Section
from monitor.terminal.screen.scene import Scene
from monitor.terminal.screen.text import foreign, time_of_day

NOTICES = 20
"""Newest notices to show."""
ALERTS = 200
"""Newest transitions to consider."""
CAUSE, CONSEQUENCE = 20, 10
"""Ranks of problems, and of what to do and what they explain; what is unknown comes after."""

_COLOURS = {Severity.CRITICAL: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
_SIGNS = {Severity.CRITICAL: "🔴", Severity.WARNING: "🟠", Severity.INFO: "🔵"}
_OUTCOMES = {Outcome.OK: "✅", Outcome.BREACH: "❌", Outcome.UNKNOWN: "❔", Outcome.NOT_APPLICABLE: "➖"}


def rules(snapshot: Snapshot, summary: Summary, verdicts: Sequence[RuleVerdict], width: int) -> Section:
    """Return the rules: counts by outcome in the title, then the problems of the first screen and what is unknown."""
    outcomes = [_outcome(verdict) for verdict in verdicts]
    title = Text("rules", "bold")
    for outcome, sign in _OUTCOMES.items():
        count = outcomes.count(outcome)
        title.append(
            f"  {sign} {count}" if width >= NARROW else f" {sign}{count}", _colour(outcome) if count else "bright_black"
        )
    if snapshot.run.last is None:
        return Section(title, [Row(Text(" no line was read: nothing is known yet", "bright_black"))])
    rows = [row for problem in (*summary.problems, *summary.notes) for row in _problem_rows(problem)]
    rows += [Row(_unknown_words(each), rank=each.rule.severity.rank) for each in verdicts if _is_worth_a_row(each)]
    if not rows:
        rows = [Row(Text(" nothing fires, nothing is unknown", "bright_black"))]
    return Section(title, rows, share=3)


def alerts(snapshot: Snapshot) -> Section:
    """Return the alerts, newest first; alerts that one line raised under one rule share a row."""
    newest = snapshot.history[-ALERTS:]
    known = {alert.id for alert in newest}
    shown = [*(alert for alert in snapshot.open if alert.id not in known), *newest]
    rows: list[Row] = []
    for _, together in groupby(reversed(shown), key=lambda alert: (alert.rule, alert.state, alert.at)):
        group = list(together)
        alert = group[-1]
        # Where not all fit, alerts without an explanation stay first, then the newest.
        rank = -len(rows) - ALERTS * bool(alert.inhibited_by)
        rows.append(Row(_alert_words(alert, len(group)), rank=rank, is_prose=not alert.inhibited_by))
    title = Text.assemble(("alerts", "bold"), f"  {len(snapshot.open)} open" if snapshot.open else "")
    return Section(title, rows or [Row(Text(" none so far", "bright_black"))], share=2)


def others(scene: Scene) -> Section:
    """Return a row for each other followed log, those with alerts first."""
    rows = []
    for each in scene.others:
        sign, style = (_SIGNS[each.worst], _COLOURS[each.worst]) if each.worst else (" ✓", "bright_black")
        step = "" if each.step is None else f" step {each.step:,}"
        line = Text.assemble(
            f" {sign} ", foreign(PurePath(each.log).name, style), f" {each.status} epoch {each.epoch}{step}"
        )
        if each.num_firing:
            line.append(f" · {each.num_firing} firing", style)
        rows.append(Row(line, rank=each.worst.rank + 1 if each.worst else 0))
    return Section(Text("other logs", "bold"), rows)


def notices(scene: Scene) -> Section:
    """Return the notices about the log and the watch, newest first."""
    newest = list(reversed(scene.notices[-NOTICES:]))
    rows = [
        Row(Text.assemble((" ! ", "bold yellow"), foreign(text, "yellow")), rank=-place)
        for place, text in enumerate(newest)
    ]
    return Section(None, rows)


def _outcome(verdict: RuleVerdict) -> Outcome:
    """Return the worst outcome; an open alert counts as a breach, even if the rule reads ok now."""
    return Outcome.BREACH if verdict.open_alerts else verdict.outcome


def _colour(outcome: Outcome) -> str:
    styles = {Outcome.OK: "green", Outcome.BREACH: "bold red", Outcome.UNKNOWN: "yellow"}
    return styles.get(outcome, "bright_black")


def _problem_rows(problem: Problem) -> Iterator[Row]:
    """Yield a problem, what to do about it and what it explains."""
    rank = Severity(problem.severity).rank
    sign, style = ("⚠ ", "yellow") if problem.is_over else ("❌", _COLOURS[Severity(problem.severity)])
    place = f" L{problem.evidence[0].line}" if problem.evidence else ""
    name, _, words = problem.title.partition(": ")
    line = Text.assemble(f" {sign} ", foreign(name, style), ": ", foreign(f"{words}{place}"))
    yield Row(line, rank=CAUSE + rank, is_prose=True)
    for each in problem.advice:
        yield Row(Text.assemble("    → ", foreign(each)), rank=CONSEQUENCE + rank, is_prose=True)
    if problem.effects:
        yield Row(Text.assemble("    explains: ", foreign(", ".join(problem.effects), "bright_black")), CONSEQUENCE)


def _is_worth_a_row(verdict: RuleVerdict) -> bool:
    """Whether a rule is unknown for another reason than a short run, which says nothing yet."""
    is_unknown = verdict.outcome is Outcome.UNKNOWN and not verdict.open_alerts
    return is_unknown and not all(each.is_early for each in verdict.readings)


def _unknown_words(verdict: RuleVerdict) -> Text:
    same = [reading for reading in verdict.readings if reading.outcome is Outcome.UNKNOWN]
    name = foreign(verdict.rule.alert, "yellow")
    return Text.assemble(f" {_OUTCOMES[Outcome.UNKNOWN]} ", name, " ", foreign(_reading_words(same)))


def _reading_words(same: Sequence[Reading]) -> str:
    first = same[0]
    about = f"{labels_of(first)}: " if first.labels else ""
    others = f" (and {len(same) - 1} more)" if len(same) > 1 else ""
    place = f" L{first.evidence[-1].line}" if first.evidence else ""
    return f"{about}{first.reason}{others}{place}"


def _alert_words(alert: Alert, count: int) -> Text:
    is_firing = alert.state is State.FIRING
    sign = _SIGNS[alert.severity] if is_firing else "🟢" if alert.state is State.RESOLVED else "⚪"
    style = "bright_black" if alert.inhibited_by else _COLOURS[alert.severity] if is_firing else ""
    others = f" (and {count - 1} more)" if count > 1 else ""
    line = Text.assemble(
        f" {sign} {time_of_day(alert.at)} ", foreign(alert.rule, style), f" {alert.state.value}{others}"
    )
    if alert.inhibited_by:
        line.append(" explained by ", "bright_black").append_text(foreign(alert.inhibited_by, "bright_black"))
    line.append(": ").append_text(foreign(alert.summary if is_firing else alert.reason))
    if is_firing and not alert.inhibited_by:
        line.append(" · do: ", "bright_black").append_text(foreign(alert.action))
    return line
