"""What becomes of a log's lines: how many each pattern takes, and the commonest shapes of those that none takes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from monitor.reader.dialects.reader import DialectReader
from monitor.reader.dialects.state import DialectState
from monitor.reader.event import Event, RawLine
from monitor.reader.heads import take_head
from monitor.reader.state import Clock

SHAPES_KEPT = 5_000
"""Shapes that are counted; a log of prose has no two alike."""
GUESSED = 100
"""Shapes, the commonest, whose numbers are guessed at."""
SHAPE_LIMIT = 160
"""Characters of a shape."""


class Shape(NamedTuple):
    """A kind of line that is not understood."""

    words: str
    """Its text, with # in place of each number."""
    lines: int
    first: int
    """Number of the first such line."""
    example: str
    share: float = 0.0
    """Of all lines of the log."""
    guess: str = ""
    """What its numbers may be."""
    doubt: str = ""
    """Why they are not read."""


@dataclass
class Account:
    """What became of the lines of a log."""

    lines: int = 0
    """Lines that are not blank."""
    understood: int = 0
    asides: int = 0
    """Of these: source code and settings that the trainer printed before it trained."""
    state: DialectState = field(default_factory=DialectState)
    kinds: Counter[str] = field(default_factory=Counter)
    """Lines by ``dialect:pattern``, native ones by their tag."""
    shapes: tuple[Shape, ...] = ()
    """The others, the commonest first."""


def account_of(lines: Iterable[RawLine], log: str, reader: DialectReader) -> Account:
    """Read a log to its end and count."""
    account, counted, first = Account(), Counter[str](), dict[str, tuple[int, str]]()
    is_over = False
    for line in lines:
        line = reader.decoded(line, account.state)
        event = reader.read(line, log, account.state, is_over=is_over)
        if event is None:
            continue
        account.lines += 1
        is_over |= type(event.record).__name__ == "RunEnd"
        if event.is_understood:
            account.understood += 1
            account.asides += event.kind.endswith(":aside")
            account.kinds[event.kind or f"native:{_tag(event)}"] += 1
            continue
        words = shape_of(line.data)
        if words in first or len(first) < SHAPES_KEPT:
            counted[words] += 1
            first.setdefault(words, (line.number, event.evidence.text))
    from monitor.reader.guess import guess_of

    account.shapes = tuple(
        Shape(
            words,
            num,
            *first[words],
            round(num / account.lines, 4),
            *(guess_of(first[words][1]) if place < GUESSED else ("", "")),
        )
        for place, (words, num) in enumerate(counted.most_common())
    )
    return account


def shape_of(data: bytes) -> str:
    """Return a line's own words with # for each number, so that lines of one kind look alike."""
    text = take_head(data.decode("utf-8", "replace"), Clock()).body[: 4 * SHAPE_LIMIT]
    text = _BAR.sub("|…|", text)
    return _NUMBER.sub("#", text)[:SHAPE_LIMIT]


_BAR = re.compile(r"\|[█▏▎▍▌▋▊▉ ]+\||━[━╸╺ ]*")
_NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d[\d,.]*(?:[eE][-+]?\d+)?|nan\b|inf\b)")


def _tag(event: Event) -> str:
    return event.record.TAG if event.record is not None else ""
