"""How lines are read: the dialect and the time zone that the user names, or what the lines show."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from pathlib import Path
from typing import NamedTuple

from monitor.base.suggestion import suggestion
from monitor.reader.dialects import NATIVE, DialectError, DialectReader, load_dialect, shipped_dialects
from monitor.reader.own_words import load_words


class LineChoice(NamedTuple):
    """How the command line wants lines of other trainers to be read."""

    dialect: str | None
    """None to detect it from the log."""
    time_zone: str | None
    """Zone of the times that name none."""
    vocabulary: tuple[Path, ...] = ()
    """Files with the user's words."""


def dialects_of(
    lines: LineChoice, dialect: str | None = None, time_zone: str | None = None, vocabulary: Sequence[str] = ()
) -> DialectReader:
    """Return the reader of lines: the command line decides, then the watch file, then the lines themselves.

    The words of all vocabulary files count, those of the command line most. Raises DialectError, Problems.
    """
    words = load_words([*map(Path, vocabulary), *lines.vocabulary]) if vocabulary or lines.vocabulary else None
    name, zone = lines.dialect or dialect, _zone_of(lines.time_zone or time_zone)
    if name is None:
        return DialectReader(zone=zone, vocabulary=words)
    if name.endswith((".yaml", ".yml")):
        own = load_dialect(Path(name))
        return DialectReader(own.name, (own,), zone, words)
    known = (NATIVE, *(each.name for each in shipped_dialects()))
    if name not in known:
        expected = f"{', '.join(known)}{suggestion(name, known)}, or a file NAME.yaml"
        raise DialectError(f"--dialect {name}", "unknown dialect", expected=expected)
    return DialectReader(name, zone=zone, vocabulary=words)


def _zone_of(name: str | None) -> tzinfo | None:
    if name is None:
        return None
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    # An unknown zone is a KeyError; a path outside the folder of zones, or a folder in it, raises another error.
    except (KeyError, ValueError, OSError):
        expected = "a name such as Europe/Berlin, or UTC"
        raise DialectError(f"--time-zone {name}", "not a time zone", expected=expected) from None
