"""Which rules a line cannot make speak: asked once for many lines where they stay within bounds, else line by line."""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING, NamedTuple, Protocol

from monitor.run.columns.bounds import WAIT_S, Band, Bounds
from monitor.run.columns.one_line import LineAhead

if TYPE_CHECKING:
    from monitor.engine.lifecycle import AlertStates
    from monitor.run.columns.preview import Ahead
    from monitor.run.run import Run

LINES_TO_PAY = 4
"""A promise that held for fewer lines cost more than it saved. Chosen by hand."""
LINES_OFF = 8
"""After such a promise, so many lines are asked about singly. Chosen by hand."""
LINES_REFUSED = 32
"""A rule that promises nothing is not asked for a promise for so many lines. Chosen by hand."""
LINES_AGO = 64
"""Promises are made for the series that were in one of so many lines; any other ends them. Chosen by hand."""


class Quiet(NamedTuple):
    """Rules that a line cannot make speak."""

    names: Set[str]
    """What the line was expected to touch."""
    rules: Set[int]
    """Indices of the rules."""
    is_all: bool = False
    """Whether they are all the rules that watch these names."""


class _Promised(NamedTuple):
    quiet: Quiet
    until: dict[int, int]
    """By rule: the first of the run's lines that is not promised."""
    ask_at: int
    """The run's line at which the rules are asked again."""


NOT_ASKED = Quiet(frozenset(), frozenset())
"""No rule was asked about a line."""


class Rules(Protocol):
    """The rules that are asked."""

    def quiet(
        self, run: Run, states: AlertStates, ahead: Ahead, names: Set[str], *, but: Set[int] = frozenset()
    ) -> frozenset[int]:
        """Return which of the rules that watch ``names`` cannot speak in the lines ahead, ``but`` some."""
        ...

    def quiet_lines(
        self, run: Run, states: AlertStates, bounds: Bounds, names: Set[str], *, but: Set[int]
    ) -> tuple[dict[int, int], dict[int, Band], Set[int]]:
        """Return for how many lines within bounds such rules cannot speak, and which were asked.

        Some cannot while the lines stay within narrower bounds of their own, which are returned as well.
        """
        ...

    def waits(self, run: Run, states: AlertStates, bounds: Bounds) -> bool:
        """Return whether no rule has a deadline in the lines within bounds."""
        ...


class Promises:
    """What the rules have promised of the lines to come of one log. Holds nothing that could not be asked again."""

    def __init__(self) -> None:
        self._bounds: Bounds | None = None
        self._engine: Rules | None = None
        self._states: AlertStates | None = None
        self._promised: dict[Set[str], _Promised] = {}
        self._bands: dict[int, Band] = {}
        """By rule: within which narrower bounds its promise holds."""
        self._refused: dict[int, int] = {}
        """By rule that promised nothing: the run's line from which on it is asked again."""
        self._waits: bool | None = None
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
        if bounds is None or not self._is_of(engine, states) or not bounds.holds(run, line):
            bounds = self._ask_again(engine, run, states, line)
            if bounds is None:
                return Quiet(names, engine.quiet(run, states, line, names))
        promised = self._promised.get(names)
        if promised is None or run.lines >= promised.ask_at:
            known = {} if promised is None else promised.until
            self._promised[names] = self._ask(engine, run, states, bounds, names, known)
        for index in [index for index, band in self._bands.items() if bounds.is_beyond(band, line)]:
            self._break(index, run)
        quiet = self._promised[names].quiet
        if quiet.is_all:
            return quiet
        return Quiet(names, quiet.rules | engine.quiet(run, states, line, names, but=quiet.rules))

    def _break(self, index: int, run: Run) -> None:
        """End the promise of a rule at this line; it is asked for another one at the next."""
        del self._bands[index]
        for names, each in self._promised.items():
            if each.until.pop(index, None) is not None:
                quiet = Quiet(names, each.until.keys())
                self._promised[names] = _Promised(quiet, each.until, min(each.ask_at, run.lines + 1))

    def no_deadline_until(self, engine: Rules, run: Run, states: AlertStates, until: float) -> bool:
        """Whether the rules have promised that none of their deadlines comes before the next line, at ``until``."""
        bounds, move = self._bounds, run.attempt.progress.last
        if bounds is None or run.attempt is not bounds.attempt or run.lines >= bounds.last or run.now is None:
            return False
        if until - run.now > WAIT_S or move is None or move.at is None or until - move.at > WAIT_S:
            return False
        if not self._is_of(engine, states):
            return False
        if self._waits is None:
            self._waits = engine.waits(run, states, bounds)
        return self._waits

    def _is_of(self, engine: Rules, states: AlertStates) -> bool:
        return engine is self._engine and _is_same(states, self._states)

    def _ask(
        self, engine: Rules, run: Run, states: AlertStates, bounds: Bounds, names: Set[str], known: dict[int, int]
    ) -> _Promised:
        """Ask the rules whose promise is over."""
        until = {index: line for index, line in known.items() if line > run.lines}
        refused = {index for index, line in self._refused.items() if line > run.lines}
        lines, bands, asked = engine.quiet_lines(run, states, bounds, names, but=until.keys() | refused)
        self._bands.update(bands)
        self._refused.update(dict.fromkeys(asked - lines.keys(), run.lines + LINES_REFUSED))
        until.update((index, min(run.lines + each, bounds.last)) for index, each in lines.items())
        is_all = not refused and asked == lines.keys()
        return _Promised(Quiet(names, until.keys(), is_all), until, min(until.values(), default=bounds.last))

    def _ask_again(self, engine: Rules, run: Run, states: AlertStates, line: LineAhead) -> Bounds | None:
        """Begin with new bounds; None where they would not hold, even for this line."""
        if self._bounds is not None and run.lines - self._asked_at < LINES_TO_PAY:
            self._off_until = run.lines + LINES_OFF
        self._bounds, self._engine, self._states = None, engine, states
        self._promised, self._bands, self._refused, self._waits = {}, {}, {}, None
        attempt = run.attempt
        if run.lines < self._asked_at:
            self._off_until = 0
        self._asked_at = run.lines
        if line.step is not None and attempt.step is not None:
            self._gap = max(self._gap, line.step - attempt.step)
        if line.is_moving:
            came = frozenset(line.coming)
            self._always = came if self._always is None else self._always & came
        always = frozenset() if attempt.step is None else self._always
        if run.lines < self._off_until or always is None:
            return None
        known = [
            (signal, labels)
            for signal, by_labels in attempt.series.items()
            for labels, series in by_labels.items()
            if attempt.lines - series.last.serial < LINES_AGO or labels in line.coming.get(signal, ())
        ]
        bounds = Bounds(run, known, self._gap, always)
        if not bounds.holds(run, line):
            return None
        self._bounds = bounds
        return bounds


def _is_same(states: AlertStates, before: AlertStates | None) -> bool:
    """Whether no alert has changed."""
    if before is None:
        return False
    return states is before or (states.open == before.open and states.clearing == before.clearing)
