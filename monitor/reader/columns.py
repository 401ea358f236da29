"""Many lines at once → columns: one pass of one expression over a block, equal to reading line by line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.reader.filling import fill_of
from monitor.reader.lines import read_line
from monitor.reader.moving import has_bar
from monitor.reader.numbers import FINITE, Written, read
from monitor.reader.plan import Plan, plan_of
from monitor.reader.report import Read, Report, Value
from monitor.reader.state import ReadState
from monitor.reader.template import MARK, shape_of
from monitor.reader.values import values_of

MOST_PLANS = 4
"""Shapes that one pass looks for; a log seldom has more that report."""
LEARN_LINES = 64
"""Lines that are read singly at a time while shapes are learnt, and below which columns are not worth it."""
FEWEST_SHARE = 0.2
"""Share of a block's lines that must fit for the next block to be tried at once."""

Floats = NDArray[np.float64]


class Columns(NamedTuple):
    """What the lines of one shape in a block report."""

    rows: NDArray[np.int64]
    """Indexes of the lines in their block."""
    kind: str
    """As in a `Report`."""
    keys: tuple[tuple[str, str, str], ...]
    """Quantity, name and split of each value."""
    numbers: Floats
    """One row per key, one column per line."""
    digits: tuple[int | None, ...]
    """Decimal places of each value, as the last line has them."""
    step: NDArray[np.int64] | None
    progress: Floats | None
    at: Floats | None = None
    """The times of the lines, in seconds since 1970-01-01; None where they have none."""


class BlockRead(NamedTuple):
    """A block of lines, read."""

    columns: tuple[Columns, ...]
    singles: dict[int, Read]
    """Lines that were read one by one."""


class Fast(NamedTuple):
    """A shape that can be read by one expression."""

    template: str
    pattern: bytes
    num_slots: int
    kind: str
    keys: tuple[tuple[str, str, str], ...]
    slots: tuple[int, ...]
    scales: tuple[float, ...]
    step_slot: int | None
    progress_slot: int | None
    has_time: bool = False
    """Whether the first two groups are the line's time and its part of a second."""
    total_slot: int | None = None
    """The total of the step."""
    constants: tuple[int, ...] = ()
    """Numbers that are the same in all lines that are read at once: the epoch in a bar's words."""

    @property
    def finite_pattern(self) -> bytes:
        """The same expression without the spellings of nan and infinity."""
        return self.pattern.replace(_NUMBER, FINITE)

    @property
    def num_groups(self) -> int:
        """Groups of the expression."""
        return self.num_slots + (2 if self.has_time else 0)


