"""A drawing of a progress bar → the expression that reads all drawings of that bar, and what their numbers are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from monitor.reader.bars import Bar
from monitor.reader.numbers import FINITE
from monitor.reader.template import MARK, shape_of
from monitor.reader.vocabulary import listed, words_of

if TYPE_CHECKING:
    from monitor.reader.columns import Fast
    from monitor.reader.report import Report
    from monitor.reader.state import ReadState

_BLOCK = rb"(?:[ #0-9]|\xe2\x96[\x88-\x8f])*"
"""What tqdm draws: in ASCII, or the eighths of a block."""
_CLOCK = rb"(?:\d+ days?, )?[\d:.]+"
_TQDM = (
    rb" *\d{1,3}%\|" + _BLOCK + rb"\| *(\d{1,15})/(\d{1,15}) *\[ *" + _CLOCK + rb" *< *(?:" + _CLOCK + rb"|\?), *"
    rb"(\d+(?:\.\d+)?|\?) *(it/s|s/it)"
)
PLAIN = rb" *" + _TQDM + rb"\] *"
"""A bar of tqdm without words: done, total, rate and its unit."""
_KERAS = (
    rb" *(\d{1,15})/(\d{1,15}) +(?:\[[=>.]+\]|(?:\xe2\x94\x81|\xe2\x95[\xb6\xb8\xba])"
    rb"(?:\xe2\x94\x81|\xe2\x95[\xb6\xb8\xba]| )*) *"
)
_KERAS_TIME = rb"(?:- )?(?:ETA: *[\d:]+s?|\d+:\d\d(?::\d\d)?|\d+(?:\.\d+)?m?s)"
_KERAS_PACE = rb" *\d+(?:\.\d+)? ?(?:ms|s)/step"
_OTHER_BYTES = re.compile(rb"\xe2(?:\x96[\x88-\x8f]|\x94\x81|\x95[\xb6\xb8\xba])")


class BarShape(NamedTuple):
    """A bar whose drawings are reports."""

    style: str
    slots: tuple[int, ...]
    """The group of each number in its words."""
    done: int
    total: int
    """The groups of how far it is."""
    rate: int
    unit: int
    """The groups of its speed; -1 for a bar that does not say it as the others do."""

    @property
    def num_groups(self) -> int:
        """Groups of the expression."""
        return len(self.slots) + (4 if self.rate >= 0 else 2)

    @property
    def shows_again(self) -> bool:
        """Whether it shows the last loss again and again, which is news when it is another."""
        return self.style != "keras"


def is_drawn(line: bytes) -> bool:
    """Whether a line is ASCII, but for what bars are drawn with."""
    return line.isascii() or _OTHER_BYTES.sub(b"", line).isascii()


def is_plain(line: bytes) -> bool:
    """Whether a line draws a bar of tqdm without words."""
    return _PLAIN.fullmatch(line) is not None


_PLAIN = re.compile(PLAIN)


def plain_groups(line: bytes) -> tuple[int, int, float | None] | None:
    """Return done, total and seconds per step of a bar of tqdm without words; None for any other line."""
    found = _PLAIN.fullmatch(line)
    if found is None:
        return None
    return int(found[1]), int(found[2]), paces_of((found[3],), (found[4],))[0]


def paces_of(rates: Sequence[bytes], units: Sequence[bytes]) -> list[float | None]:
    """Return the seconds per step that bars say; None for a bar that does not know it yet."""
    return [
        None if rate == b"?" else _pace(float(rate), unit == b"s/it") for rate, unit in zip(rates, units, strict=True)
    ]


def _pace(speed: float, is_per_step: bool) -> float | None:
    return speed if is_per_step else 1 / speed if speed > 0 else None


def bar_shape(line: bytes, bar: Bar, report: Report, state: ReadState) -> tuple[Fast, BarShape] | None:
    """Return how drawings of a bar are read at once, by one of them that was a report; None where that is not sure.

    The expression has groups for the numbers in its words, and for the bar's own.
    """
    from monitor.reader.columns import fast_plan

    text = f"{bar.words} | {bar.pairs}" if bar.words and bar.pairs else bar.words or bar.pairs
    parts = [shape_of(each).template for each in (bar.words, bar.pairs) if each]
    template = shape_of(text).template
    if bar.behind or template != " | ".join(parts) or "  " in template or not _is_usual(bar):
        return None
    fast = fast_plan(template, report, state, is_bar=True)
    if fast is None:
        return None
    patterns = [FINITE.join(re.escape(gap.encode()) for gap in part.split(MARK)) for part in parts]
    before = parts[0].count(MARK) if bar.words else 0
    if bar.style == "tqdm":
        head = patterns[0] if bar.words else b""
        tail = rb", *" + patterns[-1] + rb" *" if bar.pairs else b""
        whole = rb" *" + head + _TQDM + tail + rb"\] *"
        slots = (*range(before), *range(before + 4, fast.num_slots + 4))
        groups = (before, before + 1, before + 2, before + 3)
    else:
        pace = rb"(?:" + _KERAS_PACE + rb")?" if state.place.counts_samples is False else b""
        whole = _KERAS + rb"(?:" + _KERAS_TIME + pace + rb")?(?: +- +| *)" + patterns[0] + rb" *"
        slots, groups = tuple(range(2, fast.num_slots + 2)), (0, 1, -1, -1)
    shape = BarShape(bar.style, slots, *groups)
    fast = fast._replace(pattern=whole)
    return (fast, shape) if _is_right(fast, shape, line, bar, report) else None


def _is_usual(bar: Bar) -> bool:
    """Whether a bar's place is what it has done, of a training whose epoch its words may name."""
    words = set(words_of(bar.words))
    if bar.style == "keras":
        return not bar.words
    is_of_epochs = bool(words) and words <= {"epoch", "epochs"}
    is_of_steps = bool(words) and words <= listed("bars_of_steps")
    return bar.style == "tqdm" and not is_of_epochs and not is_of_steps and not bar.words.startswith("[")


def _is_right(fast: Fast, shape: BarShape, line: bytes, bar: Bar, report: Report) -> bool:
    """Whether the expression reads in the drawing itself what was read in the ordinary way."""
    found = re.fullmatch(fast.pattern, line)
    if found is None or len(found.groups()) != shape.num_groups:
        return False
    groups = found.groups()
    if (int(groups[shape.done]), int(groups[shape.total])) != (bar.done, bar.total):
        return False
    numbers = {value[:3]: value.number for value in report.values}
    return all(
        numbers.get(key) == float(groups[shape.slots[slot]]) * scale
        for key, slot, scale in zip(fast.keys, fast.slots, fast.scales, strict=True)
    )
