"""Evidence: the place in a log that a statement rests on. Every later station cites it."""

from __future__ import annotations

from typing import NamedTuple

TEXT_LIMIT = 2_000
"""Characters of a line that evidence keeps; a GRAD-MONITOR report of eight groups needs about 1,300."""


class Evidence(NamedTuple):
    """One line of one log.

    Line numbers are those of an editor or ``sed -n Np``: 1-based, counting line feeds.
    """

    path: str
    """The log as the user named it."""
    line: int
    """1-based number of the line."""
    offset: int
    """Byte offset of the line's first byte."""
    at: float | None
    """Time written in the line, in seconds since 1970-01-01 UTC; None where the line bears none."""
    text: str
    """The line itself, at most TEXT_LIMIT characters, not yet escaped for any output."""


def shortened(evidence: Evidence, most_bytes: int) -> Evidence:
    """Return evidence with at most so many bytes of text, in UTF-8."""
    if 4 * len(evidence.text) <= most_bytes or (evidence.text.isascii() and len(evidence.text) <= most_bytes):
        return evidence
    return evidence._replace(text=evidence.text.encode("utf-8", "ignore")[:most_bytes].decode("utf-8", "ignore"))
