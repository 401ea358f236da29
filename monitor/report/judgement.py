"""Readings and alerts → one verdict per rule, which every section of the page shares."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from monitor.alert import Alert, Severity, State
from monitor.conditions import Outcome, Reading
from monitor.report.model import Mark, Statement, worst
from monitor.rules import Rule
from monitor.snapshot import Snapshot

OTHERS_NAMED = 8
"""Labels that are named when several readings share an answer; the rest is counted."""
_WORST_FIRST = (Outcome.BREACH, Outcome.UNKNOWN, Outcome.OK, Outcome.NOT_APPLICABLE)


@dataclass(frozen=True)
class RuleVerdict:
    """What one rule says of the run, with what it said before."""

    rule: Rule
    readings: tuple[Reading, ...]
    """The worst first."""
    standing: tuple[Alert, ...]
    """Alerts that fire, or fired until this attempt ended: closing is no all-clear."""
    past: tuple[Alert, ...]
    """Alerts that fired and are over, or belong to an attempt that another followed."""

    @property
    def outcome(self) -> Outcome:
        """Return the worst answer."""
        return self.readings[0].outcome

    @property
    def applies(self) -> bool:
        """Whether there is anything to check."""
        return self.outcome is not Outcome.NOT_APPLICABLE

    @property
    def mark(self) -> Mark:
        """Return the mark of the whole rule: also for alerts whose labels nothing bears any more."""
        mark = self.mark_of(self.readings)
        if self.standing:
            return worst([mark, *(_alarm(alert.severity) for alert in self.standing)])
        return Mark.CAUTION if self.past and mark in (Mark.OK, Mark.NOT_APPLICABLE) else mark

    @property
    def explained_by(self) -> str:
        """Return the rules whose alerts explain all of this one's that stand; empty where one stands by itself."""
        if not self.standing or not all(alert.inhibited_by for alert in self.standing):
            return ""
        return ", ".join(dict.fromkeys(alert.inhibited_by for alert in self.standing))

    @property
    def is_passed(self) -> bool:
        """Whether all that applies is ok now, with evidence, and no alert stands."""
        return self.outcome is Outcome.OK and not self.standing

    def mark_of(self, readings: Iterable[Reading]) -> Mark:
        """Return the mark for some of the readings and the alerts that bear their labels."""
        return worst_applicable([self._mark(reading) for reading in readings])

    def _mark(self, reading: Reading) -> Mark:
        standing = _about(self.standing, reading)
        if reading.outcome is Outcome.BREACH or standing:
            now = [reading.severity or self.rule.severity] if reading.outcome is Outcome.BREACH else []
            return worst([_alarm(severity) for severity in (*now, *(alert.severity for alert in standing))])
        if reading.outcome is Outcome.UNKNOWN:
            return Mark.UNKNOWN
        if _about(self.past, reading):
            return Mark.CAUTION
        return Mark.OK if reading.outcome is Outcome.OK else Mark.NOT_APPLICABLE


def judge(snapshot: Snapshot) -> tuple[RuleVerdict, ...]:
    """Return a verdict per rule, in the order of the rule files."""
    newest = {alert.id: alert for alert in (*snapshot.history, *snapshot.open)}
    return tuple(
        RuleVerdict(
            rule=rule,
            readings=tuple(sorted(readings, key=lambda reading: _WORST_FIRST.index(reading.outcome))),
            standing=tuple(alert for alert in newest.values() if alert.rule == rule.alert and _stands(alert, snapshot)),
            past=tuple(alert for alert in newest.values() if alert.rule == rule.alert and not _stands(alert, snapshot)),
        )
        for rule, readings in snapshot.readings
    )


def worst_applicable(marks: list[Mark]) -> Mark:
    """Return the worst mark, leaving aside what does not apply as long as anything does."""
    return worst([mark for mark in marks if mark is not Mark.NOT_APPLICABLE] or marks)


