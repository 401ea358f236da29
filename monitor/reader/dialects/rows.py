"""Many lines of another trainer's log as columns: what its reports say, and what its progress bars draw between."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from monitor.reader.dialects.single import Key, Shape
from monitor.reader.numbers import decimals

if TYPE_CHECKING:
    import numpy as np

    from monitor.reader.dialects.drawn import BarShape
    from monitor.reader.state import ReadState

Of = TypeVar("Of", bound=Hashable)
Column = tuple["np.ndarray", "np.ndarray"]
"""Values, and for each the index of its report."""


class Drawings(NamedTuple):
    """The drawings of bars among the lines."""

    lines: np.ndarray
    """Index of each drawing's line."""
    dones: list[int]
    totals: list[int]
    """How far they are."""
    paces_s: list[float | None]
    """Seconds per step, where they say it."""
    shape: BarShape | None
    """Where each drawing is a report: what bar it is. None for bars without words between the reports."""

    def part(self, begin: int, end: int) -> Drawings:
        """Return the drawings among some of the lines."""
        first, last = self.lines.searchsorted((begin, end)).tolist()
        return self._replace(
            lines=self.lines[first:last] - begin,
            dones=self.dones[first:last],
            totals=self.totals[first:last],
            paces_s=self.paces_s[first:last],
        )


@dataclass(frozen=True)
class ForeignRows:
    """Consecutive lines of known shapes."""

    data: bytes
    """The bytes of their stretch."""
    index: int
    """Index of the first line in the stretch."""
    starts: np.ndarray
    ends: np.ndarray
    """Offsets of the lines in the stretch."""
    lines: np.ndarray
    """Which of the lines are reports: all columns below are of these."""
    steps: np.ndarray
    epochs: np.ndarray
    """The epoch that each report's samples belong to, from 1."""
    total: float | None
    """How many steps all reports say that there are; None where they do not say it."""
    progress: np.ndarray | None
    """Epochs done, where the reports say so."""
    ats: np.ndarray | None
    """Times in seconds since 1970-01-01; None where the lines have none."""
    series: dict[Key, Column]
    """The samples of each series."""
    texts: dict[Key, tuple[tuple[bytes, ...], np.ndarray]]
    """The numbers as they were printed, where their decimal places count."""
    figures: dict[tuple[str, str, str], Column]
    """What the reports measure, by quantity, name and split."""
    shown_progress: tuple[bytes, ...]
    """The epochs done as they were printed; empty where no bar needs them."""
    is_counted: bool
    """Whether the steps are the numbers of the reports."""
    is_behind_bar: bool
    """Whether a bar says where the reports are."""
    shown: tuple[str, ...]
    """A line of each shape."""
    drawings: Drawings | None
    shape: Shape | None
    """The shape of the reports, or one of several that mean the same; None where there are only bars."""
    after: ReadState | None = None
    """What the reader remembers after the lines, once their places are known."""
    batch: tuple[int, int] | None = None
    """The last report's batch and the number of them, where a bar counts them."""

    def __len__(self) -> int:
        return len(self.starts)

    def part(self, begin: int, end: int) -> ForeignRows:
        """Return some of the lines."""
        first, last = self.lines.searchsorted((begin, end)).tolist()

        def cut(marks: np.ndarray) -> slice:
            return slice(*marks.searchsorted((first, last)).tolist())

        def columns(found: Mapping[Of, Column]) -> dict[Of, Column]:
            cuts = {key: (cut(marks), values, marks) for key, (values, marks) in found.items()}
            return {
                key: (values[inside], marks[inside] - first)
                for key, (inside, values, marks) in cuts.items()
                if inside.start < inside.stop
            }

        return replace(
            self,
            index=self.index + begin,
            starts=self.starts[begin:end],
            ends=self.ends[begin:end],
            lines=self.lines[first:last] - begin,
            steps=self.steps[first:last],
            epochs=self.epochs[first:last],
            progress=None if self.progress is None else self.progress[first:last],
            ats=None if self.ats is None else self.ats[first:last],
            series=columns(self.series),
            texts={key: (texts[cut(marks)], marks[cut(marks)] - first) for key, (texts, marks) in self.texts.items()},
            figures=columns(self.figures),
            shown_progress=self.shown_progress[first:last],
            drawings=None if self.drawings is None else self.drawings.part(begin, end),
        )

    def text(self, line: int) -> str:
        """Return one of the lines."""
        return self.data[self.starts[line] : self.ends[line]].decode()

    def digits(self, key: Key, most: int) -> Iterator[int]:
        """Return with how many decimal places the newest values of a series were printed."""
        return (decimals(text.decode()) for text in self.texts[key][0][-most:])
