"""How long a training waits for a processor core: the kernel's run delay, as Linux counts it for each thread.

A thread that is ready to run and has no core waits in the run queue, because other programs have it, or because its
control group has used up its share. That time is the machine's. A thread that waits for data, a disk, a lock or a GPU
sleeps, and no run delay is counted: that time is the training's own.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

TASKS = Path("/proc/self/task")
"""A folder for each thread of this process. Its ``schedstat`` has the nanoseconds on a core and those in the run queue
(the kernel's Documentation/scheduler/sched-stats.rst)."""
COMPUTES = 0.1
"""A further thread computes if it was on a core for at least this share of the time of the training's own thread.
Chosen by hand, 2026-11."""
MOST_THREADS = 16
"""Threads that are looked at. Chosen by hand, 2026-11."""


class RunDelay:
    """The run delay of the thread that trains and of those that compute with it, from one call to the next.

    Torch gives each of its threads a part of an operation and waits for all. So the training waits at least as long as
    the one that waited longest.
    """

    def __init__(self, tasks: Path = TASKS) -> None:
        self._tasks = tasks
        self._files: dict[int, int] = {}
        self._before: dict[int, int] = {}
        self._calls = 0

    def take(self) -> float | None:
        """Return the seconds since the last call; None at the first one, and where the system does not count them."""
        own, longest = threading.get_native_id(), None
        for thread, file in list(self._files.items()):
            try:
                _, waited = _read(file)
            except (OSError, ValueError):
                self._close(thread)
                continue
            longest = max(longest or 0, waited - self._before[thread])
            self._before[thread] = waited
        self._calls += 1
        # Torch starts its threads when they are needed, so look for more early on, and seldom later.
        if own not in self._files or self._calls.bit_count() == 1:
            self._find(own)
        return None if longest is None else longest / 1e9

    def __del__(self) -> None:
        """Close the files."""
        self._close_all()

    def _find(self, own: int) -> None:
        """Find the threads that compute now, and forget all others once the training is in another thread."""
        if own not in self._files:
            self._close_all()
            if not self._open(own):
                return
        with suppress(OSError, ValueError):
            least = COMPUTES * _read(self._files[own])[0]
            for thread in [int(each.name) for each in self._tasks.iterdir()]:
                if thread in self._files or len(self._files) >= MOST_THREADS or not self._open(thread):
                    continue
                if _read(self._files[thread])[0] < least:
                    self._close(thread)

    def _open(self, thread: int) -> bool:
        """Open the file of a thread; return whether it counts."""
        try:
            self._files[thread] = os.open(self._tasks / str(thread) / "schedstat", os.O_RDONLY)
            ran, self._before[thread] = _read(self._files[thread])
        except (OSError, ValueError):
            self._close(thread)
            return False
        if not ran:
            # A kernel that does not account for run queues says 0 for everything.
            self._close(thread)
        return bool(ran)

    def _close_all(self) -> None:
        for thread in list(self._files):
            self._close(thread)

    def _close(self, thread: int) -> None:
        with suppress(KeyError, OSError):
            os.close(self._files.pop(thread))


def _read(file: int) -> tuple[int, int]:
    """Return the nanoseconds on a core and those in the run queue."""
    ran, waited = os.pread(file, 64, 0).split()[:2]
    return int(ran), int(waited)
