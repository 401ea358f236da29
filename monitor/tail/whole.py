"""A stream that ends → its lines: a file, standard input, an opened gzip file, read to the end."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from itertools import chain
from typing import BinaryIO

from monitor.base.errors import LogError
from monitor.tail.linebuffer import CHUNK_BYTES, STRETCH_BYTES, Line, Stretch
from monitor.tail.textbuffer import TextBuffer


def read_lines(stream: BinaryIO) -> Iterator[Line]:
    """Read a stream to its end (a file, standard input, an opened gzip file); yield each line as soon as it arrives.

    Raises LogError, after the lines before it, if the stream breaks off (a damaged gzip file, a lost disk).
    """
    buffer = TextBuffer()
    for data in _chunks(stream, CHUNK_BYTES):
        yield from buffer.feed(data)
    if rest := buffer.end():
        yield rest


def read_stretches(stream: BinaryIO) -> Iterator[Line | Stretch]:
    """Read a stream to its end as `read_lines` does, with plain lines as stretches."""
    return chain.from_iterable(read_pieces(stream))


def read_pieces(stream: BinaryIO) -> Iterator[list[Line | Stretch]]:
    """Read a stream to its end as `read_stretches` does, and yield the result of each read."""
    buffer = TextBuffer()
    for data in _chunks(stream, STRETCH_BYTES):
        yield buffer.feed_stretch(data)
    if rest := buffer.end():
        yield [rest]


def _chunks(stream: BinaryIO, num_bytes: int) -> Iterator[bytes]:
    # read1 returns what the pipe has now; read would wait for the whole chunk.
    read: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
    try:
        while data := read(num_bytes):
            yield data
    except (OSError, EOFError, zlib.error) as error:
        where = str(getattr(stream, "name", "log"))
        reason = getattr(error, "strerror", None) or error
        raise LogError(where, f"breaks off ({reason})", expected="a log that can be read to its end") from None
