"""One watch per state folder: a lock that is released when its holder dies, for any reason."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from monitor.base.errors import StateError

NAME = "lock"
LOCKS = Path("/proc/locks")
"""The system's list of locks and their holders, described in proc_locks(5)."""


class StateLock:
    """Held until `close`, or the end of the process."""

    def __init__(self, directory: Path) -> None:
        """Take the lock. Raises StateError if another process holds it."""
        path = directory / NAME
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
        except OSError as error:
            what = f"cannot be written ({error.strerror})"
            raise StateError(str(path), what, expected="a folder of our own") from None
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._descriptor)
            what = f"is in use by another monitor (process {holder})"
            raise StateError(str(directory), what, expected="a state folder for each monitor") from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def close(self) -> None:
        """Release the lock. The file stays: deleting it could take the lock away from the next holder."""
        os.close(self._descriptor)


def holder(directory: Path) -> int | None:
    """Return the process that holds the lock now; None for none. Does not take the lock, not even for a moment."""
    path = directory / NAME
    try:
        process, inode = path.read_text(encoding="ascii").strip(), path.stat().st_ino
        held = LOCKS.read_text(encoding="ascii")
    except (OSError, ValueError):
        return None
    is_held = any(line.split()[4:5] == [process] and f":{inode} " in line for line in held.splitlines())
    return int(process) if is_held and process.isdecimal() else None
