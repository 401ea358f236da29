"""Readings and alerts → one verdict per rule, shared by all sections of the page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from monitor.alert import Alert, Severity, State
from monitor.conditions import Outcome, Reading
from monitor.report.statement import Mark, Statement, worst
from monitor.rules import Rule
from monitor.snapshot import Snapshot

OTHERS_NAMED = 8
"""Most labels named where several readings are alike; the rest is counted."""
_WORST_FIRST = (Outcome.BREACH, Outcome.UNKNOWN, Outcome.OK, Outcome.NOT_APPLICABLE)


@dataclass(frozen=True)
class RuleVerdict:
    """The present readings of one rule, with its alerts."""

    rule: Rule
    readings: tuple[Reading, ...]
    """Worst first."""
    open_alerts: tuple[Alert, ...]
    """Alerts that fire, or fired until this attempt ended: closing one does not clear it."""
    past: tuple[Alert, ...]
    """Alerts that fired and are over, or belong to an earlier attempt."""

    @property
    def outcome(self) -> Outcome:
        """Return the worst outcome."""
        return self.readings[0].outcome

    @property
    def applies(self) -> bool:
        """Whether there is something to check."""
        return self.outcome is not Outcome.NOT_APPLICABLE

    @property
    def mark(self) -> Mark:
        """Return the mark of the whole rule, including alerts whose labels no reading has now."""
        mark = self.mark_of(self.readings)
        if self.open_alerts:
            return worst([mark, *(_alarm(alert.severity) for alert in self.open_alerts)])
        return Mark.CAUTION if self.past and mark in (Mark.OK, Mark.NOT_APPLICABLE) else mark

    @property
    def explained_by(self) -> str:
        """Return the rules that explain all open alerts of this rule; empty if an open alert is not explained."""
        if not self.open_alerts or not all(alert.inhibited_by for alert in self.open_alerts):
            return ""
        return ", ".join(dict.fromkeys(alert.inhibited_by for alert in self.open_alerts))

    @property
    def is_passed(self) -> bool:
        """Whether the rule is ok now, with evidence, and has no open alert."""
        return self.outcome is Outcome.OK and not self.open_alerts

    def mark_of(self, readings: Iterable[Reading]) -> Mark:
        """Return the mark for some readings and the alerts with their labels."""
        return worst_applicable([self._mark(reading) for reading in readings])

    def _mark(self, reading: Reading) -> Mark:
        open_alerts = _about(self.open_alerts, reading)
        if reading.outcome is Outcome.BREACH or open_alerts:
            now = [reading.severity or self.rule.severity] if reading.outcome is Outcome.BREACH else []
            return worst([_alarm(severity) for severity in (*now, *(alert.severity for alert in open_alerts))])
        if reading.outcome is Outcome.UNKNOWN:
            return Mark.UNKNOWN
        if _about(self.past, reading):
            return Mark.CAUTION
        return Mark.OK if reading.outcome is Outcome.OK else Mark.NOT_APPLICABLE


def judge(snapshot: Snapshot) -> tuple[RuleVerdict, ...]:
    """Return a verdict per rule, in the order of the rule files."""
    newest = {alert.id: alert for alert in (*snapshot.history, *snapshot.open)}.values()
    return tuple(
        RuleVerdict(
            rule=rule,
            readings=tuple(sorted(readings, key=lambda reading: _WORST_FIRST.index(reading.outcome))),
            open_alerts=tuple(alert for alert in newest if alert.rule == rule.alert and _is_open(alert, snapshot)),
            past=tuple(alert for alert in newest if alert.rule == rule.alert and not _is_open(alert, snapshot)),
        )
        for rule, readings in snapshot.readings
    )


def worst_applicable(marks: list[Mark]) -> Mark:
    """Return the worst mark, without "not applicable" as long as there is another."""
    return worst([mark for mark in marks if mark is not Mark.NOT_APPLICABLE] or marks)


def ground(verdict: RuleVerdict, readings: Iterable[Reading] | None = None) -> Statement:
    """Return in one statement what a rule found, in all or some of its readings, with the worst one's lines."""
    shown = verdict.readings if readings is None else tuple(readings)
    worst_outcome = shown[0].outcome
    same = [reading for reading in shown if reading.outcome is worst_outcome]
    text, evidence = in_words(same, len(shown)), same[0].evidence
    if worst_outcome is not Outcome.BREACH and (alerts := verdict.open_alerts or verdict.past):
        # The mark comes from the alert, so the words must tell the present outcome.
        text = f"{history(alerts)}; now {worst_outcome.replace('_', ' ')}: {text}"
        evidence = (alerts[-1].evidence[0], *evidence)
    mark = verdict.mark if readings is None else verdict.mark_of(shown)
    return Statement(verdict.rule.alert, text, evidence, mark)


