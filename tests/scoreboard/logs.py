"""Facts about a run from its finished log, read for the scoreboard without any rule."""

from __future__ import annotations

from bisect import bisect_left
from pathlib import Path
from typing import Any

from monitor.grammar import Phase, Record, parse_line


class RunLog:
    """The records of a log in order, each with the highest step logged by then."""

    def __init__(self, path: Path) -> None:
        self._lines: list[tuple[int, float, int, Record]] = []
        highest = 0
        for number, data in enumerate(path.read_bytes().splitlines(), start=1):
            line = parse_line(data)
            if line is None:
                continue
            step = getattr(line.record, "step", None)
            if isinstance(step, int):
                highest = max(highest, step)
            self._lines.append((number, line.at, highest, line.record))
        self._times = [at for _, at, _, _ in self._lines]

    @property
    def last_step(self) -> int:
        """The highest step in the log."""
        return self._lines[-1][2]

    @property
    def steps_an_epoch(self) -> int:
        """The number of optimizer steps in the first epoch."""
        return next(
            step for _, _, step, record in self._lines if isinstance(record, Phase) and record.name == "validate"
        )

    def records(self, kind: type[Record]) -> list[Any]:
        """Return every record of one type."""
        return [record for *_, record in self._lines if isinstance(record, kind)]

    def with_steps(self, kind: type[Record]) -> list[tuple[int, Any]]:
        """Return every record of one type, with the highest step logged by then."""
        return [(step, record) for _, _, step, record in self._lines if isinstance(record, kind)]

    def begin_of_epoch(self, epoch: int) -> tuple[float, int]:
        """Return when the training of this epoch began, and the number of that line."""
        return next(
            (at, number)
            for number, at, _, record in self._lines
            if isinstance(record, Phase) and record.name == "train" and record.epoch == epoch
        )

    def step_at(self, at: float) -> int:
        """Return the highest step logged at this time, by the first line with this time or else the last one before."""
        place = bisect_left(self._times, at)
        is_exact = place < len(self._times) and self._times[place] == at
        return self._lines[place if is_exact else place - 1][2] if place or is_exact else 0

    def step_before(self, line: int) -> int:
        """Return the highest step logged before a line."""
        return max((step for number, _, step, _ in self._lines if number < line), default=0)
