"""Many lines of another trainer's log at once: stretches of lines whose shapes are known, read as columns.

The lines of such a stretch have a place and numbers of their own, so that what they say does not depend on each other;
the line before a stretch and the line behind it are read singly, and leave the reader's state as all of them would.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from monitor.grammar import Train, find_line
from monitor.reader.course import may_say
from monitor.reader.dialects.by_words import LOOSE_REPORTS
from monitor.reader.dialects.single import LARGEST_STEP, PACE, Key, Shape, Single, single_of
from monitor.reader.dialects.state import DialectState
from monitor.reader.dialects.to_native import SHORTEST_PACE_S
from monitor.reader.event import Event, RawLine
from monitor.reader.filling import template_key
from monitor.reader.numbers import read, unwrap
from monitor.reader.signals import LOSS_SCALE, METRIC, text_signals

if TYPE_CHECKING:
    import numpy as np

    from monitor.reader.columns import Fast
    from monitor.reader.state import ReadState

FEWEST_LINES = 24
"""Shorter stretches are read faster line by line. Chosen by hand."""
CHUNK_BYTES = 1 << 19
"""Bytes that are searched at a time. Chosen by hand."""
LEARN_AFTER, LEARN_FROM = 48, 16
"""After so many single lines, shapes are learnt from so many of the next; more rarely where none is found."""
MOST_SHAPES = 4
"""Shapes that one search looks for; a log seldom has more that report."""


@dataclass(frozen=True)
class ForeignRows:
    """Consecutive lines of known shapes."""

    index: int
    """Index of the first line in its stretch."""
    starts: np.ndarray
    ends: np.ndarray
    """Offsets of the lines in the stretch."""
    steps: np.ndarray
    epochs: np.ndarray
    """The epoch that each line's samples belong to, from 1."""
    progress: np.ndarray | None
    """Epochs done, where the lines say so."""
    ats: np.ndarray | None
    """Times in seconds since 1970-01-01; None where the lines have none."""
    series: dict[Key, tuple[np.ndarray, np.ndarray]]
    """The samples of each series, and the place of each sample's line."""
    texts: dict[Key, tuple[tuple[bytes, ...], np.ndarray]]
    """The numbers as they were printed, where their decimal places count."""
    is_counted: bool
    """Whether the steps are the numbers of the reports."""
    shown: tuple[str, ...]
    """A line of each shape."""

    def __len__(self) -> int:
        return len(self.starts)

    def part(self, begin: int, end: int) -> ForeignRows:
        """Return some of the lines."""

        def cut(marks: np.ndarray) -> slice:
            return slice(*marks.searchsorted((begin, end)).tolist())

        return replace(
            self,
            index=self.index + begin,
            starts=self.starts[begin:end],
            ends=self.ends[begin:end],
            steps=self.steps[begin:end],
            epochs=self.epochs[begin:end],
            progress=None if self.progress is None else self.progress[begin:end],
            ats=None if self.ats is None else self.ats[begin:end],
            series={
                key: (values[cut(marks)], marks[cut(marks)] - begin) for key, (values, marks) in self.series.items()
            },
            texts={key: (texts[cut(marks)], marks[cut(marks)] - begin) for key, (texts, marks) in self.texts.items()},
        )

    def digits(self, key: Key, most: int) -> Iterator[int]:
        """Yield with how many decimal places the newest values of a series were printed."""
        for text in self.texts[key][0][-most:]:
            written = read(text.decode())
            if written is not None and written.digits is not None:
                yield written.digits


