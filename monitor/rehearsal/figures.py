"""Where in the lines of a log a figure is: found by changing numbers and asking the reader what it reads then.

No format is known here. A number is the loss if the reader reads another loss once that number is another one.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from monitor.reader.dialects import DialectReader
from monitor.reader.dialects.state import DialectState
from monitor.reader.event import Event
from monitor.reader.numbers import SLOT, read
from monitor.reader.signals import Sample
from monitor.reader.template import MARK
from monitor.tail import Line

LINES_BEFORE = 12
"""A report over several lines is read at its last one; its figures may be so many lines above. Chosen by hand."""
STATE_EVERY = 64
"""Lines between two states of the reader that are kept, to read from there again."""
MOST_SEARCHES = 400
"""Lines whose figure is searched by changing numbers, each of a shape that was not known before. Chosen by hand."""
_BAR = re.compile(r"\|[\s█▏▎▍▌▋▊▉]*\||[█▏▎▍▌▋▊▉░▒▓━╸╺]+|[#=>.-]{3,}")
_CELL = re.compile(r"(?<![\w.])[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?(?![\w.])")
"""A number in a row of cells that commas separate: elsewhere, commas belong to numbers."""
_WAYS = (SLOT, _CELL)
_OTHER_DIGIT = str.maketrans("0123456789", "1234567891")


class Place(NamedTuple):
    """Where a figure is."""

    row: int
    """Of its line, among those given."""
    start: int
    """Of the number within the line's text."""
    end: int
    shape: str
    """Of the line, without its numbers: two kinds of lines may print a figure in two ways."""


