"""What an expression found in the lines of a part of a log → columns, for each stretch of lines that go together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import compress
from operator import ne
from typing import TYPE_CHECKING, Any, NamedTuple

from monitor.reader.dialects.drawn import paces_of
from monitor.reader.dialects.rows import Column, Drawings, ForeignRows
from monitor.reader.dialects.single import LARGEST_STEP, LOSS, PACE, Key, Shape
from monitor.reader.dialects.to_native import SHORTEST_PACE_S

if TYPE_CHECKING:
    import numpy as np

PLAIN_GROUPS = 4
"""Groups of the expression of a bar without words."""


class Found(NamedTuple):
    """What was found in the lines of a part of a log."""

    shapes: Sequence[Shape]
    columns: list[list[tuple[bytes, ...]]]
    """The groups of each shape, by line; those of bars without words come last."""
    which: np.ndarray
    """The index of each line's shape; the number of shapes for a bar without words, -1 for other lines."""
    modes: np.ndarray
    """Lines that can be read together have the same number; -1 for lines that must be read singly."""
    has_plain: bool

    @property
    def has_bars(self) -> bool:
        """Whether some of the shapes are those of bars."""
        return self.has_plain or any(shape.bar is not None for shape in self.shapes)

    @classmethod
    def of(cls, groups: Sequence[tuple[bytes, ...]], shapes: Sequence[Shape], *, has_plain: bool) -> Found:
        """Tell the lines of the shapes apart."""
        import numpy as np

        by_group = list(zip(*groups, strict=True))
        which, modes = np.full(len(groups), -1), np.full(len(groups), -1)
        offset, columns = 0, []
        bars = [shape.bar for shape in shapes] + [None] * has_plain
        for number, bar in enumerate(bars):
            is_plain = number == len(shapes)
            num = PLAIN_GROUPS if is_plain else shapes[number].num_groups
            own = by_group[offset : offset + num]
            offset += num
            columns.append(own)
            fits = np.fromiter(map(bool, own[0]), bool, len(groups))
            if is_plain or bar is not None:
                fits = _under_way(fits, own[0 if bar is None else bar.done], own[1 if bar is None else bar.total])
            which[fits], modes[fits] = number, 0 if bar is None else number + 1
        return cls(shapes, columns, which, modes, has_plain)


def _under_way(fits: np.ndarray, done: tuple[bytes, ...], total: tuple[bytes, ...]) -> np.ndarray:
    """Return which drawings are neither the first nor the last of their bar, which are read singly."""
    import numpy as np

    lines = np.flatnonzero(fits)
    picked = lines.tolist()
    dones, totals = (np.fromiter((int(each[line]) for line in picked), np.int64, len(picked)) for each in (done, total))
    is_inside = (dones > 0) & (dones < totals)
    is_inside[1:] &= (dones[1:] >= dones[:-1]) | (totals[1:] != totals[:-1])
    found = np.zeros(len(fits), bool)
    found[lines[is_inside]] = True
    return found