class ForeignShapes:
    """Finds stretches of known shapes in one log. Holds nothing that could not be learnt again."""

    def __init__(self) -> None:
        self._shapes: list[Shape] = []
        self._tried: set[bytes] = set()
        self._of: tuple[object, ...] = ()
        self._expression: Any = None
        self._num_single, self._learn_after = 0, LEARN_AFTER
        self._data: bytes | None = None
        self._searched_until = 0
        self._found: dict[int, ForeignRows] = {}
        self._last: Single | None = None
        self._num_alike = 0
        """Lines of the last shape, one after the other, that were read in the ordinary way."""
        self._is_searching = False
        """Whether the lines come in stretches; else shapes are learnt from the single lines themselves."""

    def event(self, line: RawLine, path: str, state: DialectState) -> Event | None:
        """Read a line of the same shape as the line before; None where the ordinary way is needed."""
        last = self._last
        if last is None:
            return None
        # A shape that repeats within its epoch is noted twice.
        fewest = 1 if state.words.place.index is None or state.words.place.is_fraction else 2
        if self._num_alike < fewest or not self._is_as_known(state):
            return None
        event = last.read(line, path, state)
        if event is None:
            self._last = None
        return event

    def note(self, line: RawLine, event: Event, state: DialectState) -> None:
        """Note a line that was read in the ordinary way: the next may be of its shape."""
        before, self._last = self._last, None
        record = event.record
        if not isinstance(record, Train) or event.opening is not None or not event.kind or not self._is_as_known(state):
            return
        self._last = next((found for shape in self._shapes if (found := single_of(shape, line.data, event))), None)
        is_alike = self._last is not None and before is not None and self._last.shape is before.shape
        self._num_alike = self._num_alike + 1 if is_alike else 1
        if self._last is None and not self._is_searching:
            self._num_single += 1
            if self._num_single >= self._learn_after:
                self._learn_again(line.data + b"\n", 0, state)

    def leap(self) -> None:
        """Note that lines were taken as columns: the next is read in the ordinary way."""
        self._last = None

    def _is_as_known(self, state: DialectState) -> bool:
        """Whether lines mean what they meant when the shapes were learnt; if not, forget these."""
        if not _is_steady(state) or state.resume is not None or state.words.code or state.words.lag.num_drawn:
            return False
        known = _of(state)
        if known != self._of:
            self._of, self._shapes, self._tried, self._last = known, [], set(), None
            self._num_single, self._learn_after, self._data, self._found = 0, LEARN_AFTER, None, {}
        return True

    def rows(
        self,
        data: bytes,
        index: int,
        start: int,
        state: DialectState,
        speaking: Callable[[bytes], Sequence[tuple[int, int]]],
    ) -> ForeignRows | None:
        """Return the stretch that begins at ``start``, the line with this index; None to read that line singly.

        ``speaking`` returns the spans whose text may mean something.
        """
        self._is_searching = True
        if not self._is_ready(data, start, state):
            self._num_single += 1
            return None
        if data is not self._data or start >= self._searched_until:
            self._search(data, index, start, state, speaking)
        return self._found.pop(start, None)

    def keep(self, rows: ForeignRows) -> None:
        """Offer the rest of a stretch again."""
        self._found[int(rows.starts[0])] = rows

    def _is_ready(self, data: bytes, start: int, state: DialectState) -> bool:
        if not self._is_as_known(state):
            return False
        if self._num_single >= self._learn_after:
            self._learn_again(data, start, state)
        return bool(self._shapes)

    def _learn_again(self, data: bytes, start: int, state: DialectState) -> None:
        self._num_single = 0
        before = len(self._shapes)
        self._learn(data, start, state)
        self._learn_after = LEARN_AFTER if len(self._shapes) > before else min(2 * self._learn_after, 4_096)

    def _learn(self, data: bytes, start: int, state: DialectState) -> None:
        from monitor.reader.columns import fast_plan, head_pattern
        from monitor.reader.lines import read_line
        from monitor.reader.template import shape_of

        words, known = copy.deepcopy(state.words), _of(state)
        for line in data[start : start + 8_192].split(b"\n")[:LEARN_FROM]:
            if not line.isascii() or find_line(line) is not None or len(line) > 4_000:
                return
            said = read_line(line.decode(), words)
            if _of(state, words) != known or not _is_steady(state, words):
                return
            if len(said.reports) != 1 or not said.reports[0].values or any(text_signals(line)):
                continue
            report, body = said.reports[0], said.head.body
            head = head_pattern(line, said)
            if head is None or report.kind != "report" or report.is_bar or may_say(body):
                continue
            if "it/s" in body or "s/it" in body or unwrap(body) != body:
                continue
            template = shape_of(body).template
            name = head + b"\0" + b" ".join(template.encode().split(b"  "))
            if name in self._tried or words.seen.get(template_key(template)) != 3:
                continue
            self._tried.add(name)
            fast = fast_plan(template, report, words, head, said.head.logger, has_total=True)
            is_counted = report.place.step is None
            if fast is None or len(self._shapes) >= MOST_SHAPES or is_counted != state.is_counted:
                continue
            if is_counted != (fast.step_slot is None) or report.place.batch is not None:
                continue
            if (shape := _shape(fast, state)) is not None:
                self._shapes.append(shape)
                joined = b"|".join(each.fast.finite_pattern for each in self._shapes)
                self._expression = re.compile(rb"^(?:" + joined + rb"|(.*))$", re.M)
                self._data = None

    def _search(
        self,
        data: bytes,
        index: int,
        start: int,
        state: DialectState,
        speaking: Callable[[bytes], Sequence[tuple[int, int]]],
    ) -> None:
        """Find the stretches in the next part of the data."""
        import numpy as np

        end = len(data) if len(data) - start <= CHUNK_BYTES else data.rindex(b"\n", start, start + CHUNK_BYTES) + 1
        self._data, self._searched_until, self._found = data, end, {}
        part = data[start : end - 1]
        groups = self._expression.findall(part)
        ends = np.flatnonzero(np.frombuffer(data, np.uint8, end - start, start) == ord("\n")) + start
        starts = np.concatenate(([start], ends[:-1] + 1))
        if len(groups) != len(starts):
            return
        by_group = list(zip(*groups, strict=True))
        which = np.full(len(starts), -1)
        offset, columns = 0, []
        for number, shape in enumerate(self._shapes):
            own = by_group[offset : offset + shape.fast.num_groups]
            offset += shape.fast.num_groups
            columns.append(own)
            which[np.fromiter(map(bool, own[0]), bool, len(starts))] = number
        for first, last in speaking(data[start:end]):
            which[starts.searchsorted(first + start, "right") - 1 : starts.searchsorted(last + start, "right")] = -1
        edges = np.flatnonzero(np.diff(which < 0, prepend=True, append=True))
        for begin, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            # The first and the last line are read singly.
            if stop - begin - 2 < FEWEST_LINES:
                continue
            found = self._stretch(which[begin + 1 : stop - 1], columns, begin + 1, state)
            if found is not None:
                inside = slice(begin + 1, stop - 1)
                firsts = np.unique(which[inside], return_index=True)[1] + begin + 1
                shown = tuple(data[starts[first] : ends[first]].decode() for first in firsts.tolist())
                rows = replace(found, index=index + begin + 1, starts=starts[inside], ends=ends[inside], shown=shown)
                self._found[int(rows.starts[0])] = rows

    def _stretch(
        self, which: np.ndarray, columns: list[list[tuple[bytes, ...]]], begin: int, state: DialectState
    ) -> ForeignRows | None:
        """Turn the groups of consecutive lines into columns; None where single lines are needed."""
        import numpy as np

        from monitor.reader.columns import times_of

        num, place = len(which), state.words.place
        steps = np.zeros(num, np.int64)
        epochs = np.full(num, -1, np.int64)
        progress = ats = None
        parts: dict[Key, list[tuple[np.ndarray, np.ndarray]]] = {}
        texts: dict[Key, tuple[tuple[bytes, ...], np.ndarray]] = {}
        used = set(which.tolist())
        for number in used:
            shape, marks = self._shapes[number], np.flatnonzero(which == number)
            own = [group[begin : begin + num] for group in columns[number]]
            if len(used) > 1:
                picked = marks.tolist()
                own = [tuple(group[mark] for mark in picked) for group in own]
            if shape.fast.has_time:
                at = times_of(own[0], own[1])
                own = own[2:]
                if at is None:
                    return None
                ats = np.full(num, np.nan) if ats is None else ats
                ats[marks] = at
            floats: dict[int, np.ndarray] = {}

            def numbers(slot: int, own: Any = own, floats: dict[int, np.ndarray] = floats) -> np.ndarray:
                if slot not in floats:
                    floats[slot] = np.fromiter(map(float, own[slot]), np.float64, len(own[slot]))
                return floats[slot]

            if shape.fast.step_slot is not None:
                if not all(map(bytes.isdigit, own[shape.fast.step_slot])):
                    return None
                whole = numbers(shape.fast.step_slot)
                if whole.max() > LARGEST_STEP:
                    return None
                steps[marks] = whole.astype(np.int64)
            if shape.fast.total_slot is not None and (numbers(shape.fast.total_slot) != place.steps).any():
                return None
            if shape.fast.progress_slot is not None:
                progress = np.full(num, np.nan) if progress is None else progress
                progress[marks] = numbers(shape.fast.progress_slot)
            if any(numbers(slot).any() for slot in shape.zero_slots):
                return None
            for key, slot, scale in shape.series:
                values = numbers(slot) if scale == 1.0 else numbers(slot) * scale
                if not np.isfinite(values).all():
                    return None
                where = marks
                if key == PACE and (is_short := values < SHORTEST_PACE_S).any():
                    values, where = values[~is_short], marks[~is_short]
                if len(where):
                    parts.setdefault(key, []).append((values, where))
            for key, slot in shape.digits:
                if key in texts:
                    return None
                texts[key] = (own[slot], marks)
        if ats is not None and not np.isfinite(ats).all():
            return None
        if progress is not None:
            if not np.isfinite(progress).all() or not (np.diff(progress) >= 0).all() or not 0 <= progress[0] < 1e7:
                return None
            epochs = np.maximum(0, np.ceil(progress - 1e-9).astype(np.int64) - 1) + 1
        is_counted = state.is_counted
        series = {}
        for key, found in parts.items():
            values, marks = (np.concatenate(each) for each in zip(*found, strict=True)) if len(found) > 1 else found[0]
            order = marks.argsort(kind="stable") if len(found) > 1 else slice(None)
            series[key] = (values[order], marks[order])
        none = np.array([], np.int64)
        return ForeignRows(0, none, none, steps, epochs, progress, ats, series, texts, is_counted, ())