class Figures:
    """The figures of some signals in consecutive lines."""

    def __init__(
        self,
        lines: Sequence[Line],
        events: Sequence[Event | None],
        state: DialectState,
        reader: DialectReader,
        is_wanted: Callable[[Sample], bool],
    ) -> None:
        """``state`` is the reader's before the first line; ``events`` are what it read in the lines.

        ``is_wanted`` says which samples are the figures.
        """
        self._lines, self._events, self._reader, self._is_wanted = lines, events, reader, is_wanted
        self._texts = [line.data.decode("utf-8", "surrogateescape") for line in lines]
        self._state = state
        self._states: dict[int, DialectState] = {0: state}
        self._slots: dict[str, _Slot] = {}
        self._searches = 0

    def places(self, first: int) -> tuple[list[Place], bool]:
        """Return the places of the figures from a line on, and whether each that the reader read was found."""
        told: list[Place] = []
        is_whole = True
        for index in range(first, len(self._lines)):
            value = self.value(self._events[index])
            if value is None:
                continue
            place = self._known(index, value) or self._searched(index, value)
            if place is None:
                is_whole = False
            elif place not in told:
                told.append(place)
        return sorted([*told, *self._shown_again(told)]), is_whole

    def _shown_again(self, told: Sequence[Place]) -> Iterator[Place]:
        """Yield the figures that progress bars show once more: the reader does not tell them twice."""
        by_row = {place.row: place for place in told}
        shown: dict[str, str] = {}
        for row in range(min(by_row, default=len(self._texts)), len(self._texts)):
            text = self._texts[row]
            slot = self._slots.get(_key(text))
            place = by_row.get(row)
            if place is not None and slot is not None:
                shown[_key(text)] = text[place.start : place.end]
                continue
            again = None if slot is None else self._slot(row, slot)
            if again is not None and text[again.start : again.end] in shown.values():
                yield again

    def value(self, event: Event | None) -> float | None:
        """Return the figure that an event gives."""
        if event is None:
            return None
        return next((each.value for each in event.samples if self._is_wanted(each)), None)

    def _known(self, index: int, value: float) -> Place | None:
        """Return the figure's place by the shape of a line that was searched before."""
        for above in range(index, max(-1, index - LINES_BEFORE - 1), -1):
            if above < index and self.value(self._events[above]) is not None:
                break  # the figure there is that line's own
            slot = self._slots.get(_key(self._texts[above]))
            place = None if slot is None else self._slot(above, slot)
            if place is not None and _is_of(self._texts[above][place.start : place.end], value):
                return place
        return None

    def _searched(self, index: int, value: float) -> Place | None:
        """Find a figure's place by changing one number after the other."""
        if self._searches >= MOST_SEARCHES:
            return None
        self._searches += 1
        for above in range(index, max(-1, index - LINES_BEFORE - 1), -1):
            for way, number, match in _numbers(self._texts[above]):
                changed = match[0].translate(_OTHER_DIGIT)
                if changed == match[0] or not self._decides(index, above, match, changed, value):
                    continue
                self._slots[_key(self._texts[above])] = _Slot(way, number)
                return Place(above, match.start(), match.end(), _key(self._texts[above]))
            if above < index and self.value(self._events[above]) is not None:
                break
        return None

    def _decides(self, index: int, above: int, match: re.Match[str], changed: str, value: float) -> bool:
        """Whether the figure read at a line becomes another one with this number of a line at or above it."""
        was, is_ = _number(match[0]), _number(changed)
        if was is None or is_ is None or not _is_of(match[0], value):
            return False
        text = f"{match.string[: match.start()]}{changed}{match.string[match.end() :]}"
        new = self._read_again(index, above, text)
        if new is None:
            return False
        expected = is_ if was == 0 else value / was * is_
        return math.isclose(new, expected, rel_tol=1e-6, abs_tol=1e-12) and new != value

    def _read_again(self, index: int, above: int, text: str) -> float | None:
        state = copy.deepcopy(self._state_before(above))
        event: Event | None = None
        for place in range(above, index + 1):
            line = self._lines[place]
            if place == above:
                line = line._replace(data=text.encode("utf-8", "surrogateescape"))
            event = self._read(line, state)
        return self.value(event)

    def _state_before(self, index: int) -> DialectState:
        kept = index - index % STATE_EVERY
        if kept not in self._states:
            self._states = {
                0: self._state,
                **{place: state for place, state in self._states.items() if place > kept - 4 * STATE_EVERY},
            }
        begin = max(place for place in self._states if place <= index)
        if begin == index:
            return self._states[index]
        state = copy.deepcopy(self._states[begin])
        for place in range(begin, index):
            if place == kept and place != begin:
                self._states[place] = copy.deepcopy(state)
            self._read(self._lines[place], state)
        return state

    def _read(self, line: Line, state: DialectState) -> Event | None:
        return self._reader.read(self._reader.decoded(line, state), "", state, is_over=False)

    def _slot(self, index: int, slot: _Slot) -> Place | None:
        for way, number, match in _numbers(self._texts[index]):
            if (way, number) == slot:
                return Place(index, match.start(), match.end(), _key(self._texts[index]))
        return None


class _Slot(NamedTuple):
    """Which number of a line it is."""

    way: int
    """Of `_WAYS`."""
    number: int


def _numbers(text: str) -> Iterator[tuple[int, int, re.Match[str]]]:
    """Yield the numbers of a line, as each of the ways to tell numbers finds them."""
    for way, pattern in enumerate(_WAYS):
        for number, match in enumerate(pattern.finditer(text)):
            yield way, number, match


def _key(text: str) -> str:
    """Return a line's shape: its words without numbers, their padding, and the drawing of a bar."""
    return re.sub(r"\s+", " ", re.sub(r"\d+", "0", _BAR.sub("|", SLOT.sub(MARK, text))))


def _number(text: str) -> float | None:
    try:
        written = read(text)
    except (ValueError, OverflowError):
        return None
    return None if written is None or not math.isfinite(written.value) else written.value


def _is_of(text: str, value: float) -> bool:
    """Whether a number may be what was read, perhaps in another unit: as it is, by a thousandth or a hundredth."""
    number = _number(text)
    if number is None:
        return not math.isfinite(value)
    return any(math.isclose(number * scale, value, rel_tol=1e-6, abs_tol=1e-15) for scale in (1.0, 1e-3, 1e-2, -1.0))
