"""Finds the process that writes a log: the one its RUN line names, if it runs here and its PID was not reused."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from monitor.grammar import RunStart
from monitor.run.run import Run

if TYPE_CHECKING:
    import psutil

STARTED_WITHIN_S = 5.0
"""A process that started this much later than its RUN line has only inherited the PID. Chosen by hand; it allows for
the log's clock to differ from the system's."""
PASSING_ON = ("tee", "cat", "logger", "rotatelogs", "multilog", "ts", "awk", "sed", "grep", "docker", "ssh")
"""Programs that write another program's output."""


@dataclass
class Held:
    """A process that was found alive, held so that its PID cannot be reused unnoticed."""

    pid: int
    descriptor: int
    """The process's pidfd: readable as soon as it has ended."""

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """Hold a process; None if it does not exist or the system cannot hold it."""
        try:
            return cls(pid, os.pidfd_open(pid))
        except OSError:
            return None

    def has_ended(self) -> bool:
        """Whether it has ended; a zombie has."""
        import select

        return bool(select.select([self.descriptor], [], [], 0)[0])

    def close(self) -> None:
        """Release it."""
        os.close(self.descriptor)


@dataclass
class Child:
    """A process that we started ourselves, so that we learn its exit code."""

    pid: int
    exit_of: Callable[[], int | None]

    def has_ended(self) -> bool:
        """Whether it has ended."""
        return self.exit_of() is not None

    def close(self) -> None:
        """Release it; a child needs nothing."""


def pid_of(run: Run, *, own_host: str | None = None) -> int | None:
    """Return the PID in the log's RUN line; None if there is none or it is from another machine."""
    stated = run.attempt.stated(RunStart)
    if stated is None:
        return None
    record, _ = stated
    if record.pid is None or record.pid <= 0 or record.host not in (None, own_host or socket.gethostname()):
        return None
    return record.pid


def writer_of(log: Path) -> int | None:
    """Return the process of our own user that has a log open for writing; of parent and children, the parent.

    None if there is none, or if it only passes on another program's output, as ``tee`` does.
    """
    try:
        wanted = log.stat()
    except OSError:
        return None
    parents = {pid: _parent_of(pid) for pid in _own_processes() if _writes(pid, wanted.st_dev, wanted.st_ino)}
    heads = [pid for pid, parent in parents.items() if parent not in parents]
    # Of several unrelated processes, we cannot tell which one is the training.
    return heads[0] if len(heads) == 1 and _name_of(heads[0]) not in PASSING_ON else None


def _own_processes() -> Iterator[int]:
    for place in Path("/proc").iterdir():
        with suppress(OSError):
            if place.name.isdecimal() and int(place.name) != os.getpid() and place.stat().st_uid == os.geteuid():
                yield int(place.name)


def _writes(pid: int, device: int, inode: int) -> bool:
    """Whether a process has a file open for writing; False if we lack the permission to look."""
    try:
        descriptors = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False
    for descriptor in descriptors:
        with suppress(OSError):
            status = descriptor.stat()
            if (status.st_dev, status.st_ino) == (device, inode) and _is_for_writing(pid, descriptor.name):
                return True
    return False


def _is_for_writing(pid: int, descriptor: str) -> bool:
    for line in Path(f"/proc/{pid}/fdinfo/{descriptor}").read_text().splitlines():
        name, _, flags = line.partition(":")
        if name == "flags":
            return int(flags, 8) & os.O_ACCMODE != os.O_RDONLY
    return False


def _parent_of(pid: int) -> int | None:
    try:
        # The name before it is in parentheses and may contain any character.
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return None


def _name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def began_too_late(process: psutil.Process, run: Run) -> bool:
    """Whether a process started after the RUN line that names it."""
    stated = run.attempt.stated(RunStart)
    at = stated[1].at if stated else None
    return at is not None and process.create_time() > at + STARTED_WITHIN_S