@dataclass
class BlockReader:
    """Reads blocks of a log whose lines have few shapes. Holds expressions only: the state is the log's."""

    _plans: dict[str, Fast | None] = field(default_factory=dict)
    _active: list[Fast] = field(default_factory=list)
    _expression: Any = None

    def read(self, lines: Sequence[bytes], state: ReadState) -> BlockRead:
        """Read a block of lines and move the state, as reading them one by one would."""
        singles: dict[int, Read] = {}
        columns: list[Columns] = []
        start = 0
        while start < len(lines):
            if not self._active or not is_steady(state):
                end = min(len(lines), start + LEARN_LINES)
                for index in range(start, end):
                    text = lines[index].decode("utf-8", "replace")
                    singles[index] = read_line(text, state)
                self._learn(lines, singles, start, end, state)
                start = end
                continue
            end = len(lines)
            found = self._at_once(lines[start:end], start, state)
            if found is None:
                self._active = []
                continue
            block, rest = found
            columns += block
            singles |= rest
            if sum(len(each.rows) for each in block) < FEWEST_SHARE * (end - start):
                self._active = []
            start = end
        return BlockRead(tuple(columns), singles)

    def _learn(self, lines: Sequence[bytes], singles: dict[int, Read], start: int, end: int, state: ReadState) -> None:
        if not is_steady(state):
            return
        for index in range(start, end):
            read_ = singles[index]
            if len(read_.reports) != 1 or not read_.reports[0].values:
                continue
            head = head_pattern(lines[index], read_)
            if head is None:
                continue
            template = shape_of(read_.head.body).template
            key = f"{head!r}{template}"
            if key in self._plans or len(self._plans) >= 64:
                continue
            self._plans[key] = fast_plan(template, read_.reports[0], state, head, read_.head.logger)
        active = _together([each for each in self._plans.values() if each is not None], state)[-MOST_PLANS:]
        if active and active != self._active:
            self._active = active
            joined = b"|".join(each.pattern for each in active)
            self._expression = re.compile(rb"^(?:" + joined + rb"|(.*))$", re.M)

    def _at_once(
        self, lines: Sequence[bytes], start: int, state: ReadState
    ) -> tuple[list[Columns], dict[int, Read]] | None:
        """Read lines of the known shapes as columns; None where the state would come out differently."""
        data = b"\n".join(lines)
        rows = self._expression.findall(data)
        if len(rows) != len(lines):
            return None
        by_group = list(zip(*rows, strict=True))
        others = [index for index, text in enumerate(by_group[-1]) if text]
        blank = {index for index, line in enumerate(lines) if not line} if b"\n\n" in data or not lines[0] else set()
        columns: list[Columns] = []
        last: list[tuple[int, Fast]] = []
        offset = 0
        for plan in self._active:
            groups: list[Any] = by_group[offset : offset + plan.num_groups]
            offset += plan.num_groups
            if len(self._active) == 1 and not others and not blank:
                fits = np.arange(len(lines), dtype=np.int64)
            else:
                fits = np.fromiter((i for i, text in enumerate(groups[0]) if text), np.int64)
                picked = fits.tolist()
                groups = [[column[i] for i in picked] for column in groups]
            if not len(fits):
                continue
            made = _columns(plan, groups, fits + start)
            if made is None:
                return None
            columns.append(made)
            last.append((int(fits[-1]), plan))
        if not _goes_on(columns, state):
            return None
        # The lines between may change what the others mean: then nothing is taken at once.
        before, reports = fingerprint(state), state.place.reports
        singles: dict[int, Read] = {}
        marks = sorted(others + [index for index, _ in last])
        ends = {index for index, _ in last}
        seen = 0
        for index in marks:
            is_after_columns = index not in ends and index > 0 and not _in_ends(index, marks)
            if state.place.step is not None:
                rows = range(seen + start, index - is_after_columns + start)
                state.place.step = _last_step(rows, columns, state.place.step)
            seen = index + 1
            if is_after_columns:
                self._catch_up(lines, index, others, state)
            said = read_line(lines[index].decode("utf-8", "replace"), state)
            if index not in ends:
                singles[index + start] = said
            if fingerprint(state) != before:
                return self._singly(lines, start, index, columns, singles, state, reports)
        state.place.reports = reports + sum(len(each.rows) for each in columns) + sum(map(_counted, singles.values()))
        return columns, singles

    def _catch_up(self, lines: Sequence[bytes], index: int, others: list[int], state: ReadState) -> None:
        """Let the state see the line before a single one, as reading line by line would."""
        read_line(lines[index - 1].decode("utf-8", "replace"), state)

    def _singly(
        self, lines: Sequence[bytes], start: int, index: int, columns: list[Columns], singles: dict[int, Read],
        state: ReadState, reports: int,
    ) -> tuple[list[Columns], dict[int, Read]]:  # fmt: skip
        """Keep the columns up to a line that changed what later ones mean, and read the rest one by one."""
        kept = []
        for each in columns:
            inside = each.rows <= index + start
            kept.append(
                each._replace(
                    rows=each.rows[inside],
                    numbers=each.numbers[:, inside],
                    step=None if each.step is None else each.step[inside],
                    progress=None if each.progress is None else each.progress[inside],
                    at=None if each.at is None else each.at[inside],
                )
            )
        state.place.reports = reports + sum(len(each.rows) for each in kept) + sum(map(_counted, singles.values()))
        for later in range(index + 1, len(lines)):
            singles[later + start] = read_line(lines[later].decode("utf-8", "replace"), state)
        self._active = []
        return [each for each in kept if len(each.rows)], singles


def _goes_on(columns: list[Columns], state: ReadState) -> bool:
    """Whether the epochs done, as fractions, go back nowhere: where they do, another training may begin."""
    before = state.place.progress
    rows = [each.rows for each in columns if each.progress is not None]
    if before is None or not rows:
        return True
    done = np.concatenate([each.progress for each in columns if each.progress is not None])
    done = done[np.concatenate(rows).argsort()] if len(rows) > 1 else done
    return bool(done[0] >= before and (len(rows) == 1 or (np.diff(done) >= 0).all()))


def _together(plans: list[Fast], state: ReadState) -> list[Fast]:
    """Return the plans whose lines mean the same with each other between them: a step holds for lines without one."""
    has_steps = state.place.step is not None or any(plan.step_slot is not None for plan in plans)
    return [plan for plan in plans if plan.step_slot is not None or not has_steps]


