"""Rows: the lines of one template, column by column."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, compress
from typing import TYPE_CHECKING

from pydantic_core import from_json

from monitor.grammar import Record, minute_ms
from monitor.run.columns.line_template import HEAD_BYTES, LineTemplate, has_template, template_of
from monitor.run.derived import Column, Columns
from monitor.run.facts import KEYED

if TYPE_CHECKING:
    import numpy as np

Group = tuple[bytes, ...]
"""What the pattern of a template matched in one line."""
QUICK_LENGTH = 16
"""Most characters of a number that float() reads the fast way: 15 digits and a point."""


@dataclass(frozen=True)
class Rows:
    """Lines of one template that were read together."""

    template: LineTemplate
    places: np.ndarray
    """Place of each line in its block."""
    ats: np.ndarray
    """Time of each line, in seconds since 1970-01-01 UTC."""
    counts: dict[str, np.ndarray]
    """The columns of step, epoch and batch, by their name in ``LineTemplate``."""
    numbers: dict[int, np.ndarray]
    """The other columns of numbers, by group."""
    names: tuple[str, ...]
    """The different labels of the lines."""
    named: np.ndarray
    """Index of each line's label in ``names``."""

    def __len__(self) -> int:
        return len(self.places)

    def part(self, begin: int, end: int) -> Rows | None:
        """Return the rows between two places of the block, counted from the first place; None if there are none."""
        first, last = self.places.searchsorted((begin, end)).tolist()
        if first == last:
            return None
        return replace(
            self,
            places=self.places[first:last] - begin,
            ats=self.ats[first:last],
            counts={name: column[first:last] for name, column in self.counts.items()},
            numbers={group: column[first:last] for group, column in self.numbers.items()},
            named=self.named[first:last],
        )

    def count(self, name: str) -> np.ndarray:
        """Return a column of ``counts``; -1 in each line if the template does not have it."""
        import numpy as np

        found = self.counts.get(name)
        return np.full(len(self), -1) if found is None else found

    @cached_property
    def facts(self) -> dict[tuple[type[Record], str], int]:
        """The facts of the lines, by kind and key, and the last row of each."""
        kind = self.template.record_type
        if kind not in KEYED:
            return {(kind, ""): len(self) - 1}
        labels = self.template.fields[0].labels
        return {
            (kind, self.names[index] if labels[0][1] is None else labels[0][1]): row
            for row, index in enumerate(self.named.tolist())
        }

    @cached_property
    def samples(self) -> Columns:
        """The samples of the lines, by series."""
        import numpy as np

        every = np.arange(len(self))
        of_name = [np.flatnonzero(self.named == index) for index in range(len(self.names))]
        found: Columns = {}
        for signal, labels, part, whole in self.template.fields:
            is_own = any(value is None for _, value in labels)
            for name, rows in zip(self.names, of_name, strict=True) if is_own else (("", every),):
                values = np.ones(len(rows)) if part is None else self.numbers[part][rows]
                if whole is not None:
                    values = values / self.numbers[whole][rows]
                if len(rows):
                    key = signal, tuple((label, name if value is None else value) for label, value in labels)
                    found[key] = Column(values, rows)
        return found


def read_rows(template: LineTemplate, places: Sequence[int], groups: Sequence[Group]) -> Rows | None:
    """Turn what a template matched into columns; None if a number or a time cannot be read."""
    import numpy as np

    flat, width = list(chain.from_iterable(groups)), len(groups[0])
    columns = [flat[group::width] for group in range(width)]
    names: dict[bytes, int] = {}
    try:
        known = {minute: minute_ms(minute) for minute in set(columns[0])}
        seconds = read_numbers(columns[1])
        counts = {
            # They have at most 15 digits, which are exact as a float, and a float is read faster than a whole number.
            name: read_numbers(columns[group]).astype(np.int64)
            for name in ("step", "epoch", "epoch_whole", "batch", "batch_whole")
            if (group := getattr(template, name)) is not None
        }
        needed = {group for field in template.fields for group in (field.part, field.whole) if group is not None}
        numbers = {group: read_numbers(columns[group]) for group in needed}
    except ValueError:
        return None
    named = [0] * len(places)
    if template.label is not None:
        named = [names.setdefault(name, len(names)) for name in columns[template.label]]
    minutes_ms = np.fromiter(map(known.__getitem__, columns[0]), np.int64, len(places))
    return Rows(
        template,
        np.array(places),
        (minutes_ms + np.rint(1000 * seconds).astype(np.int64)) / 1000,
        counts,
        numbers,
        tuple(name.decode("ascii") for name in names),
        np.array(named),
    )


