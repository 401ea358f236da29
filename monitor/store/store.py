"""The state that survives: one SQLite file per state folder, written in whole transactions or not at all.

A commit contains everything that belongs together: how far the log was read, what followed from it, which alerts are
firing, and which still have to be delivered. After a kill at any moment the newest commit exists, and reading continues
from its place. A damaged file is set aside, and the log is read from its start.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

from monitor.alert import Alert, Parcel, Told
from monitor.base.errors import StateError
from monitor.store.coders import UnknownState
from monitor.store.lock import StateLock, holder
from monitor.store.saved import (
    NOTHING,
    Saved,
    SavedMarks,
    alert_from_bytes,
    alert_to_bytes,
    from_rows,
    to_rows,
    told_from_bytes,
    told_to_bytes,
)
from monitor.store.schema import LOG_TABLES, TABLES, connect, connect_to_look
from monitor.tail.logset import full_name
from monitor.tail.mounts import MOUNTINFO, is_on_network

FILE = "state.db"
_MAGIC = b"SQLite format 3\0"
TOLD_KEPT = 64
"""Runs per receiver for which the store remembers what the receiver was told. Chosen by hand."""


class Store:
    """Keeps the states of logs in a folder, for one process at a time."""

    def __init__(self, directory: Path, *, history_limit: int, mountinfo: Path = MOUNTINFO) -> None:
        """Open the folder's state; create it if it is missing. Raises StateError."""
        if kind := is_on_network(directory, mountinfo=mountinfo):
            what = f"is on a network file system ({kind}), where a state can be torn"
            raise StateError(str(directory), what, expected="a folder on a local disk")
        try:
            directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        except OSError as error:
            what = f"cannot be made ({error.strerror})"
            raise StateError(str(directory), what, expected="a writable folder") from None
        self.directory = directory
        self._history_limit = history_limit
        self._marks: dict[str, SavedMarks] = {}
        self.set_aside: Path | None = None
        """Where a damaged state was moved to; None if the state was not damaged."""
        self._was_renewed = False
        self._lock = StateLock(directory)
        # Identifies the file that was opened. Must not be closed before the connection: that would drop its locks.
        self._opened = -1
        try:
            self._connection = self._connect()
        except BaseException:
            self._lock.close()
            raise

    def load(self, log: str) -> Saved | None:
        """Return the newest commit of a log; None if there is none. Raises UnknownState."""
        place = full_name(log)
        try:
            saved = _load(self._connection, place, self._history_limit)
        except sqlite3.DatabaseError as error:
            raise UnknownState(str(error)) from None
        if saved is not None:
            self._marks[place] = to_rows(saved, NOTHING).marks
        return saved

    def runs_begun(self, log: str) -> int:
        """Return how many runs have begun in logs of that path; 0 if that cannot be read."""
        try:
            found = self._connection.execute("SELECT runs FROM begun WHERE path = ?", (full_name(log),)).fetchone()
        except sqlite3.DatabaseError:
            return 0
        return found[0] if found else 0

    def logs(self) -> set[str]:
        """Return the names of all logs with a state; none if they cannot be read."""
        try:
            return {log for (log,) in self._connection.execute("SELECT path FROM log")}
        except sqlite3.DatabaseError:
            return set()

    def commit(
        self,
        logs: Mapping[str, Saved],
        parcels: Iterable[Parcel] = (),
        delivered: Iterable[int] = (),
        told: Iterable[Told] = (),
    ) -> list[Parcel]:
        """Write the states of logs, add and delete parcels, and remember what receivers were told.

        Does all of it or nothing. Returns the parcels with their numbers. Raises StateError.
        """
        marks, numbered = {}, []
        with self._transaction() as database:
            self._check_is_there()
            for log, saved in logs.items():
                place = full_name(log)
                marks[place] = self._write(place, saved)
            for parcel in parcels:
                row = (_log_of(parcel.alert), parcel.sink, alert_to_bytes(parcel.alert))
                added_row = database.execute("INSERT INTO outbox (path, sink, alert) VALUES (?, ?, ?)", row)
                numbered.append(parcel._replace(number=added_row.lastrowid or 0))
            self._settle(delivered, told)
        self._marks |= marks
        return numbered

    def forget_parcels(self, delivered: Sequence[int], told: Iterable[Told] = ()) -> None:
        """Delete parcels that were delivered, and remember what receivers were told. Raises StateError."""
        with self._transaction():
            self._settle(delivered, told)

    def forget_log(self, log: str) -> None:
        """Delete the state of a log, except its parcels; the log will be read from its start."""
        place = full_name(log)
        self._delete(LOG_TABLES, "WHERE path = ?", place)
        self._marks.pop(place, None)

    def forget_all(self) -> None:
        """Delete the states of all logs and all parcels; the logs will be read from their start."""
        self._delete(TABLES)
        self._marks.clear()

    def parcels(self) -> list[Parcel]:
        """Return the parcels that are not delivered yet, oldest first. Raises UnknownState."""
        rows = self._rows("SELECT number, sink, alert FROM outbox ORDER BY number")
        return [Parcel(number, sink, alert_from_bytes(alert)) for number, sink, alert in rows]

    def told(self) -> list[Told]:
        """Return what receivers were told. Raises UnknownState."""
        return [told_from_bytes(data) for (data,) in self._rows("SELECT data FROM told ORDER BY rowid")]

    def was_renewed(self) -> bool:
        """Return whether a damaged file was replaced by an empty one since the last call."""
        was_renewed, self._was_renewed = self._was_renewed, False
        return was_renewed

    def close(self) -> None:
        """Close the file, and release the folder for another process."""
        self._disconnect()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _write(self, place: str, saved: Saved) -> SavedMarks:
        """Write what has changed of one log; return the marks to find the next changes by."""
        database = self._connection
        rows = to_rows(saved, self._marks.get(place, NOTHING))
        database.execute("INSERT OR REPLACE INTO log VALUES (?, ?)", (place, rows.core))
        if saved.run.id is not None:
            database.execute(_COUNT_RUN, (place, saved.run.generation + 1))
        database.executemany("DELETE FROM series WHERE path = ? AND tag = ?", [(place, tag) for tag in rows.gone])
        changed = [(place, tag, data) for tag, data in rows.series.items()]
        database.executemany("INSERT OR REPLACE INTO series VALUES (?, ?, ?)", changed)
        if rows.alerts:
            added = [(place, alert) for alert in rows.alerts]
            database.executemany("INSERT INTO history (path, alert) VALUES (?, ?)", added)
            database.execute(_FORGET_HISTORY, (place, place, self._history_limit))
        return rows.marks

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query. Raises UnknownState."""
        try:
            return self._connection.execute(query).fetchall()
        except sqlite3.DatabaseError as error:
            raise UnknownState(str(error)) from None

    def _delete(self, tables: Iterable[str], where: str = "", *values: str) -> None:
        """Delete rows as far as the file allows it."""
        try:
            for table in tables:
                self._connection.execute(f"DELETE FROM {table} {where}", values)
        except sqlite3.DatabaseError as error:
            self._failed(error)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Write all of the block or nothing. Raises StateError."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            yield self._connection
            self._connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise self._failed(error) from None

    def _settle(self, delivered: Iterable[int], told: Iterable[Told]) -> None:
        """Delete delivered parcels and write what receivers were told, within a transaction."""
        self._connection.executemany("DELETE FROM outbox WHERE number = ?", [(number,) for number in delivered])
        rows = [(each.sink, each.run, told_to_bytes(each)) for each in told]
        self._connection.executemany("INSERT OR REPLACE INTO told (sink, run, data) VALUES (?, ?, ?)", rows)
        # Runs end and are not needed again: keep the newest of each receiver.
        for sink in {each[0] for each in rows}:
            self._connection.execute(
                "DELETE FROM told WHERE sink = ? AND rowid NOT IN "
                "(SELECT rowid FROM told WHERE sink = ? ORDER BY rowid DESC LIMIT ?)",
                (sink, sink, TOLD_KEPT),
            )

    def _connect(self) -> sqlite3.Connection:
        path = self.directory / FILE
        try:
            return self._opened_at(path)
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                what = f"cannot be opened ({error})"
                raise StateError(str(path), what, expected="a writable file on a disk with room") from None
        self.set_aside = _set_aside(path)
        return self._opened_at(path)

    def _opened_at(self, path: Path) -> sqlite3.Connection:
        """Open the file; create it if it is missing. Raises sqlite3.Error."""
        connection = connect(path)
        self._opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        return connection

    def _disconnect(self) -> None:
        self._connection.close()
        if self._opened >= 0:
            os.close(self._opened)
            self._opened = -1

    def _check_is_there(self) -> None:
        """Check that the file is still the one that was opened; otherwise what is written would be lost.

        SQLite keeps most of it in memory and would not notice. Raises sqlite3.DatabaseError.
        """
        try:
            there = (self.directory / FILE).stat()
        except FileNotFoundError:
            raise sqlite3.DatabaseError("it was removed") from None
        opened = os.fstat(self._opened)
        if (there.st_dev, there.st_ino) != (opened.st_dev, opened.st_ino):
            raise sqlite3.DatabaseError("another file took its place")
        if os.pread(self._opened, len(_MAGIC), 0) != _MAGIC:
            raise sqlite3.DatabaseError("it was overwritten")

    def _failed(self, error: sqlite3.Error | OSError) -> StateError:
        """Roll back; if the file is damaged, replace it by a new one for the next commit."""
        path = self.directory / FILE
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as worse:
            error = worse
        if isinstance(error, sqlite3.DatabaseError) and _is_damage(error):
            self._disconnect()
            self.set_aside = _set_aside(path)
            try:
                self.directory.mkdir(mode=0o750, parents=True, exist_ok=True)
                self._connection = self._opened_at(path)
            except (sqlite3.Error, OSError) as worse:
                return StateError(str(path), f"was damaged ({error}) and cannot be replaced ({worse})")
            self._marks, self._was_renewed = {}, True
            kept = f"is kept as {self.set_aside.name}" if self.set_aside.exists() else "is replaced"
            return StateError(str(path), f"was damaged ({error}) and {kept}")
        return StateError(str(path), f"cannot be written ({error})", expected="room on its disk")


class Seen(NamedTuple):
    """What `look` found about one log."""

    log: str
    saved: Saved
    num_parcels: int
    """Alerts that are not delivered yet."""


def look(directory: Path, *, history_limit: int = 0) -> tuple[int | None, list[Seen]]:
    """Return the process that holds a state folder, if any, and the newest commit of each of its logs.

    Reads up to ``history_limit`` of the newest transitions, too. Writes nothing, and does not disturb a watch.
    Raises StateError.
    """
    path = directory / FILE
    if not path.exists():
        raise StateError(str(directory), "holds no state", expected="a folder given to monitor watch --state")
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


_COUNT_RUN = """
    INSERT INTO begun (path, runs) VALUES (?, ?) ON CONFLICT (path) DO UPDATE SET runs = max(runs, excluded.runs)
