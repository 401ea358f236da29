"""When a run last moved. A move is a further step, more of a phase done, or the end of a phase or an epoch."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from monitor import grammar
from monitor.base.evidence import Evidence
from monitor.grammar import Record

INTERVALS_KEPT = 64
"""Newest intervals remembered per phase; the meaning of "recent". If every tenth step is reported, they include the
pause for an evaluation after every 500 steps. Chosen by hand, 2026-11."""
LONGEST_INTERVAL_S = 86_400.0
"""A longer interval counts as a day, so that a clock that jumps does not disable the rules on progress for ever."""
PHASES_LIMIT = 64
"""Most phases whose intervals, or silences, are remembered; a trainer has about five."""


class Move(NamedTuple):
    """One move, and the line that shows it."""

    at: float | None
    """Time in the run; None before the first line with a time."""
    serial: int
    """Number of its line within the attempt."""
    evidence: Evidence


@dataclass
class Progress:
    """The newest move of an attempt, and the usual time from one move to the next."""

    last: Move | None = None
    phase: str = ""
    """The phase of the newest move."""
    intervals: dict[str, deque[float]] = field(default_factory=dict)
    """Seconds from a move in a phase to the next move; the newest INTERVALS_KEPT of each phase."""
    is_counted: bool = False
    """Whether the current phase reports its progress, by steps or by ``done=``."""
    _step: int | None = None
    _place: tuple[str, int | None, int] = ("", None, -1)

    def recent(self, phase: str) -> Sequence[float]:
        """Return the newest intervals from a move in this phase to the next move, in seconds."""
        return self.intervals.get(phase, ())

    def note(self, record: Record | None, move: Move, *, phase: str, step: int | None) -> bool:
        """Note one line, and return whether it was a move; ``phase`` and ``step`` are the attempt's after the line."""
        is_further = step is not None and (self._step is None or step > self._step)
        is_move = self._is_done(record) | is_further | isinstance(record, grammar.Epoch | grammar.RunStart)
        self._step = step
        if not is_move:
            return False
        before, self.last = self.last, move
        since, self.phase = self.phase, phase
        # The step of the line that leaves a phase belongs to the phase before it.
        self.is_counted = self._place[2] >= 0 or (phase == since and (self.is_counted or is_further))
        if before is not None and before.at is not None and move.at is not None:
            self._keep(since, max(0.0, move.at - before.at))
        return True

    def date(self, after: int, at: float) -> None:
        """Give the newest move the time ``at``, if its line is one after line ``after`` of the attempt."""
        if self.last is not None and self.last.serial > after:
            self.last = self.last._replace(at=at)

    def touch(self, at: float) -> None:
        """Take it that the run moved at ``at``, as another file of it shows."""
        if self.last is not None:
            self.last = self.last._replace(at=at if self.last.at is None else max(at, self.last.at))

    def see_batch(self, batch: int) -> None:
        """Note that a progress line reports so many batches of the phase as done."""
        name, epoch, known = self._place
        self._place = (name, epoch, max(known, batch))

    def pass_over(self, ats: Sequence[float | None], last: Move, *, phase: str, step: int | None) -> None:
        """Note moves at these times, at least one and all in one phase, as `note` would.

        Either all of the times are known or none is.
        """
        before, self.last = self.last, last
        since, self.phase, self._step = self.phase, phase, step
        # As in `note` for the first move; at a later one the phase is counted by steps.
        self.is_counted = len(ats) > 1 or self._place[2] >= 0 or phase == since
        if before is not None and before.at is not None and ats[0] is not None:
            self._keep(since, max(0.0, ats[0] - before.at))
        newest = [at for at in ats[-INTERVALS_KEPT - 1 :] if at is not None]
        self._keep(phase, *(max(0.0, right - left) for left, right in pairwise(newest)))

    def _keep(self, phase: str, *intervals_s: float) -> None:
        if intervals_s and (phase in self.intervals or len(self.intervals) < PHASES_LIMIT):
            kept = self.intervals.setdefault(phase, deque(maxlen=INTERVALS_KEPT))
            kept.extend(min(each, LONGEST_INTERVAL_S) for each in intervals_s)

    def is_new_place(self, record: grammar.Phase) -> bool:
        """Return whether a PHASE line names another phase or epoch than the one before it: that is a move."""
        return (record.name, record.epoch) != self._place[:2]

    def _is_done(self, record: Record | None) -> bool:
        """Return whether a PHASE line begins a phase, or reports more of it as done than before."""
        name, epoch, known = self._place
        if isinstance(record, grammar.Train):
            # The batches of a progress line are done; the next heartbeat will report them again.
            self.see_batch(record.batch.part)
        if not isinstance(record, grammar.Phase):
            return False
        done = -1 if record.done is None else record.done
        if not self.is_new_place(record):
            self._place = (name, epoch, max(done, known))
            return done > known
        self._place = (record.name, record.epoch, done)
        # The first heartbeat in a log without an announced phase proves nothing.
        return bool(name) or record.beat is None
