"""TensorBoard's event files → scalars: records framed as TFRecord writes them, each an ``Event`` message.

Read by hand: two message types and five fields are all that scalars need, and the package that has a reader brings a
web server with it. Formats: tensorflow/core/lib/io/record_writer.h, tensorflow/core/util/event.proto, summary.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from monitor.base.errors import LogError

_HEAD, _CHECK = 12, 4
"""Bytes before a record's data (length, check sum of the length), and behind it (check sum of the data)."""
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
"""Wire types of protocol buffers."""
_FLOAT, _DOUBLE = 1, 2
"""Element types of a tensor."""

Field = tuple[int, int, int | bytes]
"""Number, wire type and value of a field."""


def is_tfevents(name: str) -> bool:
    """Whether a file is one of TensorBoard's, by its name."""
    return ".tfevents." in name


def scalars(path: str, data: bytes) -> Iterator[tuple[int, str, float]]:
    """Yield step, tag and value of each scalar; a record that is still being written ends them.

    Raises LogError where the data are no events.
    """
    at, number = 0, 0
    while at + _HEAD <= len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        end = at + _HEAD + length
        if end + _CHECK > len(data):
            return
        number += 1
        try:
            yield from _scalars_of(data[at + _HEAD : end])
        except (ValueError, IndexError, struct.error):
            raise LogError(path, f"record {number} is no event", expected="TensorBoard's events") from None
        at = end + _CHECK


def _scalars_of(event: bytes) -> Iterator[tuple[int, str, float]]:
    step, summary = 0, b""
    for number, _, value in _fields(event):
        if number == 2 and isinstance(value, int):
            step = value
        elif number == 5 and isinstance(value, bytes):
            summary = value
    for number, _, value in _fields(summary):
        if number == 1 and isinstance(value, bytes):
            tag, figure = _value(value)
            if tag and figure is not None:
                yield step, tag, figure


def _value(data: bytes) -> tuple[str, float | None]:
    """Return the tag of a value, and its number; None for an image, a histogram, a text."""
    tag, figure = "", None
    for number, wire, value in _fields(data):
        if number == 1 and isinstance(value, bytes):
            tag = value.decode("utf-8", "replace")
        elif number == 2 and wire == _FIXED32 and isinstance(value, bytes):
            (figure,) = struct.unpack("<f", value)
        elif number == 8 and isinstance(value, bytes):
            figure = _of_tensor(value)
    return tag, figure


def _of_tensor(data: bytes) -> float | None:
    """Return the only number of a tensor; None where it holds more, or something else."""
    kind, content, numbers = 0, b"", b""
    for number, _, value in _fields(data):
        if number == 1 and isinstance(value, int):
            kind = value
        elif number == 4 and isinstance(value, bytes):
            content = value
        elif number in (5, 6) and isinstance(value, bytes):
            numbers = value
    packed, form = content or numbers, {_FLOAT: "<f", _DOUBLE: "<d"}.get(kind)
    if form is None or len(packed) != struct.calcsize(form):
        return None
    return float(struct.unpack(form, packed)[0])


def _fields(data: bytes) -> Iterator[Field]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        wire = key & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield key >> 3, wire, value
            continue
        if wire == _BYTES:
            size, at = _varint(data, at)
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if at + size > len(data):
            raise ValueError("cut")
        yield key >> 3, wire, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    found, shift = 0, 0
    while True:
        byte = data[at]
        found |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return found, at
