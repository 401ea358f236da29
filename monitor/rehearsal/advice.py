"""Past runs → how often each rule would have alarmed, and which rules to switch off or to set."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from monitor.alert import Severity
from monitor.rehearsal.bounds import lower_bound, upper_bound
from monitor.rehearsal.past import Alarm, PastRun
from monitor.rules import Rule

ROOM = 1.1
"""How far beyond the largest value of a good run a level is set. Chosen by hand, 2026-11."""
RUNS_KEPT = 20
"""Runs named of each rule."""
IsGood = Callable[[PastRun], bool]


@dataclass
class RuleFigures:
    """What one rule would have done."""

    rule: str
    good_judged: int = 0
    """Good runs in which it had evidence."""
    good_alarmed: int = 0
    other_judged: int = 0
    other_alarmed: int = 0
    alarms: list[tuple[bool, PastRun, Alarm]] = field(default_factory=list)
    """Of the runs that are named, good ones first: whether it is one, and the rule's first alarm in it."""
    good_logs: list[str] = field(default_factory=list)
    other_logs: list[str] = field(default_factory=list)
    good_values: list[float] = field(default_factory=list)
    late_s: list[float] = field(default_factory=list)

    def note(self, run: PastRun, alarm: Alarm, *, is_good: bool) -> None:
        """Note its first alarm in a run."""
        if is_good:
            self.good_logs.append(run.log)
            if alarm.value is not None and math.isfinite(alarm.value):
                self.good_values.append(alarm.value)
        else:
            self.other_logs.append(run.log)
        if alarm.late_s is not None:
            self.late_s.append(alarm.late_s)
        self.alarms.append((is_good, run, alarm))
        self.alarms.sort(key=lambda each: not each[0])
        del self.alarms[RUNS_KEPT:]

    @property
    def at_most(self) -> float:
        """The upper bound at 95 % of the share of good runs that it alarms."""
        return upper_bound(self.good_alarmed, self.good_judged)

    @property
    def at_least(self) -> float:
        """The lower bound at 95 %."""
        return lower_bound(self.good_alarmed, self.good_judged)

    @property
    def median_late_s(self) -> float | None:
        """The median time from the first line that shows it to the alert."""
        return statistics.median(self.late_s) if self.late_s else None


@dataclass
class Figures:
    """What all rules would have done."""

    good: int = 0
    good_alarmed: int = 0
    others: int = 0
    others_alarmed: int = 0
    blind: int = 0
    unreadable: list[PastRun] = field(default_factory=list)
    by_rule: dict[str, RuleFigures] = field(default_factory=dict)

    @property
    def at_most(self) -> float:
        """The upper bound at 95 % of the share of good runs that any rule alarms."""
        return upper_bound(self.good_alarmed, self.good)

    def take(self, run: PastRun, is_good: IsGood) -> None:
        """Count a run."""
        if run.problem:
            self.unreadable.append(run)
            return
        if run.is_blind and not run.alarms:
            self.blind += 1
            return
        good = is_good(run)
        self.good += good
        self.others += not good
        self.good_alarmed += good and bool(run.alarms)
        self.others_alarmed += not good and bool(run.alarms)
        first: dict[str, Alarm] = {}
        for alarm in run.alarms:
            first.setdefault(alarm.rule, alarm)
        for rule in {*run.judged, *first}:
            found = self.by_rule.setdefault(rule, RuleFigures(rule))
            alarmed = rule in first
            if good:
                found.good_judged += 1
                found.good_alarmed += alarmed
            else:
                found.other_judged += 1
                found.other_alarmed += alarmed
        for rule, alarm in first.items():
            self.by_rule[rule].note(run, alarm, is_good=good)


class Do(StrEnum):
    """What to do about a rule."""

    SET = "set"
    DISABLE = "disable"
    LOOK = "look"
    """It is critical and has no level: either it is right about these runs, or it is a mistake of the rule."""


@dataclass(frozen=True)
class Advice:
    """What to do about a rule, and why."""

    rule: str
    do: Do
    setting: str
    """``RULE.level=VALUE``; empty for anything else."""
    why: str


def advise(
    figures: Figures, rules: Sequence[Rule], most_share: float, alarmed_with: Callable[[str, Sequence[str]], int | None]
) -> Iterator[Advice]:
    """Yield what to do about the rules that surely alarm more than a share of good runs.

    ``alarmed_with`` judges logs again with a setting and returns in how many the rule alarms; None for a setting that
    the rule does not take.
    """
    by_name = {each.alert: each for each in rules}
    for found in sorted(figures.by_rule.values(), key=lambda each: (-each.good_alarmed, each.rule)):
        if found.at_least <= most_share or found.rule not in by_name:
            continue
        yield _advice(found, by_name[found.rule], alarmed_with)


def _advice(found: RuleFigures, rule: Rule, alarmed_with: Callable[[str, Sequence[str]], int | None]) -> Advice:
    share = f"{found.good_alarmed} of {found.good_judged} good runs alarmed, at least {found.at_least:.1%} of all"
    setting = _setting(found, rule)
    if setting is not None and alarmed_with(setting, found.good_logs) == 0:
        others = found.other_logs[:RUNS_KEPT]
        still = alarmed_with(setting, others)
        kept = f"; {still} of {len(others)} other runs still alarmed" if others else ""
        return Advice(found.rule, Do.SET, setting, f"{share}; with it, none of them{kept}")
    return Advice(found.rule, Do.LOOK if rule.severity is Severity.CRITICAL else Do.DISABLE, "", share)


def _setting(found: RuleFigures, rule: Rule) -> str | None:
    """Return a level beyond the values of all good runs; None where a level does not help."""
    pairs = [(alarm.value, alarm.threshold) for good, _, alarm in found.alarms if good]
    if (
        not rule.condition.level_fields
        or len(found.good_values) < found.good_alarmed
        or None in (each for pair in pairs for each in pair)
    ):
        return None
    are_above = {value > threshold for value, threshold in pairs if value is not None and threshold is not None}
    if len(are_above) != 1 or min(map(abs, found.good_values)) == 0:
        return None
    is_above = are_above.pop()
    worst = max(found.good_values) if is_above else min(found.good_values)
    level = worst * ROOM if (worst > 0) == is_above else worst / ROOM
    return f"{found.rule}.level={level:.4g}"
