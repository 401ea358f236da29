"""How far the evidence of a signal reaches: a report counts for the usual distance between reports, not for ever."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

from monitor.conditions.cadence import declared_cadence_steps
from monitor.reader.signals import CATALOGUE, Signal
from monitor.run.attempt import Attempt
from monitor.run.series import Point, Series

GAPS_COUNTED = 5
"""The largest of so many newest distances is the cadence (DESIGN: coverage)."""
LARGEST_SHARE = 0.1
"""Before there are two reports, one of them counts for at most this share of the run (DESIGN: coverage)."""
HEARTBEAT_S = 30.0
"""Time from one heartbeat, or sample of the process or GPU, to the next (log grammar, `monitor.live`)."""


class Reach(NamedTuple):
    """The newest report of a series, and how far the run has got since."""

    unit: str
    """``step``, ``epoch``, ``s`` or ``line``: what progress is counted in."""
    last: float
    """Place of the newest report."""
    now: float
    """Place that the run has reached."""
    cadence: float
    """Distance after which the next report is due."""
    slack: float
    """How much later it may come."""
    num_reports: int
    start: float = 0.0
    """Where the run began."""

    @property
    def covers(self) -> bool:
        """Whether the newest report counts for the present."""
        return self.now < self.last + self.cadence + self.slack

    @property
    def share(self) -> float:
        """Share of the run that the evidence covers: 1 while the newest report counts for the present."""
        if self.covers or self.now <= self.start:
            return 1.0
        return max(0.0, min(1.0, (self.last - self.start) / (self.now - self.start)))

    def words(self, name: str) -> str:
        """Return since when a signal is silent."""
        every = f"expected {self._every()}"
        if self.unit == "s":
            return f"no {name} for {self.now - self.last:,.0f} s; {every}"
        last, now = f"{self.unit} {self.last:,.0f}", f"{self.now:,.0f}"
        if self.num_reports == 1:
            return f"{name}: 1 report, at {last} of {now}; {every}"
        return f"no {name} since {last}; {every}; now {self.unit} {now}"

    def _every(self) -> str:
        if self.unit == "s":
            return f"every {self.cadence:,.0f} s"
        number = math.floor(self.cadence)
        return f"in every {self.unit}" if number <= 1 else f"every {number:,} {self.unit}s"


def reach_of(attempt: Attempt, signal: Signal, series: Series) -> Reach | None:
    """Return how far a series reaches; None for a signal that is given once, or is as new as the run's newest move."""
    move = attempt.progress.last
    # Most readings are asked for by the line that brought the newest report.
    if signal.kind == "once" or move is None or series.last.serial >= move.serial:
        return None
    if signal.is_timed and series.last.at is not None and move.at is not None:
        cadence = _largest_gap(series, "at") or HEARTBEAT_S
        return Reach("s", series.last.at, move.at, cadence, max(cadence / 2, HEARTBEAT_S), series.count)
    if signal.cadence == "epoch" or (attempt.step is None and _has_epochs(attempt)):
        return _in_epochs(attempt, series)
    if attempt.step is None:
        lines = attempt.lines
        cadence = _largest_gap(series, "serial") or LARGEST_SHARE * lines
        return Reach("line", series.last.serial, lines, cadence, max(cadence / 2, 1.0), series.count)
    last, now, start = series.last.step or 0, attempt.step, first_step(attempt)
    cadence = float(cadence_of(attempt, signal, series))
    slack = max(cadence / 2, float(_log_interval(attempt)))
    return Reach("step", last, now, cadence, slack, series.count, start)


def cadence_of(attempt: Attempt, signal: Signal, series: Series | None) -> float:
    """Return the distance in steps after which the next report is due."""
    observed = _largest_gap(series, "step") if series is not None else None
    if observed is not None:
        return observed
    return _at_most(declared_cadence_steps(attempt, signal), attempt)


def cadence_of_run(attempt: Attempt) -> float:
    """Return the cadence in steps that suits a run: an epoch, or a tenth of the run if that is less."""
    return _at_most(None, attempt)


def _at_most(steps: float | None, attempt: Attempt) -> float:
    """Return a number of steps, but at most those of an epoch and a tenth of those of the run."""
    known = [steps, steps_per_epoch(attempt), LARGEST_SHARE * _steps_of_run(attempt)]
    return max(1.0, min((float(each) for each in known if each), default=1.0))


def steps_per_epoch(attempt: Attempt) -> int | None:
    """Return the number of optimizer steps in an epoch, as the progress lines tell; None where they do not."""
    if attempt.batch is None or attempt.batch.whole <= 0:
        return None
    return max(1, attempt.batch.whole // max(1, attempt.intent.accumulate or 1))


def first_step(attempt: Attempt) -> int:
    """Return the step before the attempt's first one, as far as it is known: 0 unless it was resumed."""
    return attempt.intent.resume_from or 0


def _steps_of_run(attempt: Attempt) -> float:
    """Return the steps that the run will have, or those done once it has ended or where no total is known."""
    done = max(0, (attempt.step or 0) - first_step(attempt))
    if attempt.ended is not None:
        return done
    per_epoch, epochs = steps_per_epoch(attempt), attempt.epochs_planned
    total = attempt.intent.total_steps or (per_epoch * epochs if per_epoch and epochs else None)
    return max(total or 0, done)


def _in_epochs(attempt: Attempt, series: Series) -> Reach:
    now = max(attempt.epoch - 1, attempt.epochs_done)
    cadence = _largest_gap(series, "epoch")
    if cadence is None:
        planned = attempt.epochs_planned if attempt.ended is None else None
        cadence = min(1.0, LARGEST_SHARE * max(planned or 0, now))
    # Where each epoch has a single line, the next one is due with the end of the next epoch.
    slack = max(cadence / 2, 0.0 if attempt.step is not None else 1.0)
    return Reach("epoch", series.last.epoch, now, cadence, slack, series.count)


def _has_epochs(attempt: Attempt) -> bool:
    return attempt.epoch > 1 or attempt.epochs_done > 0


def _log_interval(attempt: Attempt) -> float:
    """Return the steps from one progress line to the next."""
    gaps = [gap for series in attempt.of("train.loss").values() if (gap := _largest_gap(series, "step"))]
    known = declared_cadence_steps(attempt, CATALOGUE["train.loss"]) or max(gaps, default=0.0)
    return _at_most(known, attempt) if known else 0.0


def _largest_gap(series: Series, unit: str) -> float | None:
    """Return the largest of the newest distances between two reports at different places; None without any."""
    found: list[float] = []
    for later, earlier in pairwise(reversed(series.recent)):
        gap = _gap(earlier, later, unit)
        if gap is not None and gap > 0:
            found.append(gap)
            if len(found) == GAPS_COUNTED:
                break
    return max(found, default=None)


def _gap(earlier: Point, later: Point, unit: str) -> float | None:
    left, right = getattr(earlier, unit), getattr(later, unit)
    return None if left is None or right is None else float(right - left)
