"""Follow a stream that another program writes, such as standard input after ``docker logs -f``.

A stream ends, and what was read of it cannot be read again.
"""

from __future__ import annotations

import os
import select

from monitor.tail.generation import TailPosition
from monitor.tail.linebuffer import CHUNK_BYTES, Line
from monitor.tail.source import FileChange, LineCounter, Notice, TailCounters
from monitor.tail.textbuffer import TextBuffer

PIPE_BYTES = 64 * 1024
"""Most bytes of one read: the capacity of a pipe."""


class StreamTail:
    """Follows an open stream. Neither closes it nor changes its mode, because it belongs to the caller."""

    def __init__(self, name: str, descriptor: int, *, poll_bytes: int = CHUNK_BYTES) -> None:
        self._name, self.descriptor, self._poll_bytes = name, descriptor, poll_bytes
        self._buffer, self._count = TextBuffer(), LineCounter()
        self.position: TailPosition | None = None
        self.is_behind = self.is_at_end = False

    @property
    def counters(self) -> TailCounters:
        """What this tail has done; bytes that wait in the pipe cannot be counted."""
        return self._count.counters(generations=1)

    def poll(self, now: float) -> list[Line | Notice]:
        """Read what the stream has now, without waiting for more."""
        del now
        results: list[Line | Notice] = []
        budget = self._poll_bytes
        while budget > 0 and not self.is_at_end and self._is_readable():
            try:
                data = os.read(self.descriptor, min(budget, PIPE_BYTES))
            except OSError as error:
                reason = error.strerror or str(error)
                results.append(Notice(FileChange.UNREADABLE, self._name, 1, 0, reason))
                data = b""
            if not data:
                self.is_at_end = True
                rest = self._buffer.end()
                results += self._count.counted([rest] if rest else [])
                break
            budget -= len(data)
            self._count.bytes_read += len(data)
            results += self._count.counted(self._buffer.feed(data))
        self.is_behind = not self.is_at_end and self._is_readable()
        return results

    def close(self) -> None:
        """Stop reading."""
        self.is_at_end = True

    def _is_readable(self) -> bool:
        return bool(select.select([self.descriptor], [], [], 0)[0])
