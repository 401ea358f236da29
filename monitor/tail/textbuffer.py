"""Bytes → lines in any encoding: the first bytes of a log say whether it is UTF-16, and how to split it.

All other encodings of text keep the line end as one byte of its own, and are told apart line by line by the reader.
"""

from __future__ import annotations

from monitor.tail.linebuffer import KEPT_BYTES, Line, LineBuffer, Stretch
from monitor.tail.wide import WideBuffer

PLAIN = "bytes"
"""The encoding of a log whose lines are split as bytes."""
DECIDES_BYTES = 4
"""With so many bytes it is known whether a log is UTF-16: two characters below U+0100, with
which nearly every log begins."""


def encoding_of(head: bytes, *, is_whole: bool = False) -> str:
    """Return how a log that begins with these bytes is split; empty while more bytes must say.

    ``is_whole`` says that no more bytes come.
    """
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if head.startswith(mark):
            return encoding
        if len(head) < 2 and mark.startswith(head) and not is_whole:
            return ""
    for encoding, first in (("utf-16-le", 0), ("utf-16-be", 1)):
        units = [
            (head[place + first : place + first + 1], head[place + 1 - first : place + 2 - first]) for place in (0, 2)
        ]
        if all(_may_be_letter(letter) and other in (b"\0", b"") for letter, other in units):
            if len(head) >= DECIDES_BYTES:
                return encoding
            if not is_whole:
                return ""
    return PLAIN


def _may_be_letter(letter: bytes) -> bool:
    return letter == b"" or letter == b"\t" or letter >= b" "


class TextBuffer:
    """Splits a log into lines as `LineBuffer` does, once its first bytes have said how.

    ``encoding`` is known of a log that was read before; ``offset`` and ``number`` are those of `LineBuffer`.
    """

    def __init__(self, *, offset: int = 0, number: int = 1, encoding: str = "", kept_bytes: int = KEPT_BYTES) -> None:
        self._kept_bytes, self._opening = kept_bytes, b""
        self.encoding = encoding or (PLAIN if offset else "")
        """``bytes``, ``utf-16-le`` or ``utf-16-be``; empty before the first bytes."""
        self._lines = self._buffer(offset, number)

    @property
    def is_wide(self) -> bool:
        """Whether NULs are parts of the text."""
        return self.encoding not in ("", PLAIN)

    @property
    def number(self) -> int:
        """Line number of the next record."""
        return self._lines.number

    @property
    def resume_offset(self) -> int:
        """Offset of the first byte that has not come out in a line."""
        return self._lines.resume_offset

    @property
    def end_offset(self) -> int:
        """Offset after the last byte fed."""
        return self._lines.end_offset + len(self._opening)

    @property
    def is_holding(self) -> bool:
        """Whether an unfinished record is held."""
        return self._lines.is_holding or bool(self._opening)

    def feed(self, data: bytes) -> list[Line]:
        """Take the next bytes, and return the lines that they finish."""
        data = self._opened(data)
        return self._lines.feed(data)

    def feed_stretch(self, data: bytes) -> list[Line | Stretch]:
        """Take the next bytes as `feed` does, and return plain lines as a stretch."""
        data = self._opened(data)
        return list(self._lines.feed(data)) if self.is_wide else self._lines.feed_stretch(data)

    def preview(self) -> Line | None:
        """Return the unfinished record and keep holding it; None if it has not grown since the last preview."""
        return self._lines.preview()

    def end(self) -> Line | None:
        """Return the unfinished record as final."""
        rest = self._opened(b"", is_whole=True)
        done = self._lines.feed(rest)
        return done[0] if done else self._lines.end()

    def _opened(self, data: bytes, *, is_whole: bool = False) -> bytes:
        """Return what can be split now, and decide how once that is known."""
        if self.encoding:
            return data
        self._opening += data
        self.encoding = encoding_of(self._opening[:DECIDES_BYTES], is_whole=is_whole) if self._opening else ""
        if not self.encoding:
            return b""
        data, self._opening = self._opening, b""
        self._lines = self._buffer(0, 1)
        return data

    def _buffer(self, offset: int, number: int) -> LineBuffer:
        if self.is_wide:
            return WideBuffer(self.encoding, offset=offset, number=number, kept_bytes=self._kept_bytes)
        return LineBuffer(offset=offset, number=number, kept_bytes=self._kept_bytes)
