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
    unknown = [each for each in verdicts if each.applies and each.outcome is Outcome.UNKNOWN and not each.open_alerts]
    unseen = [each for each in unknown if all(not reading.evidence for reading in each.readings)]
    early = [each for each in unknown if each not in unseen and all(reading.is_early for reading in each.readings)]
    undecided = [each for each in unknown if each not in unseen and each not in early]
    behind = {name for each in verdicts if each.mark is Mark.BREACH for name in each.rule.inhibits}
    waiting = [each for each in undecided if each.rule.alert in behind]
    has_end = snapshot.run.attempt.ended is not None
    endless = [each for each in undecided if each.rule.group == ENDS and each not in waiting and not has_end]
    if endless:
        yield f"{_need(len(endless))} an end line"
    if waiting:
        yield f"{len(waiting)} not judged while the problem above lasts"
    if early:
        yield f"{_need(len(early))} a longer run"
    if rest := [each.rule.alert for each in undecided if each not in endless and each not in waiting]:
        yield f"undecided: {listed(rest)}"
    if unseen:
        missing = missing_from(snapshot.run, unseen)
        why = f": this log has no {listed(missing, NAMED)}" if missing else ""
        yield f"{counted(len(unseen), 'rule')} not judged{why}"


def _need(number: int) -> str:
    return f"{number} need{'s' if number == 1 else ''}"
