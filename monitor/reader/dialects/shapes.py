"""The shapes that one log's lines have, learnt from some of them, and the stretches of lines that have these shapes.

The lines of a stretch have a place and numbers of their own, or the place that a progress bar says, so that what they
say depends on nothing else.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from monitor.grammar import Train, find_line
from monitor.reader.bars import take_bar
from monitor.reader.course import may_say
from monitor.reader.dialects.by_words import FIRST_COUNTS
from monitor.reader.dialects.drawn import PLAIN, bar_shape, is_drawn, is_plain
from monitor.reader.dialects.redrawn import read_plain
from monitor.reader.dialects.rows import ForeignRows
from monitor.reader.dialects.single import PACE, Key, Shape, Single, single_of
from monitor.reader.dialects.state import DialectState
from monitor.reader.dialects.stretch import Found, rows_of
from monitor.reader.envelope import opened
from monitor.reader.event import Event, RawLine
from monitor.reader.moving import has_bar
from monitor.reader.numbers import unwrap
from monitor.reader.plan import plan_of
from monitor.reader.signals import METRIC, text_signals
from monitor.reader.template import template_key

if TYPE_CHECKING:
    from monitor.reader.bars import Bar
    from monitor.reader.columns import Fast
    from monitor.reader.dialects.drawn import BarShape
    from monitor.reader.report import Read, Report
    from monitor.reader.state import ReadState

FEWEST_LINES = 24
"""Shorter stretches are read faster line by line. Chosen by hand."""
CHUNK_BYTES = 1 << 19
"""Bytes that are searched at a time. Chosen by hand."""
LEARN_AFTER, LEARN_FROM = 48, 16
"""After so many single lines, shapes are learnt from so many of the next; more rarely where none is found."""
MOST_SHAPES = 4
"""Shapes that one search looks for; a log seldom has more that report."""


class ForeignShapes:
    """Finds stretches of known shapes in one log. Holds nothing that could not be learnt again."""

    def __init__(self) -> None:
        self._shapes: list[Shape] = []
        self._has_plain = False
        """Whether bars without words were drawn."""
        self._tried: set[bytes] = set()
        self._of: tuple[object, ...] = ()
        self._expression: Any = None
        self._num_single, self._learn_after = 0, LEARN_AFTER
        self._data: bytes | None = None
        self._searched_until = 0
        self._found: dict[int, ForeignRows] = {}
        self._last: Single | None = None
        self._drawing: Single | None = None
        """The same for drawings of a bar, which may come after other lines."""
        self._num_alike = 0
        """Lines of the last shape, one after the other, that were read in the ordinary way."""
        self._is_searching = False
        """Whether the lines come in stretches; else shapes are learnt from the single lines themselves."""

    def event(self, line: RawLine, path: str, state: DialectState) -> Event | None:
        """Read a line of the same shape as the line before; None where the ordinary way is needed."""
        if b"%|" in line.data and self._is_as_known(state) and (drawn := read_plain(line, path, state)) is not None:
            return drawn
        if self._drawing is not None and self._is_as_known(state):
            drawn = None if self._drawing is None else self._drawing.read(line, path, state)
            if drawn is not None:
                return drawn
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
        if self._last is not None and self._last.shape.bar is not None:
            self._drawing = self._last
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
        if not _is_steady(state) or state.resume is not None or state.words.code:
            return False
        known = _of(state)
        if known != self._of:
            self._of, self._shapes, self._tried, self._last, self._drawing = known, [], set(), None, None
            self._has_plain = False
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
            self._search(data, index, start, speaking)
        found = self._found.pop(start, None)
        if found is None:
            self._num_single += 1
        return found

    def keep(self, rows: ForeignRows) -> None:
        """Offer the rest of a stretch again."""
        self._found[int(rows.starts[0])] = rows

    def _is_ready(self, data: bytes, start: int, state: DialectState) -> bool:
        if not self._is_as_known(state):
            return False
        if self._num_single >= self._learn_after:
            self._learn_again(data, start, state)
        return self._num_shapes > 0

    @property
    def _num_shapes(self) -> int:
        return len(self._shapes) + self._has_plain

    def _learn_again(self, data: bytes, start: int, state: DialectState) -> None:
        self._num_single = 0
        before = self._num_shapes
        self._learn(data, start, state)
        if self._num_shapes > before:
            self._learn_after, self._data = LEARN_AFTER, None
            patterns = [each.fast.finite_pattern for each in self._shapes] + [PLAIN] * self._has_plain
            self._expression = re.compile(rb"^(?:" + b"|".join(patterns) + rb"|(.*))$", re.M)
        else:
            self._learn_after = min(2 * self._learn_after, 4_096)

    def _learn(self, data: bytes, start: int, state: DialectState) -> None:
        from monitor.reader.lines import read_line

        words, known = copy.deepcopy(state.words), _of(state)
        words.last_bar = ""  # the line may be the last drawing itself
        for line in data[start : start + 8_192].split(b"\n")[:LEARN_FROM]:
            if not is_drawn(line) or find_line(line) is not None or len(line) > 4_000 or opened(line) is not line:
                return
            said = read_line(line.decode(), words)
            if _of(state, words) != known or not _is_steady(state, words):
                return
            if any(text_signals(line)) or may_say(said.head.body):
                continue
            if is_plain(line):
                self._has_plain = True
            elif len(said.reports) == 1 and said.reports[0].values and said.reports[0].kind == "report":
                self._learn_report(line, said, state, words)

    def _learn_report(self, line: bytes, said: Read, state: DialectState, words: ReadState) -> None:
        from monitor.reader.columns import fast_plan, head_pattern
        from monitor.reader.template import shape_of

        report, body = said.reports[0], said.head.body
        head = head_pattern(line, said)
        if head is None or unwrap(body) != body or self._num_shapes >= MOST_SHAPES:
            return
        if (bar := take_bar(body)) is not None:
            if not head:
                self._learn_bar(line, bar, report, state, words)
            return
        if "it/s" in body or "s/it" in body or words.place.is_inner:
            return
        template = shape_of(body).template
        name = head + b"\0" + b" ".join(template.encode().split(b"  "))
        if name in self._tried or words.seen.get(template_key(template)) != 3:
            return
        self._tried.add(name)
        fast = fast_plan(template, report, words, head, said.head.logger, has_total=True)
        is_counted = report.place.step is None
        if fast is None or is_counted != state.is_counted or report.place.batch is not None:
            return
        is_behind_bar = fast.step_slot is None and has_bar(words.place)
        if (is_counted != (fast.step_slot is None) and not is_behind_bar) or (fast.has_time and is_behind_bar):
            return
        if is_counted and ("loss", "", "train") not in fast.keys:
            return
        if (found := _shape(
            fast, state, said.head.logger, has_step=not is_counted, is_behind_bar=is_behind_bar
        )) is not None:  # fmt: skip
            self._shapes.append(found)

    def _learn_bar(self, line: bytes, bar: Bar, report: Report, state: DialectState, words: ReadState) -> None:
        found = bar_shape(line, bar, report, words)
        if found is None or any(each.fast.pattern == found[0].pattern for each in self._shapes):
            return
        fast, drawn = found
        is_counted = report.place.step is None
        if is_counted != state.is_counted or (is_counted and ("loss", "", "train") not in fast.keys):
            return
        if is_counted and report.is_bar:
            return
        if (shape := _shape(fast, state, has_step=not is_counted, bar=drawn)) is not None:
            self._shapes.append(shape)

    def _search(
        self, data: bytes, index: int, start: int, speaking: Callable[[bytes], Sequence[tuple[int, int]]]
    ) -> None:
        """Find the stretches in the next part of the data."""
        import numpy as np

        end = len(data) if len(data) - start <= CHUNK_BYTES else data.rindex(b"\n", start, start + CHUNK_BYTES) + 1
        self._data, self._searched_until, self._found = data, end, {}
        groups = self._expression.findall(data[start : end - 1])
        ends = np.flatnonzero(np.frombuffer(data, np.uint8, end - start, start) == ord("\n")) + start
        starts = np.concatenate(([start], ends[:-1] + 1))
        if len(groups) != len(starts):
            return
        found = Found.of(groups, self._shapes, has_plain=self._has_plain)
        for first, last in speaking(data[start:end]):
            spoken = slice(starts.searchsorted(first + start, "right") - 1, starts.searchsorted(last + start, "right"))
            found.which[spoken] = found.modes[spoken] = -1
        modes = found.modes
        edges = np.flatnonzero(np.diff(modes, prepend=-2, append=-2))
        for begin, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            # The first line is read singly, and so is the last one but for drawings that are reports.
            first, end_of = begin + 1, stop - (modes[begin] == 0)
            if modes[begin] < 0 or end_of - first < FEWEST_LINES:
                continue
            rows = rows_of(found, first, end_of, data, starts, ends)
            if rows is not None:
                self._found[int(rows.starts[0])] = replace(rows, index=index + first)


def _of(state: DialectState, words: ReadState | None = None) -> tuple[object, ...]:
    """Return what the meaning of a shape depends on."""
    words = words or state.words
    place = words.place
    epochs = (place.index is None, place.is_fraction, place.is_inner, place.position_is)
    bars = (place.bar_total, words.plain_total is None, place.counts_samples, place.is_epoch_sure)
    told = (state.name, state.is_counted)
    losses = (words.has_loss, words.are_nameless_losses)
    return (*epochs, *bars, *told, place.fit, place.step_word, words.has_decimal_comma, *losses)


def _is_steady(state: DialectState, words: ReadState | None = None) -> bool:
    """Whether reports with a step of their own mean the same with others of their kind between them."""
    words = words or state.words
    place = words.place
    return (
        words.is_begun and not words.block and not words.open_text and words.rank is None and not words.wrapped
        and not words.is_citing and not words.is_plan_open and not words.is_summary
        and not place.is_ended and words.has_decimal_comma is not None
        and not words.tables.headers and not words.tables.is_open and not words.tables.sets
    )  # fmt: skip


def _shape(
    fast: Fast, state: DialectState, logger: str = "", *, has_step: bool, is_behind_bar: bool = False,
    bar: BarShape | None = None,
) -> Shape | None:  # fmt: skip
    """Return what the numbers of a shape become; None where that depends on more than the line."""
    series: list[tuple[Key, int, float]] = []
    digits: list[tuple[Key, int]] = []
    zeros: list[int] = []
    subject = plan_of(fast.template, logger).subject
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
        elif quantity in ("loss_scale", "tokens_per_s", *FIRST_COUNTS):
            if quantity in FIRST_COUNTS and any(each == key for each, _, _ in series):
                continue
            series.append((key, slot, scale))
        elif quantity == "metric":
            if f"{name}\t{split}" not in state.metrics:
                return None
            key = (METRIC, (("name", name), ("split", split)))
            series.append((key, slot, scale))
        digits.append((key, slot))
    return Shape(fast, tuple(series), tuple(digits), tuple(zeros), is_behind_bar, bar, subject)
