"""What the operating system reports about this process; cheap enough for every heartbeat."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

import psutil

_LETTERS = {
    psutil.STATUS_RUNNING: "R",
    psutil.STATUS_SLEEPING: "S",
    psutil.STATUS_DISK_SLEEP: "D",
    psutil.STATUS_STOPPED: "T",
    psutil.STATUS_ZOMBIE: "Z",
}
"""The letters of ``ps``."""


class ProcessFacts(NamedTuple):
    """Facts about one process at one moment."""

    pid: int
    stat: str
    """As ``ps`` shows it: R, S, D, T or Z, and l for more than one thread."""
    cpu_pct: float
    """Percent of one core since the last call; 0 the first time."""
    rss_mb: float
    """Resident memory, in MiB."""
    ram_total_mb: float
    etime_s: float
    """Seconds since the process started."""


class OwnProcess:
    """This process, with the state for differences between two calls."""

    def __init__(self, clock: Callable[[], float], process: psutil.Process | None = None) -> None:
        self._clock, self._process = clock, process or psutil.Process(os.getpid())
        self._process.cpu_percent()

    def facts(self) -> ProcessFacts:
        """Return the facts now. Raises psutil.Error or OSError if the system does not provide them."""
        process = self._process
        with process.oneshot():
            letter = _LETTERS.get(process.status(), "S")
            return ProcessFacts(
                pid=process.pid,
                stat=letter + ("l" if process.num_threads() > 1 else ""),
                cpu_pct=process.cpu_percent(),
                rss_mb=round(process.memory_info().rss / 2**20, 3),
                ram_total_mb=round(psutil.virtual_memory().total / 2**20, 3),
                etime_s=round(max(self._clock() - process.create_time(), 0.0), 3),
            )