def ground(verdict: RuleVerdict, readings: Iterable[Reading] | None = None) -> Statement:
    """Say in one line what a rule found, in all or some of its readings, with the lines of the worst."""
    shown = verdict.readings if readings is None else tuple(readings)
    worst_outcome = shown[0].outcome
    same = [reading for reading in shown if reading.outcome is worst_outcome]
    text, evidence = in_words(same, len(shown)), same[0].evidence
    if worst_outcome is not Outcome.BREACH and (alerts := verdict.standing or verdict.past):
        # The mark is that of the alert: only here must the words tell the answer of now.
        text = f"{history(alerts)}; now {worst_outcome.replace('_', ' ')}: {text}"
        evidence = (alerts[-1].evidence[0], *evidence)
    mark = verdict.mark if readings is None else verdict.mark_of(shown)
    return Statement(verdict.rule.alert, text, evidence, mark)


def grounds(verdicts: Iterable[RuleVerdict]) -> list[Statement]:
    """Say what each rule found; those whose alerts others explain are named together, behind the rest."""
    found: list[Statement] = []
    explained: dict[str, list[RuleVerdict]] = {}
    for verdict in verdicts:
        if verdict.explained_by:
            explained.setdefault(verdict.explained_by, []).append(verdict)
        else:
            found.append(ground(verdict))
    for by, same in explained.items():
        names = ", ".join(verdict.rule.alert for verdict in same)
        lines = tuple(dict.fromkeys(verdict.standing[-1].evidence[0] for verdict in same))
        found.append(Statement(names, f"explained by {by}", lines, worst([verdict.mark for verdict in same])))
    return found


def gathered(said: Sequence[Statement]) -> list[Statement]:
    """Put what waits for the same kind of line into one statement, in the place of the first."""
    waiting: dict[str, list[Statement]] = {}
    for each in said:
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
    """Word readings of one outcome, of so many in all: the first in full, the others by their labels.

    Which outcome it is, the mark before the words tells.
    """
    first = same[0]
    told = f"{labels_of(first)}: {reason_of(first)}" if first.labels else reason_of(first)
    if num_all == 1:
        return told
    others = ", ".join(labels_of(reading) for reading in same[1:OTHERS_NAMED])
    more = f" and {len(same) - OTHERS_NAMED} more" if len(same) > OTHERS_NAMED else ""
    text = f"in {len(same)} of {num_all}: {told}"
    return f"{text}; also {others}{more}" if others else text


def reason_of(reading: Reading) -> str:
    """Return why a reading says what it says, without how far the run has come, which the page tells once."""
    parts = [_UNTIL.sub("", _ABSENT_TAG.sub(r"no \1 line", part)) for part in reading.reason.split("; ")]
    return "; ".join(dict.fromkeys(parts))


_ABSENT_TAG = re.compile(r"\bno \[([^\]]{1,40})\] line")
_UNTIL = re.compile(r" was seen (?:up to step [\d,]+, epoch \d+|in [\d,]+ lines)")
"""How the absence of a kind of line is worded: see `monitor.conditions.freshness`."""


def labels_of(reading: Reading) -> str:
    """Return the values of a reading's labels, a bare number with the label's name."""
    return ", ".join(f"{name} {value}" if value.isdecimal() else value for name, value in reading.labels)


def history(alerts: Sequence[Alert]) -> str:
    """Say that alerts fired before, and what became of the last."""
    last = alerts[-1]
    times = "" if len(alerts) == 1 else f"{len(alerts)} times, last "
    return f"fired {times}in epoch {last.epoch} of attempt {last.attempt} ({last.summary}) and is {last.state}"


def is_critical(verdict: RuleVerdict) -> bool:
    """Whether the rule speaks of the worst."""
    return verdict.rule.severity is Severity.CRITICAL


def _about(alerts: tuple[Alert, ...], reading: Reading) -> list[Alert]:
    """Return the alerts of these labels; an answer without labels speaks for all of them."""
    return [alert for alert in alerts if not reading.labels or alert.labels == reading.labels]


def _alarm(severity: Severity) -> Mark:
    return Mark.BREACH if severity.is_alarming else Mark.CAUTION


def _stands(alert: Alert, snapshot: Snapshot) -> bool:
    is_present = alert.attempt == snapshot.run.attempt.number
    return alert.state is State.FIRING or (alert.state is State.CLOSED and is_present)
