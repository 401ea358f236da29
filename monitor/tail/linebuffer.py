"""Bytes → lines: split any bytes on LF, CRLF and CR, in bounded memory.

The rest of the program relies on this:

- Every chunking of the same bytes gives the same lines.
- Line numbers count only line feeds, as an editor, ``sed -n Np`` and ``grep -n`` do. A CR inside a line begins
  a new record with the same number: the refreshes of a progress bar share the number of their line.
- Offsets are offsets in the file. NULs before a record (the hole of a truncated log) do not belong to it.
- NULs and ANSI escape sequences are dropped from ``data``; nothing is decoded, so bad UTF-8 does no harm.

A last line without an end is held until the rest arrives. ``preview`` shows it as ``Ending.PARTIAL`` and keeps holding
it: once its end arrives, the whole line comes out with the same number and offset. A consumer counts and folds every
line except the partial ones, so that no line is counted twice or cut in two, as a trainer's block-buffered output
would be at every flush. ``end`` is for when no more bytes can come: it returns the rest as a final line.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from itertools import accumulate, compress, count, repeat
from typing import NamedTuple

KEPT_BYTES = 64 * 1024
"""Most bytes kept of one line; a GRAD-MONITOR report of eight groups has about 1,300."""
CHUNK_BYTES = 64 * 1024
"""Bytes to split at once: their lines fit into a processor's cache, which is up to twice as fast as 1 MiB."""
STRETCH_BYTES = 8 * 1024 * 1024
"""Bytes to read at once if lines are not split one by one. Chosen by hand: more is hardly faster."""

# CSI sequences, closed OSC strings, other escapes of ECMA-48. Of an OSC that is never closed only the introducer is
# dropped: otherwise one stray escape would hide the rest of a line from every rule.
_ANSI = re.compile(rb"\x1b(?:\[[0-?]*+[ -/]*+[@-~]|\][^\x07\x1b\r\n]*+(?:\x07|\x1b\\)|[ -/]*+[0-~]?)")


class Ending(Enum):
    """How a record ended."""

    LF = "lf"
    """By a line feed."""
    CRLF = "crlf"
    """By a carriage return and a line feed."""
    CR = "cr"
    """By a carriage return alone: a refresh of a progress bar."""
    END = "end"
    """By the end of the file or stream; no more bytes can come."""
    PARTIAL = "partial"
    """Not yet: shown unfinished, and will come again whole. Must not be counted."""


_LF, _CRLF, _CR = Ending.LF, Ending.CRLF, Ending.CR


_CR_LETTER = ord("r")
_BY_LETTER = {ord("n"): _LF, ord("w"): _CRLF, _CR_LETTER: _CR}
_LETTERS = {ending: letter for letter, ending in _BY_LETTER.items()}


class Line(NamedTuple):
    """One record of a log."""

    number: int
    """1-based number of its line in this generation of the file; only line feeds count."""
    offset: int
    """Byte offset of its first byte in this generation of the file, after any NULs."""
    data: bytes
    """Its bytes without line end, NULs and ANSI sequences."""
    truncated_bytes: int
    """Bytes dropped beyond KEPT_BYTES."""
    ending: Ending
    """How it ended."""


@dataclass(frozen=True)
class Stretch:
    """Consecutive whole lines, none longer than KEPT_BYTES, without CR, NUL and ANSI sequences."""

    number: int
    """Number of its first line."""
    offset: int
    """Byte offset of its first byte."""
    data: bytes
    """The lines, each with its line feed."""

    @property
    def end(self) -> int:
        """Byte offset after its last byte."""
        return self.offset + len(self.data)

    def line(self, index: int, start: int, end: int) -> Line:
        """Return the line with this index from 0, which is ``data[start:end]``."""
        return Line(self.number + index, self.offset + start, self.data[start:end], 0, _LF)


