"""Rows: the lines of one layout, column by column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from pydantic_core import from_json

from monitor.grammar.logline import Record, minute_ms
from monitor.run.attempt import KEYED
from monitor.run.columns.line_template import Layout
from monitor.run.derived import Column, Columns

if TYPE_CHECKING:
    import numpy as np

Group = tuple[bytes, ...]
"""What the pattern of a layout found in one line."""
QUICK_LENGTH = 16
"""Characters of a number up to which float() takes its short way: 15 digits and a point."""


@dataclass(frozen=True)
class Rows:
    """Lines of one layout that were read together. Columns that a layout lacks are empty."""

    layout: Layout
    places: np.ndarray
    """Place of each line within its block."""
    ats: np.ndarray
    """Time of each, in seconds since 1970-01-01 UTC."""
    counts: dict[str, np.ndarray]
    """The columns of whole numbers that say how far the run is: those of ``Layout``, by name."""
    numbers: dict[int, np.ndarray]
    """The other columns of numbers, by group."""
    names: tuple[str, ...]
    """The labels that its lines say."""
    named: np.ndarray
    """The index of each line's label in ``names``."""

    def __len__(self) -> int:
        return len(self.places)

    def part(self, begin: int, end: int) -> Rows | None:
        """Return those within some places of the block, counted from the first of these; None for none."""
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
        """Return a column that says how far the run is; -1 in each line where the layout lacks it."""
        import numpy as np

        found = self.counts.get(name)
        return np.full(len(self), -1) if found is None else found

    @cached_property
    def facts(self) -> dict[tuple[type[Record], str], int]:
        """The facts that its lines state, by kind and key, and the last row that states each."""
        kind = self.layout.record_type
        if kind not in KEYED:
            return {(kind, ""): len(self) - 1}
        labels = self.layout.fields[0].labels
        return {
            (kind, self.names[index] if labels[0][1] is None else labels[0][1]): row
            for row, index in enumerate(self.named.tolist())
        }

    @cached_property
    def samples(self) -> Columns:
        """The samples of its lines, by series."""
        import numpy as np

        every = np.arange(len(self))
        of_name = [np.flatnonzero(self.named == index) for index in range(len(self.names))]
        found: Columns = {}
        for signal, labels, part, whole in self.layout.fields:
            is_own = any(value is None for _, value in labels)
            for name, rows in zip(self.names, of_name, strict=True) if is_own else (("", every),):
                values = np.ones(len(rows)) if part is None else self.numbers[part][rows]
                if whole is not None:
                    values = values / self.numbers[whole][rows]
                if len(rows):
                    key = signal, tuple((label, name if value is None else value) for label, value in labels)
                    found[key] = Column(values, rows)
        return found


def read_rows(layout: Layout, places: Sequence[int], groups: Sequence[Group]) -> Rows | None:
    """Turn what a layout found in lines into columns; None where something is no number, or no time."""
    import numpy as np

    flat, width = list(chain.from_iterable(groups)), len(groups[0])
    columns = [flat[group::width] for group in range(width)]
    names: dict[bytes, int] = {}
    try:
        known = {minute: minute_ms(minute) for minute in set(columns[0])}
        seconds = read_numbers(columns[1])
        counts = {
            # Their digits, at most 15, are exact as a float, which is read sooner than a whole number.
            name: read_numbers(columns[group]).astype(np.int64)
            for name in ("step", "epoch", "epoch_whole", "batch", "batch_whole")
            if (group := getattr(layout, name)) is not None
        }
        needed = {group for field in layout.fields for group in (field.part, field.whole) if group is not None}
        numbers = {group: read_numbers(columns[group]) for group in needed}
    except ValueError:
        return None
    named = [0] * len(places)
    if layout.label is not None:
        named = [names.setdefault(name, len(names)) for name in columns[layout.label]]
    minutes_ms = np.fromiter(map(known.__getitem__, columns[0]), np.int64, len(places))
    return Rows(
        layout,
        np.array(places),
        (minutes_ms + np.rint(1000 * seconds).astype(np.int64)) / 1000,
        counts,
        numbers,
        tuple(name.decode("ascii") for name in names),
        np.array(named),
    )


def read_numbers(column: Sequence[bytes]) -> np.ndarray:
    """Return what float() makes of each. Raises ValueError."""
    import numpy as np

    # Many columns hold one number again and again.
    if column.count(column[0]) == len(column):
        return np.full(len(column), float(column[0]))
    found = _read_long(column) if len(column[0]) > QUICK_LENGTH else None
    return np.fromiter(map(float, column) if found is None else found, np.float64, len(column))


def _read_long(column: Sequence[bytes]) -> list[float] | None:
    """Return the same of numbers with a fraction, all written as JSON is; else None.

    A reader of JSON rounds as exactly, and takes a third of the time where there are many digits.
    """
    try:
        found: list[float] = from_json(b"[" + b",".join(column) + b"]")
    except ValueError:
        return None
    # A whole number may be too large for a float, or be a zero with a sign.
    return found if len(found) == len(column) and set(map(type, found)) == {float} else None
