"""What the operating system says of this process; cheap enough to ask at every heartbeat."""

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
    """One process at one moment."""

    pid: int
    stat: str
    """As ``ps`` shows it: R, S, D, T or Z, and l for more than one thread."""
    cpu_pct: float
    """Of one core, since it was asked last; 0 the first time."""
    rss_mb: float
    """Resident memory, in MiB."""
    ram_total_mb: float
    etime_s: float
    """Since the process began."""


class OwnProcess:
    """This process, with what a difference between two looks needs."""

    def __init__(self, clock: Callable[[], float], process: psutil.Process | None = None) -> None:
        self._clock, self._process = clock, process or psutil.Process(os.getpid())
        self._process.cpu_percent()

    def facts(self) -> ProcessFacts:
        """Look now. Raises psutil.Error and OSError where the system does not tell."""
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