@dataclass(frozen=True)
class CleanedStretch(Stretch):
    """Consecutive whole lines that had CRs or ANSI sequences, as bars have; the blank ones are left out."""

    ended: int
    """Byte offset after its last byte in the file."""
    places: tuple[array[int], array[int], bytes]
    """Of each line: its number, its byte offset, and the first letter of its ending."""

    @classmethod
    def of(cls, number: int, offset: int, whole: bytes) -> CleanedStretch | None:
        """Clean whole lines without NUL; None where an escape sequence would join two of them."""
        pieces, bodies = whole.splitlines(keepends=True), _without_ansi(whole).splitlines()
        if len(pieces) != len(bodies):
            return None
        is_kept = [bool(each) and not each.isspace() for each in bodies]
        endings = bytes(_LETTERS[_ending_of(piece)] for piece in pieces)
        numbers = accumulate((letter != _CR_LETTER for letter in endings), initial=number)
        offsets = accumulate(map(len, pieces), initial=offset)
        places = (array("q", compress(numbers, is_kept)), array("q", compress(offsets, is_kept)))
        lines = compress(bodies, is_kept)
        return cls(
            number, offset, b"".join(each + b"\n" for each in lines), offset + len(whole),
            (*places, bytes(compress(endings, is_kept))),
        )  # fmt: skip

    @property
    def end(self) -> int:
        """Byte offset after its last byte."""
        return self.ended

    def line(self, index: int, start: int, end: int) -> Line:
        """Return the line with this index from 0, which is ``data[start:end]``."""
        numbers, offsets, endings = self.places
        return Line(numbers[index], offsets[index], self.data[start:end], 0, _BY_LETTER[endings[index]])


class Gathered(NamedTuple):
    """Lines that were split already, joined again."""

    lines: list[Line]
    data: bytes
    """The lines as they were split, each with a line feed."""

    @classmethod
    def of(cls, lines: list[Line]) -> Gathered:
        """Join whole lines, none of them truncated."""
        return cls(lines, b"".join(line.data + b"\n" for line in lines))

    def line(self, index: int, start: int, end: int) -> Line:
        """Return the line with this index from 0; the offsets are not needed."""
        del start, end
        return self.lines[index]