def grounds(verdicts: Iterable[RuleVerdict]) -> list[Statement]:
    """Return what each rule found; rules whose alerts others explain come last, named together."""
    found: list[Statement] = []
    explained: dict[str, list[RuleVerdict]] = {}
    for verdict in verdicts:
        if verdict.explained_by:
            explained.setdefault(verdict.explained_by, []).append(verdict)
        else:
            found.append(ground(verdict))
    for by, same in explained.items():
        names = ", ".join(verdict.rule.alert for verdict in same)
        lines = tuple(dict.fromkeys(verdict.open_alerts[-1].evidence[0] for verdict in same))
        found.append(Statement(names, f"explained by {by}", lines, worst([verdict.mark for verdict in same])))
    return found


def gathered(statements: Sequence[Statement]) -> list[Statement]:
    """Merge statements that wait for the same kind of line, at the place of the first."""
    waiting: dict[str, list[Statement]] = {}
    for each in statements:
        absent = _ABSENT.match(each.text)
        waiting.setdefault(absent[0] if absent and each.mark is Mark.UNKNOWN else f"{id(each)}", []).append(each)
    return [
        same[0]
        if len(same) == 1
        else Statement(", ".join(each.subject for each in same), f"{absent} has what they need", mark=Mark.UNKNOWN)
        for absent, same in waiting.items()
    ]


_ABSENT = re.compile(r"no \S{1,40} line")


def in_words(same: Sequence[Reading], num_all: int) -> str:
    """Word readings of one outcome, out of ``num_all``: the first in full, the others by their labels.

    The mark before the words tells the outcome.
    """
    first = same[0]
    first_words = f"{labels_of(first)}: {reason_of(first)}" if first.labels else reason_of(first)
    if num_all == 1:
        return first_words
    others = ", ".join(labels_of(reading) for reading in same[1:OTHERS_NAMED])
    more = f" and {len(same) - OTHERS_NAMED} more" if len(same) > OTHERS_NAMED else ""
    text = f"in {len(same)} of {num_all}: {first_words}"
    return f"{text}; also {others}{more}" if others else text


def reason_of(reading: Reading) -> str:
    """Return the reason of a reading, without the progress of the run, which the page shows elsewhere."""
    parts = [_UNTIL.sub("", _ABSENT_TAG.sub(r"no \1 line", part)) for part in reading.reason.split("; ")]
    return "; ".join(dict.fromkeys(parts))


_ABSENT_TAG = re.compile(r"\bno \[([^\]]{1,40})\] line")
_UNTIL = re.compile(r" was seen (?:up to step [\d,]+, epoch \d+|in [\d,]+ lines)")
"""The wording of an absent kind of line in `monitor.conditions.freshness`."""


def labels_of(reading: Reading) -> str:
    """Return the label values of a reading; a bare number with the name of its label."""
    return ", ".join(f"{name} {value}" if value.isdecimal() else value for name, value in reading.labels)


def history(alerts: Sequence[Alert]) -> str:
    """Tell how often alerts fired, and the state of the last."""
    last = alerts[-1]
    times = "" if len(alerts) == 1 else f"{len(alerts)} times, last "
    return f"fired {times}in epoch {last.epoch} of attempt {last.attempt} ({last.summary}) and is {last.state}"


def is_critical(verdict: RuleVerdict) -> bool:
    """Whether the severity of the rule is critical."""
    return verdict.rule.severity is Severity.CRITICAL


def _about(alerts: tuple[Alert, ...], reading: Reading) -> list[Alert]:
    """Return the alerts with the labels of a reading; all of them for a reading without labels."""
    return [alert for alert in alerts if not reading.labels or alert.labels == reading.labels]


def _alarm(severity: Severity) -> Mark:
    return Mark.BREACH if severity.is_alarming else Mark.CAUTION


def _is_open(alert: Alert, snapshot: Snapshot) -> bool:
    is_present = alert.attempt == snapshot.run.attempt.number
    return alert.state is State.FIRING or (alert.state is State.CLOSED and is_present)
