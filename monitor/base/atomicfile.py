"""Replace a file atomically: a reader sees either the whole old file or the whole new one."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from monitor.base.errors import ReportError

NEW_FILE_MODE = 0o666
"""Permissions of a new file before the umask, as for any file."""


def write_atomically(path: Path, text: str) -> None:
    """Replace the file's content by renaming a new file over it; a symlink stays, and its target is replaced.

    Keeps the permissions and, where allowed, the owner. Raises ReportError, and then the old file is untouched.
    """
    with prepared(path, text):
        pass


@contextmanager
def prepared(path: Path, text: str) -> Iterator[None]:
    """Write the text to a temporary file, and rename it as `write_atomically` does if the block raises nothing.

    Raises ReportError before the block if the file cannot be written.
    """
    with _reporting(path):
        target = Path(os.path.realpath(path))
        temporary = _write_temporary(target, text.encode("utf-8", "backslashreplace"))
    try:
        yield
        with _reporting(path):
            temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    with _reporting(path):
        _sync_folder(target.parent)


@contextmanager
def _reporting(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise ReportError(str(path), f"cannot be written ({reason})", expected="a file in a writable folder") from None


def _write_temporary(target: Path, data: bytes) -> Path:
    old = _old_status(target)
    temporary = target.with_name(f".{target.name[:100]}.{token_hex(6)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, NEW_FILE_MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            _take_over(file.fileno(), old)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _old_status(target: Path) -> os.stat_result | None:
    """Return the old file's status, or None if there is no file. Raises OSError if it must not be replaced."""
    try:
        status = target.stat()
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(None, "is a directory")
    if not stat.S_ISREG(status.st_mode):
        raise OSError(None, "is not a regular file")
    if not os.access(target, os.W_OK):
        raise PermissionError(None, "is write-protected")
    return status


def _take_over(descriptor: int, old: os.stat_result | None) -> None:
    if old is None:
        return
    if (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
        # Only root may change the owner; writing the text matters more than keeping the owner.
        with suppress(PermissionError):
            os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
