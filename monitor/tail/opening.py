"""Open a log that is read once, to its end: a file, a gzip file, a pipe, or standard input."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from monitor.base.errors import LogError, MonitorError
from monitor.tail.records import is_of_records, record_lines
from monitor.tail.textbuffer import PLAIN, encoding_of

SNIFFED_BYTES = 8192
MOST_CONTROLS = 0.02
"""A file with a larger share of control characters is not text in any encoding: text has next to none, random
bytes have 9 %. NULs do not count, for the hole of a truncated log is made of them. Chosen by hand, 2026-11."""
ABANDONED_AFTER_S = 3600.0
"""A log without an end line that was not written for longer, and not watched, is not judged for its silence."""
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\x07\x08\x0b\x0c\x1b\x00"))
_MAGIC = (
    b"\x7fELF", b"PK\x03\x04", b"PK\x05\x06", b"PAR1", b"ARROW1", b"\x89PNG", b"\x89HDF", b"SQLite format 3\0",
    b"\x93NUMPY", b"\x80\x02}", b"\x80\x02c", b"\x80\x04\x95", b"\x80\x05\x95", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd",
    b"BZh91AY", b"7z\xbc\xaf", b"\xff\xd8\xff", b"GIF8", b"%PDF-", b"\xca\xfe\xba\xbe", b"\x04\x22\x4d\x18", b"\0asm",
)  # fmt: skip
_GZIP = b"\x1f\x8b"


@contextmanager
def opened(path: str) -> Iterator[BinaryIO]:
    """Open a log for reading; ``-`` is standard input. Raises LogError for what cannot be a log."""
    if path == "-":
        if sys.stdin is None:
            raise LogError("-", "standard input is closed", expected="a log on it")
        stream = cast(io.BufferedReader, sys.stdin.buffer)
        _check_head(path, stream)
        yield stream
        return
    with _open(Path(path)) as stream:
        if is_of_records(path) and (lines := record_lines(path, stream)) is not None:
            yield lines
            return
        _check_head(path, stream)
        yield stream


def check_followable(path: Path) -> None:
    """Refuse what cannot be a log that is being written; an empty file can be one. Raises LogError."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        # Opening a named pipe would wait for its writer, and its bytes come only once.
        raise LogError(str(path), "is not a regular file", expected=f"a file; a pipe as standard input: - < {path}")
    with _open(path, unpack=False) as stream:
        head = _peek(str(path), stream)
        if head.startswith(_GZIP):
            raise LogError(str(path), "is a gzip file", expected="a log that is being written (replay reads gzip)")
        _refuse_binary(str(path), head)


def holds_records(path: Path) -> bool:
    """Whether a file holds records rather than lines now. Raises LogError."""
    if not is_of_records(str(path)) or not path.exists():
        return False
    with _open(path) as stream:
        return record_lines(str(path), stream) is not None


def check_outputs(log: str, outputs: Sequence[tuple[str, Path]]) -> None:
    """Refuse an option's output file if it is the log or another option's output. Raises MonitorError."""
    taken = [] if log == "-" else [("the log itself", Path(log))]
    for option, out in outputs:
        for what, other in taken:
            if out.resolve() == other.resolve() or (out.exists() and other.exists() and out.samefile(other)):
                raise MonitorError(option, f"{out} is {what}", expected="another file")
        taken.append((f"also written by {option}", out))


def age_s(log: str, wall: float) -> float:
    """Return how many seconds before the time of day ``wall`` a log was last written. Raises OSError."""
    return max(0.0, wall - Path(log).stat().st_mtime)


def _check_head(path: str, stream: io.BufferedReader) -> None:
    head = _peek(path, stream)
    if not head:
        raise LogError(path, "is empty", expected="at least one line")
    _refuse_binary(path, head)


def _peek(path: str, stream: io.BufferedReader) -> bytes:
    """Return the first bytes without consuming them, because a pipe gives them only once."""
    try:
        return stream.peek(SNIFFED_BYTES)[:SNIFFED_BYTES]
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise LogError(path, f"cannot be read ({reason})", expected="a log file") from None


def _refuse_binary(path: str, head: bytes) -> None:
    encoding = encoding_of(head, is_whole=True)
    text = head if encoding == PLAIN else head.decode(encoding, "replace").encode()
    text = text.replace(b"\0", b"")
    controls = len(text) - len(text.translate(None, _CONTROLS))
    if head.startswith(_MAGIC) or controls > MOST_CONTROLS * len(text) or (head and not text):
        raise LogError(path, "is a binary file", expected="lines of text")


def _open(path: Path, *, unpack: bool = True) -> io.BufferedReader:
    try:
        if path.is_dir():
            raise LogError(str(path), "is a directory", expected="a log file")
        if unpack and path.suffix == ".gz":
            return cast(io.BufferedReader, gzip.open(path, "rb"))
        return cast(io.BufferedReader, path.open("rb", buffering=2 * SNIFFED_BYTES))
    except FileNotFoundError:
        raise LogError(str(path), "does not exist", expected="a log file") from None
    except OSError as error:
        raise LogError(str(path), f"cannot be read ({error.strerror})", expected="a log file") from None