def rows_of(
    found: Found, begin: int, stop: int, data: bytes, starts: np.ndarray, ends: np.ndarray
) -> ForeignRows | None:
    """Turn consecutive lines into columns; None where single lines are needed."""
    import numpy as np

    which = found.which[begin:stop]
    numbers, firsts = np.unique(which, return_index=True)
    used = [number for number in numbers.tolist() if number < len(found.shapes)]
    shapes = [found.shapes[number] for number in used]
    places = {
        (shape.fast.step_slot is None, shape.is_behind_bar, shape.fast.has_time, shape.subject, shape.is_placed_loss)
        for shape in shapes
    }
    if len(places) > 1:
        return None
    bar = shapes[0].bar if shapes else None
    is_report = which < len(found.shapes)
    drawings = None
    if bar is not None:
        drawn = _drawn(found, used[0], begin, stop)
        if drawn is None:
            return None
        is_report, drawings = drawn
    elif len(lines := np.flatnonzero(~is_report)):
        own = [[group[begin + line] for line in lines.tolist()] for group in found.columns[-1]]
        drawings = Drawings(lines, list(map(int, own[0])), list(map(int, own[1])), paces_of(own[2], own[3]), None)
    lines = np.flatnonzero(is_report)
    columns = _Columns(len(lines))
    for number, shape in zip(used, shapes, strict=True):
        mine = lines if len(used) == 1 else np.flatnonzero(is_report & (which == number))
        picked = (mine + begin).tolist()
        own = [[group[line] for line in picked] for group in found.columns[number]]
        marks = np.arange(len(lines)) if len(used) == 1 else lines.searchsorted(mine)
        before = [group[begin - 1] for group in found.columns[number]]
        if not columns.take(shape, own, marks, before):
            return None
    parts = columns.finished()
    if parts is None:
        return None
    shown = tuple(data[starts[first] : ends[first]].decode() for first in (firsts + begin).tolist())
    is_behind = bool(shapes) and shapes[0].is_behind_bar
    is_counted = bool(shapes) and shapes[0].fast.step_slot is None and not is_behind and bar is None
    return ForeignRows(
        data=data,
        index=0,
        starts=starts[begin:stop],
        ends=ends[begin:stop],
        lines=lines,
        is_counted=is_counted,
        is_behind_bar=is_behind,
        shown=shown,
        drawings=drawings,
        shape=shapes[0] if shapes else None,
        **parts,
    )


def _drawn(found: Found, number: int, begin: int, stop: int) -> tuple[np.ndarray, Drawings] | None:
    """Return which drawings of a bar are reports, since they are not the one before once more, and all drawings."""
    import numpy as np

    shape, own = found.shapes[number], found.columns[number]
    bar, num = shape.bar, stop - begin
    assert bar is not None
    constant = (bar.total, *(bar.slots[slot] for slot in shape.fast.constants))
    if any(own[group][begin - 1 : stop].count(own[group][begin]) <= num for group in constant):
        return None
    told = list(zip(*(own[group][begin - 1 : stop] for group in (bar.done, *bar.slots)), strict=True))
    is_new = np.fromiter(map(ne, told[1:], told), bool, num)
    dones, total = list(map(int, own[bar.done][begin:stop])), int(own[bar.total][begin])
    paces: list[float | None] = [None] * num
    if bar.rate >= 0:
        paces = paces_of(own[bar.rate][begin:stop], own[bar.unit][begin:stop])
    return is_new, Drawings(np.arange(num), dones, [total] * num, paces, bar)


