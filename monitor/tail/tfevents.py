"""TensorBoard's event files → scalars: records framed as TFRecord writes them, each an ``Event`` message.

Read by hand: two message types and five fields are all that scalars need, and the package that has a reader brings a
web server with it. Formats: tensorflow/core/lib/io/record_writer.h, tensorflow/core/util/event.proto, summary.proto.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from monitor.base.errors import LogError

_HEAD, _CHECK = 12, 4
"""Bytes before a record's data (length, check sum of the length), and behind it (check sum of the data)."""
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
"""Wire types of protocol buffers."""
_FLOAT, _DOUBLE = 1, 2
"""Element types of a tensor."""

_ALL_BITS = (1 << 64) - 1
MOST_RECORD_BYTES = 1 << 20
"""A record of scalars has a few hundred bytes; one of more than this is skipped. Chosen by hand, 2026-11."""

Field = tuple[int, int, int | bytes]
"""Number, wire type and value of a field."""


def is_tfevents(name: str) -> bool:
    """Whether a file is one of TensorBoard's, by its name."""
    return ".tfevents." in name


class Scalar(NamedTuple):
    """One figure of a step."""

    step: int
    tag: str
    value: float


class EventRecord(NamedTuple):
    """One whole record."""

    end: int
    """Offset behind it."""
    scalars: list[Scalar]


def event_records(path: str, stream: BinaryIO, at: int = 0, *, is_patient: bool = False) -> Iterator[EventRecord]:
    """Yield each whole record from an offset on; one that is still being written ends them.

    Raises LogError where the data are not events, unless ``is_patient``: a record that is none then has no scalars.
    """
    size = stream.seek(0, io.SEEK_END)
    while at + _HEAD <= size:
        stream.seek(at)
        (length,) = struct.unpack_from("<Q", stream.read(_HEAD))
        end = at + _HEAD + length + _CHECK
        if end > size:
            return
        try:
            # What is larger holds images.
            found = _scalars_of(stream.read(length)) if length <= MOST_RECORD_BYTES else []
        except (ValueError, IndexError, struct.error):
            if not is_patient:
                raise LogError(
                    path, f"record at byte {at:,} is not an event", expected="TensorBoard's events"
                ) from None
            found = []
        yield EventRecord(end, found)
        at = end


def _scalars_of(event: bytes) -> list[Scalar]:
    step, summary, scalars = 0, b"", list[Scalar]()
    for number, _, value in _fields(event):
        if number == 2 and isinstance(value, int):
            # A step is signed, and a negative one has all 64 bits.
            step = value - (1 << 64) if value >> 63 else value
        elif number == 5 and isinstance(value, bytes):
            summary = value
    for number, _, value in _fields(summary):
        if number == 1 and isinstance(value, bytes):
            tag, figure = _value(value)
            if tag and figure is not None:
                scalars.append(Scalar(step, tag, figure))
    return scalars


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
            return found & _ALL_BITS, at
        if shift > 63:
            raise ValueError("a number of more than 64 bits")
