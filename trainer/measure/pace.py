"""The result of one optimizer step, and the pace of steps: seconds per batch, and the wait for data and for a core."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from trainer.measure.run_delay import RunDelay


class StepResult(NamedTuple):
    """The result of one step."""

    loss: float
    terms: dict[str, float]
    """The terms of the loss, each times its weight."""
    num_pairs: int
    """Number of pairs (day, horizon) over which the loss is the mean."""
    num_rows: int
    lr: float
    grad_norm: float
    """Norm over all parameters, before clipping."""
    num_resets: int


class Lap(NamedTuple):
    """The pace of the batches since the last lap."""

    s_per_batch: float
    load_s: float
    """Seconds per batch spent waiting for data."""
    samples_per_s: float
    run_delay_s: float | None = None
    """Seconds per batch spent waiting for a processor core; None where the system does not count them."""


class Stopwatch:
    """A stopwatch from one TRAIN line to the next; `timer` returns monotonic seconds.

    `run_delay` returns the seconds since its last call in which the training waited for a core.
    """

    _begun: float
    _waiting_since: float

    def __init__(self, timer: Callable[[], float], run_delay: Callable[[], float | None] | None = None) -> None:
        self._timer = timer
        self._run_delay = run_delay or RunDelay().take
        self._batches, self._rows = 0, 0
        self._begun = self._waiting_since = 0.0
        self._begin()
        self._run_delay()

    def loaded(self) -> None:
        """Call this when the data of the next step has arrived."""
        self._load_s += self._timer() - self._waiting_since

    def resume(self) -> None:
        """Leave out the time since the last step: other work was done in it, such as a validation."""
        now = self._timer()
        # That of the steps before is left out as well, so it is never more than they had.
        self._run_delay()
        self._begun += now - self._waiting_since
        self._waiting_since = now

    def stepped(self, *, batches: int, rows: int) -> None:
        """Call this after a step on this many batches and rows."""
        self._batches += batches
        self._rows += rows
        self._waiting_since = self._timer()

    def lap(self) -> Lap:
        """Return the pace since the last lap and start a new one."""
        seconds = self._timer() - self._begun
        batches = max(self._batches, 1)
        waited = self._run_delay()
        lap = Lap(
            seconds / batches,
            self._load_s / batches,
            self._rows / seconds if seconds else float("nan"),
            None if waited is None else waited / batches,
        )
        self._begin()
        return lap

    def _begin(self) -> None:
        self._begun = self._waiting_since = self._timer()
        self._batches, self._rows, self._load_s = 0, 0, 0.0
