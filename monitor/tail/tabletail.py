"""Follow a table that its writer rewrites when a column is added: the rows that have come out do not come again.

Lightning's CSVLogger does so at the first validation, Keras' at no time; both append otherwise.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from monitor.tail.filetail import FileTail
from monitor.tail.generation import TailPosition
from monitor.tail.linebuffer import Ending, Line
from monitor.tail.source import FileChange, Notice

REWRITTEN_WITHIN_S = 30.0
"""A version that has not shown all rows of the last one after so long is taken for another table: rows that are known
are written at once. Chosen by hand, 2026-11."""
SUFFIXES = (".csv", ".tsv")
_CELLS = re.compile(rb"[,;\t]")


def file_tail(path: Path, position: TailPosition | None = None, *, last_row: bytes = b"") -> FileTail:
    """Return the tail of a text log, or of a table by its name; ``last_row`` is the line before ``position``."""
    is_table = path.suffix.lower() in SUFFIXES
    return TableTail(path, position, last_row=last_row) if is_table else FileTail(path, position)


class TableTail(FileTail):
    """Follows one table."""

    def __init__(self, path: Path | str, position: TailPosition | None = None, *, last_row: bytes = b"") -> None:
        """``last_row`` is the line before ``position``."""
        super().__init__(path, position)
        self._known = position.number - 1 if position and last_row else 0
        """Lines of the present version that have come out, with its header."""
        self._first, self._last = b"", last_row
        """The first and the last row of them; empty if unknown."""
        self._held: list[Line | Notice] | None = None
        """What is known of a new version until it has shown that it goes on from the last one."""
        self._held_since = 0.0
        self._before: TailPosition | None = None

    @property
    def position(self) -> TailPosition | None:
        """Where to continue; while lines are held, where they begin."""
        return super().position if self._held is None else self._before

    def poll(self, now: float) -> list[Line | Notice]:
        """Return the rows that are new, behind the header if it has changed."""
        before = self.position
        told: list[Line | Notice] = []
        for each in super().poll(now):
            if isinstance(each, Notice) and each.change in (FileChange.TRUNCATED, FileChange.ROTATED):
                told += self._release()
                if self._known > 1:
                    self._held, self._held_since, self._before = [each], now, before
                    continue
            if self._held is None:
                told.append(each)
                if isinstance(each, Line):
                    self._keep(each)
            else:
                self._held.append(each)
                told += self._decided(each)
        if self._held is not None and now - self._held_since > REWRITTEN_WITHIN_S:
            told += self._release()
        return told

    def _keep(self, line: Line) -> None:
        if line.ending is not Ending.PARTIAL:
            self._first = line.data if line.number == 2 else self._first
            self._known, self._last = line.number, line.data

    def _decided(self, each: Line | Notice) -> list[Line | Notice]:
        """Return what comes out of a new version once this line of it is known; nothing while it may go on."""
        if not isinstance(each, Line) or each.ending is Ending.PARTIAL or self._held is None:
            return []
        if each.number == 2 and self._first and not _goes_on(self._first, each.data):
            return self._release()
        if each.number < self._known:
            return []
        if not _goes_on(self._last, each.data):
            return self._release()
        lines = [line for line in self._held if isinstance(line, Line)]
        self._held, self._last = None, each.data
        self._first = next((line.data for line in lines if line.number == 2), self._first)
        return [lines[0]]

    def _release(self) -> list[Line | Notice]:
        """Return what was held: it is another table."""
        held, self._held = self._held or [], None
        if held:
            self._known, self._first = 0, b""
            for each in held:
                if isinstance(each, Line):
                    self._keep(each)
        return held


def _goes_on(known: bytes, row: bytes) -> bool:
    """Whether a row has all cells of a known one: further columns may have been added, in any place."""
    cells = Counter(each for each in _CELLS.split(known) if each)
    return not cells - Counter(_CELLS.split(row))
