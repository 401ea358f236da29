"""Rules + run → transitions: one pure step whenever the run has changed or time has passed."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence, Set
from dataclasses import replace

from monitor.alert import Alert, AlertKey, State
from monitor.conditions import Background, Context, Outcome, Reading
from monitor.conditions.death import Death
from monitor.conditions.match import Patterns
from monitor.conditions.reading import unknown
from monitor.engine.inhibition import inhibit, without_opposite
from monitor.engine.lifecycle import AlertStates, breach, closed, ok
from monitor.engine.promises import NOT_ASKED, Quiet
from monitor.engine.unjudged import reason_of
from monitor.reader.dialects import DialectReader
from monitor.reader.signals import Labels
from monitor.rules import Rule
from monitor.rules.evaluate import evaluate, is_declared_away
from monitor.run.attempt import Touch
from monitor.run.columns.bounds import LINES, Band, Bounds
from monitor.run.columns.preview import Ahead
from monitor.run.run import Run

Step = tuple[AlertStates, list[Alert]]
"""The new states and the transitions, in order."""


_NO_LABELS: frozenset[Labels] = frozenset()


class Engine:
    """A set of rules, indexed by what they watch."""

    def __init__(
        self, rules: Sequence[Rule], background: Background | None = None, dialects: DialectReader | None = None
    ) -> None:
        """``dialects`` reads the lines of the logs; by default, it detects their dialect."""
        self.rules = tuple(rules)
        self.dialects = dialects or DialectReader()
        self.deaths = {rule.alert: rule.condition for rule in self.rules if isinstance(rule.condition, Death)}
        """The tests of whether a run has died, by the name of their rule."""
        self._by_name = {rule.alert: rule for rule in self.rules}
        self._background = background or Background()
        self._watching: defaultdict[str, list[int]] = defaultdict(list)
        for index, rule in enumerate(self.rules):
            for name in rule.condition.watches:
                self._watching[name].append(index)
        # Used before every line: most kinds of condition have no deadline at all.
        self._timed = [rule for rule in self.rules if rule.condition.is_timed]
        self._timed_indices = {index for index, rule in enumerate(self.rules) if rule.condition.is_timed}
        self._asked: dict[frozenset[str], tuple[int, ...]] = {}
        self._of_line: dict[Set[str], frozenset[int]] = {}
        self._context = Context(background=self._background)
        self.patterns = Patterns(rule.condition for rule in self.rules)
        """What the rules look for in the text of lines; shared by all logs, because it caches as it searches."""

    def step(
        self,
        run: Run,
        states: AlertStates,
        now: float | None,
        touched: frozenset[Touch],
        *,
        at: float | None = None,
        quiet: Quiet = NOT_ASKED,
    ) -> Step:
        """Judge the rules whose signals were touched; ``at`` is the time of the transitions, by default ``now``.

        The rules of ``quiet`` are not judged, unless something was touched that they were not asked about.
        """
        at = now if at is None else at
        is_expected = all(name in quiet.names for name, _ in touched)
        if quiet.is_all and is_expected and ("run.ended", ()) not in touched:
            return states, []
        asked: defaultdict[int, set[Labels]] = defaultdict(set)
        rules = quiet.rules if is_expected else frozenset()
        for name, labels in touched:
            for index in self._watching.get(name, ()):
                if index not in rules:
                    asked[index].add(labels)
        if not asked and ("run.ended", ()) not in touched:
            return states, []
        before = states
        transitions: list[Alert] = []
        held = {key.rule for key in states.open} | {key.rule for key in states.clearing}
        for index, labels_asked in sorted(asked.items()):
            if self.rules[index].alert not in held and self.rules[index].condition.is_idle(run):
                continue
            context = Context(asked=frozenset(labels_asked), background=self._background)
            states, new = self._judge(self.rules[index], run, states, context, now, at)
            transitions += new
        if ("run.ended", ()) in touched:
            reason = f"the run ended ({run.status}) while it fired"
            states, ended = closed(states, states.open.keys() & before.open.keys(), at, reason)
            transitions += ended
        return inhibit(self._by_name, states, transitions, at) if transitions else (states, transitions)

    def is_timed(self, rule: str) -> bool:
        """Whether time alone can change a rule's readings."""
        return rule in self._by_name and self._by_name[rule].condition.is_timed

    def stays_quiet(self, run: Run, states: AlertStates, ahead: Ahead) -> bool:
        """Whether no line of a block changes an alert, so that the lines need not be judged one by one."""
        judged_until = -math.inf if states.judged_until is None else states.judged_until
        due = min((each for each in self._own_deadlines(states) if each > judged_until), default=math.inf)
        if ahead.until is not None and due < ahead.until:
            return False
        unsettled = _unsettled(states)
        for index in self._asked_by(ahead.touched):
            rule = self.rules[index]
            if rule.alert in unsettled:
                return False
            if not self._stays_quiet(rule, run, ahead, states.firing(rule.alert)):
                return False
        return True

    def _stays_quiet(self, rule: Rule, run: Run, ahead: Ahead, firing: frozenset[Labels]) -> bool:
        # No INTENT line is among the lines ahead.
        if not firing and is_declared_away(rule, run.attempt):
            return True
        return rule.condition.stays_quiet(run, ahead, self._context, firing)

    def quiet(
        self, run: Run, states: AlertStates, ahead: Ahead, names: Set[str], *, but: Set[int] = frozenset()
    ) -> frozenset[int]:
        """Return which of the rules that watch ``names`` cannot speak in the lines ahead, ``but`` some.

        Their readings, with words and evidence, need not be made: none would open, change or end an alert.
        """
        settled = self._settled(states, self._watched(names) - but)
        return frozenset(index for index, firing in settled if self._stays_quiet(self.rules[index], run, ahead, firing))

    def quiet_lines(
        self, run: Run, states: AlertStates, bounds: Bounds, names: Set[str], *, but: Set[int]
    ) -> tuple[dict[int, int], dict[int, Band], Set[int]]:
        """Return for how many lines within bounds such rules cannot speak, and which were asked.

        Some cannot while the lines stay within narrower bounds of their own, which are returned as well.
        """
        asked, found, bands = self._watched(names) - but, {}, {}
        for index, firing in self._settled(states, asked):
            rule = self.rules[index]
            is_away = not firing and is_declared_away(rule, run.attempt)
            lines = LINES if is_away else rule.condition.quiet_lines(run, bounds, self._context, firing)
            if lines < LINES and (band := rule.condition.quiet_band(run, bounds, firing)) is not None:
                found[index], bands[index] = LINES, band
            elif lines:
                found[index] = lines
        return found, bands, asked

    def waits(self, run: Run, states: AlertStates, bounds: Bounds) -> bool:
        """Return whether no rule has a deadline in the lines within bounds."""
        settled = list(self._settled(states, self._timed_indices))
        return (
            len(settled) == len(self._timed_indices)
            and not self._own_deadlines(states)
            and all(self._stays_quiet(self.rules[index], run, bounds, firing) for index, firing in settled)
        )

    def _watched(self, names: Set[str]) -> frozenset[int]:
        found = self._of_line.get(names)
        if found is None:
            found = self._of_line[names] = frozenset(index for name in names for index in self._watching.get(name, ()))
        return found

    def _settled(self, states: AlertStates, asked: Set[int]) -> Iterator[tuple[int, frozenset[Labels]]]:
        """Yield those of these rules that have no pending or clearing alert, and for which labels they fire."""
        if not asked:
            return
        unsettled, open_rules = _unsettled(states), {key.rule for key in states.open}
        for index in asked:
            name = self.rules[index].alert
            if name not in unsettled:
                yield index, states.firing(name) if name in open_rules else _NO_LABELS

    def _asked_by(self, names: frozenset[str]) -> tuple[int, ...]:
        """Return the rules that watch one of these names, or the clock."""
        if names not in self._asked:
            indices = {index for name in names for index in self._watching.get(name, ())}
            self._asked[names] = tuple(sorted(indices | self._timed_indices))
        return self._asked[names]

    def leave_attempt(self, run: Run, states: AlertStates, now: float | None) -> Step:
        """Close every alert of an attempt, because another attempt follows it."""
        return closed(states, states.open, now, f"attempt {run.attempt.number + 1} began while it fired")

    def next_deadline(self, run: Run, states: AlertStates) -> float | None:
        """Return the next time after the judged deadlines at which a reading may change without a line."""
        after = -math.inf if states.judged_until is None else states.judged_until
        deadlines = [rule.condition.deadline(run, after) for rule in self._timed]
        deadlines += self._own_deadlines(states)
        return min((each for each in deadlines if each is not None and each > after), default=None)

    def _own_deadlines(self, states: AlertStates) -> list[float]:
        """Return when pending alerts are due to fire, and clearing alerts to resolve."""
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

    def expire(self, run: Run, states: AlertStates, deadline: float) -> Step:
        """Judge the timed rules just after a deadline; the transitions get the time of the deadline."""
        transitions: list[Alert] = []
        just_after = math.nextafter(deadline, math.inf)
        context = Context(background=self._background)
        waiting = {key.rule for key, alert in states.open.items() if alert.state is State.PENDING}
        waiting |= {key.rule for key in states.clearing} | {rule.alert for rule in self._timed}
        for rule in self.rules:
            if rule.alert in waiting:
                states, new = self._judge(rule, run, states, context, just_after, deadline)
                transitions += new
        return inhibit(self._by_name, replace(states, judged_until=deadline), transitions, deadline)

    def end_of_log(self, run: Run, states: AlertStates) -> Step:
        """Judge what only the end of a log decides where no line has a time: whether its last words were its death."""
        context = Context(is_following=False, background=self._background)
        transitions: list[Alert] = []
        for name in self.deaths:
            states, new = self._judge(self._by_name[name], run, states, context, run.now, run.now)
            transitions += new
        return inhibit(self._by_name, states, transitions, run.now)

    def death_deadline(self, run: Run) -> float | None:
        """Return when a watch would have taken the run for dead; None without a text of death, or without times."""
        found = [condition.last_deadline(run) for condition in self.deaths.values()]
        return max((each for each in found if each is not None), default=None)

    def readings(
        self, run: Run, states: AlertStates, now: float | None, *, is_following: bool
    ) -> list[tuple[Rule, list[Reading]]]:
        """Return the readings of every rule at this moment; ``is_following`` as in `Context`."""
        context = Context(is_following, background=self._background)
        found = [(rule, _judged(rule, run, context, now, states.firing(rule.alert))) for rule in self.rules]
        return [(rule, [without_opposite(self._by_name, states, rule, each) for each in all_]) for rule, all_ in found]

    def _judge(
        self, rule: Rule, run: Run, states: AlertStates, context: Context, now: float | None, at: float | None
    ) -> Step:
        transitions = []
        for reading in evaluate(rule, run, context, now, states.firing(rule.alert)):
            if reading.outcome is Outcome.BREACH:
                states, new = breach(states, rule, run, reading, now, at)
                transitions += new
            elif reading.outcome is Outcome.OK:
                states, new = ok(states, rule, run, reading, now, at)
                transitions += new
            else:
                states = _no_longer_pending(states, rule, reading)
        return states, transitions


def _judged(rule: Rule, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
    """Return the readings of a rule; an unknown one if it raises an error, which is a mistake of ours."""
    try:
        return evaluate(rule, run, context, now, firing)
    except Exception as error:
        return [unknown(f"it could not be judged ({reason_of(error)}): please report this fault of the monitor")]


def _unsettled(states: AlertStates) -> set[str]:
    """Return the rules with a pending or a clearing alert: every reading counts for these."""
    pending = {key.rule for key, alert in states.open.items() if alert.state is State.PENDING}
    return pending | {key.rule for key in states.clearing}


def _no_longer_pending(states: AlertStates, rule: Rule, reading: Reading) -> AlertStates:
    """Drop a pending alert: a reading that is neither ok nor a breach does not show that the breach has lasted."""
    alert = states.open.get(AlertKey(rule.alert, reading.labels))
    return states.without({alert.key}) if alert and alert.state is State.PENDING else states
