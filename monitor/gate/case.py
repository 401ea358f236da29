"""A log read to its end → cases that a build server counts: each rule, and whether the log is read and complete."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from monitor.alert import Alert, Severity, State, place_of
from monitor.api import Log
from monitor.base.escape import redact, terminal, unmarked
from monitor.base.evidence import Evidence
from monitor.report.judgement import RuleVerdict, judge, reason_of
from monitor.run.ended import Ended

READ = "LogIsRead"
COMPLETED = "RunCompleted"


class Grade(StrEnum):
    """What became of a case."""

    PASSED = "passed"
    NOTED = "noted"
    """Something was found that fails no build."""
    FAILED = "failed"
    UNREAD = "unread"
    """Nothing can be said of the log."""
    SKIPPED = "skipped"
    """Not judged, which is not a pass, or explained by another case."""


class Case(NamedTuple):
    """One thing that was looked at in one log."""

    name: str
    """The rule; READ or COMPLETED for the log itself."""
    about: str
    """What it looks for."""
    grade: Grade
    severity: Severity
    words: str
    """What was found, or why nothing can be said; foreign text is escaped, and redacted."""
    evidence: tuple[Evidence, ...] = ()
    advice: str = ""

    @property
    def is_found(self) -> bool:
        """Whether there is something to show in the log."""
        return self.grade in (Grade.FAILED, Grade.UNREAD, Grade.NOTED)


def cases_of(log: Log, state: str, *, must_complete: bool) -> Iterator[Case]:
    """Yield the cases of a log: at least one fails or is unread exactly where `monitor check` exits with 1 or 3.

    ``state`` says how the run ended, in the words of the first screen.
    """
    end = log.snapshot.now
    about = "enough of the log could be read to judge it"
    if log.is_blind:
        words = "too little could be read: no progress, or neither a loss nor a metric"
        yield Case(READ, about, Grade.UNREAD, Severity.CRITICAL, words)
    else:
        yield Case(READ, about, Grade.PASSED, Severity.CRITICAL, "")
    if must_complete:
        is_completed = log.end.ended is Ended.COMPLETED
        grade = Grade.PASSED if is_completed else Grade.FAILED
        yield Case(COMPLETED, "the run completed", grade, Severity.CRITICAL, shown(state), log.end.evidence)
    fired = _fired(log)
    for verdict in judge(log.snapshot):
        alerts = fired.pop(verdict.rule.alert, [])
        yield _of_alerts(alerts, verdict.rule.expected, end) if alerts else _of_verdict(verdict)
    for alerts in fired.values():
        yield _of_alerts(alerts, "", end)


def _fired(log: Log) -> dict[str, list[Alert]]:
    """Return the alerts that no other explains, as they first fired, by rule."""
    found: dict[str, dict[str, Alert]] = {}
    for alert in log.transitions:
        if alert.state is State.FIRING and not alert.inhibited_by:
            found.setdefault(alert.rule, {}).setdefault(alert.id, alert)
    return {rule: list(alerts.values()) for rule, alerts in found.items()}


def _of_alerts(alerts: list[Alert], about: str, end: float | None) -> Case:
    worst = max(alerts, key=lambda alert: alert.severity.rank)
    grade = Grade.FAILED if worst.severity.is_alarming else Grade.NOTED
    place = place_of(worst, end)
    words = f"{worst.summary}{f', {place}' if place else ''}"
    more = f"; {len(alerts) - 1} more of its kind" if len(alerts) > 1 else ""
    advice = " ".join(each for each in (worst.action, worst.checkpoint) if each)
    return Case(worst.rule, about, grade, worst.severity, shown(words + more), worst.evidence, shown(advice))


def _of_verdict(verdict: RuleVerdict) -> Case:
    rule, reading = verdict.rule, verdict.readings[0]
    if verdict.explained_by:
        why = f"explained by {verdict.explained_by}"
        return Case(rule.alert, rule.expected, Grade.SKIPPED, rule.severity, why)
    if verdict.is_passed:
        return Case(rule.alert, rule.expected, Grade.PASSED, rule.severity, "")
    return Case(rule.alert, rule.expected, Grade.SKIPPED, rule.severity, shown(reason_of(reading)))


def shown(text: str) -> str:
    """Return words that may be a log's as one line, without secrets and without our own marks."""
    return terminal(unmarked(redact(text)))
