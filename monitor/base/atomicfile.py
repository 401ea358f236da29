"""Write a file so that a reader sees the old one or the new one, whole, and nothing in between."""

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
    """Replace the file by the text, by rename; a symlink stays and its target is replaced.

    Permissions, and where allowed the owner, are kept. Raises ReportError, and then the old file is untouched.
    """
    with prepared(path, text):
        pass


@contextmanager
def prepared(path: Path, text: str) -> Iterator[None]:
    """Write the text beside the file, and put it in the file's place, as `write_atomically`, when the block ends well.

    Raises ReportError before the block where the file cannot be written.
    """
    with _told_of(path):
        target = Path(os.path.realpath(path))
        beside = _write_beside(target, text.encode("utf-8", "backslashreplace"))
    try:
        yield
        with _told_of(path):
            beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    with _told_of(path):
        _sync_folder(target.parent)


@contextmanager
def _told_of(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise ReportError(str(path), f"cannot be written ({reason})", expected="a file in a writable folder") from None


def _write_beside(target: Path, data: bytes) -> Path:
    old = _old_status(target)
    beside = target.with_name(f".{target.name[:100]}.{token_hex(6)}.tmp")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, NEW_FILE_MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            _take_over(file.fileno(), old)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    return beside


def _old_status(target: Path) -> os.stat_result | None:
    """Return the old file's status, None where there is none. Raises OSError for what must not be replaced."""
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
        # Only root may give files away; the text is worth more than its owner.
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
