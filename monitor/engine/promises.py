"""Which rules a line cannot make speak: asked once for many lines where they stay within bounds, else line by line."""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING, NamedTuple, Protocol

from monitor.run.columns.bounds import Bounds, Key
from monitor.run.columns.one_line import LineAhead

if TYPE_CHECKING:
    from monitor.engine.lifecycle import AlertStates
    from monitor.run.columns.preview import Ahead
    from monitor.run.run import Run

LINES_TO_PAY = 4
"""A promise that held for fewer lines cost more than it saved. Chosen by hand."""
LINES_OFF = 32
"""After such a promise, so many lines are asked about singly. Chosen by hand."""
MOST_KEYS = 256
"""Series that promises are made for, at most."""


class Quiet(NamedTuple):
    """Rules that a line cannot make speak."""

    names: Set[str]
    """What the line was expected to touch."""
    rules: Set[int]
    """Indices of the rules."""


NOT_ASKED = Quiet(frozenset(), frozenset())
"""No rule was asked about a line."""


class Rules(Protocol):
    """The rules that are asked."""

    def quiet(
        self, run: Run, states: AlertStates, ahead: Ahead, names: Set[str], *, but: Set[int] = frozenset()
    ) -> frozenset[int]:
        """Return which of the rules that watch ``names`` cannot speak in the lines ahead, ``but`` some."""
        ...


class Promises:
    """What the rules have promised of the lines to come of one log. Holds nothing that could not be asked again."""

    def __init__(self) -> None:
        self._bounds: Bounds | None = None
        self._engine: Rules | None = None
        self._states: AlertStates | None = None
        self._quiet: dict[Set[str], frozenset[int]] = {}
        self._keys: dict[Key, None] = {}
        self._asked_at = self._off_until = 0
        self._gap = 1
        self._always: frozenset[str] | None = None

    def forget(self) -> None:
        """Forget what was promised: something else than an ordinary line has come."""
        self._bounds = None

    def leap(self, lines_before: int, lines: int) -> None:
        """Forget what was promised: many lines were folded at once, behind ``lines_before`` of the run's ``lines``."""
        if self._bounds is not None and lines_before - self._asked_at < LINES_TO_PAY:
            self._off_until = lines + LINES_OFF
        self._bounds = None

    def quiet(self, engine: Rules, run: Run, states: AlertStates, line: LineAhead) -> Quiet:
        """Return the rules that a line cannot make speak, before it is folded."""
        bounds, names = self._bounds, line.touched
        is_same = engine is self._engine and _is_same(states, self._states)
        if bounds is None or not is_same or not bounds.holds(run, line):
            bounds = self._ask_again(engine, run, states, line)
            if bounds is None:
                return Quiet(names, engine.quiet(run, states, line, names))
        promised = self._quiet.get(names)
        if promised is None:
            promised = self._quiet[names] = engine.quiet(run, states, bounds, names)
        return Quiet(names, promised | engine.quiet(run, states, line, names, but=promised))

    def _ask_again(self, engine: Rules, run: Run, states: AlertStates, line: LineAhead) -> Bounds | None:
        """Begin with new bounds; None where they would not hold, even for this line."""
        if self._bounds is not None and run.lines - self._asked_at < LINES_TO_PAY:
            self._off_until = run.lines + LINES_OFF
        self._bounds, self._engine, self._states, self._quiet = None, engine, states, {}
        attempt = run.attempt
        if run.lines < self._asked_at:
            self._off_until = 0
        self._asked_at = run.lines
        if line.step is not None and attempt.step is not None:
            self._gap = max(self._gap, line.step - attempt.step)
        for signal, by_labels in line.coming.items():
            for labels in by_labels:
                self._keys.setdefault((signal, labels))
        came = frozenset(line.coming)
        self._always = came if self._always is None else self._always & came
        if run.lines < self._off_until or len(self._keys) > MOST_KEYS:
            return None
        known = [(signal, labels) for signal, labels in self._keys if labels in attempt.of(signal)]
        bounds = Bounds(run, known, self._gap, self._always)
        if not bounds.holds(run, line):
            return None
        self._bounds = bounds
        return bounds


def _is_same(states: AlertStates, before: AlertStates | None) -> bool:
    """Whether no alert has changed."""
    if before is None:
        return False
    return states is before or (states.open == before.open and states.clearing == before.clearing)
