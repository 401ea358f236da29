"""The last line of a log: how the run ended, written exactly once, by the first thread that gets to it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from trainer.telemetry.eventlog import EventLog, RunEnd
from trainer.training.session import FitProgress


class EndLine:
    """The end line of one run that started at `started_at`, by the clock."""

    def __init__(self, log: EventLog, progress: FitProgress, *, clock: Callable[[], float], started_at: float) -> None:
        self._log, self._progress, self._clock, self._started_at = log, progress, clock, started_at
        self._lock, self._is_written = threading.Lock(), False

    def write(self, status: str, *, error: str | None = None) -> None:
        """Write how the run ended, unless that has been written."""
        with self._lock:
            if self._is_written:
                return
            self._log.write(
                RunEnd(
                    status=status,
                    epochs=self._progress.epochs,
                    best_epoch=self._progress.best_epoch,
                    best_val_loss=self._progress.best_val_loss,
                    seconds=round(self._clock() - self._started_at, 3),
                    error=error,
                )
            )
            self._is_written = True
