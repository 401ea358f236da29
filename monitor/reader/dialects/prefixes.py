"""What stands before a foreign line's own words: a progress bar, a rank, a time, a logger and its level."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple


class Parts(NamedTuple):
    """A line, taken apart."""

    bar: bytes
    """The progress bar that it begins behind; empty where there is none."""
    at: float | None
    """Seconds since 1970-01-01. None where the line bears no time."""
    body: bytes
    """The line's own words."""
    is_zone_assumed: bool = False
    """Whether the time names no zone and none was given, so that it is taken for UTC."""


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


def take_apart(data: bytes, zone: tzinfo | None = None, near: float | None = None) -> Parts:
    """Return a line without what stands before its own words.

    ``zone`` is that of a time which names none; what the clocks show twice in autumn is then the moment that lies
    nearer to ``near``, that of the line before.
    """
    if rank := _RANK.match(data):
        data = data[rank.end() :]
    bar = b""
    if (b"it/s" in data or b"s/it" in data) and (end := _BAR_END.search(data)):
        bar, data = data[: end.end()].rstrip(), data[end.end() :]
    if stamp := _STAMP.match(data):
        logger = _LOGGER.match(data, stamp.end())
        body = data[logger.end() if logger else stamp.end() :].strip()
        return Parts(bar, _seconds_of(stamp, zone, near), body, is_zone_assumed=not stamp[6] and zone is None)
    if seconds := _SECONDS.match(data):
        return Parts(bar, float(b"%s.%s" % (seconds[1], seconds[2] or b"0")), data[seconds.end() :].strip())
    if logger := _PLAIN_LOGGER.match(data):
        return Parts(bar, None, data[logger.end() :].strip())
    return Parts(bar, None, data.strip())


def _seconds_of(stamp: re.Match[bytes], zone: tzinfo | None, near: float | None) -> float | None:
    day = _day_seconds(stamp[1])
    if day is None:
        return None
    hours, minutes, seconds = int(stamp[2]), int(stamp[3]), int(stamp[4])
    if hours > 23 or minutes > 59 or seconds > 60:
        return None
    local = day + 3600 * hours + 60 * minutes + seconds
    if stamp[6] or zone is None:
        whole = local - _offset_seconds(stamp[6])
    else:
        whole = local - _zone_offset_seconds(zone, local, near)
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


def _zone_offset_seconds(zone: tzinfo, local: int, near: float | None) -> int:
    """Return what to take from a local time, in seconds since 1970-01-01 00:00 of that zone."""
    try:
        shown = datetime(1970, 1, 1) + timedelta(seconds=local)
        offsets = [shown.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1)]
    except OverflowError:
        return 0
    away = [round(offset.total_seconds()) if offset else 0 for offset in offsets]
    return away[0] if near is None else min(away, key=lambda each: abs(local - each - near))
