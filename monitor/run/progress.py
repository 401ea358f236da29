"""When a run last moved: a step further, a piece of its phase done, a phase or an epoch left; no other bytes count."""

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
"""Newest intervals remembered per phase: what "recent" means. Enough to hold the pause of an evaluation after every
500 steps where every tenth step is reported. Chosen by hand, 2026-11."""
LONGEST_INTERVAL_S = 86_400.0
"""A longer interval counts as a day: a clock that jumps must not switch the rules on progress off for good."""
PHASES_LIMIT = 64
"""Phases whose intervals are remembered; a trainer has about five."""


class Move(NamedTuple):
    """One move, and the line that shows it."""

    at: float | None
    """Time in the run; None where no line bore one yet."""
    serial: int
    """Number of its line within the attempt."""
    evidence: Evidence


@dataclass
class Progress:
    """The newest move of an attempt, and how long it usually takes from one to the next."""

    last: Move | None = None
    phase: str = ""
    """The phase of the newest move."""
    intervals: dict[str, deque[float]] = field(default_factory=dict)
    """Seconds from a move in a phase to the next move, the newest INTERVALS_KEPT of each phase."""
    is_counted: bool = False
    """Whether the present phase says how far it is, by steps or by ``done=``."""
    _step: int | None = None
    _place: tuple[str, int | None, int] = ("", None, -1)

    def recent(self, phase: str) -> Sequence[float]:
        """Return how long the next move took, the newest times that the last one was in this phase; in seconds."""
        return self.intervals.get(phase, ())

    def note(self, record: Record | None, move: Move, *, phase: str, step: int | None) -> bool:
        """Take one line in; ``phase`` and ``step`` are the attempt's after it. Return whether it was a move."""
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

    def see_batch(self, batch: int) -> None:
        """Take in that so many batches of the phase are done, by a progress line."""
        name, epoch, known = self._place
        self._place = (name, epoch, max(known, batch))

    def pass_over(self, ats: Sequence[float], last: Move, *, phase: str, step: int | None) -> None:
        """Take moves at these times in, at least one, all in one phase as `note` would."""
        before, self.last = self.last, last
        since, self.phase, self._step = self.phase, phase, step
        # As `note` has it of the first move; at a later one the phase is counted by steps.
        self.is_counted = len(ats) > 1 or self._place[2] >= 0 or phase == since
        if before is not None and before.at is not None:
            self._keep(since, max(0.0, ats[0] - before.at))
        newest = ats[-INTERVALS_KEPT - 1 :]
        self._keep(phase, *(max(0.0, right - left) for left, right in pairwise(newest)))

    def _keep(self, phase: str, *intervals_s: float) -> None:
        if intervals_s and (phase in self.intervals or len(self.intervals) < PHASES_LIMIT):
            kept = self.intervals.setdefault(phase, deque(maxlen=INTERVALS_KEPT))
            kept.extend(min(each, LONGEST_INTERVAL_S) for each in intervals_s)

    def _is_done(self, record: Record | None) -> bool:
        """Whether a PHASE line enters a phase, or says that more of it is done than before."""
        name, epoch, known = self._place
        if isinstance(record, grammar.Train):
            # The batches of a progress line are done; the next heartbeat says so once more.
            self.see_batch(record.batch.part)
        if not isinstance(record, grammar.Phase):
            return False
        done = -1 if record.done is None else record.done
        if (record.name, record.epoch) == (name, epoch):
            self._place = (name, epoch, max(done, known))
            return done > known
        self._place = (record.name, record.epoch, done)
        # The first heartbeat of a log that announced no phase proves nothing.
        return bool(name) or record.beat is None
