"""Follow a file of records that its writer rewrites: each new version gives the records that the last one lacked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from monitor.base.errors import LogError
from monitor.base.evidence import TEXT_LIMIT
from monitor.tail.generation import TailPosition
from monitor.tail.linebuffer import Line
from monitor.tail.records import StepRecord, record_lines
from monitor.tail.source import FileChange, LineCounter, Notice, TailCounters
from monitor.tail.textbuffer import PLAIN, TextBuffer
from monitor.tail.tfevents import event_records, is_tfevents

QUIET_S = 5.0
"""TensorBoard's newest step is taken once another follows, or after so many seconds without a byte: until then more of
its figures may come. Chosen by hand, 2026-11."""


class KnownRecords(NamedTuple):
    """What an earlier watch has read of a file."""

    num: int = 0
    last: str = ""
    """The last record of them, as evidence keeps it."""


class RecordTail:
    """Follows one file of records."""

    def __init__(self, name: str, known: KnownRecords = KnownRecords()) -> None:  # noqa: B008
        self._name, self._path = name, Path(name)
        self._buffer, self._count = TextBuffer(number=known.num + 1, encoding=PLAIN), LineCounter()
        self._version: tuple[int, int, int] | None = None
        self._changed_at, self._generation = 0.0, 1
        self._source = _Events(self._path, known) if is_tfevents(self._path.name) else _Document(self._path, known)
        self.descriptor: int | None = None
        self.position: TailPosition | None = None
        self.is_behind = self.is_at_end = False

    @property
    def counters(self) -> TailCounters:
        """What this tail has done."""
        return self._count.counters(generations=self._generation)

    def poll(self, now: float) -> list[Line | Notice]:
        """Read the file if it has changed, and return the records that are new."""
        notices: list[Line | Notice] = []
        is_quiet = now - self._changed_at >= QUIET_S
        try:
            status = self._path.stat()
            version = (status.st_ino, status.st_size, status.st_mtime_ns)
            if version != self._version:
                is_quiet, is_other = False, self._source.read(self._name, status.st_ino, status.st_size)
                self._version, self._changed_at = version, now
                if is_other:
                    notices.append(self._begin_anew())
        except (OSError, LogError):
            # It is missing, or just being written.
            return []
        data = b"".join(self._source.take(is_quiet=is_quiet))
        self._count.bytes_read += len(data)
        return [*notices, *self._count.counted(self._buffer.feed(data))]

    def close(self) -> None:
        """Stop reading."""
        self.is_at_end = True

    def _begin_anew(self) -> Notice:
        self._buffer, self._generation = TextBuffer(encoding=PLAIN), self._generation + 1
        return Notice(FileChange.TRUNCATED, self._name, self._generation, 0, "")


class _Document:
    """A document that is written anew, whole, each time."""

    def __init__(self, path: Path, known: KnownRecords) -> None:
        self._path, self._known = path, known
        self._lines: list[bytes] = []
        """The records of the newest version."""
        self._num_taken = 0

    def read(self, name: str, inode: int, size: int) -> bool:
        """Read the newest version; return whether it does not go on from the last one. Raises OSError and LogError."""
        with self._path.open("rb") as stream:
            found = record_lines(name, stream)
        if found is None:
            raise LogError(name, "holds no records now", expected="a whole document")
        before, self._lines = self._lines, found.read().splitlines(keepends=True)
        if self._known.num:
            known, self._known = self._known, KnownRecords()
            goes_on = len(self._lines) >= known.num and _shown(self._lines[known.num - 1]) == known.last
            self._num_taken = known.num if goes_on else 0
            return not goes_on
        # The last record of the last version may have got further figures.
        sure = max(0, self._num_taken - 1)
        if len(self._lines) >= self._num_taken and self._lines[:sure] == before[:sure]:
            return False
        self._num_taken = 0
        return True

    def take(self, *, is_quiet: bool) -> list[bytes]:
        """Return the records that were not taken before."""
        new = self._lines[self._num_taken :]
        self._num_taken = len(self._lines)
        return new


class _Events:
    """TensorBoard's events; only what was added is read."""

    def __init__(self, path: Path, known: KnownRecords) -> None:
        self._path, self._at, self._inode = path, 0, -1
        self._record, self._new = StepRecord(), list[bytes]()
        step = _STEP.match(known.last)
        self._known_step = int(step[1]) if step else None
        """The last step that an earlier watch has read: of what was there at the start, it has all up to this step."""

    def read(self, name: str, inode: int, size: int) -> bool:
        """Read what was added; return whether it is another file. Raises OSError and LogError."""
        is_other = self._at > 0 and (inode != self._inode or size < self._at)
        if is_other:
            self._at, self._record, self._new = 0, StepRecord(), []
        self._inode = inode
        with self._path.open("rb") as stream:
            for each in event_records(name, stream, self._at, is_patient=True):
                self._at = each.end
                new = (scalar for scalar in each.scalars if self._known_step is None or scalar.step > self._known_step)
                self._new += filter(None, map(self._record.add, new))
        self._known_step = None
        return is_other

    def take(self, *, is_quiet: bool) -> list[bytes]:
        """Return the records of the steps that are complete."""
        if is_quiet and (last := self._record.end()):
            self._new.append(last)
        new, self._new = self._new, []
        return new


_STEP = re.compile(r'\{"step": (-?\d{1,19})\b')


def _shown(line: bytes) -> str:
    """Return a record as evidence keeps it."""
    return line.decode("utf-8", "replace").rstrip("\n")[:TEXT_LIMIT]
