"""A log file for tests: what can happen to it, and what a tail on it returns."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from monitor.tail import FileTail, TailPosition
from monitor.tail.linebuffer import Line
from monitor.tail.source import FileChange, Notice


@dataclass
class Followed:
    """A log file, what happens to it, and what a tail returns."""

    path: Path
    tail: FileTail
    now: float = 0.0

    def append(self, text: str | bytes) -> None:
        """Write as a trainer that opened the log with O_APPEND."""
        with self.path.open("ab") as file:
            file.write(text.encode() if isinstance(text, str) else text)

    def rotate(self) -> None:
        """Rename as logrotate does: log.1 becomes log.2, log becomes log.1; no new log is created."""
        self._shift()
        self.path.rename(self._numbered(1))

    def copytruncate(self) -> None:
        """Copy and truncate as logrotate does."""
        self._shift()
        shutil.copyfile(self.path, self._numbered(1))
        self.truncate()

    def truncate(self) -> None:
        """Empty the log in place."""
        with self.path.open("r+b") as file:
            file.truncate(0)

    def poll(self) -> list[Line | Notice]:
        """Poll until there is nothing new."""
        results = self.tail.poll(self.now)
        while self.tail.is_behind:
            results += self.tail.poll(self.now)
        return results

    def lines(self) -> list[str]:
        """Poll, and return the text of the lines."""
        return [result.data.decode() for result in self.poll() if isinstance(result, Line)]

    def results(self) -> list[str | FileChange]:
        """Poll, and return the text of the lines and the kinds of the notices, in order."""
        return [result.data.decode() if isinstance(result, Line) else result.change for result in self.poll()]

    def restart(self) -> None:
        """Kill the program and start it again from the position that it had committed."""
        self.resume(self.tail.position)

    def resume(self, position: TailPosition | None) -> None:
        """Start the program again from a position."""
        self.tail.close()
        self.tail = FileTail(self.path, position)

    def _shift(self) -> None:
        older = [int(path.suffix[1:]) for path in self.path.parent.glob(f"{self.path.name}.*")]
        for number in sorted(older, reverse=True):
            self._numbered(number).rename(self._numbered(number + 1))

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")
