"""One line → what the patterns of a dialect are tried on: its own words, and the progress bar before them."""

from __future__ import annotations

import re
from datetime import tzinfo
from typing import NamedTuple

from monitor.reader.heads import Head, take_head
from monitor.reader.state import Clock

# Text behind a bar on the same line is a record of its own.
_BAR_END = re.compile(r"(?:it/s|s/it)(?:, [^\]\[]*)?\] *(?=[^ ])")


class Parts(NamedTuple):
    """A line, taken apart."""

    whole: Head
    """The line without its head."""
    bar: str
    """The progress bar that it begins with; empty where no record follows one."""
    own: Head
    """The record: behind the bar, if there is one."""

    @property
    def tried(self) -> list[bytes]:
        """What patterns are tried on."""
        return [part.encode() for part in (self.bar, self.own.body) if part]


def take_parts(text: str, clock: Clock, zone: tzinfo | None = None) -> Parts:
    """Take a line apart, and move the clock. ``zone`` is that of times which name none."""
    whole = take_head(text, clock, zone)
    body = whole.body
    if ("it/s" in body or "s/it" in body) and (end := _BAR_END.search(body)):
        behind = take_head(body[end.end() :], clock, zone)
        if behind.at is None:
            behind = behind._replace(at=whole.at, is_zone_assumed=whole.is_zone_assumed)
        return Parts(whole, body[: end.end()].rstrip(), behind)
    return Parts(whole, "", whole)
