"""Lines → blocks: stretches of a log whose lines can be folded many at a time.

In: whole lines of a log. Out, in order: blocks, and events between them. A block contains silent lines outside the
grammar, rows of lines that are measurements, and passengers: lines that are read one by one and change nothing that
the lines around them depend on. Any other line is an event between two blocks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Protocol

from monitor import grammar
from monitor.base.evidence import Evidence
from monitor.reader.event import Event, RawLine, evidence_of, read_event
from monitor.run.columns.line_template import HEAD_BYTES
from monitor.run.columns.rows import LineTemplates, Rows

if TYPE_CHECKING:
    import numpy as np

_PASSENGERS = (
    *(grammar.GradReport, grammar.GradBelow, grammar.EncoderGrad, grammar.ActivationReport, grammar.InputReport),
    *(grammar.GuardCheck, grammar.GuardReport, grammar.Metrics, grammar.HorizonMetrics, grammar.DataCheck),
    *(grammar.Process, grammar.Gpu, grammar.Phase, grammar.Checkpoint, grammar.Epoch),
)
"""Weight reports are missing: what is derived from one depends on the progress lines before it, so it is a row or an
event between two blocks."""


class ByteSpan(NamedTuple):
    """Bytes of a stretch."""

    start: int
    end: int


class Stretch(Protocol):
    """What this package needs from a stretch of whole lines, as the tail returns it."""

    @property
    def data(self) -> bytes:
        """The lines, each with a line feed at its end, without CR, NUL and ANSI sequences."""
        ...

    def line(self, index: int, start: int, end: int) -> RawLine:
        """Return the line with this index, which is ``data[start:end]``."""
        ...


@dataclass(frozen=True)
class Rest:
    """The rest of a stretch after its first lines."""

    whole: Stretch
    index: int
    """Number of lines before the rest."""
    start: int
    """Offset of the rest."""

    @cached_property
    def data(self) -> bytes:
        """The lines of the rest."""
        return self.whole.data[self.start :]

    def line(self, index: int, start: int, end: int) -> RawLine:
        """Return the line of the rest with this index."""
        return self.whole.line(self.index + index, self.start + start, self.start + end)


class Reader(Protocol):
    """Reads the lines of one log."""

    log: str
    """The log as the user named it."""
    templates: LineTemplates
    """The known templates."""

    def read(self, line: RawLine) -> Event | None:
        """Return the event of a line; None for a blank line."""
        ...

    def speaking(self, data: bytes) -> Sequence[ByteSpan]:
        """Return the spans of all lines, in the grammar or not, whose text may mean something."""
        ...


@dataclass(frozen=True)
class Block:
    """Lines that can be folded together. Places count the lines from 0, without blank lines."""

    reader: Reader
    stretch: Stretch
    indices: np.ndarray
    """Index of each line in the stretch."""
    starts: np.ndarray
    """Start offset of each line in the stretch."""
    ends: np.ndarray
    rows: tuple[Rows, ...]
    """The measurements, by template."""
    passengers: tuple[tuple[int, Event], ...]
    """Place and event of each line that was read by itself."""

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def has_records(self) -> bool:
        """Whether some of its lines are records."""
        return bool(self.rows or self.passengers)

    def part(self, begin: int, end: int) -> Block:
        """Return a block of some of its lines."""
        first, last = (bisect_left(self.passengers, place, key=_first) for place in (begin, end))
        return replace(
            self,
            indices=self.indices[begin:end],
            starts=self.starts[begin:end],
            ends=self.ends[begin:end],
            rows=tuple(part for rows in self.rows if (part := rows.part(begin, end)) is not None),
            passengers=tuple((place - begin, event) for place, event in self.passengers[first:last]),
        )

    def read_singly(self, some: Iterable[Rows]) -> Block:
        """Return the block with some rows turned into passengers."""
        some = list(some)
        events = [(place, self.event(place)) for rows in some for place in rows.places.tolist()]
        return replace(
            self,
            rows=tuple(rows for rows in self.rows if not any(rows is each for each in some)),
            passengers=tuple(sorted((*self.passengers, *events), key=_first)),
        )

    def line(self, place: int) -> RawLine:
        """Return one of its lines."""
        return self.stretch.line(int(self.indices[place]), int(self.starts[place]), int(self.ends[place]))

    def evidence(self, place: int, at: float | None) -> Evidence:
        """Return the evidence of a row or a silent line without reading it again."""
        return evidence_of(self.line(place), self.reader.log, at)

    def event(self, place: int) -> Event:
        """Read a row or a silent line."""
        event = read_event(self.line(place), self.reader.log)
        assert event is not None, "a blank line in a block"
        return event


def blocks(stretch: Stretch, reader: Reader, spans: Sequence[ByteSpan] | None = None) -> Iterator[Block | Event]:
    """Cut a stretch of whole lines into blocks and the events between them.

    ``spans`` is the result of ``reader.speaking``, if the caller has already asked for it.
    """
    import numpy as np

    data = stretch.data
    octets = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(octets == ord("\n"))
    starts = np.concatenate(([0], ends[:-1] + 1))
    kept = np.flatnonzero(~_blank(data, octets, starts, ends))
    starts, ends = starts[kept], ends[kept]
    if not len(starts):
        return
    heads, at_start = _heads(octets, starts, ends)
    speaking = _lines_at(reader.speaking(data) if spans is None else spans, starts, ends)
    alone = np.zeros(len(starts), bool)
    alone[heads] = alone[speaking] = True
    plain = heads[at_start]
    plain = plain[~np.isin(plain, speaking)]
    rows = tuple(reader.templates.rows(data, starts, ends, plain))
    for each in rows:
        alone[each.places] = False
    whole = Block(reader, stretch, kept, starts, ends, rows, ())
    yield from _cut(whole, np.flatnonzero(alone).tolist())


def _cut(whole: Block, alone: Sequence[int]) -> Iterator[Block | Event]:
    """Read the lines that are not rows, and end a block before each one that cannot be a passenger."""
    passengers: list[tuple[int, Event]] = []
    begin = 0
    for place in alone:
        # How a line is read may depend on the lines before it, which are folded by now.
        event = whole.reader.read(whole.line(place))
        assert event is not None, "a blank line in a block"
        if _is_silent(event):
            continue
        if isinstance(event.record, _PASSENGERS) and (step_of(event) or 0) >= 0:
            passengers.append((place, event))
            continue
        if begin < place:
            yield replace(whole, passengers=tuple(passengers)).part(begin, place)
        yield event
        begin, passengers = place + 1, []
    if begin < len(whole):
        yield replace(whole, passengers=tuple(passengers)).part(begin, len(whole))


def step_of(event: Event) -> int | None:
    """Return the step of an event's record; None if it has none."""
    step = getattr(event.record, "step", None)
    return step if isinstance(step, int) else None


