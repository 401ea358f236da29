"""Bytes of a line → UTF-8: the encoding of a log whose text is not UTF-8, told from its lines in their order.

It depends on the lines alone, so any chunking gives the same text, and its state is kept with the run. UTF-16 is split
and decoded before (`monitor.tail.wide`). All encodings here keep ASCII, so a wrong decision cannot change a number.
"""

from __future__ import annotations

from dataclasses import dataclass

SAMPLE_BYTES = 2_048
"""The encoding is settled once so many bytes of lines that are not UTF-8 were seen. Chosen by hand, 2026-11."""
PROVES_BYTES = 8
"""Bytes beyond ASCII in lines of valid UTF-8 that prove a log to be UTF-8: text of another encoding looks like it by
chance in two to four bytes."""
CANDIDATES = ("gb18030", "cp932", "big5", "euc_kr", "koi8_r", "cp1251", "cp1252")
"""Encodings of consoles and logs, a superset where one exists: cp932 of Shift-JIS, cp1252 of Latin-1."""
FALLBACK = "cp1252"
UTF_8 = "utf-8"
_ASCII = bytes(range(128))
_BOM = b"\xef\xbb\xbf"


@dataclass
class TextEncoding:
    """What the lines so far say of a log's encoding."""

    name: str = ""
    """Empty while every line was UTF-8."""
    sample: str = ""
    """Lines that are not UTF-8, byte by byte as characters; empty once it is settled."""
    asked_bytes: int = 0
    """Length of the sample when the encoding was asked for last."""
    utf8_bytes: int = 0
    """Bytes beyond ASCII in valid UTF-8, up to PROVES_BYTES."""
    is_settled: bool = False


def decoded(data: bytes, state: TextEncoding) -> bytes:
    """Return a line as UTF-8, and note what it says of the encoding. Broken UTF-8 stays as it is."""
    if data.isascii():
        return data
    if data.startswith(_BOM):
        data = data[len(_BOM) :]
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        if state.name == UTF_8 or (error.reason == "unexpected end of data" and error.end - error.start < 4):
            return data
    else:
        if not state.name:
            state.utf8_bytes = min(PROVES_BYTES, state.utf8_bytes + len(data) - sum(char < "\x80" for char in text))
        return data
    if not state.name and state.utf8_bytes >= PROVES_BYTES:
        state.name, state.is_settled = UTF_8, True
        return data
    if not state.is_settled:
        _ask(data, state)
    return data.decode(state.name, "replace").encode()


def note_utf8(data: bytes, state: TextEncoding) -> None:
    """Note lines that are known to be UTF-8, as `decoded` does for each of them."""
    if not state.name and not data.isascii():
        state.utf8_bytes = min(PROVES_BYTES, state.utf8_bytes + len(data.translate(None, _ASCII)))


def _ask(data: bytes, state: TextEncoding) -> None:
    """Ask for the encoding again whenever the sample has doubled."""
    state.sample = (state.sample + "\n" + data.decode("latin-1"))[: 2 * SAMPLE_BYTES]
    if len(state.sample) >= 2 * state.asked_bytes or len(state.sample) >= SAMPLE_BYTES:
        # Only a log that needs it pays for the import.
        from charset_normalizer import from_bytes

        best = from_bytes(state.sample.encode("latin-1"), cp_isolation=list(CANDIDATES)).best()
        state.name = best.encoding if best is not None and best.encoding in CANDIDATES else FALLBACK
        state.asked_bytes = len(state.sample)
    if len(state.sample) >= SAMPLE_BYTES:
        state.is_settled, state.sample = True, ""
