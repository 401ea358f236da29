"""What was made of a file, kept so that the next start need not make it again; may be lost at any time.

One JSON document per file, in the user's own cache folder. It is used only if no other user could have written it and
its key, a digest of all that it was made from, is the one asked for. Nothing is kept in a folder that is not writable.
The folder stays small: above `MOST_DOCUMENTS`, those written longest ago go.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from secrets import token_hex

import monitor

MOST_BYTES = 16 * 1024 * 1024
"""A larger document is not read; that of the largest shipped file has about 300 kB."""
MOST_DOCUMENTS = 64
"""Several times the files of one user; files read once, such as those of a temporary folder, would fill a disk."""
_OF_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def key_of(*parts: bytes) -> str:
    """Return a digest of these parts, each with its length."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return digest.hexdigest()


def kept(path: Path, key: str) -> object | None:
    """Return what was kept of a file under this key; None for anything else."""
    place = _place(path)
    if place is None:
        return None
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not _is_ours(os.fstat(descriptor)):
                return None
            document = json.loads(file.read(MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    return document[1] if isinstance(document, list) and len(document) == 2 and document[0] == key else None


def keep(path: Path, key: str, made: object) -> None:
    """Keep what JSON can hold of a file, in the place of what was kept of it before."""
    place = _place(path)
    if place is None:
        return
    data = json.dumps([key, made], separators=(",", ":"))
    with suppress(OSError):
        place.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        if not _is_ours(place.parent.stat()):
            return
        # No fsync: a document that a crash has cut is not JSON, and is made again.
        temporary = place.with_name(f"{place.name}.{token_hex(6)}")
        try:
            with open(temporary, "x", encoding="ascii", opener=_private) as file:
                file.write(data)
            temporary.replace(place)
        except OSError:
            temporary.unlink(missing_ok=True)
        _forget_the_oldest(place.parent)


@cache
def code_stamp(packages: Iterable[str]) -> bytes:
    """Return what changes when the code of these packages does: the version, sizes and times of its files."""
    root = Path(monitor.__file__).parent
    found = [f"{monitor.__version__}"]
    for package in packages:
        for each in sorted(os.scandir(root / package), key=lambda entry: entry.name):
            if each.name.endswith(".py"):
                seen = each.stat()
                found.append(f"{package}/{each.name} {seen.st_size} {seen.st_mtime_ns}")
    return "\n".join(found).encode()


def _forget_the_oldest(folder: Path) -> None:
    """Remove the documents written longest ago, and what a process that was killed had half written."""
    with os.scandir(folder) as entries:  # closed also where another process removes one first
        seen = [(entry.stat(follow_symlinks=False).st_mtime, entry.path) for entry in entries]
    for _, path in sorted(seen)[:-MOST_DOCUMENTS]:
        Path(path).unlink()


def _place(path: Path) -> Path | None:
    """Return where a file's document is; None without a home."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        folder = base if base.is_absolute() else Path.home() / ".cache"
    except RuntimeError:
        return None
    name = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:24]
    return folder / "trainwarden" / f"{name}.json"


def _is_ours(seen: os.stat_result) -> bool:
    """Whether a file or folder is the user's own, and no one else may write it."""
    return seen.st_uid == os.geteuid() and not seen.st_mode & _OF_OTHERS


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
