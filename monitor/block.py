"""Lines → blocks: stretches of a log whose lines can be folded many at a time.

In: whole lines of a log. Out, in order: blocks, and events between them. A block holds lines outside the grammar
that say nothing, TRAIN lines of one layout as columns (see `monitor.forms`), and passengers: lines that are read one
by one and bear nothing but measurements. Any other line stands between two blocks, as the event that it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from monitor import logline
from monitor.events import Event, RawLine, evidence_of, read_event
from monitor.evidence import Evidence
from monitor.forms import HEAD_BYTES, MARK, Columns, Layout, layout_of, read_columns

if TYPE_CHECKING:
    import numpy as np

_PASSENGERS = (
    *(logline.GradReport, logline.GradBelow, logline.EncoderGrad, logline.WeightReport, logline.ActivationReport),
    *(logline.InputReport, logline.GuardCheck, logline.Metrics, logline.HorizonMetrics, logline.DataCheck),
    *(logline.Process, logline.Gpu, logline.Phase, logline.Checkpoint, logline.Epoch),
)


class Stretch(Protocol):
    """What this station needs of a stretch of whole lines, as the tail hands it over."""

    @property
    def data(self) -> bytes:
        """The lines, each with a line feed at its end, free of CR, NUL and ANSI sequences."""
        ...

    def line(self, index: int, start: int, end: int) -> RawLine:
        """Return the line of this index, which lies between two places of ``data``."""
        ...


@dataclass(frozen=True)
class Rest:
    """What is left of a stretch behind its first lines."""

    whole: Stretch
    index: int
    """How many lines were taken."""
    start: int
    """Where the rest begins."""

    @cached_property
    def data(self) -> bytes:
        """The lines that are left."""
        return self.whole.data[self.start :]

    def line(self, index: int, start: int, end: int) -> RawLine:
        """Return its line of this index."""
        return self.whole.line(self.index + index, self.start + start, self.start + end)


class Reader(Protocol):
    """Reads the lines of one log."""

    log: str
    """The log as the user named it."""

    def read(self, line: RawLine) -> Event | None:
        """Return what a line says; None for a blank one."""
        ...

    def may_speak(self, data: bytes) -> bool:
        """Whether any line of this stretch, outside the grammar, may say something; False only where none does."""
        ...


@dataclass(frozen=True)
class Block:
    """Lines that can be folded together. Places count its lines from 0; blank lines are left out."""

    reader: Reader
    stretch: Stretch
    indices: np.ndarray
    """Index of each line within the stretch."""
    starts: np.ndarray
    """Where each line starts within the stretch."""
    ends: np.ndarray
    rows: np.ndarray
    """Places of the TRAIN lines."""
    columns: Columns | None
    """Their numbers; None where there are none."""
    may_speak: bool
    """Whether patterns and texts have to be looked for in its lines."""
    passengers: tuple[tuple[int, Event], ...]
    """Places and events of the lines that were read one by one."""

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def says_much(self) -> bool:
        """Whether there are records among its lines."""
        return self.columns is not None or bool(self.passengers)

    def part(self, begin: int, end: int) -> Block:
        """Return the block of some of its lines."""
        import numpy as np

        first, last = np.searchsorted(self.rows, (begin, end))
        columns = None
        if self.columns is not None and first < last:
            columns = Columns(
                self.columns.ats[first:last],
                self.columns.steps[first:last],
                self.columns.epochs[first:last],
                self.columns.batches[first:last],
                {name: values[first:last] for name, values in self.columns.fields.items()},
            )
        return replace(
            self,
            indices=self.indices[begin:end],
            starts=self.starts[begin:end],
            ends=self.ends[begin:end],
            rows=self.rows[first:last] - begin,
            columns=columns,
            passengers=tuple((place - begin, event) for place, event in self.passengers if begin <= place < end),
        )

    def line(self, place: int) -> RawLine:
        """Return one of its lines."""
        return self.stretch.line(int(self.indices[place]), int(self.starts[place]), int(self.ends[place]))

    def evidence(self, place: int, at: float | None) -> Evidence:
        """Return the evidence of a row or a silent line, without reading it again."""
        return evidence_of(self.line(place), self.reader.log, at)

    def event(self, place: int) -> Event:
        """Read one of its lines."""
        line = self.line(place)
        event = self.reader.read(line) if self.may_speak else read_event(line, self.reader.log)
        assert event is not None, "a blank line in a block"
        return event


def blocks(stretch: Stretch, reader: Reader) -> Iterator[Block | Event]:
    """Cut a stretch of whole lines into blocks and the events between them."""
    import numpy as np

    data = stretch.data
    octets = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(octets == ord("\n"))
    starts = np.concatenate(([0], ends[:-1] + 1))
    kept = np.flatnonzero(~_blank(data, octets, starts, ends))
    starts, ends = starts[kept], ends[kept]
    if len(starts):
        heads, at_start = _heads(octets, starts, ends)
        may_speak = reader.may_speak(data)
        if may_speak:
            heads, at_start = np.arange(len(starts)), np.isin(np.arange(len(starts)), heads[at_start])
        whole = Block(reader, stretch, kept, starts, ends, np.array([], np.int64), None, may_speak, ())
        yield from _cut(whole, data, heads.tolist(), at_start.tolist())


def _cut(whole: Block, data: bytes, heads: Sequence[int], at_start: Sequence[bool]) -> Iterator[Block | Event]:
    """Read the lines that may be records, and end a block before each that is neither row nor passenger."""
    import numpy as np

    starts, ends = whole.starts[heads].tolist(), whole.ends[heads].tolist()
    begin = 0
    layout: Layout | None = None
    places: list[int] = []
    rows: list[tuple[bytes, ...]] = []
    passengers: list[tuple[int, Event]] = []

    def block(end: int) -> Iterator[Block | Event]:
        columns = read_columns(layout, rows) if layout and rows else None
        found = replace(whole, rows=np.array(places, np.int64), columns=columns, passengers=tuple(passengers))
        if rows and columns is None:
            yield from (found.event(place) for place in range(begin, end))
        elif begin < end:
            yield found.part(begin, end)
        places.clear()
        rows.clear()
        passengers.clear()

    for place, is_at_start, start, end in zip(heads, at_start, starts, ends, strict=True):
        is_train = is_at_start and data.startswith(MARK, start + HEAD_BYTES)
        if is_train:
            if layout and (match := layout.pattern.fullmatch(data, start, end)):
                places.append(place)
                rows.append(match.groups())
                continue
            learnt = layout_of(data[start:end])
            if learnt and (match := learnt.pattern.fullmatch(data, start, end)):
                if rows:
                    yield from block(place)
                    begin = place
                layout = learnt
                places.append(place)
                rows.append(match.groups())
                continue
        event = whole.event(place)
        if _is_silent(event):
            continue
        if isinstance(event.record, _PASSENGERS) and (step_of(event) or 0) >= 0:
            passengers.append((place, event))
            continue
        yield from block(place)
        yield event
        begin = place + 1
    yield from block(len(whole))


def step_of(event: Event) -> int | None:
    """Return the step that an event's record says; None where it says none."""
    step = getattr(event.record, "step", None)
    return step if isinstance(step, int) else None


def _is_silent(event: Event) -> bool:
    """Whether a line says no more than that it is there."""
    return event.record is None and event.evidence.at is None and not event.samples


def _blank(data: bytes, octets: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return which lines hold nothing but white space."""
    is_blank: np.ndarray = starts == ends
    suspects = (octets[starts] <= ord(" ")) & (octets[ends - 1] <= ord(" ")) & ~is_blank
    for index in suspects.nonzero()[0].tolist():
        is_blank[index] = data[starts[index] : ends[index]].isspace()
    return is_blank


def _heads(octets: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lines that hold what may be the head of a record, and whether it stands at their start."""
    import numpy as np

    zulus = np.flatnonzero(octets == ord("Z"))
    zulus = zulus[(zulus >= HEAD_BYTES - 2) & (zulus + 1 < len(octets))]
    for offset, letter in ((1, " "), (-4, "."), (-13, "T"), (-19, "-")):
        zulus = zulus[octets[zulus + offset] == ord(letter)]
    lines = np.searchsorted(ends, zulus)
    lines, first = np.unique(lines, return_index=True)
    at_start: np.ndarray = zulus[first] - (HEAD_BYTES - 2) == starts[lines]
    return lines, at_start
