"""Find the generations of a log: its rotated files, in the order in which they were written.

``logrotate`` and the handlers of ``logging`` name them ``log.2 log.1 log`` or ``log-20251029 log-20251030 log``,
oldest first. Our file is recognised by inode and content, under any name. These names show what was written after it;
if our file is gone, the modification times do. Compressed files are not searched.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from monitor.tail.generation import Generation, Place, TailPosition

_NUMBERED = re.compile(r"\.([0-9]{1,5})")
_DATED = re.compile(r"[.-]([0-9]{4}-?[0-9]{2}-?[0-9]{2}[0-9T:._-]*)")


def find_generation(path: Path, position: TailPosition, *, offset: int) -> Generation | None:
    """Open the file that contains what was read of the log ``path`` up to ``position``; None if there is none.

    Searches by inode and content under any name in the log's directory; then by content at the log's own name; then
    by content among its copies: files whose names begin with the log's, and that were modified no earlier than the
    log had been when it was last seen. That condition excludes an older copy with the same first lines. The opened
    file continues at ``offset``.
    """
    while True:
        names = _names(path)
        if found := _find_once(path, position, offset):
            return found
        # A rotation during the search may have moved the file to a name that was already tried.
        if names == _names(path):
            return None


class Successor(NamedTuple):
    """What comes after the current generation."""

    is_log_there: bool
    """Whether the log's own name exists."""
    file: Generation | None
    """The next one, opened; None while there is none, or it is empty."""


def next_generation(path: Path, current: Generation) -> Successor:
    """Open the file that was written after ``current``. Raises OSError unless a file is just missing.

    Does not leave for an empty file at ``path``: the writer may still have the old one open.
    """
    look = _look(path, current)
    for candidate in look.files:
        if candidate.is_empty:
            continue
        try:
            opened = Generation.open(candidate.path)
        except FileNotFoundError:
            break
        # Its prefix is known from here on. Looking again shows whether anything moved or was truncated before that;
        # then the next poll sorts it out.
        if _look(path, current) == look and opened.place.inode == candidate.inode:
            return Successor(look.is_log_there, opened)
        opened.close()
        break
    return Successor(look.is_log_there, None)


def oldest_unread(path: Path, position: TailPosition) -> Generation:
    """Open the oldest file written after ``position``, whose own file is gone. Raises OSError if there is none."""
    for entry in _changed_after(path, position.changed_ns):
        with suppress(OSError):
            return Generation.open(Path(entry.path))
    return Generation.open(path)


class _File(NamedTuple):
    path: Path
    """Its name at the time of the look."""
    inode: int
    """Identifies it when it is opened."""
    is_empty: bool
    """Whether it was empty: a copy that was just begun, or a log that is not written yet."""


class _Look(NamedTuple):
    is_log_there: bool
    """Whether the log's own name exists."""
    current_name: Path | None
    """The current file's name among the rotated ones; None if it has none."""
    files: list[_File]
    """The files younger than the current one, oldest first."""


def _look(path: Path, current: Generation) -> _Look:
    # Check the log's own name first: otherwise a rotation in between would hide the file that it moved.
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return _Look(False, *_written_after(path, current))
    if Place(status.st_dev, status.st_ino) == current.place:
        return _Look(True, path, [])
    current_name, younger = _written_after(path, current)
    return _Look(True, current_name, [*younger, _File(path, status.st_ino, status.st_size == 0)])


def _find_once(path: Path, position: TailPosition, offset: int) -> Generation | None:
    for candidate in [path, *_files_with_inode(path.parent, position.inode)]:
        if found := _open_if_it_fits(candidate, position, offset, place=position.place):
            return found
    if position.prefix_bytes == 0:
        return None
    if found := _open_if_it_fits(path, position, offset):
        return found
    for candidate in _copies(path):
        if found := _open_if_it_fits(candidate, position, offset, changed_ns=position.changed_ns):
            return found
    return None


def _written_after(path: Path, current: Generation) -> tuple[Path | None, list[_File]]:
    """Return the name of ``current`` among the rotated files, and the younger ones, oldest first.

    If it is no longer among them (deleted, compressed, moved away), the younger files are those modified after it.
    """
    for family in _rotated_files(path):
        inodes = [entry.inode() for entry in family]
        if current.place.inode in inodes:
            index = inodes.index(current.place.inode)
            # A listing during a rotation may show one file under two names.
            younger = [entry for entry in family[index + 1 :] if entry.inode() != current.place.inode]
            return Path(family[index].path), [_file(entry) for entry in younger]
    return None, [_file(entry) for entry in _changed_after(path, current.changed_ns)]


def _changed_after(path: Path, changed_ns: int) -> list[os.DirEntry[str]]:
    """Return the rotated files modified after that moment, oldest first."""
    return [entry for family in _rotated_files(path) for entry in family if _status(entry)[1] > changed_ns]


def _rotated_files(path: Path) -> tuple[list[os.DirEntry[str]], list[os.DirEntry[str]]]:
    """Return the numbered rotated files and the dated ones, oldest first."""
    numbered: list[tuple[int, os.DirEntry[str]]] = []
    dated: list[tuple[str, os.DirEntry[str]]] = []
    for entry in _entries(path.parent):
        if not entry.name.startswith(path.name):
            continue
        rest = entry.name[len(path.name) :]
        if found := _NUMBERED.fullmatch(rest):
            numbered.append((-int(found[1]), entry))
        elif found := _DATED.fullmatch(rest):
            dated.append((found[1], entry))
    return (
        [entry for _, entry in sorted(numbered, key=itemgetter(0))],
        [entry for _, entry in sorted(dated, key=itemgetter(0))],
    )


def _file(entry: os.DirEntry[str]) -> _File:
    return _File(Path(entry.path), entry.inode(), _status(entry)[0] == 0)


def _status(entry: os.DirEntry[str]) -> tuple[int, int]:
    """Return size and modification time; both are 0 if the file is gone."""
    try:
        status = entry.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def _copies(path: Path) -> Iterator[Path]:
    for entry in _entries(path.parent):
        if entry.name.startswith(path.name) and entry.name != path.name and entry.is_file():
            yield Path(entry.path)


def _files_with_inode(directory: Path, inode: int) -> Iterator[Path]:
    for entry in _entries(directory):
        if entry.inode() == inode:
            yield Path(entry.path)


def _names(path: Path) -> list[tuple[str, int]]:
    return [(entry.name, entry.inode()) for entry in _entries(path.parent) if entry.name.startswith(path.name)]


def _entries(directory: Path) -> list[os.DirEntry[str]]:
    with suppress(OSError), os.scandir(directory) as entries:
        return sorted(entries, key=lambda entry: entry.name)
    return []


def _open_if_it_fits(
    path: Path, position: TailPosition, offset: int, *, place: Place | None = None, changed_ns: int = 0
) -> Generation | None:
    """Open a file if it contains what was read up to ``position``; None if not, or if it cannot be opened."""
    try:
        opened = Generation.open(path)
    except OSError:
        return None
    is_wanted = place in (None, opened.place) and opened.changed_ns >= changed_ns
    try:
        if is_wanted and opened.go_on_from(position, offset=offset):
            return opened
    except OSError:
        pass
    opened.close()
    return None
