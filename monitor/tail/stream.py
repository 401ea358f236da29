"""Follow a stream that another program writes: standard input, behind ``docker logs -f`` say. It ends, and once read
nothing of it can be read again.
"""

from __future__ import annotations

import os
import select

from monitor.tail.generation import TailPosition
from monitor.tail.linebuffer import CHUNK_BYTES, Line, LineBuffer
from monitor.tail.source import FileChange, Notice, TailCounters

PIPE_BYTES = 64 * 1024
"""Most bytes that one read takes: what a pipe holds."""


class StreamTail:
    """Follows an open stream; it is not ours to close, and its mode is left as it is."""

    def __init__(self, name: str, descriptor: int, *, poll_bytes: int = CHUNK_BYTES) -> None:
        self._name, self.descriptor, self._poll_bytes = name, descriptor, poll_bytes
        self._buffer = LineBuffer()
        self._is_behind = self._is_at_end = False
        self._bytes_read = self._lines = self._truncated_lines = 0

    @property
    def position(self) -> TailPosition | None:
        """None: there is no way back."""
        return None

    @property
    def is_behind(self) -> bool:
        """Whether there was more to read at the last poll."""
        return self._is_behind

    @property
    def is_at_end(self) -> bool:
        """Whether the other side has closed the stream."""
        return self._is_at_end

    @property
    def counters(self) -> TailCounters:
        """Return what this tail has done; what waits in the pipe cannot be counted."""
        return TailCounters(
            bytes_read=self._bytes_read,
            lines=self._lines,
            truncated_lines=self._truncated_lines,
            generations=1,
            lost_bytes=0,
            bytes_behind=0,
        )

    def poll(self, now: float) -> list[Line | Notice]:
        """Read what is there without waiting for more."""
        del now
        results: list[Line | Notice] = []
        budget = self._poll_bytes
        while budget > 0 and not self._is_at_end and self._is_readable():
            try:
                data = os.read(self.descriptor, min(budget, PIPE_BYTES))
            except OSError as error:
                reason = error.strerror or str(error)
                results.append(Notice(FileChange.UNREADABLE, self._name, 1, 0, reason))
                data = b""
            if not data:
                self._is_at_end = True
                rest = self._buffer.end()
                results += self._counted([rest] if rest else [])
                break
            budget -= len(data)
            self._bytes_read += len(data)
            results += self._counted(self._buffer.feed(data))
        self._is_behind = not self._is_at_end and self._is_readable()
        return results

    def close(self) -> None:
        """Read no more."""
        self._is_at_end = True

    def _is_readable(self) -> bool:
        return bool(select.select([self.descriptor], [], [], 0)[0])

    def _counted(self, lines: list[Line]) -> list[Line]:
        self._lines += len(lines)
        self._truncated_lines += sum(line.truncated_bytes > 0 for line in lines)
        return lines
