"""What the rules say about one gradient group or encoder tensor, in one mark and a few words."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.base.evidence import Evidence
from monitor.conditions import Outcome, Reading
from monitor.report.judgement import RuleVerdict, history, reason_of, worst_applicable
from monitor.report.statement import WORST_FIRST, Mark
from monitor.run.attempt import shortened_labels


def judged_label(
    prefix: str, label: tuple[str, str], verdicts: Sequence[RuleVerdict]
) -> tuple[Mark, str, Evidence | None]:
    """Return the mark for one label, the words of every reading that is not ok, and the newest line of evidence."""
    marks: list[Mark] = []
    words: list[tuple[Mark, str, str]] = []
    evidence: list[Evidence] = []
    for verdict in verdicts:
        readings = [each for each in verdict.readings if _covers(each, label)]
        # A rule without labels judges the whole model: it is shown among the warning signs.
        if not reads_signal(verdict, prefix) or label[0] not in verdict.rule.labels or not readings:
            continue
        mark = verdict.mark_of(readings)
        marks.append(mark)
        evidence += [line for reading in readings for line in reading.evidence]
        if readings[0].outcome is not Outcome.OK:
            words.append((mark, verdict.rule.alert, reason_of(readings[0])))
        elif mark is not Mark.OK:
            words.append((mark, verdict.rule.alert, history(verdict.open_alerts or verdict.past)))
    if not marks:
        return Mark.UNKNOWN, "no enabled rule judges this", None
    if Mark.OK in marks:
        # A rule that needs a longer history does not revoke what the present figures prove.
        marks = [mark for mark in marks if mark is not Mark.UNKNOWN]
        words = [each for each in words if each[0] is not Mark.UNKNOWN]
    return worst_applicable(marks), _told(words), max(evidence, key=lambda line: line.offset, default=None)


def _told(words: Sequence[tuple[Mark, str, str]]) -> str:
    """Give the worst reading in full, and name the rules of the others."""
    if not words:
        return ""
    ranked = sorted(words, key=lambda each: WORST_FIRST.index(each[0]))
    others = ", ".join(dict.fromkeys(rule for _, rule, _ in ranked[1:] if rule != ranked[0][1]))
    first = f"{ranked[0][1]}: {ranked[0][2]}"
    return f"{first}; also {others}" if others else first


def reads_signal(verdict: RuleVerdict, prefix: str) -> bool:
    """Whether the rule reads a signal whose name begins with a prefix."""
    return any(name.startswith(prefix) for name in verdict.rule.condition.watches)


def _covers(reading: Reading, label: tuple[str, str]) -> bool:
    return not reading.labels or shortened_labels((label,))[0] in reading.labels
