"""Next actions: the checklists of the watch file, ticked by their conditions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.base.evidence import Evidence
from monitor.config.model import ChecklistItem, Config
from monitor.report.judgement import RuleVerdict
from monitor.report.statement import Mark
from monitor.report.watch_conditions import WatchReading, read_condition
from monitor.snapshot import Snapshot


@dataclass(frozen=True)
class ActionItem:
    """One thing to do or to see."""

    text: str
    is_ticked: bool
    words: str
    """What ticked it, or what it waits for."""
    evidence: tuple[Evidence, ...]
    mark: Mark | None = None
    """Mark of its condition; None where only a person can judge."""


@dataclass(frozen=True)
class ActionList:
    """The things of one time group."""

    title: str
    items: tuple[ActionItem, ...]
    is_declared: bool = False
    """Whether it is a checklist of the watch file; otherwise it repeats what the first screen advises."""


GROUNDS_SHOWN = 2
"""Most reasons shown for an item that is not ticked; the rest is counted."""


def actions(snapshot: Snapshot, config: Config, verdicts: Sequence[RuleVerdict]) -> tuple[ActionList, ...]:
    """Return the checklists with their ticks; without any, the actions that the open alerts ask for."""
    if config.checklists:
        return tuple(
            ActionList(each.title, tuple(_item(item, snapshot, verdicts) for item in each.items), is_declared=True)
            for each in config.checklists
        )
    asked = tuple(_asked(verdict) for verdict in verdicts if verdict.open_alerts and not verdict.explained_by)
    return (ActionList("Immediate", asked),) if asked else ()


def _asked(verdict: RuleVerdict) -> ActionItem:
    alert = verdict.open_alerts[-1]
    words = f"{verdict.rule.alert}: {alert.summary}"
    return ActionItem(alert.action, False, words, alert.evidence[:1], verdict.mark)


def _item(item: ChecklistItem, snapshot: Snapshot, verdicts: Sequence[RuleVerdict]) -> ActionItem:
    if item.when is None:
        words = "ticked by hand in the watch file" if item.done else "only a person can tick this"
        return ActionItem(item.item, item.done, words, ())
    found = read_condition(item.when, snapshot, verdicts)
    is_ticked = found.mark is Mark.OK
    words, lines = _why(found)
    if item.done and not is_ticked:
        words = f"ticked by hand in the watch file, but: {words}"
    return ActionItem(item.item, is_ticked, words, lines, found.mark)


def _why(found: WatchReading) -> tuple[str, tuple[Evidence, ...]]:
    shown = [each for each in found.grounds if each.mark is found.mark]
    lines = tuple(dict.fromkeys(line for each in shown for line in each.evidence[-1:]))
    if found.mark is Mark.OK:
        return ", ".join(dict.fromkeys(each.subject or each.text for each in shown)), lines
    reasons = [f"{each.subject}: {each.text}" if each.subject else each.text for each in shown[:GROUNDS_SHOWN]]
    more = f" and {len(shown) - len(reasons)} more" if len(shown) > len(reasons) else ""
    return "; ".join(reasons) + more, lines
