"""The lines of a log around one that is cited, and whether it still is the line that was read."""

from __future__ import annotations

from typing import BinaryIO, NamedTuple

from monitor.base.errors import LogError
from monitor.base.escape import redact
from monitor.base.evidence import Evidence
from monitor.tail.opening import opened

LINE_BYTES = 4_096
"""Bytes of each line that are shown."""
REACH_BYTES = 1 << 20
"""How far around the line its neighbours are looked for."""
COMPARED = 200
"""Characters that tell whether the line is the one that was read."""


class Excerpt(NamedTuple):
    """Lines of a log with their numbers."""

    lines: tuple[tuple[int, str], ...]
    doubt: str
    """Why these may not be the lines that the alert was raised on; empty where they are."""


def excerpt(line: Evidence, context: int) -> Excerpt:
    """Return a line with so many before and behind it, from its file; its kept text where that is gone."""
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
        return Excerpt(kept, "the file has another line there now: it was rotated or written anew; this was kept of it")
    return Excerpt(found, "")


def _around(stream: BinaryIO, line: Evidence, context: int) -> tuple[tuple[int, str], ...]:
    start = max(0, line.offset - REACH_BYTES)
    stream.seek(start)
    before = stream.read(line.offset - start).split(b"\n") if context and line.offset else []
    stream.seek(line.offset)
    behind = stream.read(REACH_BYTES).split(b"\n")[: context + 1]
    if behind and not behind[-1]:
        behind.pop()
    # Behind the last line feed before the line there is nothing but its own beginning, a progress bar's for example.
    above = before[-context - 1 : -1] if context else []
    numbers = range(line.line - len(above), line.line + len(behind))
    return tuple((number, _text(data)) for number, data in zip(numbers, [*above, *behind], strict=True))


def _text(data: bytes) -> str:
    return data[:LINE_BYTES].rstrip(b"\r").decode("utf-8", "replace")


def _is_same(kept: str, here: str) -> bool:
    """Compare as far as both are kept; what was written elsewhere is redacted, and has lost its controls."""
    wanted = kept[:COMPARED]
    return not wanted or here.startswith(wanted) or _plain(redact(here)).startswith(_plain(redact(kept))[:COMPARED])


def _plain(text: str) -> str:
    return "".join(character for character in text if character.isprintable())
