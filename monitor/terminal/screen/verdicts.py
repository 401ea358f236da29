"""The verdicts of the view, as sections of rows: rules by outcome, alerts and notices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.text import Text

from monitor.alert import Alert, Severity, State
from monitor.conditions import Outcome
from monitor.report.judgement import RuleVerdict
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
CAUSE, CONSEQUENCE, CHECKED = 20, 10, 5
"""Ranks of problems, of what to do and what they explain, and of what was checked."""

_COLOURS = {Severity.CRITICAL: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
_SIGNS = {Severity.CRITICAL: "🔴", Severity.WARNING: "🟠", Severity.INFO: "🔵"}
_OUTCOMES = {Outcome.OK: "✅", Outcome.BREACH: "❌", Outcome.UNKNOWN: "❔", Outcome.NOT_APPLICABLE: "➖"}


def rules(snapshot: Snapshot, summary: Summary, verdicts: Sequence[RuleVerdict], width: int) -> Section:
    """Return the rules: counts by outcome in the title, then causes with their effects, then what was checked."""
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
    rows.append(Row(Text.assemble(" ", foreign(summary.checked, "bright_black")), rank=CHECKED, is_prose=True))
    return Section(title, rows, share=3)


def listed(snapshot: Snapshot, words: str = "") -> list[list[Alert]]:
    """Return the alerts that contain the words, newest first; together those that one line raised under one rule."""
    newest = snapshot.history[-ALERTS:]
    known = {alert.id for alert in newest}
    shown = [*(alert for alert in snapshot.open if alert.id not in known), *newest]
    found = [
        list(together)
        for _, together in groupby(reversed(shown), key=lambda alert: (alert.rule, alert.state, alert.at))
    ]
    return [group for group in found if any(_has(alert, words.casefold()) for alert in group)] if words else found


def alerts(scene: Scene) -> Section:
    """Return the alerts, newest first; from the chosen one on, where one is chosen."""
    snapshot, view = scene.snapshot, scene.view
    groups = listed(snapshot, view.filter)
    cursor = None if view.cursor is None else min(view.cursor, len(groups) - 1)
    begun = 0 if cursor is None else max(0, cursor - 1)
    rows: list[Row] = []
    for place, group in enumerate(groups[begun:], begun):
        alert, is_chosen = group[-1], place == cursor
        # Where not all fit, alerts without an explanation stay first, then the newest; while one is chosen, its
        # neighbours.
        rank = -len(rows) - ALERTS * (bool(alert.inhibited_by) and cursor is None)
        line = _alert_words(alert, len(group), scene.silenced.get(alert.id, ""), is_chosen=is_chosen)
        rows.append(Row(line, rank=rank, is_prose=is_chosen or (cursor is None and not alert.inhibited_by)))
    title = Text.assemble(("alerts", "bold"), f"  {len(snapshot.open)} open" if snapshot.open else "")
    if cursor is not None and groups:
        title.append(f" · {cursor + 1} of {len(groups)}")
    if view.filter or view.is_typing:
        title.append_text(Text.assemble(" · with ", foreign(f"“{view.filter}”", "bold")))
    nothing = " none with these words" if view.filter else " none so far"
    return Section(title, rows or [Row(Text(nothing, "bright_black"))], share=2 if cursor is None else 6)


def _has(alert: Alert, words: str) -> bool:
    texts = (alert.rule, alert.fault, alert.summary, alert.state.value, *(value for _, value in alert.labels))
    return any(words in text.casefold() for text in texts)


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


def _alert_words(alert: Alert, count: int, silenced: str, *, is_chosen: bool) -> Text:
    is_firing = alert.state is State.FIRING
    sign = _SIGNS[alert.severity] if is_firing else "🟢" if alert.state is State.RESOLVED else "⚪"
    style = "bright_black" if alert.inhibited_by else _COLOURS[alert.severity] if is_firing else ""
    others = f" (and {count - 1} more)" if count > 1 else ""
    line = Text.assemble(
        ("▸" if is_chosen else " ", "bold"),
        f"{sign} {time_of_day(alert.at)} ",
        foreign(alert.rule, f"{style} reverse" if is_chosen else style),
        f" {alert.state.value}{others}",
    )
    if silenced:
        line.append(f" · {silenced}", "cyan")
    if alert.inhibited_by:
        line.append(" explained by ", "bright_black").append_text(foreign(alert.inhibited_by, "bright_black"))
    line.append(": ").append_text(foreign(alert.summary if is_firing else alert.reason))
    if is_firing and not alert.inhibited_by:
        line.append(" · do: ", "bright_black").append_text(foreign(alert.action))
    return line
