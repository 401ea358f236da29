"""What stands before a foreign line's own words: a progress bar, a rank, a time, a logger and its level."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import NamedTuple


class Parts(NamedTuple):
    """A line, taken apart."""

    bar: bytes
    """The progress bar that it begins behind; empty where there is none."""
    at: float | None
    """Seconds since 1970-01-01; a time without a zone is taken for UTC. None where the line bears none."""
    body: bytes
    """The line's own words."""


_LEVEL = rb"(?:DEBUG|INFO|WARN(?:ING)?|ERROR|CRITICAL|FATAL)"
_RANK = re.compile(rb"(?:\[(?:[\w.-]{1,80}:)?(?:rank|default)?\d{1,5}\]:? *|\d{1,4}:(?: +|$))")
_BAR_END = re.compile(rb"(?:it/s|s/it)(?:, [^\]\[]*)?\] *(?=[^ ])")
_STAMP = re.compile(
    rb" *(?:\[[A-Za-z][\w.|:-]{0,80}\] )?\[?(\d{4}-\d\d-\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?"
    rb"(Z|[+-]\d\d:?\d\d)?(?=[\]\s:,|-]|$)"
)
_SECONDS = re.compile(rb" *\[?((?:1[5-9]|2\d)\d{8})(?:\.(\d{1,9}))?\]?[ :,|-]+")
_LOGGER = re.compile(
    rb"\]?(?:"
    rb"(?:\[[^\[\]]{1,120}\])?\[" + _LEVEL + rb"\] (?:- )?"  # [name][INFO] -
    rb"| - [^ ]{1,120} - " + _LEVEL + rb" - "  # - name - INFO -
    rb"| \| " + _LEVEL + rb" *\| [^ ]{1,120} - "  # | INFO | name:function:1 -
    rb"|[ ,]" + _LEVEL + rb"\b:? *(?:- )?"  # INFO
    rb"| >> "
    rb"|:? +"
    rb")?"
)
_PLAIN_LOGGER = re.compile(_LEVEL + rb":[\w.]{1,120}:")


def take_apart(data: bytes) -> Parts:
    """Return a line without what stands before its own words."""
    if rank := _RANK.match(data):
        data = data[rank.end() :]
    bar = b""
    if (b"it/s" in data or b"s/it" in data) and (end := _BAR_END.search(data)):
        bar, data = data[: end.end()].rstrip(), data[end.end() :]
    if stamp := _STAMP.match(data):
        logger = _LOGGER.match(data, stamp.end())
        return Parts(bar, _seconds_of(stamp), data[logger.end() if logger else stamp.end() :].strip())
    if seconds := _SECONDS.match(data):
        return Parts(bar, float(b"%s.%s" % (seconds[1], seconds[2] or b"0")), data[seconds.end() :].strip())
    if logger := _PLAIN_LOGGER.match(data):
        return Parts(bar, None, data[logger.end() :].strip())
    return Parts(bar, None, data.strip())


def _seconds_of(stamp: re.Match[bytes]) -> float | None:
    day = _day_seconds(stamp[1])
    if day is None:
        return None
    hours, minutes, seconds = int(stamp[2]), int(stamp[3]), int(stamp[4])
    if hours > 23 or minutes > 59 or seconds > 60:
        return None
    whole = day + 3600 * hours + 60 * minutes + seconds - _offset_seconds(stamp[6])
    return float(b"%d.%s" % (whole, stamp[5] or b"0"))


@lru_cache(maxsize=64)
def _day_seconds(text: bytes) -> int | None:
    try:
        return 86_400 * (date.fromisoformat(text.decode("ascii")) - date(1970, 1, 1)).days
    except ValueError:
        return None


def _offset_seconds(zone: bytes | None) -> int:
    if not zone or zone == b"Z":
        return 0
    digits = zone[1:].replace(b":", b"")
    away = 3600 * int(digits[:2]) + 60 * int(digits[2:])
    return -away if zone.startswith(b"-") else away