def _last_step(rows: range, columns: list[Columns], step: int) -> int:
    """Return the step of the last line in columns among some rows; ``step`` if there is none."""
    last = rows.start - 1
    for each in columns:
        index = int(np.searchsorted(each.rows, rows.stop)) - 1
        if each.step is not None and index >= 0 and int(each.rows[index]) > last:
            last, step = int(each.rows[index]), int(each.step[index])
    return step


def _counted(said: Read) -> int:
    return sum(report.kind in ("report", "validation") and bool(report.values) for report in said.reports)


def _in_ends(index: int, marks: list[int]) -> bool:
    return index - 1 in marks


def is_steady(state: ReadState) -> bool:
    """Whether lines with a step of their own mean the same with other lines between them."""
    place = state.place
    return (
        state.is_begun and not state.block and not state.open_text and state.rank is None
        and not place.is_ended and place.bar_total is None and state.plain_total is None
        and (place.index is None or place.is_fraction) and state.has_decimal_comma is not None
        and not state.tables.headers and not state.tables.is_open and not state.tables.sets
    )  # fmt: skip


def fingerprint(state: ReadState) -> tuple[object, ...]:
    """Return what the lines of a block must leave as it was, for columns to hold what single lines would report."""
    place = state.place
    return (
        is_steady(state), place.fit, place.is_fraction, place.step_word, place.step is None,
        state.has_decimal_comma, state.has_loss,
    )  # fmt: skip


_NUMBER = FINITE[:-1] + rb"|-?(?:nan|NaN|inf))"


_TIME = re.compile(rb"^( *\[?)\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:([.,])\d{1,6}(?!\d))?")


def head_pattern(line: bytes, read_: Read) -> bytes | None:
    """Return an expression for the heads of such lines: empty for none, None for one that columns cannot hold."""
    text, body = line.rstrip(), read_.head.body.encode()
    if text.lstrip() == body:
        return b""
    time = _TIME.match(text)
    if time is None or not text.endswith(body) or read_.head.rank is not None or not read_.head.is_zone_assumed:
        return None
    rest = text[time.end() : len(text) - len(body)]
    part = re.escape(time[2]) + rb"(\d{1,6})" if time[2] else b"()"
    return re.escape(time[1]) + rb"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)" + part + re.escape(rest)


_BRACKET = re.compile(r"\[|\((?![A-Za-z%/]{1,12}\))")
"""A bracket that is not that of a unit."""
_BLANKS = re.compile(rb"(?:\\ ){2,}")


def fast_plan(
    template: str, report: Report, state: ReadState, head: bytes = b"", logger: str = "", *, has_total: bool = False,
    is_bar: bool = False,
) -> Fast | None:  # fmt: skip
    """Return how lines of a template are read at once; None where a line's meaning depends on more than itself.

    With ``has_total``, a step may have a total, and samples may be counted beside it: the caller checks the total.
    ``is_bar`` says that these are the words of a bar, which tells the step, and that the caller compares the epochs.
    """
    plan = plan_of(template, logger)
    gaps = template.split(MARK)
    if plan.is_prose or plan.is_place_only or not report.values or any(not gap.strip() for gap in gaps[1:-1]):
        return None
    if any(gap.strip() in (":", ",", ".", "-", "+") or _BRACKET.search(gap) for gap in gaps[1:-1]):
        return None
    allowed = ("place", "value", "metric", "part", "time", "clock", "ignore", "none")
    places = [index for index, slot in enumerate(plan.slots) if slot.role == "place"]
    steps = [index for index in places if plan.slots[index].quantity == "step"]
    epochs = [index for index in places if plan.slots[index].quantity == "epoch"]
    totals = [index for index, slot in enumerate(plan.slots) if slot.role == "total"] if has_total and steps else []
    beside = [index for index in places if plan.slots[index].quantity == "samples"] if has_total and steps else []
    if len(steps) > 1 or len(epochs) > 1 or len(places) != len(steps) + len(epochs) + len(beside):
        return None
    if len(totals) > 1 or any(plan.slots[index].of != steps[0] for index in totals):
        return None
    if is_bar:
        totals = [index for index, slot in enumerate(plan.slots) if slot.role == "total" and slot.of in epochs]
    if any(slot.role not in allowed and index not in totals for index, slot in enumerate(plan.slots)):
        return None
    if (steps and is_bar) or (epochs and state.place.is_fraction is is_bar):
        return None
    if not any(value.quantity in ("loss", "grad_norm") for value in report.values) or plan.subject in ("val", "test"):
        return None
    if report.place.step is not None and not steps and not is_bar and not has_bar(state.place):
        return None
    if steps and plan.slots[steps[0]].rank < state.place.step_word:
        return None
    keys = {value[:3] for value in report.values}
    if any(
        slot.role == "part" and (slot.split in ("val", "test") or ("loss", "", "train") not in keys)
        for slot in plan.slots
    ):
        return None  # where a part is not finite, the loss is not, though nothing says it
    if head and (state.clock.kind != "date" or state.clock.at is None):
        return None
    found = _mapping(plan, state)
    if {key for key, _, _ in found} != keys:
        return None
    # Numbers that are padded with blanks take fewer as they grow.
    pattern = _NUMBER.join(_BLANKS.sub(rb" {2,}", re.escape(gap.encode())) for gap in gaps)
    return Fast(
        template, (head or rb" *") + pattern + rb" *", len(plan.slots), report.kind, tuple(key for key, _, _ in found),
        tuple(slot for _, slot, _ in found), tuple(scale for _, _, scale in found),
        steps[0] if steps else None, epochs[0] if epochs and not is_bar else None, bool(head),
        totals[0] if totals and not is_bar else None, (*epochs, *totals) if is_bar else (),
    )  # fmt: skip


