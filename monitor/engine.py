"""Rules → alerts: one pure step that says which alerts change when a run has changed or time has passed."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from monitor.alerts import Alert, AlertKey, State
from monitor.attempt import Touch
from monitor.conditions import Condition, Context, Outcome, Reading
from monitor.rulefile import Rule
from monitor.run import Run
from monitor.signals import Labels

ORDINALS_KEPT = 1_024
"""Alerts whose first evidence is remembered; lines without a time repeat themselves sooner, if they do at all."""


@dataclass(frozen=True)
class AlertStates:
    """What is out, or on its way: the engine's whole memory."""

    open: dict[AlertKey, Alert] = field(default_factory=dict)
    """Pending and firing alerts, as they were at their last transition."""
    ordinals: dict[str, int] = field(default_factory=dict)
    """How often the same first evidence has made an alert, for the last `ORDINALS_KEPT`: each gets an id of its own."""

    def firing(self, rule: str) -> frozenset[Labels]:
        """Return the labels for which a rule's alert is out."""
        return frozenset(
            key.labels for key, alert in self.open.items() if key.rule == rule and alert.state is State.FIRING
        )


class Engine:
    """A set of rules, indexed by what they watch."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self._watching: defaultdict[str, list[int]] = defaultdict(list)
        for index, rule in enumerate(self.rules):
            for name in rule.condition.watches:
                self._watching[name].append(index)
        # Asked before every line: most kinds of condition have no deadline at all.
        self._timed = [rule for rule in self.rules if type(rule.condition).deadline is not Condition.deadline]

    def step(
        self, run: Run, states: AlertStates, now: float | None, touched: frozenset[Touch]
    ) -> tuple[AlertStates, list[Alert]]:
        """Return the new states and the alerts that changed, after an event that touched these series."""
        asked: defaultdict[int, set[Labels]] = defaultdict(set)
        for name, labels in touched:
            for index in self._watching.get(name, ()):
                asked[index].add(labels)
        before = states
        changes: list[Alert] = []
        for index, labels_asked in sorted(asked.items()):
            context = Context(asked=frozenset(labels_asked))
            states, changed = self._judge(self.rules[index], run, states, context, now, now)
            changes += changed
        if ("run.ended", ()) in touched:
            reason = f"the run ended ({run.status}) while it fired"
            old = {key for key in states.open if key in before.open}
            states, closed = _close(states, old, now, reason)
            changes += closed
        return states, changes

    def leave_attempt(self, run: Run, states: AlertStates, now: float | None) -> tuple[AlertStates, list[Alert]]:
        """Close every alert of an attempt that another one follows."""
        return _close(states, set(states.open), now, f"attempt {run.attempt.number + 1} began while it fired")

    def next_deadline(self, run: Run, states: AlertStates) -> float | None:
        """Return when a rule's answer may change though no line comes."""
        deadlines = [
            alert.starts_at + self._rule(key.rule).hold
            for key, alert in states.open.items()
            if alert.state is State.PENDING and alert.starts_at is not None
        ]
        has_begun = {key.rule for key in states.open}
        for rule in self._timed:
            deadline = rule.condition.deadline(run)
            if deadline is not None and rule.alert not in has_begun:
                deadlines.append(deadline)
        return min(deadlines, default=None)

    def expire(self, run: Run, states: AlertStates, deadline: float) -> tuple[AlertStates, list[Alert]]:
        """Judge what time alone decides, just after a deadline; the alerts bear the deadline's time."""
        changes: list[Alert] = []
        for rule in self.rules:
            is_pending = any(key.rule == rule.alert for key in states.open)
            if rule.condition.deadline(run) is not None or is_pending:
                just_after = math.nextafter(deadline, math.inf)
                states, changed = self._judge(rule, run, states, Context(), just_after, deadline)
                changes += changed
        return states, changes

    def readings(
        self, run: Run, states: AlertStates, context: Context, now: float | None
    ) -> list[tuple[Rule, list[Reading]]]:
        """Return what every rule says at this moment."""
        return [(rule, rule.condition.readings(run, context, now, states.firing(rule.alert))) for rule in self.rules]

    def _rule(self, name: str) -> Rule:
        return next(rule for rule in self.rules if rule.alert == name)

    def _judge(
        self,
        rule: Rule,
        run: Run,
        states: AlertStates,
        context: Context,
        now: float | None,
        at: float | None,
    ) -> tuple[AlertStates, list[Alert]]:
        changes = []
        for reading in rule.condition.readings(run, context, now, states.firing(rule.alert)):
            key = AlertKey(rule.alert, reading.labels)
            old = states.open.get(key)
            if reading.outcome is Outcome.BREACH:
                states, changed = _breach(states, rule, run, reading, old, now, at)
                changes += changed
            elif old and (reading.outcome is Outcome.OK or old.state is State.PENDING):
                states = _without(states, {key})
                if old.state is State.FIRING:
                    over = replace(old, state=State.RESOLVED, at=at, ends_at=at, reason=reading.reason)
                    changes.append(replace(over, value=reading.value, evidence=(*old.evidence, *reading.evidence)))
        return states, changes


