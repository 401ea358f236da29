"""What one optimizer step did, and how fast steps pass: seconds per batch, and the part spent waiting."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class StepResult(NamedTuple):
    """What one step did."""

    loss: float
    terms: dict[str, float]
    """The parts of the loss, each times its weight."""
    num_pairs: int
    """Pairs (day, horizon) that the loss is a mean over."""
    num_rows: int
    lr: float
    grad_norm: float
    """Over all parameters, before clipping."""
    num_resets: int


class Lap(NamedTuple):
    """The batches since the last lap."""

    s_per_batch: float
    load_s: float
    """Seconds of each batch that passed waiting for data."""
    samples_per_s: float


class Stopwatch:
    """A stopwatch between two TRAIN lines; `timer` returns monotonic seconds."""

    def __init__(self, timer: Callable[[], float]) -> None:
        self._timer = timer
        self._batches, self._rows = 0, 0
        self._begin()

    def loaded(self) -> None:
        """The data of the next step has arrived."""
        self._load_s += self._timer() - self._waiting_since

    def stepped(self, *, batches: int, rows: int) -> None:
        """A step on so many batches and rows is over."""
        self._batches += batches
        self._rows += rows
        self._waiting_since = self._timer()

    def lap(self) -> Lap:
        """Return the pace since the last lap and begin a new one."""
        seconds = self._timer() - self._begun
        batches = max(self._batches, 1)
        lap = Lap(seconds / batches, self._load_s / batches, self._rows / seconds if seconds else float("nan"))
        self._begin()
        return lap

    def _begin(self) -> None:
        self._begun = self._waiting_since = self._timer()
        self._batches, self._rows, self._load_s = 0, 0, 0.0
