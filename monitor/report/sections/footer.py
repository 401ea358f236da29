"""The end of the page: status, the next update, and the confidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from monitor.alert import Severity
from monitor.base.evidence import Evidence
from monitor.base.wording import listed
from monitor.conditions import Outcome
from monitor.report.figures import clock_time, moment
from monitor.report.judgement import RuleVerdict, gathered, ground, grounds, is_critical
from monitor.report.run_state import RunState, run_state_of
from monitor.report.sections.objectives import Objective
from monitor.report.sections.progress import remaining
from monitor.report.statement import Mark, Statement, worst
from monitor.report.summary import Summary
from monitor.snapshot import HISTORY_LIMIT, Snapshot


@dataclass(frozen=True)
class Footer:
    """The page in four lines."""

    mark: Mark
    status: str
    status_evidence: tuple[Evidence, ...]
    reasons: tuple[Statement, ...]
    last_updated: str
    next_update: str
    confidence: str
    share: float | None
    """Share of the applicable rules that are ok with evidence, weighted by severity; None where none applies."""
    all_passed: bool
    """Whether every applicable rule and objective is ok with evidence, and no figure contradicts it."""
    coverage: str
    """What the rules come to, and what share of the run their evidence covers: the line of `monitor check`."""
    num_rules: int
    """Number of rules that apply."""
    not_applicable: tuple[Statement, ...]
    blind_spots: tuple[Statement, ...]


WEIGHTS = {Severity.INFO: 1, Severity.WARNING: 2, Severity.CRITICAL: 4}
"""Weight of a rule in the confidence: each severity counts twice the one below. Chosen by hand, 2026-11."""
HIGH, MEDIUM = 0.9, 0.6
"""Least share for each confidence. Chosen by hand, 2026-11."""


def footer(
    snapshot: Snapshot,
    summary: Summary,
    verdicts: Sequence[RuleVerdict],
    aims: Sequence[Objective],
    *,
    doubts: Sequence[Statement],
    unseen: Sequence[Statement],
) -> Footer:
    """Return status, times and confidence.

    ``doubts`` are figures of other sections that contradict a check mark; ``unseen`` are figures that they lack.
    """
    applicable = [verdict for verdict in verdicts if verdict.applies]
    doubts = [*_not_from_rules(aims, verdicts, Mark.BREACH, Mark.CAUTION), *doubts]
    marks = [summary.mark, *(each.mark for each in aims if each.mark is not Mark.NOT_APPLICABLE)]
    share = _share(applicable)
    all_passed = summary.all_passed and not doubts and _none_denied(aims)
    return Footer(
        mark=worst([*marks, *(Mark.CAUTION for _ in doubts)]),
        status=summary.state,
        status_evidence=snapshot.end.evidence,
        reasons=(
            *_run_state(snapshot),
            *grounds(each for each in verdicts if each.mark in (Mark.BREACH, Mark.CAUTION)),
            *doubts,
        ),
        last_updated=moment(snapshot.now),
        next_update=_next_update(snapshot),
        confidence=_confidence(share, applicable, doubts),
        share=share,
        all_passed=all_passed,
        coverage=f"{summary.mark} {summary.checked}",
        num_rules=len(applicable),
        not_applicable=(*_for_one_reason(ground(each) for each in verdicts if not each.applies), *_void(aims)),
        blind_spots=(
            *_unknown(applicable),
            *_not_from_rules(aims, verdicts, Mark.UNKNOWN),
            *unseen,
            *_unread(snapshot),
        ),
    )


def _none_denied(aims: Sequence[Objective]) -> bool:
    """Whether no aim is contradicted, and none that a watch file declares is left open."""
    return all(each.mark not in (Mark.BREACH, Mark.CAUTION) for each in aims) and not any(
        each.is_declared and each.mark is Mark.UNKNOWN for each in aims
    )


_STATE_MARKS = {
    RunState.CRASHED: Mark.BREACH,
    RunState.KILLED: Mark.BREACH,
    RunState.HUNG: Mark.BREACH,
    RunState.SLOW: Mark.CAUTION,
    RunState.CANCELLED: Mark.CAUTION,
    RunState.TIME_LIMIT: Mark.CAUTION,
    RunState.NO_END: Mark.UNKNOWN,
    RunState.PAUSED: Mark.NOT_APPLICABLE,
}


def _run_state(snapshot: Snapshot) -> list[Statement]:
    """Return the state of a run that is neither running nor finished, if known."""
    found = run_state_of(snapshot.run, snapshot.open, snapshot.now, is_following=snapshot.is_following)
    if found.state not in _STATE_MARKS:
        return []
    return [Statement(found.state.value, found.why, found.evidence, _STATE_MARKS[found.state])]


def _share(applicable: Sequence[RuleVerdict]) -> float | None:
    total = sum(WEIGHTS[verdict.rule.severity] for verdict in applicable)
    passed = sum(WEIGHTS[verdict.rule.severity] for verdict in applicable if verdict.is_passed)
    return passed / total if total else None


def _confidence(share: float | None, applicable: Sequence[RuleVerdict], doubts: Sequence[Statement]) -> str:
    """Word the confidence; a critical rule that is not ok caps it at low, a contradicting figure at medium."""
    if share is None:
        return "Low: no rule applies, so nothing is proved"
    passed = sum(verdict.is_passed for verdict in applicable)
    basis = f"{passed} of {len(applicable)} applicable rules are ok with evidence, {100 * share:.0f} % by severity"
    unknown = [each.rule.alert for each in applicable if is_critical(each) and each.outcome is Outcome.UNKNOWN]
    broken = [
        each.rule.alert
        for each in applicable
        if is_critical(each) and each.mark is Mark.BREACH and not each.explained_by
    ]
    if unknown or broken:
        parts = [f"critical and breached: {listed(broken, NAMED)}"] if broken else []
        unseen = [name for name in unknown if name not in broken]
        parts += [f"critical and unknown: {listed(unseen, NAMED)}"] if unseen else []
        return f"Low: {basis}; {'; '.join(parts)}"
    if doubts and share >= MEDIUM:
        return f"Medium: {basis}, but these figures contradict it: {', '.join(each.subject for each in doubts)}"
    return f"{'High' if share >= HIGH else 'Medium' if share >= MEDIUM else 'Low'}: {basis}"


NAMED = 6
"""Most rules named in the confidence; the page lists all of them."""


def _next_update(snapshot: Snapshot) -> str:
    attempt = snapshot.run.attempt
    if attempt.ended is not None:
        return "none: the run has ended"
    if not snapshot.is_following:
        return "none: the log was read to its end and is not watched"
    left, planned = remaining(attempt), attempt.epochs_planned
    if left is None or snapshot.now is None or planned is None or attempt.epochs_done >= planned:
        return "with the next line of the log"
    return f"after epoch {attempt.epoch} ends, at about {clock_time(snapshot.now + left.this_epoch_s)}"


def _unknown(applicable: Sequence[RuleVerdict]) -> list[Statement]:
    """Return what is unknown; rules known to be breached are among the reasons."""
    dark = [
        each for each in applicable if each.outcome is Outcome.UNKNOWN and each.mark not in (Mark.BREACH, Mark.CAUTION)
    ]
    return gathered([ground(each) for each in dark])


def _for_one_reason(statements: Iterable[Statement]) -> Iterator[Statement]:
    """Yield statements, with those that say the same by the same lines as one."""
    alike: dict[Statement, list[str]] = {}
    for each in statements:
        alike.setdefault(replace(each, subject=""), []).append(each.subject)
    for same, subjects in alike.items():
        yield replace(same, subject=", ".join(subjects))


def _void(aims: Sequence[Objective]) -> list[Statement]:
    return [
        Statement(each.title, each.grounds[0].text, each.grounds[0].evidence, each.mark)
        for each in aims
        if each.mark is Mark.NOT_APPLICABLE
    ]


def _not_from_rules(aims: Sequence[Objective], verdicts: Sequence[RuleVerdict], *marks: Mark) -> list[Statement]:
    """Return the grounds of the aims with one of these marks, except the rules', which are listed elsewhere."""
    rules = {verdict.rule.alert for verdict in verdicts}
    return [
        replace(ground, subject=f"{each.title}: {ground.subject}" if ground.subject else each.title)
        for each in aims
        for ground in each.grounds
        if ground.mark in marks and not set(ground.subject.split(", ")) <= rules
    ]


def _unread(snapshot: Snapshot) -> list[Statement]:
    """Return what the monitor itself did not understand or keep."""
    run, found = snapshot.run, []
    if run.lines > run.understood:
        words = f"{run.lines - run.understood:,} of {run.lines:,} lines were not understood"
        found.append(Statement("", words, mark=Mark.UNKNOWN))
    if run.dialect.unread_words:
        found.append(Statement("", run.dialect.unread_words, mark=Mark.UNKNOWN))
    if run.attempt.dropped:
        words = f"{run.attempt.dropped:,} samples and facts were dropped: too many names"
        found.append(Statement("", words, mark=Mark.UNKNOWN))
    if len(snapshot.history) >= HISTORY_LIMIT:
        words = f"only the last {HISTORY_LIMIT:,} alert transitions are kept"
        found.append(Statement("", words, mark=Mark.UNKNOWN))
    return found
