"""Look at the state of a watch again and again: only what it has committed since is read."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from monitor.base.errors import StateError
from monitor.store.coders import UnknownState
from monitor.store.lock import holder
from monitor.store.saved import from_rows
from monitor.store.schema import connect_to_look
from monitor.store.store import FILE, Seen

Stamp = tuple[tuple[int, int, int] | None, ...]
"""Inode, size and time of change of the state's files; None for a file that is not there."""
_PARTS = ("", "-wal")


class Look(NamedTuple):
    """What one look found."""

    process: int | None
    """The process that holds the state, if any."""
    seen: dict[str, Seen]
    """The newest commit of each log, as far as it was read."""
    changed: frozenset[str]
    """Logs that were read anew, came or went in this look."""


class Looker:
    """Keeps what it read of one state folder; writes nothing, and does not disturb the watch.

    A log that is committed all the time is read again only after a rest; one with a new alert is read at once.
    """

    def __init__(self, directory: Path, *, history_limit: int) -> None:
        self.directory = directory
        self._history_limit = history_limit
        self._stamp: Stamp | None = None
        # By log: a digest of the core of the newest commit that was read.
        self._cores: dict[str, bytes] = {}
        self._read_at: dict[str, float] = {}
        self._seen: dict[str, Seen] = {}
        self._newest_alert = 0
        self._is_behind = False

    def look(self, now: float, *, rest_s: float) -> Look:
        """Read what is new. ``now`` is a monotonic time in seconds. Raises StateError; the next look reads all anew."""
        path = self.directory / FILE
        stamp = _stamp(path)
        process = holder(self.directory)
        if stamp == self._stamp and not self._is_behind:
            return Look(process, self._seen, frozenset())
        try:
            changed = self._read(path, now, rest_s)
        except (sqlite3.Error, UnknownState) as error:
            self._stamp, self._cores = None, {}
            raise StateError(str(path), f"cannot be read ({error})", expected="a state of this version") from None
        self._stamp = stamp
        return Look(process, self._seen, changed)

    def _read(self, path: Path, now: float, rest_s: float) -> frozenset[str]:
        connection = connect_to_look(path)
        try:
            connection.execute("BEGIN")
            # Only digests are kept: the documents of many logs take much room.
            rows = connection.execute("SELECT path, core FROM log ORDER BY path")
            cores = {log: blake2b(core, digest_size=16).digest() for log, core in rows}
            waiting = dict(connection.execute("SELECT path, count(*) FROM outbox GROUP BY path"))
            after = "SELECT path, max(number) FROM history WHERE number > ? GROUP BY path"
            alerted = dict(connection.execute(after, (self._newest_alert,)))
            # The time of the commit is in the core: it differs if and only if the log was committed since.
            newer = [log for log, core in cores.items() if self._cores.get(log) != core]
            due = [log for log in newer if log in alerted or now - self._read_at.get(log, -rest_s) >= rest_s]
            fresh = {log: self._saved(connection, log) for log in due}
        finally:
            connection.close()
        gone = self._seen.keys() - cores.keys()
        self._cores = {log: core if log in fresh else self._cores[log] for log, core in cores.items()}
        self._read_at |= dict.fromkeys(due, now)
        known = {**self._seen, **fresh}
        self._seen = {log: known[log]._replace(num_parcels=waiting.get(log, 0)) for log in cores}
        self._newest_alert = max((self._newest_alert, *alerted.values()))
        self._is_behind = len(due) < len(newer)
        return frozenset((*due, *gone))

    def _saved(self, connection: sqlite3.Connection, log: str) -> Seen:
        [(core,)] = connection.execute("SELECT core FROM log WHERE path = ?", (log,))
        series = dict(connection.execute("SELECT tag, data FROM series WHERE path = ?", (log,)))
        newest = "SELECT alert FROM history WHERE path = ? ORDER BY number DESC LIMIT ?"
        alerts = [alert for (alert,) in connection.execute(newest, (log, self._history_limit))]
        return Seen(log, from_rows(core, series, alerts[::-1], self._history_limit), 0)


def states_in(places: Iterable[Path]) -> list[Path]:
    """Return the state folders among these places, and directly inside them; no link is followed on the way."""
    found: dict[Path, None] = {}
    for place in places:
        if holds_state(place):
            found[place] = None
        try:
            inside = sorted(each.path for each in os.scandir(place) if each.is_dir(follow_symlinks=False))
        except OSError:
            continue
        found |= dict.fromkeys(each for each in map(Path, inside) if holds_state(each))
    return list(found)


def holds_state(folder: Path) -> bool:
    """Whether a folder holds a state that is a plain file: a link could lead to another user's."""
    try:
        return stat.S_ISREG((folder / FILE).lstat().st_mode)
    except OSError:
        return False


def _stamp(path: Path) -> Stamp:
    """Return what tells whether the state has changed. Raises StateError where it is not a plain file."""
    found: list[tuple[int, int, int] | None] = []
    for part in _PARTS:
        try:
            at = path.with_name(path.name + part).lstat()
        except FileNotFoundError:
            found.append(None)
            continue
        except OSError as error:
            raise StateError(str(path), f"cannot be read ({error.strerror})", expected="a state") from None
        if not stat.S_ISREG(at.st_mode):
            raise StateError(str(path), "is not a plain file", expected="a state that no link leads to")
        found.append((at.st_ino, at.st_size, at.st_mtime_ns))
    if found[0] is None:
        raise StateError(str(path.parent), "holds no state", expected="a folder given to monitor watch --state")
    return tuple(found)
