"""Events → run: all that is known about one training run. The only mutable state of the monitor; bounded in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import itemgetter
from typing import NamedTuple

from monitor.base.evidence import Evidence
from monitor.grammar import RunStart
from monitor.reader.dialects.state import NATIVE, DialectState
from monitor.reader.event import Event, Opening
from monitor.reader.signals import Sample
from monitor.run.attempt import Attempt, Status, Touch

ATTEMPTS_KEPT = 32
"""Most earlier attempts remembered; a restart loop shows in far fewer."""


CLOCKS_KEPT = 4
"""Most clocks remembered besides the newest line's: of several writers of one log, or of one that was set back."""
JUMP_S = 300.0
"""A larger step forward may come from another writer's clock, so both clocks are kept. As long as the shortest silence
that a rule reports."""
LONGEST_LEAP_S = 43_200.0
"""A longer silence that only shows on a clock other than the newest line's means that a clock was set. By hand."""
CLOCK_LINES = 64
"""A clock is forgotten after so many lines of other clocks. Chosen by hand."""


class OtherClock(NamedTuple):
    """A clock that wrote earlier lines, and not the newest one."""

    line_at: float
    """Time written in its newest line."""
    now: float
    """The run's time at that line."""
    lines: int
    """Number of lines of the run up to that line."""
    is_doubtful: bool = False
    """Whether it may be the newest line's own clock, before a jump."""


class PastAttempt(NamedTuple):
    """One earlier start of the trainer within this log."""

    number: int
    started: Evidence | None
    last_step: int | None
    status: Status
    fit: int = 1
    """The training that it was part of."""


