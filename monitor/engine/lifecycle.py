"""Readings → transitions: the life of each alert, in pure functions."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from monitor.alert import Alert, AlertKey, State
from monitor.conditions import Reading
from monitor.engine.left_out import MOST_FIRED, alerts_left_out
from monitor.reader.signals import Labels
from monitor.rules import Rule
from monitor.rules.evaluate import Mark, has_lasted, present_moment
from monitor.run.checkpoints import last_before, way_back
from monitor.run.run import Run

ORDINALS_KEPT = 1_024
"""How many alerts' first evidence is remembered; lines without a time repeat sooner, if at all."""


@dataclass(frozen=True)
class AlertStates:
    """All pending and firing alerts: the engine's whole memory."""

    open: dict[AlertKey, Alert] = field(default_factory=dict)
    """Pending and firing alerts, as of their last transition."""
    clearing: dict[AlertKey, Mark] = field(default_factory=dict)
    """Firing alerts whose rule is ok again, and since when; they resolve after ``keep_firing_for``."""
    ordinals: dict[str, int] = field(default_factory=dict)
    """How many alerts had the same first evidence, for the last `ORDINALS_KEPT`; each alert needs its own id."""
    judged_until: float | None = None
    """The last deadline that was judged; no earlier deadline is judged again."""

    opened: dict[str, int] = field(default_factory=dict)
    """How many alerts each rule has opened in this log."""
    num_left_out: int = 0
    """How many more were not opened, because their rule has opened `MOST_FIRED`."""
    left_out: dict[str, Alert] = field(default_factory=dict)
    """The alerts that say so, by rule."""

    def firing(self, rule: str) -> frozenset[Labels]:
        """Return the labels for which a rule's alert is firing."""
        return frozenset(
            key.labels for key, alert in self.open.items() if key.rule == rule and alert.state is State.FIRING
        )

    def holding(self, alert: Alert) -> AlertStates:
        """Return these states with an alert as it is now, and not clearing."""
        return replace(
            self,
            open={**self.open, alert.key: alert},
            clearing={key: since for key, since in self.clearing.items() if key != alert.key},
        )

    def without(self, keys: Iterable[AlertKey]) -> AlertStates:
        """Return these states without some alerts."""
        gone = set(keys)
        return replace(
            self,
            open={key: alert for key, alert in self.open.items() if key not in gone},
            clearing={key: since for key, since in self.clearing.items() if key not in gone},
        )


def breach(
    states: AlertStates, rule: Rule, run: Run, reading: Reading, now: float | None, at: float | None
) -> tuple[AlertStates, list[Alert]]:
    """Open an alert, let a pending alert fire once the breach has lasted for ``for``, or raise an alert's severity.

    ``now`` decides; ``at`` is the time of the transition.
    """
    old = states.open.get(AlertKey(rule.alert, reading.labels))
    severity = reading.severity or rule.severity
    if old and old.state is State.FIRING:
        if severity.rank > old.severity.rank:
            worse = replace(old, severity=severity, at=at, reason=reading.reason, summary=_filled(rule, reading))
            worse = replace(worse, value=reading.value, threshold=reading.threshold)
            worse = replace(worse, evidence=tuple(dict.fromkeys((*old.evidence[:1], *reading.evidence))))
            return states.holding(worse), [worse]
        return (states.holding(old) if old.key in states.clearing else states), []
    alert = old
    if alert is None:
        num_opened = states.opened.get(rule.alert, 0)
        if num_opened >= MOST_FIRED:
            return _left_out(states, rule, run, at)
        alert, ordinals = _opened(states, rule, run, reading, at)
        states = replace(states, ordinals=ordinals, opened={**states.opened, rule.alert: num_opened + 1})
    begun = Mark(alert.starts_at, alert.step, alert.epoch)
    is_due = has_lasted(rule.hold, begun, run, now)
    alert = replace(alert, state=State.FIRING if is_due else State.PENDING, at=at)
    return states.holding(alert), [alert] if is_due else []


