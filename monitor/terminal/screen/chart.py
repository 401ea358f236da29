"""Points → a chart of braille dots, two by four in each cell, with its scale at the left and its steps below."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.text import Text

from monitor.run.attempt import Attempt
from monitor.terminal.screen.layout import Row, Section
from monitor.terminal.screen.text import number

DOTS_X, DOTS_Y = 2, 4
"""Dots of one braille cell."""
_BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""The bit of each dot of a cell in Unicode: by column, from the top."""
_EMPTY = 0x2800
SCALE_CELLS = 12
"""Room for the scale."""
FEWEST_POINTS = 3
LOSSES = {"train.loss": ("train", "cyan"), "epoch.val_loss": ("validation", "yellow")}
"""The losses that are drawn, with their names and colours."""
MOST_BETWEEN = 400
"""Most dots of one line."""
LEAST_WIDTH = SCALE_CELLS + 10
LEAST_ROWS, MOST_ROWS = 5, 14
TALL = ((50, 10), (36, 6))
"""Height of the terminal, and the rows that the chart gets from there on, even if others need them."""


class Curve(NamedTuple):
    """One series of a chart."""

    name: str
    points: Sequence[tuple[float, float]]
    """Step and value, by step; a value may be nan or infinite."""
    style: str


MOST_KEPT = 512
"""Points that a course keeps; when there are more, every second one goes."""


class Course:
    """The losses since a watch began to draw them: a run itself keeps its newest reports only."""

    def __init__(self) -> None:
        self._attempt: object = None
        self._known: dict[str, list[tuple[int, float, float]]] = {}

    def add(self, attempt: Attempt) -> None:
        """Take what is new; another attempt begins a course of its own."""
        if attempt is not self._attempt:
            self._attempt, self._known = attempt, {}
        for signal in LOSSES:
            series = attempt.of(signal).get(())
            if series is None:
                continue
            known = self._known.setdefault(signal, [])
            seen = known[-1][0] if known else -1
            known += [
                (point.serial, float(place if point.step is None else point.step), point.value)
                for place, point in enumerate(series.recent, series.count - len(series.recent))
                if point.serial > seen
            ]
            if len(known) > MOST_KEPT:
                del known[-2::-2]  # the newest one stays

    def points(self, signal: str) -> list[tuple[float, float]]:
        """Return step and value of each report of a loss; its number where it has no step."""
        return [(x, y) for _, x, y in self._known.get(signal, ())]


def loss(course: Course, width: int, height: int, spare: int) -> Section:
    """Return the chart of the losses; no rows where there is no room, or no course.

    ``height`` is the terminal's, ``spare`` the number of lines that nothing else needs.
    """
    granted = next((rows for least, rows in TALL if height >= least), 0)
    rows = max(granted, min(MOST_ROWS, spare - 2))
    curves = [
        Curve(name, points, style)
        for signal, (name, style) in LOSSES.items()
        if len(points := course.points(signal)) >= FEWEST_POINTS
    ]
    if not curves or width < LEAST_WIDTH or rows < LEAST_ROWS:
        return Section(None, [])
    title = Text("loss", "bold")
    for curve in curves:
        title.append(" ● ", curve.style).append(curve.name, "bright_black")
    # The rows of a chart belong together: none is left out before those of the tables are.
    lines = chart(curves, width, rows)
    return Section(title, [Row(line, rank=5) for line in lines], share=6) if lines else Section(None, [])


def chart(curves: Sequence[Curve], width: int, height: int) -> list[Text]:
    """Draw curves into ``height`` rows of dots and a row of steps; nothing where no two finite values differ.

    A value that is not finite is a red × in the top row.
    """
    finite = [point for curve in curves for point in curve.points if math.isfinite(point[1])]
    if len({value for _, value in finite}) < 2:
        return []
    xs = [x for curve in curves for x, _ in curve.points]
    low_x, high_x = min(xs), max(xs)
    low, high = min(y for _, y in finite), max(y for _, y in finite)
    cells = width - SCALE_CELLS
    grid = [[_EMPTY] * cells for _ in range(height)]
    styles = [[""] * cells for _ in range(height)]
    broken: set[int] = set()
    for curve in curves:
        dots = ((high_x - low_x) / (cells * DOTS_X), high / (height * DOTS_Y) - low / (height * DOTS_Y))
        for x, y in _joined(curve.points, *dots):
            column = _place(x, low_x, high_x, cells * DOTS_X)
            if not math.isfinite(y):
                broken.add(column // DOTS_X)
                continue
            row = height * DOTS_Y - 1 - _place(y, low, high, height * DOTS_Y)
            grid[row // DOTS_Y][column // DOTS_X] |= _BITS[column % DOTS_X][row % DOTS_Y]
            styles[row // DOTS_Y][column // DOTS_X] = curve.style
    scale = {0: number(high), height - 1: number(low)}
    lines = []
    for y in range(height):
        line = Text(f"{scale.get(y, ''):>{SCALE_CELLS - 2}} ", "bright_black").append("┤" if y in scale else "│")
        for x in range(cells):
            if y == 0 and x in broken:
                line.append("×", "bold red")
            else:
                line.append(chr(grid[y][x]) if grid[y][x] != _EMPTY else " ", styles[y][x])
        lines.append(line)
    first, last = f"step {low_x:,.0f}", f"{high_x:,.0f}"
    if len(first) + len(last) >= cells:
        first = ""
    lines.append(Text(" " * SCALE_CELLS + (first + last.rjust(cells - len(first)))[-cells:], "bright_black"))
    return lines


def _joined(points: Sequence[tuple[float, float]], dot_x: float, dot_y: float) -> Iterator[tuple[float, float]]:
    """Yield the points, and the dots of the lines between them; only the points where they are too dense for lines."""
    is_dense = dot_x <= 0 or dot_y <= 0 or (points[-1][0] - points[0][0]) / dot_x < len(points)
    before: tuple[float, float] | None = None
    for x, y in points:
        if before is not None and not is_dense and math.isfinite(before[1]) and math.isfinite(y):
            num_dots = max(abs(x - before[0]) / dot_x, abs(y / 2 - before[1] / 2) / dot_y * 2)
            num_between = min(MOST_BETWEEN, int(num_dots))
            for place in range(1, num_between + 1):
                share = place / (num_between + 1)
                yield before[0] + share * (x - before[0]), before[1] * (1 - share) + share * y
        yield x, y
        before = (x, y)


def _place(value: float, low: float, high: float, size: int) -> int:
    """Return where a value is among so many dots."""
    if high == low:
        return 0
    # Halves first: the difference of two finite numbers may be infinite.
    share = (value / 2 - low / 2) / (high / 2 - low / 2)
    return min(size - 1, max(0, int(share * size)))
