"""A line's shape: its words, with each number left out; the numbers are given separately."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from zlib import crc32

from monitor.reader.numbers import SLOT, unwrap
from monitor.reader.outline import MOST_OUTLINES, ByOutline

LONGEST_BODY = 8_000
"""Characters of a line that are looked at."""
MOST_SLOTS = 160
"""Numbers of a line that are looked at; a report of every expert of a large model has about a hundred."""
MARK = "\x00"
"""What replaces a number in a template."""

_CUTOFF = re.compile(r"\btop[ -]$", re.I)
"""What comes before a number that is part of a name: ``top 5 acc: 0.9``."""


class Shape(NamedTuple):
    """A line, as its template and what fills it."""

    template: str
    slots: tuple[str, ...]
    """The numbers, as they were written."""


def shape_of(body: str) -> Shape:
    """Return the shape of a line's own words."""
    text = unwrap(body[:LONGEST_BODY].replace(MARK, " "))
    spans = _known_spans(text)
    slots: list[str] = []
    parts: list[str] = []
    end = 0
    for first, last in _spans(text) if spans is None else spans:
        parts.append(text[end:first])
        slots.append(text[first:last])
        end = last
    parts.append(text[end:])
    return Shape(MARK.join(parts), tuple(slots))


def _spans(text: str) -> tuple[tuple[int, int], ...]:
    """Return where the numbers of a line begin and end."""
    spans: list[tuple[int, int]] = []
    for found in SLOT.finditer(text):
        if found[0].isdigit() and _CUTOFF.search(text, max(0, found.start() - 5), found.start()):
            continue
        spans.append(found.span())
        if len(spans) == MOST_SLOTS:
            break
    return tuple(spans)


_known_spans = ByOutline(_spans)


@lru_cache(maxsize=MOST_OUTLINES)
def template_key(template: str) -> str:
    """Return a short name of a template."""
    words = " ".join(template.replace('"', "").replace("'", "").split())
    return f"{crc32(words.encode()):08x}{len(words):x}"
