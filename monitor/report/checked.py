"""Verdict → one line: how many rules are ok and for what share of the run, and why the others are not judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from monitor.base.wording import counted, listed
from monitor.conditions import Outcome
from monitor.report.judgement import RuleVerdict
from monitor.report.missing import missing_from
from monitor.report.statement import Mark
from monitor.report.verdict import Verdict
from monitor.snapshot import Snapshot

NAMED = 5
"""Most things named that the log does not have."""
ENDS = "liveness"
"""The theme of the rules that an end line decides."""


def checked_words(snapshot: Snapshot, verdict: Verdict, verdicts: Sequence[RuleVerdict]) -> str:
    """Return what was checked and what was not, so that every rule that applies is counted once."""
    if not snapshot.run.understood:
        return "Checked: texts of death only; no line of this log is understood"
    passed = ", all passed" if verdict.all_passed else ""
    return " · ".join([f"Checked{passed}: {verdict.ok}", *verdict.unseen, *_open(snapshot, verdicts)])


def _open(snapshot: Snapshot, verdicts: Sequence[RuleVerdict]) -> Iterator[str]:
    if surplus := snapshot.run.dialect.unread_words:
        yield surplus
    unseen: list[RuleVerdict] = []
    early, waiting, endless, rest = 0, 0, 0, list[str]()
    behind = {name for each in verdicts if each.mark is Mark.BREACH for name in each.rule.inhibits}
    has_end = snapshot.run.attempt.ended is not None
    for each in verdicts:
        if not each.applies or each.outcome is not Outcome.UNKNOWN or each.open_alerts:
            continue
        if all(not reading.evidence for reading in each.readings):
            unseen.append(each)
        elif all(reading.is_early for reading in each.readings):
            early += 1
        elif each.rule.alert in behind:
            waiting += 1
        elif each.rule.group == ENDS and not has_end:
            endless += 1
        else:
            rest.append(each.rule.alert)
    if endless:
        yield f"{_need(endless)} an end line"
    if waiting:
        yield f"{waiting} not judged while the problem above lasts"
    if early:
        yield f"{_need(early)} a longer run"
    if rest:
        yield f"undecided: {listed(rest)}"
    if unseen:
        missing = missing_from(snapshot.run, unseen)
        why = f": this log has no {listed(missing, NAMED)}" if missing else ""
        yield f"{counted(len(unseen), 'rule')} not judged{why}"


def _need(number: int) -> str:
    return f"{number} need{'s' if number == 1 else ''}"
