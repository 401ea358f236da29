"""Firing alerts → the alerts that page: an alert that another one explains is only recorded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from monitor.alert import Alert, State
from monitor.conditions import Outcome, Reading
from monitor.conditions.reading import unknown
from monitor.engine.lifecycle import AlertStates
from monitor.rules import Rule


def inhibit(
    rules: Mapping[str, Rule], states: AlertStates, transitions: list[Alert], at: float | None
) -> tuple[AlertStates, list[Alert]]:
    """Mark newly firing alerts that another alert explains, and unmark alerts whose explanation is gone.

    An alert that already fires is not marked. Alerts of the same moment are judged together. A marked alert still
    explains others, so that one alert pages for a whole chain. If rules explain each other in a circle, one of them
    always pages.
    """
    if not any(rule.inhibits for rule in rules.values()):
        return states, transitions
    marked = {}
    # Keep the order of the transitions: the order of a set differs between processes.
    for key in dict.fromkeys(alert.key for alert in transitions if alert.state is State.FIRING):
        alert = states.open.get(key)
        if alert is not None and not alert.inhibited_by and (by := _explained_by(rules, alert, states.open.values())):
            marked[key] = by
            states = replace(states, open={**states.open, key: replace(alert, inhibited_by=by)})
    transitions = [replace(each, inhibited_by=marked.get(each.key, each.inhibited_by)) for each in transitions]
    for key, alert in list(states.open.items()):
        if alert.inhibited_by and alert.state is State.FIRING:
            by = _explained_by(rules, alert, states.open.values())
            marked_anew = replace(alert, inhibited_by=by) if by else replace(alert, inhibited_by="", at=at)
            if by != alert.inhibited_by:
                states = replace(states, open={**states.open, key: marked_anew})
                transitions += [] if by else [marked_anew]
    return states, transitions


def without_opposite(rules: Mapping[str, Rule], states: AlertStates, rule: Rule, reading: Reading) -> Reading:
    """Return a reading as it may be shown: ok proves nothing while an alert fires that would explain a breach."""
    if reading.outcome is not Outcome.OK:
        return reading
    for alert in states.open.values():
        other = rules.get(alert.rule)
        if alert.state is State.FIRING and other is not None and rule.alert in other.inhibits:
            theirs = dict(alert.labels)
            if all(theirs.get(name, value) == value for name, value in reading.labels):
                return unknown(
                    f"not judged while {alert.rule} fires; {reading.reason}", reading.labels, reading.evidence
                )
    return reading


def _explained_by(rules: Mapping[str, Rule], alert: Alert, alerts: Iterable[Alert]) -> str:
    """Return the rule of a firing alert that explains this one, preferably one that pages itself; else nothing."""
    firing = [other for other in alerts if other.state is State.FIRING and other.key != alert.key]
    found = [
        other
        for other in firing
        if (rule := rules.get(other.rule)) is not None
        and alert.rule in rule.inhibits
        and _share_labels(alert, other)
        and not _rests_on(other, alert, firing)
    ]
    known = [other for other in found if other.rule == alert.inhibited_by]
    return next((other.rule for other in (*known, *sorted(found, key=lambda each: bool(each.inhibited_by)))), "")


def _rests_on(alert: Alert, ground: Alert, alerts: Iterable[Alert]) -> bool:
    """Whether an alert is explained by another one, directly or through others; if so, it cannot explain that one."""
    seen = {alert.rule}
    while alert.inhibited_by and alert.inhibited_by not in seen:
        if alert.inhibited_by == ground.rule:
            return True
        seen.add(alert.inhibited_by)
        alert = next((each for each in alerts if each.rule == alert.inhibited_by), alert)
    return False


def _share_labels(alert: Alert, other: Alert) -> bool:
    """Whether all labels that both alerts have are equal."""
    theirs = dict(other.labels)
    return all(theirs.get(name, value) == value for name, value in alert.labels)
