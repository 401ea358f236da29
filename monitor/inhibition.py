"""Alerts → alerts that page somebody: one that another explains is recorded under it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from monitor.alerts import Alert, State
from monitor.alertstates import AlertStates
from monitor.rulefile import Rule


def inhibit(
    rules: Mapping[str, Rule], states: AlertStates, changes: list[Alert], at: float | None
) -> tuple[AlertStates, list[Alert]]:
    """Mark the newly firing alerts that another one explains; let those speak whose explanation is gone.

    Only what begins to fire is marked: an alert that is out already stays out. Alerts of one instant are judged
    together, whatever the order of the rules.
    """
    if not any(rule.inhibits for rule in rules.values()):
        return states, changes
    begun = {alert.key for alert in changes if alert.state is State.FIRING}
    marked = {}
    for key in begun:
        alert = states.open.get(key)
        if alert is not None and not alert.inhibited_by and (by := _explained_by(rules, alert, states.open.values())):
            marked[key] = by
            states = replace(states, open={**states.open, key: replace(alert, inhibited_by=by)})
    changes = [replace(each, inhibited_by=marked.get(each.key, each.inhibited_by)) for each in changes]
    for key, alert in list(states.open.items()):
        is_free = alert.inhibited_by and not _explained_by(rules, alert, states.open.values())
        if is_free and alert.state is State.FIRING:
            spoken = replace(alert, inhibited_by="", at=at)
            states = replace(states, open={**states.open, key: spoken})
            changes.append(spoken)
    return states, changes


def _explained_by(rules: Mapping[str, Rule], alert: Alert, out: Iterable[Alert]) -> str:
    """Return the rule of a firing alert that explains this one; empty where there is none."""
    for other in out:
        is_out = other.state is State.FIRING and not other.inhibited_by and other.key != alert.key
        rule = rules.get(other.rule)
        if is_out and rule is not None and alert.rule in rule.inhibits and _speak_of_the_same(alert, other):
            return other.rule
    return ""


def _speak_of_the_same(alert: Alert, other: Alert) -> bool:
    """Whether the labels that both bear are equal."""
    theirs = dict(other.labels)
    return all(theirs.get(name, value) == value for name, value in alert.labels)