def ok(
    states: AlertStates, rule: Rule, run: Run, reading: Reading, now: float | None, at: float | None
) -> tuple[AlertStates, list[Alert]]:
    """Resolve a firing alert after ``keep_firing_for``; drop a pending alert."""
    old = states.open.get(AlertKey(rule.alert, reading.labels))
    if old is None or old.state is State.PENDING:
        return (states if old is None else states.without({old.key})), []
    since = states.clearing.get(old.key, present_moment(run, at))
    if not has_lasted(rule.keep_firing_for, since, run, now):
        return replace(states, clearing={**states.clearing, old.key: since}), []
    evidence = (*old.evidence, *(each for each in reading.evidence if each not in old.evidence))
    over = replace(old, state=State.RESOLVED, at=at, ends_at=at, reason=reading.reason)
    return states.without({old.key}), [replace(over, value=reading.value, evidence=evidence)]


def closed(
    states: AlertStates, keys: Iterable[AlertKey], at: float | None, reason: str
) -> tuple[AlertStates, list[Alert]]:
    """Close firing alerts when the run has ended and nothing more can be known about them."""
    wanted = set(keys)
    transitions = [
        replace(alert, state=State.CLOSED, at=at, ends_at=at, reason=reason)
        for key, alert in states.open.items()
        if key in wanted and alert.state is State.FIRING
    ]
    return states.without(wanted), transitions


def _left_out(states: AlertStates, rule: Rule, run: Run, at: float | None) -> tuple[AlertStates, list[Alert]]:
    states = replace(states, num_left_out=states.num_left_out + 1)
    if rule.alert in states.left_out:
        return states, []
    alert = alerts_left_out(run, rule, at)
    return replace(states, left_out={**states.left_out, rule.alert: alert}), [alert]


def _opened(
    states: AlertStates, rule: Rule, run: Run, reading: Reading, at: float | None
) -> tuple[Alert, dict[str, int]]:
    first = reading.evidence[0]
    identity = repr((run.id, run.attempt.number, rule.alert, reading.labels, first.at, first.text))
    if run.rank:
        # Each process of a training may write the same line at the same time.
        identity += f" rank {run.rank}"
    base = hashlib.sha256(identity.encode("utf-8", "backslashreplace")).hexdigest()[:16]
    ordinal = states.ordinals.get(base, 0)
    alert = Alert(
        id=base if ordinal == 0 else f"{base}-{ordinal + 1}",
        run=run.id or "",
        attempt=run.attempt.number,
        rule=rule.alert,
        fault=rule.fault,
        severity=reading.severity or rule.severity,
        state=State.PENDING,
        at=at,
        starts_at=at,
        ends_at=None,
        epoch=reading.epoch or run.attempt.epoch,
        step=reading.step if reading.step is not None else run.attempt.step,
        labels=reading.labels,
        value=reading.value,
        threshold=reading.threshold,
        summary=_filled(rule, reading),
        action=" ".join(part for part in (reading.advice, rule.action) if part),
        reason=reading.reason,
        needs=rule.needs,
        evidence=reading.evidence,
        log=run.log,
        host=run.host,
        checkpoint=_way_back(run, reading),
        gpus=len(run.attempt.series.get("gpu.used_mb", ())),
        counts=run.counts,
    )
    remembered = {known: count for known, count in states.ordinals.items() if known != base}
    for oldest in list(remembered)[: 1 - ORDINALS_KEPT]:
        del remembered[oldest]
    return alert, {**remembered, base: ordinal + 1}


def _way_back(run: Run, reading: Reading) -> str:
    """Return the checkpoint to go back to from the first line that shows a breach; empty for none."""
    line = reading.evidence[0]
    saved = last_before(run.attempt.checkpoints, line)
    return (
        "" if saved is None else way_back(saved, reading.step if reading.step is not None else run.attempt.step, line)
    )


def _filled(rule: Rule, reading: Reading) -> str:
    """Return a rule's summary with its slots filled in; a slot without a value shows a question mark."""
    slots = defaultdict(lambda: "?", dict(reading.labels))
    slots["reason"] = reading.reason
    for name in ("value", "threshold"):
        number = getattr(reading, name)
        slots[name] = "?" if number is None else _shown(number)
    for name in ("epoch", "step"):
        place = getattr(reading, name)
        slots[name] = "?" if place is None else str(place)
    return rule.summary.format_map(slots)


def _shown(number: float) -> str:
    """Return a number for a sentence: whole numbers in full, others to four digits."""
    return f"{number:.0f}" if number == round(number, 0) and abs(number) < 1e15 else f"{number:.4g}"
