"""Alerts → alerts that page somebody: one that another explains is recorded under it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from monitor.alert import Alert, State
from monitor.engine.lifecycle import AlertStates
from monitor.rules import Rule


def inhibit(
    rules: Mapping[str, Rule], states: AlertStates, changes: list[Alert], at: float | None
) -> tuple[AlertStates, list[Alert]]:
    """Mark the newly firing alerts that another one explains; let those speak whose explanation is gone.

    Only what begins to fire is marked: an alert that is out already stays out. Alerts of one instant are judged
    together. What is explained itself still explains others, so that one alert speaks for a whole chain; and of
    rules that explain each other in a circle, one always speaks.
    """
    if not any(rule.inhibits for rule in rules.values()):
        return states, changes
    marked = {}
    # In the order of the changes: a set of keys has another one in every process.
    for key in dict.fromkeys(alert.key for alert in changes if alert.state is State.FIRING):
        alert = states.open.get(key)
        if alert is not None and not alert.inhibited_by and (by := _explained_by(rules, alert, states.open.values())):
            marked[key] = by
            states = replace(states, open={**states.open, key: replace(alert, inhibited_by=by)})
    changes = [replace(each, inhibited_by=marked.get(each.key, each.inhibited_by)) for each in changes]
    for key, alert in list(states.open.items()):
        if alert.inhibited_by and alert.state is State.FIRING:
            by = _explained_by(rules, alert, states.open.values())
            told = replace(alert, inhibited_by=by) if by else replace(alert, inhibited_by="", at=at)
            if by != alert.inhibited_by:
                states = replace(states, open={**states.open, key: told})
                changes += [] if by else [told]
    return states, changes


def _explained_by(rules: Mapping[str, Rule], alert: Alert, out: Iterable[Alert]) -> str:
    """Return the rule of a firing alert that explains this one, one that speaks itself if there is; else nothing."""
    firing = [other for other in out if other.state is State.FIRING and other.key != alert.key]
    found = [
        other
        for other in firing
        if (rule := rules.get(other.rule)) is not None
        and alert.rule in rule.inhibits
        and _speak_of_the_same(alert, other)
        and not _rests_on(other, alert, firing)
    ]
    known = [other for other in found if other.rule == alert.inhibited_by]
    return next((other.rule for other in (*known, *sorted(found, key=lambda each: bool(each.inhibited_by)))), "")


def _rests_on(alert: Alert, ground: Alert, out: Iterable[Alert]) -> bool:
    """Whether an alert is explained by another one, at one remove or more: then it explains that one not."""
    seen = {alert.rule}
    while alert.inhibited_by and alert.inhibited_by not in seen:
        if alert.inhibited_by == ground.rule:
            return True
        seen.add(alert.inhibited_by)
        alert = next((each for each in out if each.rule == alert.inhibited_by), alert)
    return False


def _speak_of_the_same(alert: Alert, other: Alert) -> bool:
    """Whether the labels that both bear are equal."""
    theirs = dict(other.labels)
    return all(theirs.get(name, value) == value for name, value in alert.labels)