@dataclass
class Run:
    """One run, folded from its events in order."""

    id: str | None = None
    """The RUN line's id, else a digest of the first line; None before any line."""
    now: float | None = None
    """Time of the last line, in seconds since 1970-01-01 UTC by the log's own clock.

    This is the first line's time plus every forward step of that clock; when the clock jumps back, the run's time does
    not change. None before the first line with a time.
    """
    heard_at: float | None = None
    """Time of the newest bytes, including a partial line or a progress bar's refresh."""
    log: str = ""
    """Absolute path of the log, ``-`` for standard input; another one if the user gave it. Part of the identity."""
    generation: int = 0
    """Number of runs that began under that path before this one, as far as the state knows."""
    host: str = ""
    """The machine that reads the log; no part of the identity."""
    lines: int = 0
    understood: int = 0
    """Number of lines of a known kind."""
    last: Evidence | None = None
    """The newest line of any kind."""
    past: list[PastAttempt] = field(default_factory=list)
    """Earlier attempts, oldest first."""
    attempt: Attempt = field(default_factory=Attempt)
    """The current attempt, with all signals, facts and progress."""

    dialect: DialectState = field(default_factory=DialectState)
    """Which trainer wrote the lines, and what is needed to read the next one."""

    line_at: float | None = None
    """Time written in the last line that has one."""
    timed_lines: int = 0
    """Number of lines up to the last one that has a time."""
    clocks: list[OtherClock] = field(default_factory=list)
    """Clocks of earlier lines that may write again, the newest last."""
    rank: int | None = None
    """Which of several processes of one training writes this log, by the log's name; None if unknown."""
    unjudged: int = 0
    """Number of lines that could not be judged because of a mistake of ours; they are left out."""
    was_done: bool = field(default=False, init=False, compare=False)
    """Whether the planned total was reached before the line that is folded now; ``dialect`` knows that line already."""

    @property
    def status(self) -> Status:
        """How far the run has got, according to its log."""
        return self.attempt.status

    @property
    def counts(self) -> str:
        """What the log counts: ``step``; ``epoch`` or ``report`` where it names no step."""
        is_by_epoch = self.dialect.is_counted and (self.attempt.epochs_planned or self.attempt.epochs_done)
        return "epoch" if is_by_epoch else self.step_word

    @property
    def step_word(self) -> str:
        """What to call a step of the run: ``report`` where the log names none, and the monitor counts its reports."""
        return "report" if self.dialect.is_counted else "step"

    @property
    def is_side(self) -> bool:
        """Whether the log is that of another rank and has no steps; the main log has the rest."""
        return bool(self.rank) and self.attempt.step is None

    @property
    def is_undated(self) -> bool:
        """Whether lines without a time came since the newest time that is known, in another trainer's log.

        In ours every line has a time, except what other programs write between.
        """
        if self.dialect.name in ("", NATIVE):
            return False
        return self.now is not None and self.lines > self.timed_lines and self.heard_at in (None, self.now)

    def time_of(self, at: float | None) -> float | None:
        """Return the run's time at a line with the time ``at``; a line without one has the time of the last line.

        Two writers may have clocks that are hours apart. The clock on which the least time has passed is taken as the
        writer's. If none has gone forward, a clock was set back, and no time has passed.
        """
        if at is None or self.now is None or self.line_at is None:
            return self.now if at is None else at
        return self._clocked(at, self.now, self.line_at)[0]

    @property
    def live_clocks(self) -> list[OtherClock]:
        """The clocks of earlier lines that are not forgotten yet."""
        return [clock for clock in self.clocks if self.lines - clock.lines <= CLOCK_LINES]

    def opens_attempt(self, event: Event) -> bool:
        """Return whether this event is the first of a new attempt, because the trainer was started again."""
        has_begun = self.attempt.started is not None or self.attempt.step is not None
        is_start = isinstance(event.record, RunStart)
        if event.opening is not None and event.record is not None and event.opening.kind != "resume":
            return has_begun or self.attempt.epochs_done > 0
        return (is_start and has_begun) or self.attempt.goes_back(event)

    def fold(self, event: Event, samples: tuple[Sample, ...] | None = None) -> frozenset[Touch]:
        """Fold one event, and return what it touched: series, and ``run.*`` or ``log.line`` for the rest.

        ``samples`` is the result of `Attempt.samples_of`, if the caller has just asked for it: then it goes on with the
        attempt.
        """
        if samples is None and self.opens_attempt(event):
            self._leave_attempt(event.opening)
        if self.id is None or (isinstance(event.record, RunStart) and not self.past):
            self.id = self._identity(event)
        self._take_time(event.evidence)
        self.lines += 1
        self.understood += event.is_understood
        self.last = event.evidence
        moved_at = self.now
        if event.evidence.at is None and self.heard_at is not None:
            moved_at = self.heard_at if self.now is None else max(self.now, self.heard_at)
        return self.attempt.fold(event, self.now, samples, heard_at=self.heard_at, moved_at=moved_at)

    @contextmanager
    def observed(self) -> Iterator[None]:
        """While in force, a watch saw the time pass since the newest bytes, so lines without a time hide nothing."""
        timed_lines, self.timed_lines = self.timed_lines, self.lines
        try:
            yield
        finally:
            self.timed_lines = timed_lines

    def hear(self, now: float) -> None:
        """Note bytes that are not a whole line yet: they end a silence, and that is all they prove."""
        if self.now is None and self.heard_at is not None:
            # In a log without times, arrival is all that tells how long its silences usually are.
            self.attempt.note_silence(max(0.0, now - self.heard_at), now)
        self.heard_at = now if self.heard_at is None else max(self.heard_at, now)

    def _identity(self, event: Event) -> str:
        """Return the id of the RUN line; else a digest of the first line and of where it was read.

        Logs of one trainer begin alike, so that the first line alone would give several runs one id.
        """
        if isinstance(event.record, RunStart):
            return event.record.run
        read = repr((event.evidence.text, self.log, self.generation))
        return hashlib.sha256(read.encode("utf-8", "backslashreplace")).hexdigest()[:12]

    def _leave_attempt(self, opening: Opening | None) -> None:
        left = self.attempt
        if opening is not None and opening.kind == "anew" and left.ended is None and left.unanswered_deaths:
            opening = None  # it died, and was started again from its beginning
        is_fit = opening is not None and opening.kind == "fit"
        status = Status.COMPLETED if is_fit and left.ended is None else left.status
        self.past.append(PastAttempt(left.number, left.started, left.step, status, left.fit))
        del self.past[:-ATTEMPTS_KEPT]
        self.attempt = left.handed_on(opening)

    def _take_time(self, evidence: Evidence) -> None:
        at, before = evidence.at, self.now
        if at is None:
            return
        undated = self.lines - self.timed_lines if self.is_undated else 0
        self.timed_lines = self.lines + 1
        if before is None or self.line_at is None:
            self.now = at
        else:
            self.now, wrote = self._clocked(at, before, self.line_at)
            self._change_clocks(at, before, self.now, self.line_at, wrote)
        self.line_at = at
        # The line's own time, even if its first bytes came earlier: a replay knows only this time.
        self.heard_at = self.now
        if undated:
            # A move of a line without a time may be as new as this line.
            self.attempt.progress.date(self.attempt.lines - undated, self.now)
        if self.attempt.began_at is None:
            self.attempt.began_at = self.now
        elif before is not None:
            self.attempt.note_silence(self.now - before, self.now)

    def _clocked(self, at: float, before: float, line_at: float) -> tuple[float, OtherClock | None]:
        """Return the run's time at a line with the time ``at``, and its clock; None is the newest line's clock.

        A clock that is slightly late is a better match than one that would have leapt ahead.
        """
        step_s = at - line_at
        if not self.clocks:
            return before + max(0.0, step_s), None
        fits: list[tuple[float, OtherClock | None]] = [(before + step_s, None)]
        for clock in self.live_clocks:
            time = clock.now + (at - clock.line_at)
            # A doubtful clock must write again at once.
            if time <= before + (JUMP_S if clock.is_doubtful else LONGEST_LEAP_S):
                fits.append((time, clock))
        ahead = [(time, clock) for time, clock in fits if time >= before]
        found = min(ahead, key=itemgetter(0), default=None)
        if found is None or found[0] > before + JUMP_S:
            late = [(before, clock) for time, clock in fits if before - JUMP_S <= time < before]
            found = late[0] if late else found
        return found or (before, None)

    def _change_clocks(self, at: float, before: float, now: float, line_at: float, wrote: OtherClock | None) -> None:
        """Remember the newest line's clock if another one wrote this line, at the run's time ``now``.

        After a jump it is not certain that the same clock wrote the line: the old one may write again later.
        """
        if not self.clocks and 0 <= at - line_at <= JUMP_S:
            return
        live = [clock for clock in self.live_clocks if clock is not wrote]
        is_jump = now - before > JUMP_S
        if wrote is None and at >= line_at:
            if is_jump:
                live.append(OtherClock(line_at, now - JUMP_S, self.lines, is_doubtful=True))
        else:
            if wrote is not None and is_jump:
                live.append(OtherClock(wrote.line_at, now - JUMP_S, self.lines, is_doubtful=True))
            live.append(OtherClock(line_at, before, self.lines))
        self.clocks = live[-CLOCKS_KEPT:]
