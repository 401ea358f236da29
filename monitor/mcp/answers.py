"""The answers to an assistant's questions, as plain documents: numbers and our own words, log text only quoted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monitor.alert import Alert, State, iso_time
from monitor.base.clock import Clock
from monitor.base.errors import MonitorError
from monitor.base.strict_json import json_number
from monitor.base.suggestion import suggestion
from monitor.engine.step import Engine
from monitor.live.watched import known_snapshot, unread
from monitor.mcp.quoted import quoted
from monitor.mcp.runs import KnownRun, find, known_runs, lines_of
from monitor.report.run_comparison import ComparedRow, compare
from monitor.report.summary import summary_of
from monitor.rules import Rule
from monitor.rules.explain import explanation
from monitor.run.last_values import figures_of, last_values
from monitor.run.summary import summarise
from monitor.snapshot import Snapshot

MOST_LISTED = 50
"""Entries of one list in an answer; more are counted."""
MOST_LINES = 20
"""Lines on each side of one that is asked for."""
LINE_BYTES = 4_096

Document = dict[str, Any]


class Answers:
    """Answers questions about the runs of some state folders; writes nothing."""

    def __init__(self, states: Sequence[Path], rules: Sequence[Rule], clock: Clock) -> None:
        self._states, self._rules, self._clock = tuple(states), tuple(rules), clock
        self._engine = Engine(rules)

    def list_runs(self) -> Document:
        """Return all runs, each with its state, place and number of problems."""
        found = known_runs(self._states)
        return {"runs": [self._head(each) for each in found[:MOST_LISTED]], "more": max(0, len(found) - MOST_LISTED)}

    def summary(self, run: str) -> Document:
        """Return the first screen of a run, and its last figures."""
        known = find(self._states, run)
        snapshot = self._snapshot(known)
        return {
            **self._head(known),
            "screen": [quoted(line) for line in summary_of(snapshot).lines[:MOST_LISTED]],
            "figures": [
                {"name": quoted(name), "value": json_number(value)}
                for name, value in figures_of(snapshot.run)[:MOST_LISTED]
            ],
        }

    def problems(self, run: str) -> Document:
        """Return the alerts of a run that fire or fired at warning or above, with the lines that show them."""
        known = find(self._states, run)
        last: dict[tuple[object, str], Alert] = {}
        for alert in (*known.seen.saved.history, *known.seen.saved.states.open.values()):
            if alert.severity.is_alarming and alert.state is not State.PENDING:
                last[alert.key, alert.id] = alert
        found = sorted(last.values(), key=lambda each: (each.state is not State.FIRING, -each.severity.rank))
        return {
            "run": known.handle,
            "problems": [_problem(each) for each in found[:MOST_LISTED]],
            "more": max(0, len(found) - MOST_LISTED),
        }

    def explain_rule(self, rule: str) -> Document:
        """Return what a rule tests, why it matters and what to do, by the rule files."""
        by_name = {each.alert: each for each in self._rules}
        found = by_name.get(rule)
        if found is None:
            raise MonitorError("rule", "unknown rule", expected=f"a rule's name{suggestion(rule, by_name)}")
        return {
            "rule": found.alert,
            "fault": found.fault,
            "severity": found.severity.value,
            "explanation": [{"about": each.about, "text": each.text} for each in explanation(found, self._rules)],
        }

    def lines_around(self, run: str, line: int, context: int = 5) -> Document:
        """Return a line of a run's log with the lines around it."""
        if not 1 <= line <= 10**12:
            raise MonitorError("line", "is not a line number", expected="a number from 1")
        if not 0 <= context <= MOST_LINES:
            raise MonitorError("context", "is out of range", expected=f"0 to {MOST_LINES}")
        known = find(self._states, run)
        found = lines_of(known, max(1, line - context), line + context, LINE_BYTES)
        return {"run": known.handle, "lines": [{"line": number, **quoted(text)} for number, text in found]}

    def compare(self, run: str, other: str) -> Document:
        """Return the newest figures of two runs side by side, and values that no two runs can share."""
        left, right = find(self._states, run), find(self._states, other)
        found = compare(*(summarise(each.seen.saved.run, each.seen.log) for each in (left, right)), step=None)
        return {
            "run": left.handle,
            "other": right.handle,
            "steps": [found.left.step, found.right.step],
            "newest": [_row(row) for row in found.newest[:MOST_LISTED]],
            "more": max(0, len(found.newest) - MOST_LISTED),
            "one_repeats_the_other": found.is_repeat,
            "identical_although_losses_differ": [_row(twin.row) for twin in found.twins[:MOST_LISTED]],
        }

    def _snapshot(self, known: KnownRun) -> Snapshot:
        return known_snapshot(known.seen, self._engine, wall=self._clock.wall() if known.is_watched else None)

    def _head(self, known: KnownRun) -> Document:
        snapshot = self._snapshot(known)
        summary, values = summary_of(snapshot), last_values(snapshot.run)
        return {
            "run": known.handle,
            "name": quoted(summary.name),
            "log": quoted(known.seen.log),
            "is_watched": known.is_watched,
            "ended": snapshot.end.ended.value,
            "cause": snapshot.end.cause.value if snapshot.end.cause else None,
            "state": quoted(summary.state),
            "step": values.step,
            "steps": values.steps,
            "epoch": values.epoch,
            "epochs": values.epochs,
            "last_line_at": iso_time(snapshot.run.now),
            "unread_bytes": unread(known.seen).num_bytes,
            "num_problems": len(summary.problems),
            "all_passed": summary.all_passed,
        }


def _problem(alert: Alert) -> Document:
    return {
        "rule": alert.rule,
        "fault": alert.fault,
        "severity": alert.severity.value,
        "state": alert.state.value,
        "explained_by": alert.inhibited_by or None,
        "step": alert.named_step,
        "epoch": alert.epoch,
        "starts_at": iso_time(alert.starts_at),
        "ends_at": iso_time(alert.ends_at),
        "summary": quoted(alert.summary),
        "labels": [{"name": name, **quoted(value)} for name, value in alert.labels],
        "action": quoted(alert.action),
        "last_checkpoint": quoted(alert.checkpoint) if alert.checkpoint else None,
        "evidence": [{"line": each.line, **quoted(each.text)} for each in alert.evidence[:MOST_LISTED]],
    }


def _row(row: ComparedRow) -> Document:
    return {
        "signal": row.signal,
        "labels": [{"name": name, **quoted(value)} for name, value in row.labels],
        "run": json_number(row.left),
        "other": json_number(row.right),
        "ratio": json_number(row.ratio),
    }
