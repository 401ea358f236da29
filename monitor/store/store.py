"""The state that survives: one SQLite file per state folder, written in whole transactions or not at all.

A commit holds everything that belongs together: how far the log was read, what was made of it, which alerts are out
and which still have to go out. After a kill at any moment the newest commit is there, and the log is read on from
its place. A file that is damaged is set aside, and the log read from its start.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Self

from monitor.errors import StateError
from monitor.statecodec import UnknownState
from monitor.store.lock import StateLock, holder
from monitor.store.saved import NOTHING, Marks, Parcel, Saved, alert_from_bytes, alert_to_bytes, from_rows, to_rows
from monitor.store.schema import TABLES, connect, connect_to_look
from monitor.tail.mounts import MOUNTINFO, is_on_network

FILE = "state.db"


class Store:
    """Keeps the state of one log in a folder, for one process at a time."""

    def __init__(self, directory: Path, log: str, *, history_limit: int, mountinfo: Path = MOUNTINFO) -> None:
        """Open the folder's state, made where it is missing. Raises StateError."""
        if kind := is_on_network(directory, mountinfo=mountinfo):
            what = f"lies on a network file system ({kind}), where a state can be torn"
            raise StateError(str(directory), what, expected="a folder on a local disk")
        try:
            directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        except OSError as error:
            what = f"cannot be made ({error.strerror})"
            raise StateError(str(directory), what, expected="a folder that can be written") from None
        self.directory = directory
        # A link to the newest log stands for whatever it points to: it is not resolved.
        self._log = str(Path(log).absolute())
        self._history_limit = history_limit
        self._marks: Marks = NOTHING
        self.set_aside: Path | None = None
        """Where a damaged state was put."""
        self._was_renewed = False
        self._lock = StateLock(directory)
        try:
            self._connection = self._connect()
        except BaseException:
            self._lock.close()
            raise

    def load(self) -> Saved | None:
        """Return the newest commit; None where there is none. Raises UnknownState."""
        try:
            saved = _load(self._connection, self._log, self._history_limit)
        except sqlite3.DatabaseError as error:
            raise UnknownState(str(error)) from None
        if saved is not None:
            self._marks = to_rows(saved, NOTHING).marks
        return saved

    def commit(self, saved: Saved, parcels: Iterable[Parcel] = (), delivered: Iterable[int] = ()) -> list[Parcel]:
        """Write a state, parcels to be delivered and which need no delivery any more; all of it or nothing.

        Returns the parcels with their numbers. Raises StateError, having changed nothing.
        """
        rows = to_rows(saved, self._marks)
        log, database = self._log, self._connection
        numbered = []
        try:
            database.execute("BEGIN IMMEDIATE")
            database.execute("INSERT OR REPLACE INTO log VALUES (?, ?)", (log, rows.core))
            database.executemany("DELETE FROM series WHERE path = ? AND tag = ?", [(log, tag) for tag in rows.gone])
            changed = [(log, tag, data) for tag, data in rows.series.items()]
            database.executemany("INSERT OR REPLACE INTO series VALUES (?, ?, ?)", changed)
            if rows.alerts:
                added = [(log, alert) for alert in rows.alerts]
                database.executemany("INSERT INTO history (path, alert) VALUES (?, ?)", added)
                database.execute(_FORGET_HISTORY, (log, log, self._history_limit))
            for parcel in parcels:
                row = (log, parcel.sink, alert_to_bytes(parcel.alert))
                added_row = database.execute("INSERT INTO outbox (path, sink, alert) VALUES (?, ?, ?)", row)
                numbered.append(parcel._replace(number=added_row.lastrowid or 0))
            database.executemany("DELETE FROM outbox WHERE number = ?", [(number,) for number in delivered])
            database.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise self._failed(error) from None
        self._marks = rows.marks
        return numbered

    def forget_parcels(self, delivered: Sequence[int]) -> None:
        """Strike parcels out that were delivered. Raises StateError."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("DELETE FROM outbox WHERE number = ?", [(each,) for each in delivered])
            self._connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise self._failed(error) from None

    def forget_log(self) -> None:
        """Forget all about the log: it will be read from its start, and its alerts go out again."""
        try:
            for table in TABLES:
                self._connection.execute(f"DELETE FROM {table} WHERE path = ?", (self._log,))
        except sqlite3.DatabaseError as error:
            self._failed(error)
        self._marks = NOTHING

    def parcels(self) -> list[Parcel]:
        """Return what is still to be delivered for this log, oldest first. Raises UnknownState."""
        try:
            rows = self._connection.execute(_PARCELS, (self._log,)).fetchall()
        except sqlite3.DatabaseError as error:
            raise UnknownState(str(error)) from None
        return [Parcel(number, sink, alert_from_bytes(alert)) for number, sink, alert in rows]

    def was_renewed(self) -> bool:
        """Whether the file turned out to be damaged since this was asked last, and an empty one took its place."""
        was_renewed, self._was_renewed = self._was_renewed, False
        return was_renewed

    def close(self) -> None:
        """Close the file and let another process have the folder."""
        self._connection.close()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _connect(self) -> sqlite3.Connection:
        path = self.directory / FILE
        try:
            return connect(path)
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                what = f"cannot be opened ({error})"
                raise StateError(str(path), what, expected="a file on a disk with room, that can be written") from None
        self.set_aside = _set_aside(path)
        return connect(path)

    def _failed(self, error: sqlite3.Error | OSError) -> StateError:
        """Undo what was begun; where the file turned out to be damaged, go on in a new one with the next commit."""
        path = self.directory / FILE
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as worse:
            error = worse
        if isinstance(error, sqlite3.DatabaseError) and _is_damage(error):
            self._connection.close()
            self.set_aside = _set_aside(path)
            self._connection, self._marks, self._was_renewed = connect(path), NOTHING, True
            return StateError(str(path), f"was damaged ({error}) and is kept as {self.set_aside.name}")
        return StateError(str(path), f"cannot be written ({error})", expected="room on its disk")


class Seen(NamedTuple):
    """What a look at a state folder shows."""

    log: str
    saved: Saved
    num_parcels: int
    """Alerts that are still to be delivered."""


def look(directory: Path, *, history_limit: int = 0) -> tuple[int | None, list[Seen]]:
    """Return the process that holds a state folder, if any, and the newest commit for each of its logs.

    ``history_limit`` is the number of newest transitions that are read as well. Writes nothing and disturbs nobody.
    Raises StateError.
    """
    path = directory / FILE
    if not path.exists():
        raise StateError(str(directory), "holds no state", expected="a folder that monitor watch --state was given")
    try:
        connection = connect_to_look(path)
        try:
            connection.execute("BEGIN")
            logs = [log for (log,) in connection.execute("SELECT path FROM log ORDER BY path")]
            found = [(log, _load(connection, log, history_limit)) for log in logs]
            waiting = dict(connection.execute("SELECT path, count(*) FROM outbox GROUP BY path"))
        finally:
            connection.close()
    except (sqlite3.Error, UnknownState) as error:
        raise StateError(str(path), f"cannot be read ({error})", expected="a state of this version") from None
    return holder(directory), [Seen(log, saved, waiting.get(log, 0)) for log, saved in found if saved]


_PARCELS = "SELECT number, sink, alert FROM outbox WHERE path = ? ORDER BY number"
_FORGET_HISTORY = """
    DELETE FROM history WHERE path = ? AND number <= (
        SELECT number FROM history WHERE path = ? ORDER BY number DESC LIMIT 1 OFFSET ?
    )
"""


def _load(connection: sqlite3.Connection, log: str, history_limit: int) -> Saved | None:
    found = connection.execute("SELECT core FROM log WHERE path = ?", (log,)).fetchone()
    if found is None:
        return None
    series = dict(connection.execute("SELECT tag, data FROM series WHERE path = ?", (log,)))
    newest = "SELECT alert FROM history WHERE path = ? ORDER BY number DESC LIMIT ?"
    alerts = [alert for (alert,) in connection.execute(newest, (log, history_limit))]
    return from_rows(found[0], series, alerts[::-1], history_limit)


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    """Whether a file is broken, rather than out of reach or its disk full."""
    if not isinstance(error, sqlite3.OperationalError):
        return True
    # A table or column that is missing, or a header that means nothing: another program's file, or ours torn.
    return getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT)


def _set_aside(path: Path) -> Path:
    """Rename a damaged state, its journal with it. Raises StateError."""
    number = 1
    while (kept := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    try:
        for ending in ("-wal", "-shm", ""):
            part = path.with_name(path.name + ending)
            if part.exists():
                part.rename(kept.with_name(kept.name + ending))
    except OSError as error:
        raise StateError(str(path), f"is damaged and cannot be renamed ({error.strerror})") from None
    return kept
