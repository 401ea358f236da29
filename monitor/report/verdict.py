"""Snapshot → the verdict in one line, the same for page, check, replay, status, doctor and live view."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from monitor.alert import State
from monitor.base.wording import NAMED
from monitor.conditions import Outcome
from monitor.conditions.freshness import has_ended
from monitor.conditions.reach import Reach, reach_of
from monitor.engine.unjudged import RULE as LINE_NOT_JUDGED
from monitor.grammar import TAGS, Unknown
from monitor.reader.dialects.state import NATIVE
from monitor.reader.signals import CATALOGUE, LOSSES, METRIC, spoken
from monitor.report.judgement import RuleVerdict, judge
from monitor.report.statement import Mark
from monitor.run.attempt import Status
from monitor.run.series import Series
from monitor.snapshot import Snapshot

PROGRESS = (*LOSSES, METRIC)
"""A run without any of these cannot be called healthy."""


class Gap(NamedTuple):
    """Evidence that a rule needs, and that does not reach the present."""

    signal: str
    reach: Reach
    name: str
    """The kind of line, if none came since; else the signal, which its lines no longer hold."""

    @property
    def words(self) -> str:
        """Return since when it is missing."""
        return self.reach.words(self.name)


class Verdict(NamedTuple):
    """What the rules come to, all together."""

    mark: Mark
    all_passed: bool
    """The run was seen to end, nothing fired, and no rule lacks evidence of a kind that the log carries."""
    num_ok: int
    num_applicable: int
    undecided: tuple[str, ...]
    """Rules that the log could decide, and does not."""
    gaps: tuple[Gap, ...]
    """Evidence that stopped, the longest missing first; one per kind of line."""
    unread: tuple[str, ...]
    """Tags of our own grammar with a line that could not be read: what it said is not judged."""
    problems: tuple[str, ...]
    """Rules that fire or have fired."""
    has_ended: bool

    @property
    def share(self) -> float:
        """Share of the run that the evidence of every rule covers."""
        return min((gap.reach.share for gap in self.gaps), default=1.0)

    @property
    def ok(self) -> str:
        """Return how many rules are ok, and for what share of the run."""
        reach = f"for {math.floor(100 * self.share)} % of the run" if self.gaps else "up to the last step"
        return f"{self.num_ok} of {self.num_applicable} rules that apply are ok, evidence {reach}"

    @property
    def unseen(self) -> list[str]:
        """Return what stopped and what could not be read, each in words."""
        unread = [f"unreadable: {', '.join(f'[{tag}]' for tag in self.unread)}"] if self.unread else []
        return [*(f"unknown: {gap.words}" for gap in self.gaps[:NAMED]), *unread]


def verdict_of(snapshot: Snapshot, verdicts: Sequence[RuleVerdict] | None = None) -> Verdict:
    """Return the verdict at this moment; ``verdicts`` is the result of `judge`, if the caller has it."""
    attempt = snapshot.run.attempt
    applicable = [each for each in (judge(snapshot) if verdicts is None else verdicts) if each.applies]
    found = [each.rule.alert for each in applicable if each.mark in (Mark.BREACH, Mark.CAUTION)]
    # A watch may have had rules that this engine lacks.
    others = [alert.rule for alert in (*snapshot.open, *snapshot.history) if alert.state is not State.PENDING]
    ours = [LINE_NOT_JUDGED] if snapshot.run.unjudged else []
    problems = tuple(dict.fromkeys([*found, *others, *ours]))
    undecided = tuple(each.rule.alert for each in applicable if _is_undecided(each))
    gaps = tuple(_gaps(snapshot, applicable))
    num_ok = sum(each.is_passed for each in applicable)
    # The one place that says what an end is: a log that merely stops has not ended, and a failed run passes nothing.
    is_over = attempt.ended is not None and has_ended(attempt) and snapshot.run.status in _GOOD_ENDS
    has_progress = any(attempt.of(name) for name in PROGRESS)
    unread = tuple(record.tag for record, _ in attempt.all_stated(Unknown) if record.tag in TAGS)
    is_clear = not (problems or undecided or gaps or unread) and num_ok > 0 and has_progress
    mark = Mark.UNKNOWN
    if any(each.mark is Mark.BREACH for each in applicable) or snapshot.run.status is Status.FAILED:
        mark = Mark.BREACH
    elif problems:
        mark = Mark.CAUTION
    elif is_clear and (is_over or snapshot.is_following):
        mark = Mark.OK
    passed, counts = is_clear and is_over, (num_ok, len(applicable))
    return Verdict(mark, passed, *counts, undecided, gaps, unread, problems, has_ended=is_over)


_GOOD_ENDS = (Status.COMPLETED, Status.STOPPED)


def _is_undecided(verdict: RuleVerdict) -> bool:
    """Whether the log carries what a rule needs, and the rule is unknown for another reason than a short run."""
    if verdict.outcome is not Outcome.UNKNOWN:
        return False
    return any(each.outcome is Outcome.UNKNOWN and each.evidence and not each.is_early for each in verdict.readings)


def _gaps(snapshot: Snapshot, applicable: Sequence[RuleVerdict]) -> list[Gap]:
    """Return the evidence that ended before the run did, of the signals that rules which apply watch."""
    attempt, is_native = snapshot.run.attempt, snapshot.run.dialect.name == NATIVE
    worst: dict[str, Gap] = {}
    watched = {name for verdict in applicable for name, _ in verdict.rule.condition.signals_to_keep_coming()}
    for name in sorted(watched):
        for series in _periodic(snapshot, name):
            reach = reach_of(attempt, CATALOGUE[name], series)
            if reach is None or reach.covers:
                continue
            tag = CATALOGUE[name].tag
            kind = tag if tag and is_native and _newest(snapshot, tag) == series.last.serial else spoken(name)
            if kind not in worst or reach.share < worst[kind].reach.share:
                worst[kind] = Gap(name, reach, kind)
    return sorted(worst.values(), key=lambda gap: (gap.reach.share, gap.signal))


def _newest(snapshot: Snapshot, tag: str) -> int:
    """Return the place of the newest line of a kind."""
    found = snapshot.run.attempt.series.items()
    return max(each.last.serial for name, all_ in found if CATALOGUE[name].tag == tag for each in all_.values())


def _periodic(snapshot: Snapshot, name: str) -> Iterator[Series]:
    """Yield the freshest series of a signal that is measured again and again, or is the heartbeat of a rule."""
    found = snapshot.run.attempt.of(name).values()
    if found and (CATALOGUE[name].kind == "periodic" or name in _HEARTBEATS):
        yield max(found, key=lambda series: series.last.serial)


_HEARTBEATS = ("guard.check", "run.beat")
