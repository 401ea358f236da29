"""Which process writes a log: the one of its RUN line, if that is of this machine and still itself."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from monitor.logline import RunStart
from monitor.run import Run

if TYPE_CHECKING:
    import psutil

STARTED_WITHIN_S = 5.0
"""A process that began so much later than its RUN line says is another one with its number. Chosen by hand, for the
clocks of a log and of the system."""


@dataclass
class Held:
    """A process that was found alive, and is held on to: its number cannot be taken by another unseen."""

    pid: int
    descriptor: int
    """Of the process (pidfd): readable as soon as it has ended."""

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """Hold a process; None where there is none of that number, or the system cannot hold it."""
        try:
            return cls(pid, os.pidfd_open(pid))
        except OSError:
            return None

    def has_ended(self) -> bool:
        """Whether it is no more, or a zombie that nobody has buried."""
        import select

        return bool(select.select([self.descriptor], [], [], 0)[0])

    def close(self) -> None:
        """Let go of it."""
        os.close(self.descriptor)


@dataclass
class Child:
    """A process that we started ourselves, and that tells us how it ended."""

    pid: int
    exit_of: Callable[[], int | None]

    def has_ended(self) -> bool:
        """Whether it is no more."""
        return self.exit_of() is not None

    def close(self) -> None:
        """Let go of it, which for a child is nothing."""


def pid_of(run: Run, *, own_host: str | None = None) -> int | None:
    """Return the number of the process that says in the log that it writes it; None for one of another machine."""
    stated = run.attempt.stated(RunStart)
    if stated is None:
        return None
    record, _ = stated
    if record.pid is None or record.pid <= 0 or record.host not in (None, own_host or socket.gethostname()):
        return None
    return record.pid


def began_too_late(process: psutil.Process, run: Run) -> bool:
    """Whether a process began after the line that it is said to have written."""
    stated = run.attempt.stated(RunStart)
    at = stated[1].at if stated else None
    return at is not None and process.create_time() > at + STARTED_WITHIN_S
