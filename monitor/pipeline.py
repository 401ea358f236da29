"""One log being followed or replayed: lines in, alerts out, in the same order however the bytes arrive."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from monitor.alert import Alert, State
from monitor.base.evidence import Evidence
from monitor.engine.lifecycle import AlertStates
from monitor.engine.step import Engine
from monitor.grammar import LogLost, Train, format_line, parse_line
from monitor.reader.event import Event, RawLine
from monitor.reader.signals import CUT, Sample, samples
from monitor.run.columns import Block, ByteSpan, LineTemplates, Rest, Stretch, blocks, fold_block, forecast
from monitor.run.run import Run
from monitor.snapshot import HISTORY_LIMIT, Snapshot
from monitor.tail.ranks import ranked

FEWEST_LINES = 8
"""Lines with records among them that are folded one by one sooner than at once. Chosen by hand."""


@dataclass
class Pipeline:
    """Wires the stations for one log: events, run, engine."""

    log: str
    engine: Engine
    run: Run = field(default_factory=Run)
    states: AlertStates = field(default_factory=AlertStates)
    fired: int = 0
    """Alerts of severity warning or above that fired so far."""
    history: deque[Alert] = field(default_factory=lambda: deque(maxlen=HISTORY_LIMIT))
    templates: LineTemplates = field(default_factory=LineTemplates)
    """The known templates of the log's lines."""

    def __post_init__(self) -> None:
        """See what the log's name says."""
        of = ranked(self.log)
        self.run.rank = of.rank if of else None

    def read(self, line: RawLine) -> Event | None:
        """Read one line, the patterns of the rules and what was cut from it included; None for a blank one."""
        line = self.engine.dialects.decoded(line, self.run.dialect)
        event = self.engine.dialects.read(line, self.log, self.run.dialect, is_over=self._is_over)
        if event is None:
            return None
        found = tuple(self.engine.patterns.samples(line.data))
        if getattr(line, "truncated_bytes", 0):
            found = (*found, Sample(CUT, (), 1.0))
        return event._replace(samples=(*event.samples, *found)) if found else event

    def take(self, line: RawLine) -> list[Alert]:
        """Read and fold one line; return what it changed."""
        event = self.read(line)
        return [] if event is None else self.fold(event)

    def speaking(self, data: bytes) -> Sequence[ByteSpan]:
        """Return where lines lie whose text may say something; no other line's text does.

        This depends on nothing that was taken before, and can be asked in another thread.
        """
        return [ByteSpan(*each) for each in self.engine.patterns.places(data)]

    def take_all(
        self,
        lines: Stretch,
        note: Callable[[Event], object] = lambda event: None,
        *,
        spans: Sequence[ByteSpan] | None = None,
    ) -> list[Alert]:
        """Read and fold whole lines, as taking each by itself would; return what they changed.

        ``note`` is told of each event that was read by itself: of all but measurements and lines outside the grammar.
        ``spans`` are those of `speaking`, where it was asked before.
        """
        changes, plain = self._take_foreign(lines, note)
        # Of a rest the places are others.
        known = spans if plain is lines else None
        for part in blocks(plain, self, known) if plain is not None else ():
            if isinstance(part, Block):
                changes += self._fold_block(part)
                for _, event in part.passengers:
                    note(event)
            else:
                changes += self.fold(part)
                note(part)
        return changes

    @property
    def _is_over(self) -> bool:
        return self.run.attempt.ended is not None

    def _take_foreign(self, lines: Stretch, note: Callable[[Event], object]) -> tuple[list[Alert], Stretch | None]:
        """Fold line by line until the rest is known to be plain; return what that changed, and the rest."""
        changes: list[Alert] = []
        index = start = 0
        data, is_asked = lines.data, False
        while start < len(data):
            if not is_asked and self.engine.dialects.is_native(self.run.dialect):
                is_asked, rest = True, Rest(lines, index, start) if index else lines
                # Another dialect is looked for behind the end of a run alone.
                may_end = self._is_over or self.engine.dialects.may_end_ours(rest.data)
                if not may_end or not self.engine.dialects.may_show_another(rest.data):
                    return changes, rest
            end = data.index(b"\n", start)
            event = self.read(lines.line(index, start, end))
            if event is not None:
                changes += self.fold(event)
                if event.record is not None and not isinstance(event.record, Train):
                    note(event)
            index, start = index + 1, end + 1
        return changes, None

    def _fold_block(self, block: Block) -> list[Alert]:
        """Fold a block at once where no rule can speak of it; else in smaller ones, down to single lines."""
        changes: list[Alert] = []
        waiting = [block]
        while waiting:
            block = waiting.pop()
            if len(block) < (FEWEST_LINES if block.has_records else 2):
                changes += (change for place in range(len(block)) for change in self.fold(block.event(place)))
                continue
            coming, done = forecast(self.run, block), 0
            if coming is not None and self.engine.stays_quiet(self.run, self.states, coming.ahead):
                done = fold_block(self.run, coming)
            if done == len(block):
                continue
            middle = done or len(block) // 2
            waiting += [block.part(middle, len(block))] + ([] if done else [block.part(0, middle)])
        return changes

    def lose(self, lost_bytes: int, how: str, now: float | None) -> list[Alert]:
        """Note bytes of the log that were destroyed before anybody read them; return what that changed.

        No line of the log says so: whoever replays must tell it again.
        """
        moment = now if now is not None else self.run.now
        changes = [] if moment is None else self._run_deadlines(moment)
        record, where = LogLost(bytes=lost_bytes, how=how), self.run.last
        evidence = Evidence(
            self.log,
            where.line if where else 0,
            where.offset if where else 0,
            moment,
            format_line(moment or 0.0, record),
        )
        event = Event(evidence, record.LEVEL, record, tuple(samples(record)))
        touched = self.run.attempt.fold(event, moment)
        self.states, changed = self.engine.step(self.run, self.states, moment, touched)
        return changes + self._noted(changed)

    def learn(self, text: str, now: float | None) -> list[Alert]:
        """Fold what was seen beside the log, a native line without its time; return what that changed.

        No line of the log says so: whoever replays must tell it again. It is no sign that the run writes.
        """
        moment = now if now is not None else self.run.now
        if moment is None:
            return []
        line = f"{format_line(moment, LogLost(bytes=0, how='')).partition(' ')[0]} {text}"
        read = parse_line(line.encode("utf-8", "backslashreplace"))
        if read is None or read.record is None:
            return []
        changes, where = self._run_deadlines(moment), self.run.last
        evidence = Evidence(self.log, where.line if where else 0, where.offset if where else 0, moment, line)
        event = Event(evidence, read.level, read.record, tuple(samples(read.record)))
        touched = self.run.attempt.fold(event, moment)
        self.states, changed = self.engine.step(self.run, self.states, moment, touched)
        return changes + self._noted(changed, rests_on_facts=True, is_time_alone=False)

    def fold(self, event: Event) -> list[Alert]:
        """Fold one event and return what it changed, the deadlines that lay before it first."""
        now = self.run.time_of(event.evidence.at)
        changes = [] if now is None else self._run_deadlines(now)
        if self.run.opens_attempt(event):
            self.states, closed = self.engine.leave_attempt(self.run, self.states, now)
            changes += self._noted(closed)
        touched = self.run.fold(event)
        judged_until = self.states.judged_until
        if event.evidence.at is not None and judged_until is not None and self.run.now is not None:
            # The log's clock was set back within a silence: what comes after this line has not been judged.
            self.states = replace(self.states, judged_until=min(judged_until, self.run.now))
        at = moment = self.run.now
        if event.evidence.at is None and at is not None and self.run.heard_at is not None:
            # A line without a time stands at the last one's, but what was heard since has been judged already.
            moment = max(at, self.run.heard_at)
        self.states, changed = self.engine.step(self.run, self.states, moment, touched, at=at)
        return changes + self._noted(changed, rests_on_facts=moment != at)

    def hear(self, now: float) -> list[Alert]:
        """Note bytes that came at the run's time ``now`` and bear no time; return what that changed."""
        changes = self._run_deadlines(now)
        self.run.hear(now)
        self.states, changed = self.engine.step(self.run, self.states, now, frozenset({("log.line", ())}))
        return changes + self._noted(changed, rests_on_facts=True)

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
            changes += self._noted(changed, rests_on_facts=self.run.heard_at != self.run.now)
            deadline = self.engine.next_deadline(self.run, self.states)
        return changes

    def _noted(self, changes: list[Alert], *, rests_on_facts: bool = False, is_time_alone: bool = True) -> list[Alert]:
        """Remember changes, and mark those that rest on facts: all of them, or of time alone those that time has made,
        by bytes whose coming the log does not date.
        """
        if rests_on_facts:
            changes = [
                replace(each, needs="facts") if not is_time_alone or self.engine.is_timed(each.rule) else each
                for each in changes
            ]
            out = {
                each.key: replace(self.states.open[each.key], needs=each.needs)
                for each in changes
                if each.key in self.states.open
            }
            self.states = replace(self.states, open={**self.states.open, **out})
        self.history.extend(changes)
        self.fired += sum(
            alert.state is State.FIRING and alert.severity.is_alarming and not alert.inhibited_by for alert in changes
        )
        return changes


BLIND_BELOW = 0.01
"""Share of understood lines under which a quiet log is no good news."""


def is_blind(pipeline: Pipeline) -> bool:
    """Whether a log said too little to be judged: hardly a line understood, or neither a step nor a loss."""
    run = pipeline.run
    if run.understood < BLIND_BELOW * run.lines or run.lines == 0:
        return True
    return run.attempt.step is None and not run.attempt.of("train.loss") and not run.attempt.of("epoch.train_loss")
