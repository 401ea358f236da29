"""One log through all stations: lines in, transitions of alerts out, in the same order however the bytes arrive."""

from __future__ import annotations

import math
import socket
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from monitor.alert import Alert, State
from monitor.base.evidence import Evidence
from monitor.engine.lifecycle import AlertStates
from monitor.engine.promises import NOT_ASKED, Promises, Quiet
from monitor.engine.step import Engine
from monitor.engine.unjudged import MOST_TOLD, judged_again, line_not_judged, reason_of
from monitor.grammar import LogLost, Record, Train, Unknown, format_line, parse_line
from monitor.reader.dialects.placing import pass_over, placed
from monitor.reader.dialects.rows import ForeignRows
from monitor.reader.dialects.shapes import ForeignShapes
from monitor.reader.envelope import may_hold_envelopes
from monitor.reader.event import Event, RawLine, evidence_of
from monitor.reader.signals import CUT, Sample, samples
from monitor.run.columns import (
    Block,
    ByteSpan,
    Forecast,
    LineTemplates,
    Rest,
    Stretch,
    blocks,
    fold_block,
    forecast,
    line_ahead,
)
from monitor.run.columns.foreign import ForeignForecast, fold_foreign, foreign_forecast
from monitor.run.columns.one_line import LineAhead
from monitor.run.ended import planned_end
from monitor.run.last_values import last_values
from monitor.run.run import Run
from monitor.snapshot import HISTORY_LIMIT, Snapshot, said_once
from monitor.tail.logset import full_name
from monitor.tail.ranks import ranked

FEWEST_ROWS = 12
"""Fewer of another trainer's reports are folded faster line by line. Chosen by hand."""
FEWEST_LINES = 8
"""Blocks of lines with records that are shorter than this are folded faster line by line. Chosen by hand."""


Coming = TypeVar("Coming", Forecast, ForeignForecast)