def _breach(
    states: AlertStates,
    rule: Rule,
    run: Run,
    reading: Reading,
    old: Alert | None,
    now: float | None,
    at: float | None,
) -> tuple[AlertStates, list[Alert]]:
    """Open an alert, or let a pending one fire when the breach has lasted longer than the rule's ``for``."""
    if old and old.state is State.FIRING:
        return states, []
    alert, ordinals = (old, states.ordinals) if old else _open(states, rule, run, reading, at)
    is_due = rule.hold == 0 or (now is not None and alert.starts_at is not None and now > alert.starts_at + rule.hold)
    alert = replace(alert, state=State.FIRING if is_due else State.PENDING, at=at)
    states = AlertStates({**states.open, alert.key: alert}, ordinals)
    return states, [alert] if is_due else []


def _open(
    states: AlertStates, rule: Rule, run: Run, reading: Reading, at: float | None
) -> tuple[Alert, dict[str, int]]:
    first = reading.evidence[0]
    identity = repr((run.id, run.attempt.number, rule.alert, reading.labels, first.at, first.text))
    base = hashlib.sha256(identity.encode("utf-8", "backslashreplace")).hexdigest()[:16]
    ordinal = states.ordinals.get(base, 0)
    alert = Alert(
        id=base if ordinal == 0 else f"{base}-{ordinal + 1}",
        run=run.id or "",
        attempt=run.attempt.number,
        rule=rule.alert,
        fault=rule.fault,
        severity=rule.severity,
        state=State.PENDING,
        at=at,
        starts_at=at,
        ends_at=None,
        epoch=reading.epoch or run.attempt.epoch,
        step=reading.step if reading.step is not None else run.attempt.step,
        labels=reading.labels,
        value=reading.value,
        threshold=reading.threshold,
        summary=_filled(rule.summary, reading),
        action=rule.action,
        reason=reading.reason,
        needs=rule.needs,
        evidence=reading.evidence,
    )
    remembered = {known: count for known, count in states.ordinals.items() if known != base}
    for oldest in list(remembered)[: 1 - ORDINALS_KEPT]:
        del remembered[oldest]
    return alert, {**remembered, base: ordinal + 1}


def _close(states: AlertStates, keys: set[AlertKey], at: float | None, reason: str) -> tuple[AlertStates, list[Alert]]:
    closed = [
        replace(alert, state=State.CLOSED, at=at, ends_at=at, reason=reason)
        for key, alert in states.open.items()
        if key in keys and alert.state is State.FIRING
    ]
    return _without(states, keys), closed


def _without(states: AlertStates, keys: set[AlertKey]) -> AlertStates:
    return replace(states, open={key: alert for key, alert in states.open.items() if key not in keys})


def _filled(text: str, reading: Reading) -> str:
    """Fill a rule's sentence in; a slot with nothing to say shows a question mark."""
    slots = defaultdict(lambda: "?", dict(reading.labels))
    slots["reason"] = reading.reason
    for name in ("value", "threshold"):
        number = getattr(reading, name)
        slots[name] = "?" if number is None else _shown(number)
    for name in ("epoch", "step"):
        slots[name] = str(getattr(reading, name))
    return text.format_map(slots)


def _shown(number: float) -> str:
    """Return a number for a sentence: counts to the last digit, measurements to four."""
    return f"{number:.0f}" if number == round(number, 0) and abs(number) < 1e15 else f"{number:.4g}"
