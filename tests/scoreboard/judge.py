"""The alerts of the monitor on a finished log, with the shipped rules only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from monitor.alert import Alert, State
from monitor.conditions import Background
from monitor.engine.step import Engine
from monitor.pipeline import Pipeline
from monitor.rules import Rule, load_rules
from monitor.run.summary import summarise
from monitor.tail import Ending, Line, Stretch, read_stretches
from tests.scoreboard.story import StoryItem

RULES = Path(__file__).parents[2] / "rules"


class Finding(NamedTuple):
    """One alert when it began to fire, at warning or above and not explained by another."""

    at: float
    """When it fired, by the log's clock."""
    line: int
    """Newest line of the log in its evidence, counted from 1."""
    step: int
    epoch: int
    fault: str
    rule: str
    summary: str


def shipped_rules() -> list[Rule]:
    """Load the shipped rules."""
    return load_rules(sorted(RULES.glob("*.yaml")))


def judge(log: Path, rules: Sequence[Rule], background: Background | None = None) -> list[Finding]:
    """Replay a log; return what fired, in order."""
    pipeline, findings = Pipeline(str(log), Engine(rules, background)), []
    with log.open("rb") as stream:
        for part in read_stretches(stream):
            changes = pipeline.take_all(part) if isinstance(part, Stretch) else pipeline.take(part)
            findings += [_finding(alert) for alert in changes if has_fired(alert)]
    return findings


def background_of(baseline: Path, rules: Sequence[Rule]) -> Background:
    """Return the background of a watch that has a finished run as its baseline."""
    pipeline = Pipeline(str(baseline), Engine(rules))
    with baseline.open("rb") as stream:
        for part in read_stretches(stream):
            if isinstance(part, Stretch):
                pipeline.take_all(part)
            else:
                pipeline.take(part)
    return Background(baseline=summarise(pipeline.run, str(baseline)))


def has_fired(alert: Alert) -> bool:
    """Return whether this transition would notify a person now."""
    return alert.state is State.FIRING and alert.severity.is_alarming and not alert.inhibited_by


def _finding(alert: Alert) -> Finding:
    line = alert.evidence[-1].line if alert.evidence else 0
    return Finding(alert.at or 0.0, line, alert.step or 0, alert.epoch, alert.fault, alert.rule, alert.summary)


def judge_story(items: Sequence[StoryItem], until: float, rules: Sequence[Rule]) -> list[Finding]:
    """Watch a story as it happens, and then until `until`; return what fired, in order."""
    pipeline, findings, offset = Pipeline("story", Engine(rules)), [], 0
    for number, each in enumerate(items, start=1):
        if each.how == "fact":
            changes = pipeline.learn(each.text, each.at)
        elif each.how == "lost":
            changes = pipeline.lose(int(each.text), "truncated", each.at)
        else:
            data = each.text.encode()
            changes = pipeline.take(Line(number, offset, data, 0, Ending.LF))
            offset += len(data) + 1
        findings += [_finding(alert) for alert in changes if has_fired(alert)]
    changes = pipeline.pass_time(until)
    return findings + [_finding(alert) for alert in changes if has_fired(alert)]
