"""Rules → alerts: one pure step that says which alerts change when a run has changed or time has passed."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from monitor.alert import Alert, AlertKey, State
from monitor.conditions import Background, Context, Outcome, Reading
from monitor.conditions.match import Patterns
from monitor.engine.inhibition import inhibit
from monitor.engine.lifecycle import AlertStates, breach, closed, ok
from monitor.reader.dialects import DialectReader
from monitor.reader.signals import Labels
from monitor.rules import Rule
from monitor.rules.evaluate import verdict
from monitor.run.attempt import Touch
from monitor.run.columns.preview import Ahead
from monitor.run.run import Run

Changed = tuple[AlertStates, list[Alert]]
"""The new states, and the alerts that changed, in order."""


class Engine:
    """A set of rules, indexed by what they watch."""

    def __init__(
        self, rules: Sequence[Rule], background: Background | None = None, dialects: DialectReader | None = None
    ) -> None:
        """``dialects`` reads the lines of the logs that are judged; unless given, it finds out whose they are."""
        self.rules = tuple(rules)
        self.dialects = dialects or DialectReader()
        self._by_name = {rule.alert: rule for rule in self.rules}
        self._background = background or Background()
        self._watching: defaultdict[str, list[int]] = defaultdict(list)
        for index, rule in enumerate(self.rules):
            for name in rule.condition.watches:
                self._watching[name].append(index)
        # Asked before every line: most kinds of condition have no deadline at all.
        self._timed = [rule for rule in self.rules if rule.condition.is_timed]
        self._timed_indices = {index for index, rule in enumerate(self.rules) if rule.condition.is_timed}
        self._asked: dict[frozenset[str], tuple[int, ...]] = {}
        self.patterns = Patterns(rule.condition for rule in self.rules)
        """What the rules look for in the text of lines; one set for all logs, for it learns as it searches."""

    def step(
        self, run: Run, states: AlertStates, now: float | None, touched: frozenset[Touch], *, at: float | None = None
    ) -> Changed:
        """Judge what an event has touched; ``at`` is the time that transitions bear, where it is not ``now``."""
        at = now if at is None else at
        asked: defaultdict[int, set[Labels]] = defaultdict(set)
        for name, labels in touched:
            for index in self._watching.get(name, ()):
                asked[index].add(labels)
        before = states
        changes: list[Alert] = []
        out = {key.rule for key in states.open} | {key.rule for key in states.clearing}
        for index, labels_asked in sorted(asked.items()):
            if self.rules[index].alert not in out and self.rules[index].condition.is_idle(run):
                continue
            context = Context(asked=frozenset(labels_asked), background=self._background)
            states, changed = self._judge(self.rules[index], run, states, context, now, at)
            changes += changed
        if ("run.ended", ()) in touched:
            reason = f"the run ended ({run.status}) while it fired"
            states, ended = closed(states, states.open.keys() & before.open.keys(), at, reason)
            changes += ended
        return inhibit(self._by_name, states, changes, at) if changes else (states, changes)

    def is_timed(self, rule: str) -> bool:
        """Whether time alone can change what a rule says."""
        return self._by_name[rule].condition.is_timed

    def stays_quiet(self, run: Run, states: AlertStates, ahead: Ahead) -> bool:
        """Whether no line of a block changes what is out, so that none of them has to be judged."""
        judged_until = -math.inf if states.judged_until is None else states.judged_until
        due = min((each for each in self._own_deadlines(states) if each > judged_until), default=math.inf)
        if ahead.until is not None and due < ahead.until:
            return False
        unsettled = {key.rule for key, alert in states.open.items() if alert.state is State.PENDING}
        unsettled |= {key.rule for key in states.clearing}
        context = Context(background=self._background)
        for index in self._asked_by(ahead.touched):
            rule = self.rules[index]
            if rule.alert in unsettled:
                return False
            if not rule.condition.stays_quiet(run, ahead, context, states.firing(rule.alert)):
                return False
        return True

    def _asked_by(self, names: frozenset[str]) -> tuple[int, ...]:
        """Return the rules that watch one of these names, or the clock."""
        if names not in self._asked:
            indices = {index for name in names for index in self._watching.get(name, ())}
            self._asked[names] = tuple(sorted(indices | self._timed_indices))
        return self._asked[names]

    def leave_attempt(self, run: Run, states: AlertStates, now: float | None) -> Changed:
        """Close every alert of an attempt that another one follows."""
        return closed(states, states.open, now, f"attempt {run.attempt.number + 1} began while it fired")

    def next_deadline(self, run: Run, states: AlertStates) -> float | None:
        """Return when a rule's answer may change though no line comes; later than all that were judged."""
        after = -math.inf if states.judged_until is None else states.judged_until
        deadlines = [rule.condition.deadline(run, after) for rule in self._timed]
        deadlines += self._own_deadlines(states)
        return min((each for each in deadlines if each is not None and each > after), default=None)

    def _own_deadlines(self, states: AlertStates) -> list[float]:
        """Return when alerts are due that must be breached, or ok, for some time."""
        deadlines: list[float] = []
        for key, alert in states.open.items():
            rule = self._by_name[key.rule]
            if alert.state is State.PENDING and alert.starts_at is not None and rule.hold.unit == "s":
                deadlines.append(alert.starts_at + rule.hold.amount)
        for key, since in states.clearing.items():
            keeps = self._by_name[key.rule].keep_firing_for
            if since.at is not None and keeps.unit == "s":
                deadlines.append(since.at + keeps.amount)
        return deadlines

    def expire(self, run: Run, states: AlertStates, deadline: float) -> Changed:
        """Judge what time alone decides, just after a deadline; the alerts bear the deadline's time."""
        changes: list[Alert] = []
        just_after = math.nextafter(deadline, math.inf)
        context = Context(background=self._background)
        waiting = {key.rule for key, alert in states.open.items() if alert.state is State.PENDING}
        waiting |= {key.rule for key in states.clearing} | {rule.alert for rule in self._timed}
        for rule in self.rules:
            if rule.alert in waiting:
                states, changed = self._judge(rule, run, states, context, just_after, deadline)
                changes += changed
        return inhibit(self._by_name, replace(states, judged_until=deadline), changes, deadline)

    def readings(
        self, run: Run, states: AlertStates, now: float | None, *, is_following: bool
    ) -> list[tuple[Rule, list[Reading]]]:
        """Return what every rule says at this moment; ``is_following`` as in `Context`."""
        context = Context(is_following, background=self._background)
        return [(rule, verdict(rule, run, context, now, states.firing(rule.alert))) for rule in self.rules]

    def _judge(
        self, rule: Rule, run: Run, states: AlertStates, context: Context, now: float | None, at: float | None
    ) -> Changed:
        changes = []
        for reading in verdict(rule, run, context, now, states.firing(rule.alert)):
            if reading.outcome is Outcome.BREACH:
                states, changed = breach(states, rule, run, reading, now, at)
                changes += changed
            elif reading.outcome is Outcome.OK:
                states, changed = ok(states, rule, run, reading, now, at)
                changes += changed
            else:
                states = _no_longer_pending(states, rule, reading)
        return states, changes


def _no_longer_pending(states: AlertStates, rule: Rule, reading: Reading) -> AlertStates:
    """An answer that is none resolves nothing, but what was to be held for some time was not seen to hold."""
    alert = states.open.get(AlertKey(rule.alert, reading.labels))
    return states.without({alert.key}) if alert and alert.state is State.PENDING else states
