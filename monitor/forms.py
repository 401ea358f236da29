"""TRAIN lines in the form that the trainer writes them, read column by column.

A log has a handful of layouts: the same keys in the same order. A layout is learnt from one line and then finds
others of its kind with one search, several times as fast as reading a record. Whatever does not fit to the letter is
not taken, and is read the ordinary way; so a layout never decides what a line means.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from monitor.fields import CODECS, KEY, Share
from monitor.logline import Train, minute_ms, parse_line
from monitor.signals import measured_fields

if TYPE_CHECKING:
    import numpy as np

HEAD_BYTES = 25
"""Length of the time stamp and the blank behind it."""
MARK = b"INFO [TRAIN] "
"""What stands behind the time stamp."""

_STAMP = rb"(\d{4}-\d\d-\d\dT\d\d:\d\d):([0-5]\d\.\d{3})Z "
_TOKEN = re.compile(rf"({KEY})=[!#-~]*", re.ASCII)
# Enough for every count, and exact as a float.
_COUNT = rb"\d{1,15}"


SHORT = 16
"""Longest decimal whose digits are a whole number that a float holds exactly: 15 of them and a point."""


class Layout(NamedTuple):
    """The keys of a TRAIN line, in their order."""

    pattern: re.Pattern[bytes]
    """Fits a whole line; its groups are minute, seconds, and the numbers in the order of the keys."""
    measured: tuple[str, ...]
    """Its fields that are measured, in the order of the groups behind epoch, batch and step."""


class Columns(NamedTuple):
    """Rows of one layout, column by column."""

    ats: np.ndarray
    """Time of each row, in seconds since 1970-01-01 UTC."""
    steps: np.ndarray
    epochs: np.ndarray
    batches: np.ndarray
    fields: dict[str, np.ndarray]
    """The measured fields."""


def layout_of(data: bytes) -> Layout | None:
    """Return the layout of a TRAIN line; None where it holds anything that a layout cannot."""
    if not data.startswith(MARK, HEAD_BYTES) or not data.isascii():
        return None
    words = data[HEAD_BYTES + len(MARK) :].decode("ascii").split(" ")
    tokens = [_TOKEN.fullmatch(word) for word in words]
    keys = tuple(token[1] for token in tokens if token)
    if len(keys) < len(tokens) or len(set(keys)) < len(keys):
        return None
    read = parse_line(data)
    return _layout(keys) if read is not None and isinstance(read.record, Train) else None


@lru_cache(maxsize=64)
def _layout(keys: tuple[str, ...]) -> Layout | None:
    measured = measured_fields(Train)
    pattern, fields = [_STAMP + re.escape(MARK[:-1])], []
    for key in keys:
        codec = Train.codec_of(key)
        if key in ("epoch", "batch"):
            value = b"(" + _COUNT + b")/" + _COUNT
        elif key == "step":
            value = b"(" + _COUNT + b")"
        elif codec is None:
            value = rb"[!#-~]*"
        elif codec is CODECS[Share]:
            value = _COUNT + b"/" + _COUNT
        elif key in measured and codec in (CODECS[int], CODECS[float]):
            value = b"(-?" + _COUNT + b")" if codec is CODECS[int] else rb"([!#-~]+)"
            fields.append(key)
        else:
            return None
        pattern.append(b" " + re.escape(key.encode()) + b"=" + value)
    order = [key for key in keys if key in ("epoch", "batch", "step")]
    if order != ["epoch", "batch", "step"] or any(keys.index(field) < keys.index("step") for field in fields):
        return None
    return Layout(re.compile(b"".join(pattern)), tuple(fields))


def read_columns(layout: Layout, rows: Sequence[tuple[bytes, ...]]) -> Columns | None:
    """Turn the groups of rows into numbers; None where one of them is none."""
    import numpy as np

    minutes, seconds, epochs, batches, steps, *fields = zip(*rows, strict=True)
    try:
        known = {minute: minute_ms(minute) for minute in set(minutes)}
        numbers = [_numbers(field) for field in fields]
    except ValueError:
        return None
    digits = _digits(np.array(seconds))
    ms = np.array([known[minute] for minute in minutes]) + digits @ np.array([10_000, 1_000, 0, 100, 10, 1])
    return Columns(
        ats=ms / 1000,
        steps=np.array(list(map(int, steps))),
        epochs=np.array(list(map(int, epochs))),
        batches=np.array(list(map(int, batches))),
        fields=dict(zip(layout.measured, numbers, strict=True)),
    )


def _numbers(column: Sequence[bytes]) -> np.ndarray:
    """Return what float() makes of each. Raises ValueError.

    Most columns are made of short decimals of one length, or of one number again and again: those go five times as
    fast.
    """
    import numpy as np

    first = column[0]
    if column.count(first) == len(column):
        return np.full(len(column), float(first))
    point = first.find(b".")
    if point > 0 and len(first) <= SHORT and set(map(len, column)) == {len(first)}:
        digits = _digits(np.array(column))
        others = np.delete(digits, point, axis=1)
        if (digits[:, point] == ord(".") - ord("0")).all() and ((others >= 0) & (others <= 9)).all():
            whole = others @ 10 ** np.arange(others.shape[1])[::-1]
            # Both numbers are exact, and so their quotient is rounded once, as float() rounds.
            return np.asarray(whole / 10.0 ** (len(first) - point - 1))
    return np.array(list(map(float, column)))


def _digits(words: np.ndarray) -> np.ndarray:
    """Return the characters of words of one length as numbers, those of digits as what they stand for."""
    import numpy as np

    digits: np.ndarray = words.view(np.uint8).reshape(len(words), -1).astype(np.int64) - ord("0")
    return digits