@dataclass
class Pipeline:
    """The stations of one log: reader, run and engine."""

    log: str
    engine: Engine
    run: Run = field(default_factory=Run)
    states: AlertStates = field(default_factory=AlertStates)
    fired: int = 0
    """Number of alerts of severity warning or above that have fired."""
    history: deque[Alert] = field(default_factory=lambda: deque(maxlen=HISTORY_LIMIT))
    unjudged: Alert | None = None
    """The alert that the newest line could not be judged, until another one is."""
    templates: LineTemplates = field(default_factory=LineTemplates)
    """The known templates of the log's lines."""
    shapes: ForeignShapes = field(default_factory=ForeignShapes)
    """The known shapes of another trainer's lines."""
    promises: Promises = field(default_factory=Promises)
    """What the rules have promised of the next lines."""

    def __post_init__(self) -> None:
        """Set what the log's name shows, and where it is read."""
        self.run.log, self.run.host = self.run.log or full_name(self.log), socket.gethostname()
        of = ranked(self.log)
        self.run.rank = of.rank if of else None

    def read(self, line: RawLine) -> Event | None:
        """Read one line, with samples for the rules' patterns and for truncation; None for a blank line.

        A line that raises an error of ours becomes an event that says nothing but that.
        """
        try:
            return self._read(line)
        except Exception as error:
            evidence = evidence_of(line, self.log, None)
            return Event(evidence, "", Unknown(tag="", content="", problem=reason_of(error)), (), error=error)

    def _read(self, line: RawLine) -> Event | None:
        line = self.engine.dialects.decoded(line, self.run.dialect)
        dialects, state = self.engine.dialects, self.run.dialect
        self.run.was_done = planned_end(self.run) is not None
        event = None
        if dialects.is_in_words(state):
            event = self.shapes.event(line, self.log, state)
            if event is None and (event := dialects.read(line, self.log, state, is_over=self._is_over)) is not None:
                self.shapes.note(line, event, state)
        else:
            event = dialects.read(line, self.log, state, is_over=self._is_over)
        if event is None:
            return None
        found = tuple(self.engine.patterns.samples(line.data))
        if getattr(line, "truncated_bytes", 0):
            found = (*found, Sample(CUT, (), 1.0))
        return event._replace(samples=(*event.samples, *found)) if found else event

    def take(self, line: RawLine) -> list[Alert]:
        """Read and fold one line; return the transitions."""
        event = self.read(line)
        return [] if event is None else self.fold(event)

    def speaking(self, data: bytes) -> Sequence[ByteSpan]:
        """Return the spans of the lines that a rule's pattern or a known text may match.

        Depends on ``data`` alone, so another thread may call it.
        """
        return [ByteSpan(*each) for each in self.engine.patterns.places(data)]

    def take_all(
        self,
        lines: Stretch,
        note: Callable[[Event], object] = lambda event: None,
        *,
        spans: Sequence[ByteSpan] | None = None,
    ) -> list[Alert]:
        """Read and fold whole lines, with the same result as line by line; return the transitions.

        ``note`` is called with each event that was read by itself: all but measurements and lines outside the grammar.
        ``spans`` is the result of `speaking`, if the caller has it already.
        """
        transitions, plain = self._take_foreign(lines, note)
        # The spans hold for the whole, not for a rest of it.
        known = spans if plain is lines else None
        for part in blocks(plain, self, known) if plain is not None else ():
            if isinstance(part, Block):
                transitions += self._fold_block(part)
                for _, event in part.passengers:
                    note(event)
            else:
                transitions += self.fold(part)
                note(part)
        return transitions

    @property
    def _is_over(self) -> bool:
        return self.run.attempt.ended is not None

    def _take_foreign(self, lines: Stretch, note: Callable[[Event], object]) -> tuple[list[Alert], Stretch | None]:
        """Fold line by line until the rest is known to be native; return the transitions and the rest."""
        transitions: list[Alert] = []
        index = start = 0
        data, is_asked = lines.data, False
        while start < len(data):
            if not is_asked and self.engine.dialects.is_native(self.run.dialect):
                is_asked, rest = True, Rest(lines, index, start) if index else lines
                # Another dialect can begin only after the end of a run.
                may_end = self._is_over or self.engine.dialects.may_end_ours(rest.data)
                is_ours = not may_end or not self.engine.dialects.may_show_another(rest.data)
                if is_ours and not may_hold_envelopes(rest.data):
                    return transitions, rest
            if (num := self._take_rows(lines, index, start)) > 0:
                index += num
                for _ in range(num):
                    start = data.index(b"\n", start) + 1
                continue
            end = data.index(b"\n", start)
            event = self.read(lines.line(index, start, end))
            if event is not None:
                transitions += self.fold(event)
                if event.record is not None and not isinstance(event.record, Train):
                    note(event)
            index, start = index + 1, end + 1
        return transitions, None

    def _take_rows(self, lines: Stretch, index: int, start: int) -> int:
        """Fold another trainer's reports from a line on at once, if they change no alert; return how many."""
        state, data = self.run.dialect, lines.data
        if not self.engine.dialects.is_in_words(state):
            return 0
        found = self.shapes.rows(data, index, start, state, self.speaking)
        if found is None:
            return 0
        rest, num = found, 0
        while (rows := placed(rest, state)) is not None and len(rows) >= FEWEST_ROWS:
            coming = self._quiet(partial(foreign_forecast, self.run, rows))
            if coming is not None:
                fold_foreign(self.run, coming, partial(self._evidence, lines, rows))
                pass_over(rows, state)
                self.shapes.leap()
                num = len(rows)
                self.promises.leap(self.run.lines - num, self.run.lines)
                break
            rest = rows.part(0, len(rows) // 2)
        # The line behind those that were folded is read singly; so are some where a rule may speak.
        next_ = num + 1 if num else FEWEST_ROWS
        if len(found) - next_ >= FEWEST_ROWS:
            self.shapes.keep(found.part(next_, len(found)))
        return num

    def _evidence(self, lines: Stretch, rows: ForeignRows, place: int, at: float | None) -> Evidence:
        line = lines.line(rows.index + place, int(rows.starts[place]), int(rows.ends[place]))
        return evidence_of(line, self.log, at)

    def _fold_block(self, block: Block) -> list[Alert]:
        """Fold a block at once if it cannot change any alert; else halve it, down to single lines."""
        transitions: list[Alert] = []
        waiting = [block]
        while waiting:
            block = waiting.pop()
            if len(block) < (FEWEST_LINES if block.has_records else 2):
                transitions += (each for place in range(len(block)) for each in self.fold(block.event(place)))
                continue
            coming, done = self._quiet(partial(forecast, self.run, block)), 0
            if coming is not None:
                done = fold_block(self.run, coming)
                self.promises.forget()
            if done == len(block):
                continue
            middle = done or len(block) // 2
            waiting += [block.part(middle, len(block))] + ([] if done else [block.part(0, middle)])
        return transitions

    def _quiet(self, ask: Callable[[], Coming | None]) -> Coming | None:
        """Return what many lines will bring, if that changes no alert."""
        try:
            coming = ask()
            is_quiet = coming is not None and self.engine.stays_quiet(self.run, self.states, coming.ahead)
        except Exception:
            # One of its lines cannot be judged: which one, shows line by line.
            return None
        return coming if is_quiet else None

    def lose(self, lost_bytes: int, how: str, now: float | None) -> list[Alert]:
        """Fold the loss of bytes that were destroyed before they were read; return the transitions.

        No line of the log shows this, so a replay must call it again.
        """
        moment = now if now is not None else self.run.now
        transitions = [] if moment is None else self._run_deadlines(moment)
        record = LogLost(bytes=lost_bytes, how=how)
        found = self._fold_fact(record, record.LEVEL, format_line(moment or 0.0, record), moment)
        return transitions + self._record(found)

    def learn(self, text: str, now: float | None) -> list[Alert]:
        """Fold a fact from outside the log, given as a native line without its time; return the transitions.

        No line of the log shows it, so a replay must call this again. It does not count as output of the run.
        """
        moment = now if now is not None else self.run.now
        if moment is None:
            return []
        line = f"{format_line(moment, LogLost(bytes=0, how='')).partition(' ')[0]} {text}"
        read = parse_line(line.encode("utf-8", "backslashreplace"))
        if read is None or read.record is None:
            return []
        transitions = self._run_deadlines(moment)
        found = self._fold_fact(read.record, read.level, line, moment)
        return transitions + self._record(found, rests_on_facts=True, is_time_alone=False)

    def _fold_fact(self, record: Record, level: str, text: str, moment: float | None) -> list[Alert]:
        """Fold what no line of the log shows, as if it came right after the log's last line."""
        self.promises.forget()
        where = self.run.last
        evidence = Evidence(self.log, where.line if where else 0, where.offset if where else 0, moment, text)
        event = Event(evidence, level, record, tuple(samples(record)))
        touched = self.run.attempt.fold(event, moment)
        self.states, transitions = self.engine.step(self.run, self.states, moment, touched)
        return transitions

    def fold(self, event: Event) -> list[Alert]:
        """Run the deadlines before an event, then fold it; return the transitions.

        A line that raises an error of ours is left out, counted and alerted: the lines after it are judged.
        """
        lines = self.run.lines
        try:
            if event.error is not None:
                raise event.error
            transitions = self._fold(event)
        except Exception as error:
            self.run.lines, self.run.last = lines + 1, event.evidence
            self.promises.forget()
            return self._leave_out(event.evidence, error)
        if self.unjudged is None:
            return transitions
        over, self.unjudged = judged_again(self.unjudged, self.run.now), None
        return self._record([over]) + transitions

    def _leave_out(self, line: Evidence, error: Exception) -> list[Alert]:
        self.run.unjudged += 1
        if self.unjudged is not None or self.run.unjudged > MOST_TOLD:
            return []
        self.unjudged = line_not_judged(self.run, line, error, self.run.now)
        return self._record([self.unjudged])

    def _fold(self, event: Event) -> list[Alert]:
        now = self.run.time_of(event.evidence.at)
        transitions = [] if now is None else self._run_deadlines(now)
        self.run.was_done = False
        if self.run.opens_attempt(event):
            self.states, closed = self.engine.leave_attempt(self.run, self.states, now)
            transitions += self._record(closed)
            samples, quiet = None, NOT_ASKED
        else:
            samples = self.run.attempt.samples_of(event)
            ahead = line_ahead(self.run, event, samples)
            if ahead is None:
                quiet = NOT_ASKED
                self.promises.forget()
            else:
                quiet = self._promised(ahead)
        touched = self.run.fold(event, samples)
        judged_until = self.states.judged_until
        now = self.run.now
        if event.evidence.at is not None and judged_until is not None and now is not None and now < judged_until:
            # The log's clock was set back during a silence: the time after this line has not been judged yet.
            self.states = replace(self.states, judged_until=now)
        at = moment = self.run.now
        if event.evidence.at is None and at is not None and self.run.heard_at is not None:
            # A line without a time takes the last line's, but the time up to `heard_at` has been judged already.
            moment = max(at, self.run.heard_at)
        self.states, found = self.engine.step(self.run, self.states, moment, touched, at=at, quiet=quiet)
        return transitions + self._record(found, rests_on_facts=moment != at) if found else transitions

    def _promised(self, ahead: LineAhead) -> Quiet:
        """Return the rules that cannot speak in a line; none, if that cannot be told."""
        try:
            return self.promises.quiet(self.engine, self.run, self.states, ahead)
        except Exception:
            # Not to be asked is only slower; a line must not be lost for it.
            self.promises.forget()
            return NOT_ASKED

    def hear(self, now: float, *, has_moved: bool = False) -> list[Alert]:
        """Note that bytes without a time came at the run's time ``now``; return the transitions.

        ``has_moved`` says that another file of the run showed a further step.
        """
        is_undated = self.run.is_undated
        with self.run.observed():
            transitions = self._run_deadlines(now, is_undated=is_undated)
        self.run.hear(now)
        if has_moved:
            self.run.attempt.progress.touch(now)
        self.states, found = self.engine.step(self.run, self.states, now, frozenset({("log.line", ())}))
        return transitions + self._record(found, rests_on_facts=True)

    def pass_time(self, now: float) -> list[Alert]:
        """Advance the run's time without a line; return the transitions that silence caused."""
        is_undated = self.run.is_undated
        with self.run.observed():
            return self._run_deadlines(now, is_undated=is_undated)

    def finish(self) -> list[Alert]:
        """Judge a log that was read to its end, as a watch would have done that waited; return the transitions.

        A death text without progress behind it fires at the deadline that a watch would have waited for.
        """
        deadline = self.engine.death_deadline(self.run)
        if deadline is not None:
            return self._run_deadlines(math.nextafter(deadline, math.inf))
        self.states, found = self.engine.end_of_log(self.run, self.states)
        return self._record(found)

    def snapshot(self, now: float | None, *, is_following: bool) -> Snapshot:
        """Return a snapshot at the run's time ``now``."""
        with self.run.observed():
            readings = self.engine.readings(self.run, self.states, now, is_following=is_following)
        return Snapshot(
            log=self.log,
            run=self.run,
            now=now,
            is_following=is_following,
            readings=said_once(readings),
            open=tuple(alert for alert in self.states.open.values() if alert.state is State.FIRING),
            history=tuple(self.history),
        )

    def _run_deadlines(self, until: float, *, is_undated: bool = False) -> list[Alert]:
        """Judge at every deadline before ``until``, in order; each alert fires at the time of its deadline.

        ``is_undated``: only a watch saw how long the silence was.
        """
        transitions: list[Alert] = []
        if self.promises.no_deadline_until(self.engine, self.run, self.states, until):
            return transitions
        deadline = self.engine.next_deadline(self.run, self.states)
        while deadline is not None and deadline < until:
            self.states, found = self.engine.expire(self.run, self.states, deadline)
            transitions += self._record(found, rests_on_facts=is_undated or self.run.heard_at != self.run.now)
            deadline = self.engine.next_deadline(self.run, self.states)
        return transitions

    def _record(
        self, transitions: list[Alert], *, rests_on_facts: bool = False, is_time_alone: bool = True
    ) -> list[Alert]:
        """Record transitions. With ``rests_on_facts``, mark them as needing facts: the log alone does not date them.

        With ``is_time_alone``, mark only those of rules that depend on time.
        """
        if rests_on_facts:
            transitions = [
                replace(each, needs="facts") if not is_time_alone or self.engine.is_timed(each.rule) else each
                for each in transitions
            ]
            out = {
                each.key: replace(self.states.open[each.key], needs=each.needs)
                for each in transitions
                if each.key in self.states.open
            }
            self.states = replace(self.states, open={**self.states.open, **out})
        self.history.extend(transitions)
        self.fired += sum(
            alert.state is State.FIRING and alert.severity.is_alarming and not alert.inhibited_by
            for alert in transitions
        )
        return transitions


BLIND_BELOW = 0.01
"""If a smaller share of the lines is understood, a log without alerts proves nothing."""


def is_blind(pipeline: Pipeline) -> bool:
    """Whether a log contains too little to be judged: hardly a line understood, no progress, or no loss or metric."""
    run = pipeline.run
    if run.understood < BLIND_BELOW * run.lines or run.lines == 0:
        return True
    known = last_values(run)
    has_progress = run.attempt.step is not None or known.epoch is not None
    return not has_progress or known.is_empty