def read_numbers(column: Sequence[bytes]) -> np.ndarray:
    """Convert each as float() does. Raises ValueError."""
    import numpy as np

    # Many columns repeat one number.
    if column.count(column[0]) == len(column):
        return np.full(len(column), float(column[0]))
    found = _read_long(column) if len(column[0]) > QUICK_LENGTH else None
    return np.fromiter(map(float, column) if found is None else found, np.float64, len(column))


def _read_long(column: Sequence[bytes]) -> list[float] | None:
    """Convert numbers with a fraction that are all written as in JSON; else return None.

    A JSON reader rounds just as exactly, in a third of the time if there are many digits.
    """
    try:
        found: list[float] = from_json(b"[" + b",".join(column) + b"]")
    except ValueError:
        return None
    # A whole number may be too large for a float, or a zero with a sign.
    return found if len(found) == len(column) and set(map(type, found)) == {float} else None


KEPT = 4
"""Most templates remembered, and lines learnt from at a time, for each tag. Chosen by hand: a log has one or two."""


_TAG_AT = HEAD_BYTES + len("INFO [")


_TAG_BYTES = 8
"""Bytes that distinguish the tags; if they do not, a template fits some of the lines and leaves the others."""


class LineTemplates:
    """Finds rows among lines, and learns their templates."""

    def __init__(self) -> None:
        self._known: defaultdict[bytes, list[LineTemplate]] = defaultdict(list)

    def rows(self, data: bytes, starts: np.ndarray, ends: np.ndarray, heads: np.ndarray) -> Iterator[Rows]:
        """Yield the rows among the lines at the places ``heads``, which may begin with the head of a record."""
        import numpy as np

        heads = heads[starts[heads] + _TAG_AT + _TAG_BYTES <= len(data)]
        words = np.ndarray((max(len(data) - _TAG_BYTES + 1, 0),), "<u8", data, strides=(1,))
        tags, which = np.unique(words[starts[heads] + _TAG_AT], return_inverse=True)
        for index, tag in enumerate(tags):
            places = heads[which == index]
            if has_template(data[starts[places[0]] : ends[places[0]]]):
                spans = zip(starts[places].tolist(), (ends[places] + 1).tolist(), strict=True)
                lines = [data[start:end] for start, end in spans]
                yield from self._rows(tag.tobytes(), places.tolist(), lines)

    def _rows(self, tag: bytes, places: list[int], lines: list[bytes]) -> Iterator[Rows]:
        known = self._known[tag]
        for template in tuple(known):
            rows, places, lines = _fitting(template, places, lines)
            if rows is not None:
                yield rows
        for _ in range(KEPT):
            if not lines:
                break
            learnt = template_of(lines[0][:-1])
            if learnt is None or learnt in known:
                places, lines = places[1:], lines[1:]
                continue
            # Newest first: a log has a handful of templates, and uses one for a while before the next.
            known.insert(0, learnt)
            del known[KEPT:]
            rows, places, lines = _fitting(learnt, places, lines)
            if rows is not None:
                yield rows


def _fitting(
    template: LineTemplate, places: list[int], lines: list[bytes]
) -> tuple[Rows | None, list[int], list[bytes]]:
    """Return the rows of the lines that fit a template, and the other lines."""
    groups: list[Group] = template.pattern.findall(b"".join(lines))
    fitting, others, left = places, [], []
    if len(groups) < len(lines):
        is_fit = [template.pattern.fullmatch(line) is not None for line in lines]
        fitting = list(compress(places, is_fit))
        others = [place for place, fits in zip(places, is_fit, strict=True) if not fits]
        left = [line for line, fits in zip(lines, is_fit, strict=True) if not fits]
    rows = read_rows(template, fitting, groups) if fitting else None
    return (rows, others, left) if rows is not None or not fitting else (None, places, lines)