def _mapping(plan: Plan, state: ReadState) -> list[tuple[tuple[str, str, str], int, float]]:
    """Say which slot each value comes from, by filling the plan with numbers that tell."""
    filled = fill_of(plan, [Written(float(index + 1), 1) for index in range(len(plan.slots))])
    found = []
    for value in values_of(plan, filled, plan.subject, state):
        for index, slot in enumerate(plan.slots):
            if value.number in (index + 1, (index + 1) * slot.scale) and slot.role != "place":
                found.append((value[:3], index, slot.scale if value.number != index + 1 else 1.0))
                break
    return found


def _columns(plan: Fast, groups: list[Any], rows: NDArray[np.int64]) -> Columns | None:
    num = len(rows)
    at = None
    if plan.has_time:
        at = times_of(groups[0], groups[1])
        groups = groups[2:]
        if at is None:
            return None
    numbers = np.empty((len(plan.slots), num))
    for row, (slot, scale) in enumerate(zip(plan.slots, plan.scales, strict=True)):
        numbers[row] = np.fromiter(map(float, groups[slot]), np.float64, num)
        if scale != 1.0:
            numbers[row] *= scale
    step = progress = None
    if plan.step_slot is not None:
        try:
            step = np.fromiter(map(int, groups[plan.step_slot]), np.int64, num)
        except (ValueError, OverflowError):
            return None
        if (np.diff(step) < 0).any() or step[0] < 0:
            return None
    if plan.progress_slot is not None:
        progress = np.fromiter(map(float, groups[plan.progress_slot]), np.float64, num)
        if not (np.diff(progress) >= 0).all() or not progress[0] >= 0:
            return None
    digits = tuple(None if (said := read(groups[slot][-1].decode())) is None else said.digits for slot in plan.slots)
    return Columns(rows, plan.kind, plan.keys, numbers, digits, step, progress, at)


def times_of(stamps: Sequence[bytes], parts: Sequence[bytes]) -> Floats | None:
    """Return times in seconds since 1970-01-01, taken for UTC; None where one of them is not a time."""
    try:
        seconds = np.array(stamps).astype("U19").astype("datetime64[s]").astype(np.int64)
    except ValueError:
        return None
    if not parts[0]:
        return seconds.astype(np.float64)
    # As text, so that the float is the nearest to what is written, as for single lines.
    joined = (f"{whole}.{part.decode()}" for whole, part in zip(seconds.tolist(), parts, strict=True))
    return np.fromiter(map(float, joined), np.float64, len(seconds))


def time_of(stamp: bytes, part: bytes) -> float | None:
    """Return one time as `times_of` does."""
    minute, second = _minute(stamp[:16]), int(stamp[17:19])
    if minute is None or second > 59:
        return None
    return float(f"{minute + second}.{part.decode()}") if part else float(minute + second)


@lru_cache(maxsize=64)
def _minute(stamp: bytes) -> int | None:
    found = times_of([stamp + b":00"], [b""])
    return None if found is None else int(found[0])


def values_in(columns: Columns, position: int) -> tuple[Value, ...]:
    """Return what one line of a block reports; the digits are those of the last line."""
    return tuple(
        Value(*key, float(columns.numbers[row, position]), columns.digits[row]) for row, key in enumerate(columns.keys)
    )
