"""Open a log that will be read once, to its end: a file, a gzip file, or standard input."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from monitor.errors import LogError

SNIFFED_BYTES = 8192
MOST_CONTROLS = 0.3
"""Share of control characters beyond which a file is no text; NUL holes of a truncated log do not count."""
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\x0b\x0c\x1b\x00"))


@contextmanager
def opened(path: str) -> Iterator[BinaryIO]:
    """Open a log for reading; ``-`` is standard input. Raises LogError for what cannot be a log."""
    if path == "-":
        yield sys.stdin.buffer
        return
    check_log(Path(path))
    with _open(Path(path)) as stream:
        yield stream


def check_log(path: Path, *, may_be_empty: bool = False) -> None:
    """Refuse what cannot be a log: missing, a directory, unreadable, empty, binary. Raises LogError."""
    if path.is_dir():
        raise LogError(str(path), "is a directory", expected="a log file")
    try:
        with _open(path) as stream:
            head = stream.read(SNIFFED_BYTES)
    except FileNotFoundError:
        raise LogError(str(path), "does not exist", expected="a log file") from None
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or error
        raise LogError(str(path), f"cannot be read ({reason})", expected="a log file") from None
    if not head and not may_be_empty:
        raise LogError(str(path), "is empty", expected="at least one line")
    text = head.replace(b"\0", b"")
    is_binary = len(text) - len(text.translate(None, _CONTROLS)) > MOST_CONTROLS * len(text)
    if is_binary or (head and not text) or _has_binary_magic(head):
        raise LogError(str(path), "is a binary file", expected="lines of text")


def _has_binary_magic(head: bytes) -> bool:
    return head.startswith((b"\x7fELF", b"PK\x03\x04", b"PAR1", b"\x89PNG", b"SQLite format 3\0"))


def _open(path: Path) -> BinaryIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rb")  # type: ignore[return-value]
    return path.open("rb")
