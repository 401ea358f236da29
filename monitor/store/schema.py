"""The tables of the state file, and the migrations from earlier versions."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from monitor.base.errors import StateError

MIGRATIONS = (
    """
    CREATE TABLE log (path TEXT PRIMARY KEY, core BLOB NOT NULL);
    CREATE TABLE series (path TEXT NOT NULL, tag TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY (path, tag));
    CREATE TABLE history (number INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL, alert BLOB NOT NULL);
    CREATE TABLE outbox (
        number INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL, sink TEXT NOT NULL, alert BLOB NOT NULL
    );
    CREATE INDEX history_of ON history (path, number);
    """,
    """
    CREATE TABLE told (sink TEXT NOT NULL, run TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY (sink, run));
    """,
    """
    CREATE TABLE begun (path TEXT PRIMARY KEY, runs INTEGER NOT NULL);
    """,
)
"""Script n migrates version n to n + 1; a new file has version 0. Add scripts, but never change one."""

OLDEST_READ = 2
"""The version of 0.1.0: later ones only added tables, so it can be looked at without a migration."""
LOG_TABLES = ("log", "series", "history")
"""The tables with the state of the logs."""
TABLES = (*LOG_TABLES, "outbox", "told")


def connect(path: Path) -> sqlite3.Connection:
    """Open a state file for writing, create it if it is missing, and migrate it to this version.

    Raises sqlite3.Error for a damaged file, StateError for one of a newer version.
    """
    connection = sqlite3.connect(path, isolation_level=None, timeout=5.0)
    try:
        # WAL keeps the file consistent if the power fails; the last second may have to be read again.
        connection.executescript("PRAGMA trusted_schema=OFF; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;")
        [(verdict,)] = connection.execute("PRAGMA quick_check(1)")
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        _migrate(connection, path)
        for table in TABLES:
            connection.execute(f"SELECT * FROM {table} LIMIT 1")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_to_look(path: Path) -> sqlite3.Connection:
    """Open a state file read-only, even while a watch writes it. Raises sqlite3.Error, StateError."""
    # Without a journal the file is whole and not being written; taking locks would leave files next to it.
    is_at_rest = not path.with_name(f"{path.name}-wal").exists()
    connection = _open(path, "mode=ro&immutable=1" if is_at_rest else "mode=ro")
    [(version,)] = connection.execute("PRAGMA user_version")
    if not OLDEST_READ <= version <= len(MIGRATIONS):
        connection.close()
        raise _wrong_version(path, version)
    return connection


def _open(path: Path, how: str) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, isolation_level=None, timeout=5.0)
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    [(version,)] = connection.execute("PRAGMA user_version")
    if version > len(MIGRATIONS):
        raise _wrong_version(path, version)
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        try:
            connection.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;")
        except sqlite3.OperationalError as error:
            what = f"cannot be migrated from version {number - 1} to version {number} ({error})"
            raise StateError(str(path), what, expected="a state of this program") from None


def _wrong_version(path: Path, version: int) -> StateError:
    if version == 0:
        return StateError(str(path), "is only just being made", expected="the first commit of its watch, in a moment")
    what = f"has version {version}, written by another version of this program"
    return StateError(str(path), what, expected=f"version {len(MIGRATIONS)}, or another state folder")
