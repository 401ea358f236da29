"""One log being followed or replayed: lines in, alerts out, in the same order however the bytes arrive."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from monitor.alerts import Alert, State
from monitor.alertstates import AlertStates
from monitor.conditions import Reading
from monitor.engine import Engine
from monitor.events import Event, RawLine, read_event
from monitor.rulefile import Rule
from monitor.run import Run

HISTORY_LIMIT = 1_000
"""Transitions kept for the report's timeline; the count of alerts goes on."""


@dataclass(frozen=True)
class Snapshot:
    """What is known at one moment: all that a report or a status is made of."""

    log: str
    run: Run
    now: float | None
    """The run's time at this moment."""
    is_following: bool
    """Whether the log is still watched; else it was read to its end."""
    readings: tuple[tuple[Rule, tuple[Reading, ...]], ...]
    """What every rule says now."""
    open: tuple[Alert, ...]
    """Alerts that fire now."""
    history: tuple[Alert, ...]
    """The transitions so far, oldest first."""


@dataclass
class Watcher:
    """Wires the stations for one log: events, run, engine."""

    log: str
    engine: Engine
    run: Run = field(default_factory=Run)
    states: AlertStates = field(default_factory=AlertStates)
    fired: int = 0
    """Alerts of severity warning or above that fired so far."""
    history: deque[Alert] = field(default_factory=lambda: deque(maxlen=HISTORY_LIMIT))

    def take(self, line: RawLine) -> list[Alert]:
        """Read and fold one line; return what it changed."""
        event = read_event(line, self.log)
        return [] if event is None else self.fold(event)

    def fold(self, event: Event) -> list[Alert]:
        """Fold one event and return what it changed, the deadlines that lay before it first."""
        now = self.run.time_of(event.evidence.at)
        changes = [] if now is None else self._run_deadlines(now)
        if self.run.opens_attempt(event):
            self.states, closed = self.engine.leave_attempt(self.run, self.states, now)
            changes += self._noted(closed)
        touched = self.run.fold(event)
        self.states, changed = self.engine.step(self.run, self.states, self.run.now, touched)
        return changes + self._noted(changed)

    def hear(self, now: float) -> list[Alert]:
        """Note bytes that came at the run's time ``now`` and bear no time; return what that changed."""
        changes = self._run_deadlines(now)
        self.run.hear(now)
        self.states, changed = self.engine.step(self.run, self.states, now, frozenset({("log.line", ())}))
        return changes + self._noted(changed)

    def pass_time(self, now: float) -> list[Alert]:
        """Let the run's time go on without a line; return what silence has changed."""
        return self._run_deadlines(now)

    def snapshot(self, now: float | None, *, is_following: bool) -> Snapshot:
        """Return what is known at the run's time ``now``."""
        readings = self.engine.readings(self.run, self.states, now, is_following=is_following)
        return Snapshot(
            log=self.log,
            run=self.run,
            now=now,
            is_following=is_following,
            readings=tuple((rule, tuple(said)) for rule, said in readings),
            open=tuple(alert for alert in self.states.open.values() if alert.state is State.FIRING),
            history=tuple(self.history),
        )

    def _run_deadlines(self, until: float) -> list[Alert]:
        """Judge at every deadline before ``until``, in order; each fires at its own time, not at ours."""
        changes: list[Alert] = []
        deadline = self.engine.next_deadline(self.run, self.states)
        while deadline is not None and deadline < until:
            self.states, changed = self.engine.expire(self.run, self.states, deadline)
            changes += self._noted(changed)
            deadline = self.engine.next_deadline(self.run, self.states)
        return changes

    def _noted(self, changes: list[Alert]) -> list[Alert]:
        self.history.extend(changes)
        self.fired += sum(
            alert.state is State.FIRING and alert.severity.is_alarming and not alert.inhibited_by for alert in changes
        )
        return changes
