"""Warning signs: every rule with its readings, its evidence, how to check it, and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from monitor.base.evidence import Evidence
from monitor.conditions import Outcome, Reading
from monitor.report.figures import bounded
from monitor.report.judgement import RuleVerdict, in_words, labels_of, reason_of
from monitor.report.shell import quoted_path
from monitor.report.statement import Mark, Statement


@dataclass(frozen=True)
class Sign:
    """One rule: what it watches for, and its present readings."""

    mark: Mark
    rule: str
    severity: str
    outcome: str
    summary: str
    """Number of readings per outcome."""
    readings: tuple[Statement, ...]
    """Worst first."""
    value: float | None
    threshold: float | None
    expected: str
    evidence: tuple[Evidence, ...]
    """The last line of evidence, at most one."""
    quoted: tuple[str, ...]
    """Labels of the reading shown; a long line is quoted around the first of them."""
    check: str
    action: str
    why: str
    is_featured: bool = False
    """Whether the page always shows it in full."""
    explained_by: str = ""
    """Rules whose alerts explain all alerts of this one; empty if one is not explained."""


FEATURED = ("GradientVanishing", "ExcessiveResets", "TrainingStall")
"""Shown in full by default: the signs of the status page that this project started from."""


def warning_signs(log: str, verdicts: Sequence[RuleVerdict], featured: Sequence[str] = ()) -> tuple[Sign, ...]:
    """Return one sign per rule, in the order of the rule files."""
    shown = featured or FEATURED
    return tuple(_sign(log, verdict, is_featured=verdict.rule.alert in shown) for verdict in verdicts)


def _sign(log: str, verdict: RuleVerdict, *, is_featured: bool) -> Sign:
    rule, first = verdict.rule, verdict.readings[0]
    alert = verdict.open_alerts[-1] if verdict.open_alerts else None
    shown = first.evidence or (alert.evidence if alert else ())
    return Sign(
        mark=verdict.mark,
        rule=rule.alert,
        severity=rule.severity.value,
        outcome=_outcome(verdict),
        summary=_counts(verdict.readings),
        readings=_readings(verdict),
        value=first.value,
        threshold=first.threshold,
        expected=rule.expected,
        evidence=tuple(shown[-1:]),
        quoted=tuple(value for _, value in first.labels),
        check=rule.check.replace("{log}", quoted_path(log)),
        action=rule.action,
        why=rule.why,
        is_featured=is_featured,
        explained_by=verdict.explained_by,
    )


def _outcome(verdict: RuleVerdict) -> str:
    word = verdict.outcome.replace("_", " ")
    if verdict.open_alerts:
        return f"{word}, alert {verdict.open_alerts[-1].state}"
    return f"{word} now; an alert fired before and is over" if verdict.past else word


def _counts(readings: Sequence[Reading]) -> str:
    counted = Counter(reading.outcome.replace("_", " ") for reading in readings)
    return ", ".join(f"{count} {outcome}" for outcome, count in counted.items())


def _readings(verdict: RuleVerdict) -> tuple[Statement, ...]:
    """Return each reading that needs attention, then one statement for all others of each outcome."""
    calm = [each for each in verdict.readings if verdict.mark_of([each]) in (Mark.OK, Mark.NOT_APPLICABLE)]
    found = [_reading(verdict, each) for each in verdict.readings if each not in calm]
    for outcome in (Outcome.OK, Outcome.NOT_APPLICABLE):
        same = [each for each in calm if each.outcome is outcome]
        if same:
            found.append(
                Statement("", in_words(same, len(verdict.readings)), same[0].evidence[-1:], verdict.mark_of(same))
            )
    return bounded(found)


def _reading(verdict: RuleVerdict, reading: Reading) -> Statement:
    return Statement(labels_of(reading), reason_of(reading), reading.evidence[-1:], verdict.mark_of([reading]))