class _Columns:
    """Columns of reports, put together shape by shape."""

    def __init__(self, num: int) -> None:
        import numpy as np

        self.num = num
        self.steps, self.epochs = np.zeros(num, np.int64), np.full(num, -1, np.int64)
        self.progress: np.ndarray | None = None
        self.ats: np.ndarray | None = None
        self.parts: dict[Key, list[Column]] = {}
        self.texts: dict[Key, list[tuple[list[bytes], np.ndarray]]] = {}
        self.figures: dict[tuple[str, str, str], list[Column]] = {}
        self.printed: list[bytes] = [b""] * num
        self.totals: set[float] = set()

    def take(self, shape: Shape, own: list[list[bytes]], marks: np.ndarray, before: list[bytes]) -> bool:
        """Take the groups of a shape's reports; False where they must be read singly."""
        import numpy as np

        from monitor.reader.columns import times_of

        fast = shape.fast
        if fast.has_time:
            at = times_of(own[0], own[1])
            if at is None:
                return False
            own = own[2:]
            self.ats = np.full(self.num, np.nan) if self.ats is None else self.ats
            self.ats[marks] = at
        if shape.bar is not None:
            own = [own[group] for group in shape.bar.slots]
            before = [before[group] for group in shape.bar.slots]
        numbers = _numbers(own)
        if fast.step_slot is not None:
            if not all(map(bytes.isdigit, own[fast.step_slot])):
                return False
            whole = numbers(fast.step_slot)
            if whole.max() > LARGEST_STEP:
                return False
            self.steps[marks] = whole.astype(np.int64)
        if fast.total_slot is not None:
            self.totals.update(numbers(fast.total_slot).tolist())
        if fast.progress_slot is not None:
            self.progress = np.full(self.num, np.nan) if self.progress is None else self.progress
            self.progress[marks] = numbers(fast.progress_slot)
            if shape.is_behind_bar:
                for mark, text in zip(marks.tolist(), own[fast.progress_slot], strict=True):
                    self.printed[mark] = text
        if any(numbers(slot).any() for slot in shape.zero_slots):
            return False
        return self._take_values(shape, own, marks, before, numbers)

    def _take_values(
        self, shape: Shape, own: list[list[bytes]], marks: np.ndarray, before: list[bytes],
        numbers: Callable[[int], np.ndarray],
    ) -> bool:  # fmt: skip
        import numpy as np

        fast = shape.fast
        has_news = np.ones(len(marks), bool)
        for key, slot, scale in shape.series:
            values = numbers(slot) if scale == 1.0 else numbers(slot) * scale
            if not np.isfinite(values).all():
                return False
            where = marks
            if key == PACE and (is_short := values < SHORTEST_PACE_S).any():
                values, where = values[~is_short], marks[~is_short]
            if key == LOSS and shape.bar is not None and shape.bar.shows_again:
                shown = np.concatenate(([float(before[slot])], numbers(slot)))
                is_news = (shown[1:] != shown[:-1]) | (np.signbit(shown[1:]) != np.signbit(shown[:-1]))
                values, where = values[is_news], marks[is_news]
                if len(shape.series) == 1:
                    has_news = is_news
            self.parts.setdefault(key, []).append((values, where))
        for key, slot in shape.digits:
            texts = own[slot]
            if not has_news.all():
                texts = list(compress(texts, has_news.tolist()))
            self.texts.setdefault(key, []).append((texts, marks[has_news]))
        for figure, slot, scale in zip(fast.keys, fast.slots, fast.scales, strict=True):
            self.figures.setdefault(figure, []).append(
                (numbers(slot) * scale if scale != 1.0 else numbers(slot), marks)
            )
        return True

    def finished(self) -> dict[str, Any] | None:
        """Return the columns, by their names in `ForeignRows`; None where they must be read singly."""
        import numpy as np

        progress = self.progress
        if (self.ats is not None and not np.isfinite(self.ats).all()) or len(self.totals) > 1:
            return None
        if progress is not None:
            if not np.isfinite(progress).all() or not (np.diff(progress) >= 0).all() or not 0 <= progress[0] < 1e7:
                return None
            self.epochs = np.maximum(0, np.ceil(progress - 1e-9).astype(np.int64) - 1) + 1
        series = {key: column for key, found in self.parts.items() if len((column := _joined(found))[1])}
        figures = {key: _joined(found) for key, found in self.figures.items()}
        printed = tuple(self.printed) if progress is not None else ()
        return {
            "steps": self.steps, "epochs": self.epochs, "total": next(iter(self.totals), None), "progress": progress,
            "ats": self.ats, "series": series, "figures": figures, "shown_progress": printed,
            "texts": {key: _joined_texts(found) for key, found in self.texts.items()},
        }  # fmt: skip


def _numbers(own: list[list[bytes]]) -> Callable[[int], np.ndarray]:
    import numpy as np

    floats: dict[int, np.ndarray] = {}

    def numbers(slot: int) -> np.ndarray:
        if slot not in floats:
            floats[slot] = np.fromiter(map(float, own[slot]), np.float64, len(own[slot]))
        return floats[slot]

    return numbers


def _joined(found: list[Column]) -> Column:
    import numpy as np

    if len(found) == 1:
        return found[0]
    values, marks = (np.concatenate(each) for each in zip(*found, strict=True))
    order = marks.argsort(kind="stable")
    return values[order], marks[order]


def _joined_texts(found: list[tuple[list[bytes], np.ndarray]]) -> tuple[tuple[bytes, ...], np.ndarray]:
    import numpy as np

    if len(found) == 1:
        return tuple(found[0][0]), found[0][1]
    marks = np.concatenate([each[1] for each in found])
    texts = [text for each in found for text in each[0]]
    order = marks.argsort(kind="stable")
    return tuple(texts[place] for place in order.tolist()), marks[order]