def _is_silent(event: Event) -> bool:
    """Return whether a line has no record, no time and no samples."""
    return event.record is None and event.evidence.at is None and not event.samples


def _first(pair: tuple[int, Event]) -> int:
    return pair[0]


def _blank(data: bytes, octets: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return which lines contain only white space."""
    is_blank: np.ndarray = starts == ends
    suspects = (octets[starts] <= ord(" ")) & (octets[ends - 1] <= ord(" ")) & ~is_blank
    for index in suspects.nonzero()[0].tolist():
        is_blank[index] = data[starts[index] : ends[index]].isspace()
    return is_blank


def _lines_at(spans: Sequence[ByteSpan], starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return the places of all lines that overlap one of these spans."""
    import numpy as np

    if not spans:
        return np.array([], np.int64)
    first = np.searchsorted(ends, [span.start for span in spans])
    last = np.searchsorted(starts, [span.end for span in spans], side="right")
    # With the indices, as without them numpy loads its masked arrays, which takes as long as the rest of it.
    places = np.concatenate([np.arange(*pair) for pair in zip(first, last, strict=True)])
    return np.unique(places, return_index=True)[0]


def _heads(octets: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lines that may contain the head of a record, and whether it is at their start."""
    import numpy as np

    zulus = np.flatnonzero(octets == ord("Z"))
    zulus = zulus[(zulus >= HEAD_BYTES - 2) & (zulus + 1 < len(octets))]
    for offset, letter in ((1, " "), (-4, "."), (-13, "T"), (-19, "-")):
        zulus = zulus[octets[zulus + offset] == ord(letter)]
    lines = np.searchsorted(ends, zulus)
    lines, first = np.unique(lines, return_index=True)
    at_start: np.ndarray = zulus[first] - (HEAD_BYTES - 2) == starts[lines]
    return lines, at_start