def placed(rows: ForeignRows, state: DialectState) -> ForeignRows | None:
    """Return lines with their steps and epochs, as far as their places go on from the state; None for none."""
    import numpy as np

    place = state.words.place
    if rows.is_counted:
        if not state.is_counted or state.unplaced <= LOOSE_REPORTS or state.step is None or place.steps is not None:
            return None
        rows = replace(rows, steps=state.step + 1 + np.arange(len(rows)))
    else:
        if place.step is None or state.step != place.step or state.unplaced or rows.steps[0] <= place.step:
            return None
        gaps = np.diff(rows.steps, prepend=place.step)
        if gaps.min() <= 0:
            return None
        if place.steps is not None:
            # Near its planned end, a training may be complete.
            is_before = rows.steps + int(gaps.max()) < place.steps
            if not is_before.all():
                num = int(is_before.argmin())
                return placed(rows.part(0, num), state) if num >= FEWEST_LINES else None
    if rows.progress is None:
        if place.is_fraction and state.epoch != place.epoch:
            return None
        return replace(rows, epochs=np.full(len(rows), state.epoch or 1))
    if not place.is_fraction or place.progress is None or rows.progress[0] < place.progress:
        return None
    return rows


def pass_over(rows: ForeignRows, state: DialectState) -> None:
    """Move the state over lines that were read as columns; the next line is read singly."""
    num, place = len(rows), state.words.place
    state.matched[state.name] = state.matched.get(state.name, 0) + num
    place.reports += num
    state.facts.lines += num
    state.facts.understood += num
    state.step = int(rows.steps[-1])
    if rows.is_counted:
        state.unplaced += num
    else:
        place.step, state.course_of_fit = state.step, state.course
    if rows.progress is not None:
        place.progress = float(rows.progress[-1])
        place.index = int(rows.epochs[-1]) - 1
        state.epoch = int(rows.epochs[-1])


