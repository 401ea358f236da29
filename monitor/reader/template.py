"""A line's shape: its words, with each number left out; the numbers are given separately."""

from __future__ import annotations

import re
from typing import NamedTuple
from zlib import crc32

from monitor.reader.numbers import SLOT, unwrap

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
    slots: list[str] = []
    parts: list[str] = []
    end = 0
    for found in SLOT.finditer(text):
        if found[0].isdigit() and _CUTOFF.search(text, max(0, found.start() - 5), found.start()):
            continue
        parts.append(text[end : found.start()])
        slots.append(found[0])
        end = found.end()
        if len(slots) == MOST_SLOTS:
            break
    parts.append(text[end:])
    return Shape(MARK.join(parts), tuple(slots))


def template_key(template: str) -> str:
    """Return a short name of a template."""
    words = " ".join(template.replace('"', "").replace("'", "").split())
    return f"{crc32(words.encode()):08x}{len(words):x}"