class LineBuffer:
    """Splits a stream of bytes into lines; holds at most ``kept_bytes`` of an unfinished one.

    ``offset`` and ``number`` belong to the first byte that will be fed. Feeding a new buffer from
    ``resume_offset`` with ``number`` gives the same lines as continuing with this one.
    """

    def __init__(self, *, offset: int = 0, number: int = 1, kept_bytes: int = KEPT_BYTES) -> None:
        self._number = number
        self._end = offset
        self._start = offset
        self._kept_bytes = kept_bytes
        self._held = bytearray()
        self._beyond = 0
        # Whether the last byte was a CR that an LF may still turn into a CRLF.
        self._has_open_cr = False
        self._shown_until = offset

    @property
    def number(self) -> int:
        """Line number of the next record."""
        return self._number

    @property
    def resume_offset(self) -> int:
        """Offset of the first byte that has not come out in a line."""
        return self._start

    @property
    def end_offset(self) -> int:
        """Offset after the last byte fed."""
        return self._end

    @property
    def is_holding(self) -> bool:
        """Whether an unfinished record is held."""
        return bool(self._held) or self._has_open_cr

    def feed(self, data: bytes) -> list[Line]:
        """Take the next bytes, and return the lines that they finish."""
        lines: list[Line] = []
        if self._has_open_cr and data:
            data = self._close_cr(data, lines)
        # Between first and last there are whole lines, and nothing is held before them: they need no piecing together.
        first, last = data.find(b"\n") + 1, data.rfind(b"\n") + 1
        self._feed_piecewise(data[:first], lines)
        if whole := data[first:last]:
            self._feed_whole(whole, lines)
        self._feed_piecewise(data[last:], lines)
        return lines

    def feed_stretch(self, data: bytes) -> list[Line | Stretch]:
        """Take the next bytes as `feed` does, and return plain lines as a stretch."""
        begin, end = _first_end(data), _last_end(data)
        whole = data[begin:end]
        if not whole or b"\0" in whole or _has_long(whole, self._kept_bytes):
            return list(self.feed(data))
        found: list[Line | Stretch] = list(self.feed(data[:begin]))
        if self._has_open_cr:
            found.append(self._finish(Ending.CR))
        stretch: Stretch | None = Stretch(self._number, self._end, whole)
        if b"\r" in whole or b"\x1b" in whole:
            stretch = CleanedStretch.of(self._number, self._end, whole)
        if stretch is None:
            return found + self.feed(data[begin:])
        found.append(stretch)
        self._number += whole.count(b"\n")
        self._end += len(whole)
        self._start = self._shown_until = self._end
        return found + self.feed(data[end:])

    def preview(self) -> Line | None:
        """Return the unfinished record and keep holding it; None if it has not grown since the last preview."""
        if not self.is_holding or self._shown_until == self._end:
            return None
        self._shown_until = self._end
        return self._line(bytes(self._held), Ending.PARTIAL)

    def end(self) -> Line | None:
        """Return the unfinished record as final. Bytes fed afterwards begin a new one with the same line number."""
        if not self.is_holding:
            return None
        return self._finish(Ending.CR if self._has_open_cr else Ending.END)

    def _feed_whole(self, data: bytes, lines: list[Line]) -> None:
        """Take whole lines, at least one, column by column, and so in C: several times as fast as a loop."""
        lengths = list(map(len, data.splitlines(keepends=True)))
        bodies = _without_ansi(data).splitlines()
        # An escape sequence between CR and LF would join two lines.
        if b"\0" in data or max(lengths) > self._kept_bytes or len(bodies) != len(lengths):
            self._feed_piecewise(data, lines)
            return
        endings: Iterable[Ending] = repeat(_LF)
        numbers: Iterable[int] = count(self._number)
        if b"\r" in data:
            endings = [_ending_of(piece) for piece in data.splitlines(keepends=True)]
            numbers = accumulate((ending is not _CR for ending in endings), initial=self._number)
        offsets = accumulate(lengths, initial=self._end)
        columns = zip(numbers, offsets, bodies, repeat(0), endings, strict=False)
        lines += map(partial(tuple.__new__, Line), columns)
        self._number += data.count(b"\n")
        self._end += len(data)
        self._start = self._shown_until = self._end

    def _feed_piecewise(self, data: bytes, lines: list[Line]) -> None:
        """Take any bytes: parts of lines, long lines, NULs."""
        for piece in data.splitlines(keepends=True):
            if self._has_open_cr:
                lines.append(self._finish(Ending.CR))
            body = piece.rstrip(b"\r\n")
            self._hold(body)
            self._end += len(piece) - len(body)
            if piece.endswith(b"\n"):
                lines.append(self._finish(_ending_of(piece)))
            else:
                self._has_open_cr = piece.endswith(b"\r")

    def _close_cr(self, data: bytes, lines: list[Line]) -> bytes:
        """Decide what the CR at the end of the last bytes was; return the remaining bytes."""
        if not data.startswith(b"\n"):
            lines.append(self._finish(Ending.CR))
            return data
        self._end += 1
        lines.append(self._finish(Ending.CRLF))
        return data[1:]

    def _hold(self, data: bytes) -> None:
        """Add bytes to the unfinished record; leading NULs move its start."""
        length = len(data)
        if not self._held:
            data = data.lstrip(b"\0")
            self._start = self._end + length - len(data)
        self._end += length
        kept = data.replace(b"\0", b"")
        room = self._kept_bytes - len(self._held)
        self._held += kept[:room]
        self._beyond += max(0, len(kept) - room)

    def _finish(self, ending: Ending) -> Line:
        line = self._line(bytes(self._held), ending)
        if ending in (Ending.LF, Ending.CRLF):
            self._number += 1
        self._held.clear()
        self._beyond = 0
        self._has_open_cr = False
        self._start = self._shown_until = self._end
        return line

    def _line(self, raw: bytes, ending: Ending) -> Line:
        return Line(self._number, self._start, _without_ansi(raw), self._beyond, ending)


def _first_end(data: bytes) -> int:
    """Return the offset behind the first line end; the length where that is not sure."""
    feed, back = data.find(b"\n"), data.find(b"\r")
    if back < 0 or 0 <= feed < back:
        return feed + 1
    return back + 2 if data[back + 1 : back + 2] in (b"\n", b"") else back + 1


def _last_end(data: bytes) -> int:
    """Return the offset behind the last line end that is surely one: after a last CR, an LF may come."""
    return max(data.rfind(b"\n"), data.rfind(b"\r", 0, -1)) + 1


def _has_long(whole: bytes, kept_bytes: int) -> bool:
    """Whether some of these whole lines may have to be cut."""
    begin = 0
    while len(whole) - begin > kept_bytes:
        begin, before = max(whole.rfind(end, begin, begin + kept_bytes + 1) for end in (b"\n", b"\r")) + 1, begin
        if begin <= before:
            return True
    return False


def _ending_of(piece: bytes) -> Ending:
    """Return the ending of a whole piece of ``bytes.splitlines``."""
    if piece[-1] != 10:
        return _CR
    return _CRLF if piece[-2:] == b"\r\n" else _LF


def _without_ansi(data: bytes) -> bytes:
    return _ANSI.sub(b"", data) if b"\x1b" in data else data