def _of(state: DialectState, words: ReadState | None = None) -> tuple[object, ...]:
    """Return what the meaning of a shape depends on."""
    words = words or state.words
    place = words.place
    epochs = (place.index is None, place.is_fraction, place.is_inner, place.position_is)
    return (*epochs, place.fit, place.step_word, words.has_decimal_comma, words.has_loss, state.name, state.is_counted)


def _is_steady(state: DialectState, words: ReadState | None = None) -> bool:
    """Whether reports with a step of their own mean the same with others of their kind between them."""
    words = words or state.words
    place = words.place
    return (
        words.is_begun and not words.block and not words.open_text and words.rank is None and not words.wrapped
        and not words.is_citing and not words.is_plan_open and not words.is_summary
        and not place.is_ended and place.bar_total is None and words.plain_total is None
        and not place.is_inner and words.has_decimal_comma is not None
        and not words.tables.headers and not words.tables.is_open
    )  # fmt: skip


def _shape(fast: Fast, state: DialectState) -> Shape | None:
    """Return what the numbers of a shape become; None where that depends on more than the line."""
    series: list[tuple[Key, int, float]] = []
    digits: list[tuple[Key, int]] = []
    zeros: list[int] = []
    has_step = fast.step_slot is not None
    for (quantity, name, split), slot, scale in zip(fast.keys, fast.slots, fast.scales, strict=True):
        if split in ("val", "test"):
            return None
        key: Key = (f"train.{quantity}", ())
        if quantity in ("loss", "lr", "grad_norm", "samples_per_s"):
            series.append((key, slot, scale))
        elif quantity == "s_per_step" and has_step:
            series.append((PACE, slot, scale))
        elif quantity in ("skipped", "nan_steps"):
            zeros.append(slot)
            if quantity == "skipped":
                series.append((key, slot, scale))
                if has_step:
                    series.append((("train.skipped_share", ()), slot, scale))
        elif quantity == "loss_scale":
            key = (LOSS_SCALE, ())
            series.append((key, slot, scale))
        elif quantity == "metric":
            if f"{name}\t{split}" not in state.metrics:
                return None
            key = (METRIC, (("name", name), ("split", split)))
            series.append((key, slot, scale))
        digits.append((key, slot))
    return Shape(fast, tuple(series), tuple(digits), tuple(zeros))
