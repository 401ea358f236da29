"""What a finished log says about a run, read for the scoreboard alone: no rule has a part in it."""

from __future__ import annotations

from bisect import bisect_left
from pathlib import Path
from typing import Any

from monitor.grammar import Phase, Record, parse_line


class RunLog:
    """A log with its records in order, and the highest step that had been told by each."""

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
        """Return the highest step of all."""
        return self._lines[-1][2]

    @property
    def steps_an_epoch(self) -> int:
        """Return how many optimizer steps the first epoch has."""
        return next(
            step for _, _, step, record in self._lines if isinstance(record, Phase) and record.name == "validate"
        )

    def records(self, kind: type[Record]) -> list[Any]:
        """Return every record of one type."""
        return [record for *_, record in self._lines if isinstance(record, kind)]

    def with_steps(self, kind: type[Record]) -> list[tuple[int, Any]]:
        """Return every record of one type with the highest step told by then."""
        return [(step, record) for _, _, step, record in self._lines if isinstance(record, kind)]

    def begin_of_epoch(self, epoch: int) -> tuple[float, int]:
        """Return when training of this epoch began, and the number of the line that says so."""
        return next(
            (at, number)
            for number, at, _, record in self._lines
            if isinstance(record, Phase) and record.name == "train" and record.epoch == epoch
        )

    def step_at(self, at: float) -> int:
        """Return the step that was the newest at this time, by the first line that bears it or the last before."""
        place = bisect_left(self._times, at)
        is_told = place < len(self._times) and self._times[place] == at
        return self._lines[place if is_told else place - 1][2] if place or is_told else 0

    def step_before(self, line: int) -> int:
        """Return the highest step told before a line."""
        return max((step for number, _, step, _ in self._lines if number < line), default=0)
