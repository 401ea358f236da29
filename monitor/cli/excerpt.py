"""The lines of a log around a cited line, and whether the file still has that line."""

from __future__ import annotations

from typing import BinaryIO, NamedTuple

from monitor.base.errors import LogError
from monitor.base.escape import redact
from monitor.base.evidence import Evidence
from monitor.tail.opening import opened

LINE_BYTES = 4_096
"""Bytes shown of each line."""
REACH_BYTES = 1 << 20
"""How far from the line to look for its neighbours."""
COMPARED = 200
"""Characters to compare, to see whether the line is the one that was read."""


class Excerpt(NamedTuple):
    """Lines of a log with their numbers."""

    lines: tuple[tuple[int, str], ...]
    doubt: str
    """Why these may not be the lines that raised the alert; empty where they are."""


def excerpt(line: Evidence, context: int) -> Excerpt:
    """Return a line with ``context`` lines before and after it; only its kept text where the file has changed."""
    kept = ((line.line, line.text),)
    if line.path in ("", "-") or line.line < 1:
        return Excerpt(kept, "the log cannot be read again")
    try:
        with opened(line.path) as stream:
            found = _around(stream, line, context)
    except LogError as error:
        return Excerpt(kept, str(error).removeprefix(f"{line.path}: "))
    except OSError as error:
        return Excerpt(kept, f"cannot be read ({error.strerror})")
    here = dict(found).get(line.line)
    if here is None or not _is_same(line.text, here):
        return Excerpt(kept, "the file has another line there now: it was rotated or rewritten; this is the kept text")
    return Excerpt(found, "")


def _around(stream: BinaryIO, line: Evidence, context: int) -> tuple[tuple[int, str], ...]:
    start = max(0, line.offset - REACH_BYTES)
    stream.seek(start)
    before = stream.read(line.offset - start).split(b"\n") if context and line.offset else []
    stream.seek(line.offset)
    behind = stream.read(REACH_BYTES).split(b"\n")[: context + 1]
    if behind and not behind[-1]:
        behind.pop()
    # What follows the last line feed is the beginning of the line itself, of a progress bar for example.
    above = before[-context - 1 : -1] if context else []
    numbers = range(line.line - len(above), line.line + len(behind))
    return tuple((number, _text(data)) for number, data in zip(numbers, [*above, *behind], strict=True))


def _text(data: bytes) -> str:
    return data[:LINE_BYTES].rstrip(b"\r").decode("utf-8", "replace")


def _is_same(kept: str, here: str) -> bool:
    """Compare as far as both are kept; text from a file of alerts is redacted and has lost its control characters."""
    wanted = kept[:COMPARED]
    return not wanted or here.startswith(wanted) or _plain(redact(here)).startswith(_plain(redact(kept))[:COMPARED])


def _plain(text: str) -> str:
    return "".join(character for character in text if character.isprintable())
