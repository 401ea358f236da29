"""Follow a file of records that its writer rewrites: each new version gives the records that the last one lacked."""

from __future__ import annotations

from pathlib import Path

from monitor.base.errors import LogError
from monitor.tail.generation import TailPosition
from monitor.tail.linebuffer import Line
from monitor.tail.records import record_lines
from monitor.tail.source import FileChange, LineCounter, Notice, TailCounters
from monitor.tail.textbuffer import TextBuffer
from monitor.tail.tfevents import is_tfevents

QUIET_S = 5.0
"""TensorBoard's newest step is taken once another follows, or after so many seconds without a byte: until then more of
its figures may come. Chosen by hand, 2026-11."""


class RecordTail:
    """Follows one file of records. It cannot be continued: a later watch reads the file anew, which is short."""

    def __init__(self, name: str) -> None:
        self._name, self._path = name, Path(name)
        self._buffer, self._count = TextBuffer(), LineCounter()
        self._version: tuple[int, int, int] | None = None
        self._lines: list[bytes] = []
        """The records of the newest version, as lines."""
        self._known: list[bytes] = []
        """Those of them that have come out."""
        self._changed_at, self._generation = 0.0, 1
        self.descriptor: int | None = None
        self.position: TailPosition | None = None
        self.is_behind = self.is_at_end = False

    @property
    def counters(self) -> TailCounters:
        """What this tail has done."""
        return self._count.counters(generations=self._generation)

    def poll(self, now: float) -> list[Line | Notice]:
        """Read the file if it has changed, and return the records that are new."""
        if self._has_changed():
            self._changed_at = now
        notices: list[Line | Notice] = []
        if not _goes_on(self._known, self._lines):
            self._known, self._buffer, self._generation = [], TextBuffer(), self._generation + 1
            notices.append(Notice(FileChange.TRUNCATED, self._name, self._generation, 0, ""))
        end = len(self._lines)
        if is_tfevents(self._path.name) and now - self._changed_at < QUIET_S:
            end -= 1
        new = self._lines[len(self._known) : end]
        self._known = [*self._known, *new]
        data = b"".join(new)
        self._count.bytes_read += len(data)
        return [*notices, *self._count.counted(self._buffer.feed(data))]

    def close(self) -> None:
        """Stop reading."""
        self.is_at_end = True

    def _has_changed(self) -> bool:
        """Read the file's newest version; False where it has none, or is just being written."""
        try:
            status = self._path.stat()
            version = (status.st_ino, status.st_size, status.st_mtime_ns)
            if version == self._version:
                return False
            with self._path.open("rb") as stream:
                found = record_lines(self._name, stream)
        except (OSError, LogError):
            return False
        if found is None:
            return False
        self._version, self._lines = version, found.read().splitlines(keepends=True)
        return True


def _goes_on(known: list[bytes], lines: list[bytes]) -> bool:
    """Whether a version holds the records that came out; the last of them may have got further figures."""
    return len(lines) >= len(known) and lines[: max(0, len(known) - 1)] == known[:-1]
