"""Silences: which alerts people are not told about for a while, at whose request, why, and until when.

They are kept as JSON in the state folder; the file is always replaced whole, and the watch reads it when it changes.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from monitor.alert import Alert
from monitor.base.errors import MonitorError, StateError
from monitor.base.escape import terminal

FILE = "silences.json"
MOST = 1_000
"""Most silences kept; a file with more was not written by this program."""
FILE_BYTES = 4_000_000
"""More than so many silences with their longest texts take."""
LAST_TIME = 253_402_300_799.0
"""The end of the year 9999, in seconds since 1970."""


@dataclass(frozen=True)
class Silence:
    """One silence. Times are in seconds since 1970-01-01 UTC."""

    id: str
    target: str
    """A rule's name, or an alert's id or the beginning of one."""
    author: str
    reason: str
    begins_at: float
    ends_at: float | None
    """None for an acknowledgement: it ends with the alert."""

    @property
    def is_acknowledgement(self) -> bool:
        """Whether a person has taken on the alert, rather than muted it."""
        return self.ends_at is None

    def is_active(self, now: float) -> bool:
        """Whether it is in effect at a time."""
        return self.begins_at <= now and (self.ends_at is None or now < self.ends_at)

    def covers(self, alert: Alert) -> bool:
        """Whether it applies to this alert."""
        is_id = len(self.target) >= SHORTEST_ID and alert.id.startswith(self.target)
        return is_id or (alert.rule == self.target and not self.is_acknowledgement)


SHORTEST_ID = 6
"""Fewest characters of an alert's id that identify it."""


class Silences:
    """The silences of a state folder, read again when the file has changed."""

    def __init__(self, directory: Path | None) -> None:
        self._path = None if directory is None else directory / FILE
        self._seen: object = None
        self._known: tuple[Silence, ...] = ()

    def covering(self, alert: Alert, now: float) -> Silence | None:
        """Return a silence that covers an alert now, if any."""
        return next((each for each in self._fresh() if each.is_active(now) and each.covers(alert)), None)

    def _fresh(self) -> tuple[Silence, ...]:
        if self._path is None:
            return ()
        try:
            found = self._path.stat()
        except OSError:
            return ()
        stamp = (found.st_ino, found.st_mtime_ns, found.st_size)
        if stamp != self._seen:
            # A broken file silences nothing: one notice too many is the lesser evil.
            self._known = ()
            with suppress(StateError):
                self._known = tuple(read_silences(self._path.parent))
            self._seen = stamp
        return self._known


def read_silences(directory: Path) -> list[Silence]:
    """Return the silences of a state folder, expired ones too. Raises StateError for a file of another program."""
    path = directory / FILE
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES + 1)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StateError(str(path), f"cannot be read ({error.strerror})", expected="a file of this program") from None
    try:
        found = json.loads(data)
        if len(data) > FILE_BYTES or not isinstance(found, list) or len(found) > MOST:
            raise ValueError("not a list, or too long")
        return [read_silence(each) for each in found]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise StateError(str(path), f"does not contain silences ({error})", expected="a file of this program") from None


def change_silences(directory: Path, change: Callable[[list[Silence]], Iterable[Silence]]) -> None:
    """Replace the silences by what ``change`` makes of them, under a lock. Raises StateError."""
    path = directory / FILE
    try:
        with _locked(directory):
            kept = list(change(read_silences(directory)))
            draft = path.with_name(f".{FILE}.{os.getpid()}")
            with draft.open("w", encoding="utf-8") as file:
                _hand_over(file.fileno(), directory)
                json.dump([asdict(each) for each in kept], file)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
    except OSError as error:
        raise StateError(str(path), f"cannot be written ({error.strerror})", expected="a state folder") from None


def add_silence(directory: Path, made: Silence, now: float) -> None:
    """Add a silence and remove those that have ended. Raises StateError, and MonitorError if there are too many."""

    def with_it(known: list[Silence]) -> Iterable[Silence]:
        kept = unexpired(known, now)
        if len(kept) >= MOST:
            raise MonitorError("silence", f"there are {MOST:,} silences", expected="an end of some: monitor unsilence")
        return [*kept, made]

    change_silences(directory, with_it)


def end_silences(directory: Path, target: str) -> list[Silence]:
    """End every silence whose target or own id is ``target``; return those that ended.

    Raises StateError, and MonitorError if there is none.
    """
    ended: list[Silence] = []

    def without(known: list[Silence]) -> Iterable[Silence]:
        ended.extend(each for each in known if target in (each.id, each.target))
        return [each for each in known if each not in ended]

    change_silences(directory, without)
    if not ended:
        raise MonitorError("TARGET", f"nothing silences {terminal(target, 40)!r}", expected="see monitor silence")
    return ended


def target_of(text: str) -> str:
    """Return ``text`` if it could be a rule's name or an alert's id. Raises MonitorError."""
    is_name = re.fullmatch(r"[A-Za-z]\w{0,99}", text, re.ASCII) is not None
    if not (is_name or is_alert_id(text)):
        what = f"neither a rule nor an alert's id: {terminal(text, 40)!r}"
        raise MonitorError("TARGET", what, expected=f"a rule's name, or {SHORTEST_ID} to 16 digits of an id")
    return text


def is_alert_id(text: str) -> bool:
    """Whether a text could be an alert's id, or a long enough beginning of one."""
    return re.fullmatch(rf"[0-9a-f]{{{SHORTEST_ID},16}}", text) is not None


def new_silence(target: str, author: str, reason: str, begins_at: float, ends_at: float | None) -> Silence:
    """Return a silence with an id derived from its fields."""
    identity = repr((target, author, reason, begins_at, ends_at))
    name = hashlib.sha256(identity.encode("utf-8", "backslashreplace")).hexdigest()[:8]
    return Silence(name, target, author, reason, begins_at, ends_at)


def line_of(silence: Silence) -> str:
    """Return a silence as one line of text."""
    until = "until it is over"
    if silence.ends_at is not None:
        until = f"until {datetime.fromtimestamp(silence.ends_at, UTC):%Y-%m-%d %H:%M:%SZ}"
    verb = "acknowledged" if silence.is_acknowledgement else "silent"
    why = f": {silence.reason}" if silence.reason else ""
    return terminal(f"{silence.id} {silence.target} {verb} {until} by {silence.author}{why}")


def unexpired(silences: Sequence[Silence], now: float) -> list[Silence]:
    """Return the silences that have not ended."""
    return [each for each in silences if each.ends_at is None or now < each.ends_at]


def read_silence(found: object) -> Silence:
    """Return a silence from its JSON. Raises ValueError, TypeError or KeyError."""
    if not isinstance(found, dict):
        raise TypeError("an entry is not an object")
    texts, ends_at = [found[key] for key in ("id", "target", "author", "reason")], found["ends_at"]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a value is not text")
    name, target, author, reason = (text[:500] for text in texts)
    return Silence(name, target, author, reason, _time(found["begins_at"]), None if ends_at is None else _time(ends_at))


def _time(found: object) -> float:
    if not isinstance(found, int | float) or isinstance(found, bool) or not 0 <= found <= LAST_TIME:
        raise ValueError("a time is not one of this calendar")
    return float(found)


def _hand_over(descriptor: int, directory: Path) -> None:
    """Give a file that root creates to the folder's owner, so that the watch can read it."""
    if os.geteuid() == 0:
        owner = directory.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
        os.fchmod(descriptor, 0o640)


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    # Lock the folder itself: a lock file made by root would lock out the watch's own user.
    lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