"""
_FORGET_HISTORY = """
    DELETE FROM history WHERE path = ? AND number <= (
        SELECT number FROM history WHERE path = ? ORDER BY number DESC LIMIT 1 OFFSET ?
    )
"""


def _log_of(alert: Alert) -> str:
    """Return the log that an alert is about; empty if it is not about a log."""
    return full_name(alert.evidence[0].path) if alert.evidence else ""


def _load(connection: sqlite3.Connection, log: str, history_limit: int) -> Saved | None:
    found = connection.execute("SELECT core FROM log WHERE path = ?", (log,)).fetchone()
    if found is None:
        return None
    series = dict(connection.execute("SELECT tag, data FROM series WHERE path = ?", (log,)))
    newest = "SELECT alert FROM history WHERE path = ? ORDER BY number DESC LIMIT ?"
    alerts = [alert for (alert,) in connection.execute(newest, (log, history_limit))]
    return from_rows(found[0], series, alerts[::-1], history_limit)


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    """Return whether the file is broken, rather than out of reach or on a full disk."""
    if not isinstance(error, sqlite3.OperationalError):
        return True
    # A missing table or column, or an unknown header: the file of another program, or ours after damage.
    return getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT)


def _set_aside(path: Path) -> Path:
    """Rename a damaged state and its journal. Raises StateError."""
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
