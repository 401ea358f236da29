"""Runs something of a user's that makes text, such as a template, within bounds of time, memory and length.

It runs in a fork of this process, which is killed when it exceeds a bound: nothing in Python can stop a loop or an
allocation of its own process.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from monitor.base.clock import SystemClock

SECONDS = 10.0
MEMORY_MB = 256
"""Memory beyond what the process has already."""
CHARACTERS = 8_000_000
"""Longest text; a page of a long run has some 500,000."""
PIECE_BYTES = 1 << 16


class Limits(NamedTuple):
    """What it may take; all chosen by hand, 2026-11."""

    seconds: float = SECONDS
    memory_mb: int = MEMORY_MB
    characters: int = CHARACTERS


class BoundedError(Exception):
    """It raised an error, or exceeded a bound; the message says which."""

    def __init__(self, what: str, line: int | None = None) -> None:
        super().__init__(what)
        self.line = line
        """The line of the template, where the error names one."""


def run_bounded(make: Callable[[], str], limits: Limits = Limits()) -> str:  # noqa: B008
    """Return the text that ``make`` returns. Raises BoundedError if anything goes wrong in it."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    with warnings.catch_warnings():
        # Other threads may hold locks that the fork then waits for: it is killed after its time.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        _make_and_leave(make, writing, limits)
    os.close(writing)
    try:
        data = _read(reading, limits)
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    kind, _, rest = data.partition(b"\n")
    if kind == b"text":
        return rest.decode("utf-8", "surrogatepass")
    if kind == b"error":
        line, _, what = rest.decode("utf-8", "replace").partition("\n")
        raise BoundedError(what, int(line) if line else None)
    raise BoundedError(f"it took more than {limits.seconds:g} s or {limits.memory_mb} MB")


def _read(reading: int, limits: Limits) -> bytes:
    clock, num_bytes = SystemClock(), 0
    pieces: list[bytes] = []
    until = clock.monotonic() + limits.seconds
    while (left_s := until - clock.monotonic()) > 0:
        if not select.select([reading], [], [], left_s)[0]:
            break
        piece = os.read(reading, PIECE_BYTES)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
        num_bytes += len(piece)
        if num_bytes > 4 * limits.characters + PIECE_BYTES:
            raise BoundedError(f"it made more than {limits.characters:,} characters")
    raise BoundedError(f"it took more than {limits.seconds:g} s")


def _make_and_leave(make: Callable[[], str], writing: int, limits: Limits) -> None:
    """Make the text in the fork, write it, and end the fork; never returns."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        most_bytes = pages * resource.getpagesize() + limits.memory_mb * 2**20
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (most_bytes, hard))
        try:
            text = make()
            if len(text) > limits.characters:
                raise BoundedError(f"it made more than {limits.characters:,} characters")
            answer = b"text\n" + text.encode("utf-8", "surrogatepass")
        except MemoryError:
            answer = f"error\n\nit took more than {limits.memory_mb} MB".encode()
        except RecursionError:
            answer = b"error\n\nit calls itself too deeply"
        except Exception as error:
            line = getattr(error, "lineno", None)
            answer = f"error\n{line or ''}\n{error or type(error).__name__}".encode("utf-8", "replace")
        while answer:
            answer = answer[os.write(writing, answer) :]
    finally:
        os._exit(0)
