"""Evidence: the line of a log that proves a claim. Every later station cites it."""

from __future__ import annotations

from typing import NamedTuple

TEXT_LIMIT = 2_000
"""Most characters of a line that evidence keeps; a GRAD-MONITOR report of eight groups needs about 1,300."""


class Evidence(NamedTuple):
    """One line of one log.

    Line numbers are 1-based and count line feeds, as an editor and ``sed -n Np`` do.
    """

    path: str
    """The log as the user named it."""
    line: int
    """1-based number of the line."""
    offset: int
    """Byte offset of the line's first byte."""
    at: float | None
    """Time written in the line, in seconds since 1970-01-01 UTC; None if the line has no time."""
    text: str
    """The line itself, at most TEXT_LIMIT characters, not escaped."""


def shortened(evidence: Evidence, most_bytes: int) -> Evidence:
    """Return the evidence with its text cut to at most ``most_bytes`` bytes of UTF-8."""
    if 4 * len(evidence.text) <= most_bytes or (evidence.text.isascii() and len(evidence.text) <= most_bytes):
        return evidence
    return evidence._replace(text=evidence.text.encode("utf-8", "ignore")[:most_bytes].decode("utf-8", "ignore"))
