"""Lines in an envelope → the line that was written.

Docker, Fluentd, journald and loggers of JSON put a line of text into one field of an object, beside what they know of
it:

    {"log":"step 0 loss 2.3\\n","stream":"stdout","time":"2024-07-01T10:00:01.5Z"}

An object with figures of its own is a record, and stays as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

_TEXTS = ("log", "message", "msg", "text", "line", "event", "MESSAGE", "textPayload")
"""Fields that hold the line."""
_TIMES = ("time", "timestamp", "ts", "@timestamp", "asctime", "datetime", "created", "date", "eventTime")
_LEVELS = ("level", "levelname", "severity", "level_name", "log_level", "loglevel")
_OF_THE_WRITER = re.compile(
    r"pid|process|thread|line|lineno|levelno|level|priority|uid|gid|port|msecs|relativecreated|created|v|version|seq|"
    r"offset|id|count|rank|local_rank|taskname|_?[a-z_@]*(?:time|timestamp|_ts|_id|pid|uid|gid|line)[a-z_]*|ts|date",
    re.I,
)
"""Fields whose numbers say who wrote the line, when, and where."""
_HINT = re.compile(rb'"(?:' + "|".join(_TEXTS).encode() + rb')" ?: ?"')
_TIMED = re.compile(r"\W{0,3}(?:\w+[ :|-]{1,3})?(?:\d{4}[-/]\d\d[-/]\d\d|\d\d[-/]\d\d |\d\d:\d\d:\d\d)")
"""How a line begins that has a time of its own."""
_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d")
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_ABOVE_INFO = ("WARN", "WARNING", "ERROR", "CRITICAL", "FATAL")
_STREAM = "stdout F "
"""What a container's runtime writes between the time and the line."""
LONGEST = 64_000
"""Bytes of a line that is looked into."""


def opened(data: bytes) -> bytes:
    """Return the line in an envelope, with the envelope's time and level before it; any other line as it is."""
    if data[:1] != b"{" or len(data) > LONGEST or not data.rstrip().endswith(b"}") or not _HINT.search(data):
        return data
    try:
        line = _line(json.loads(data))
    except (ValueError, RecursionError):
        return data
    return data if line is None else line.encode("utf-8", "replace")


def may_hold_envelopes(data: bytes) -> bool:
    """Whether some of these lines may be envelopes; where none is, it is False."""
    return data[:1] == b"{" or b"\n{" in data


def _line(said: object) -> str | None:
    if not isinstance(said, Mapping):
        return None
    fields = dict(_flat(said))
    texts = [name for name in _TEXTS if isinstance(fields.get(name), str)]
    if len(texts) != 1 or any(_is_figure(name, value) for name, value in fields.items() if name != texts[0]):
        return None
    text = _shown(str(fields[texts[0]]))
    if _TIMED.match(text):
        return text
    level = next((str(fields[name]).upper() for name in _LEVELS if name in fields), "")
    level = f"{level}: " if level in _ABOVE_INFO else ""
    return f"{_time(fields)}{level}{text}"


def _flat(said: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Give the fields of an object and of those within it."""
    for name, value in said.items():
        if isinstance(value, Mapping):
            yield from _flat(value)
        else:
            yield str(name), value


def _is_figure(name: str, value: object) -> bool:
    """Whether a field measures something."""
    if isinstance(value, bool) or value is None or _OF_THE_WRITER.fullmatch(name):
        return False
    if isinstance(value, list):
        return any(_is_figure("", each) for each in value)
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return False
        return True
    return isinstance(value, int | float)


def _shown(text: str) -> str:
    """Return a text as a terminal shows it, on one line."""
    text = _ESCAPE.sub("", text).rstrip()
    parts = [part for part in text.split("\r") if part.strip()]
    return " ".join(parts[-1].split("\n")) if parts else ""


def _time(fields: Mapping[str, object]) -> str:
    """Return the envelope's time as the head of a container's line; empty where it has none."""
    for name in _TIMES:
        value = fields.get(name)
        if isinstance(value, str) and _ISO.match(value):
            return f"{value} {_STREAM}"
        if isinstance(value, int | float) and not isinstance(value, bool) and 1.5e9 < value < 3e9:
            return f"{value:.6f} {_STREAM}"
    return ""
