"""UTF-16 → lines: as `LineBuffer` splits bytes, on the borders of code units, so that no half of one is a line end."""

from __future__ import annotations

import codecs
import re

from monitor.tail.linebuffer import KEPT_BYTES, Ending, Line, LineBuffer

UNIT_BYTES = 2
_PIECES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


class WideBuffer(LineBuffer):
    """Splits UTF-16; its lines come out in UTF-8, with the numbers and offsets of the file."""

    def __init__(self, encoding: str, *, offset: int = 0, number: int = 1, kept_bytes: int = KEPT_BYTES) -> None:
        """``encoding`` is ``utf-16-le`` or ``utf-16-be``."""
        super().__init__(offset=offset, number=number, kept_bytes=kept_bytes)
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")

    def feed(self, data: bytes) -> list[Line]:
        """Take the next bytes, and return the lines that they finish."""
        lines: list[Line] = []
        for piece in _PIECES.findall(self._decoder.decode(data)):
            self._take(piece, lines)
        return lines

    def _take(self, piece: str, lines: list[Line]) -> None:
        if self._has_open_cr:
            if piece == "\n":
                self._end += UNIT_BYTES
                lines.append(self._finish(Ending.CRLF))
                return
            lines.append(self._finish(Ending.CR))
        body = piece.rstrip("\r\n")
        if not self._held and body.startswith("\ufeff"):
            self._end += UNIT_BYTES
            body = body[1:]
            piece = piece[1:]
        self._hold_text(body)
        self._end += UNIT_BYTES * (len(piece) - len(body))
        if piece.endswith("\n"):
            lines.append(self._finish(Ending.CRLF if piece.endswith("\r\n") else Ending.LF))
        else:
            self._has_open_cr = piece.endswith("\r")

    def _hold_text(self, text: str) -> None:
        if not self._held:
            hole = len(text) - len(text := text.lstrip("\0"))
            self._end += UNIT_BYTES * hole
            self._start = self._end
        num_units = len(text) + sum(char > "\uffff" for char in text)
        data = text.encode("utf-8", "replace")
        self._hold(data)
        self._end += UNIT_BYTES * num_units - len(data)
