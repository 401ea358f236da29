"""Follow a log file through everything that happens to log files: bytes in, lines and notices out.

Single-threaded, never sleeps: ``poll`` checks the file once, reads at most one block, and returns. Every line of every
generation comes out once, in order, across rotation by rename (the old file is read to its end first), rotation by
copy and truncation, deletion, a reused inode, and restarts of this program. To survive a restart, commit ``position``
together with the result of the lines; a FileTail made from that position continues after them.

Known gaps. Bytes that are appended and truncated away between two polls are counted only as far as they were seen; a
generation that was copied and truncated before any of it was seen is missed silently. Bytes that a second writer
adds to a rotated file after the new one has lines are not read. Compressed rotated files are not read. A file that is
refilled with exactly the bytes that were read before is taken for the old one.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Self

from monitor.tail.generation import ContentChanged, Generation, TailPosition
from monitor.tail.linebuffer import CHUNK_BYTES, Line
from monitor.tail.rotation import find_generation, next_generation, oldest_unread
from monitor.tail.source import FileChange, LineCounter, Notice, TailCounters
from monitor.tail.textbuffer import TextBuffer

POLL_BYTES = CHUNK_BYTES
"""Most bytes read by one poll, so that a backlog does not block other logs."""
LEFT_KEPT = 8
"""Most files remembered to which the log's name pointed before. Chosen by hand, 2026-11."""
PARTIAL_AFTER_S = 5.0
"""Seconds without growth after which an unfinished last line is shown. Chosen by hand."""


class FileTail:
    """Follows one log. ``position`` comes from an earlier FileTail; None begins at the first byte."""

    descriptor = None
    is_at_end = False

    def __init__(
        self,
        path: Path | str,
        position: TailPosition | None = None,
        *,
        poll_bytes: int = POLL_BYTES,
        partial_after_s: float = PARTIAL_AFTER_S,
    ) -> None:
        self.path = Path(path)
        self._resume_from = position
        self._poll_bytes = poll_bytes
        self._partial_after_s = partial_after_s
        self._file: Generation | None = None
        self._buffer = TextBuffer()
        self._generation = position.generation if position else 0
        self._left = position.left if position else ()
        self.is_behind = False
        self.is_missing = False
        """Whether nothing was at the path at the last poll."""
        self._missed_bytes = 0
        self._trouble = ""
        self._results: list[Line | Notice] = []
        self._grew_at: float | None = None
        self._count, self._lost_bytes = LineCounter(), 0

    @property
    def position(self) -> TailPosition | None:
        """Where to continue after all lines returned so far; None before the file was found for the first time."""
        if self._file is None:
            return self._resume_from
        position = self._file.position(
            self.path,
            offset=self._buffer.resume_offset,
            number=self._buffer.number,
            generation=self._generation,
            encoding=self._buffer.encoding,
        )
        return replace(position, left=self._left)

    @property
    def counters(self) -> TailCounters:
        """What this tail has done."""
        return self._count.counters(
            generations=self._generation,
            lost_bytes=self._lost_bytes,
            bytes_behind=self._file.unread_bytes if self._file else 0,
        )

    def poll(self, now: float) -> list[Line | Notice]:
        """Check the file once; return its new lines, with a notice for each change of the file.

        ``now`` is monotonic time in seconds. Never raises for a change of the file.
        """
        self._results = []
        budget = self._poll_bytes
        while budget > 0:
            try:
                data = self._read_on(budget)
            except ContentChanged:
                self._leave_changed_file()
                continue
            except OSError as error:
                self._let_go(error)
                break
            if not data:
                break
            budget -= len(data)
            self._grew_at = now
            self._count.bytes_read += len(data)
            self._results += self._count.counted(self._buffer.feed(data))
        self.is_behind = budget <= 0
        self._show_partial(now)
        return self._results

    def finish(self) -> list[Line]:
        """Return the held last line, if any, as final. Call it only when no more bytes can come."""
        self._results = []
        self._end_line()
        return [result for result in self._results if isinstance(result, Line)]

    def close(self) -> None:
        """Close the file; a later poll would open it again."""
        if self._file is not None:
            self._resume_from = self.position
            self._file.close()
            self._file = None
            self._buffer = TextBuffer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _read_on(self, limit_bytes: int) -> bytes:
        """Return the next bytes, from the next generation if this one is read to its end; none if all are read."""
        while True:
            if self._file is None and not self._open():
                return b""
            assert self._file is not None
            if data := self._file.read(limit_bytes, keeps_nuls=self._buffer.is_wide):
                return data
            following = self._look_for_next()
            if following is None:
                return b""
            try:
                # Read what was written between the read above and the rotation.
                data = self._file.read(limit_bytes, keeps_nuls=self._buffer.is_wide)
            except (ContentChanged, OSError):
                following.close()
                raise
            if data or not self._move_to(following):
                following.close()
                return data

    def _open(self) -> bool:
        """Open the log, or the file that the position belongs to. Raises OSError unless the file is just missing."""
        position = self._resume_from
        if position and (found := find_generation(self.path, position, offset=position.offset)):
            self._buffer = TextBuffer(offset=position.offset, number=position.number, encoding=position.encoding)
            self._file = found
        else:
            try:
                opened = oldest_unread(self.path, position) if position else Generation.open(self.path)
            except (FileNotFoundError, NotADirectoryError):
                self._note_missing(was_there=position is not None)
                return False
            if position is None:
                self._file, self._generation = opened, 1
            else:
                change = FileChange.TRUNCATED if opened.place == position.place else FileChange.ROTATED
                self._switch_to(opened, change, max(0, position.known_bytes - position.offset))
        self._resume_from = None
        self._trouble = ""
        self._note_present()
        return True

    def _look_for_next(self) -> Generation | None:
        """Open the file that follows the current one, which is read to its end; None while there is none."""
        assert self._file is not None
        try:
            is_log_there, following = next_generation(self.path, self._file)
        except OSError as error:
            self._note_trouble(error)
            return None
        self._trouble = ""
        if following:
            self.is_missing = self.is_missing and not is_log_there
        elif is_log_there:
            self._note_present()
        else:
            self._note_missing(was_there=True)
        return following

    def _move_to(self, following: Generation) -> bool:
        """Continue in the next file; return False if that file has changed since it was opened."""
        assert self._file is not None
        position = self.position
        assert position is not None
        is_copy = self._file.opened_as != self.path
        if is_copy and following.go_on_from(position, offset=self._file.offset):
            # It is the original of the copy that is being read, not yet truncated.
            self._file.close()
            self._file = following
            return True
        # Check this after the above: if it were that original, truncated meanwhile, it would be read twice.
        if not following.has_noted_prefix:
            return False
        self._switch_to(following, FileChange.ROTATED, self._file.unread_bytes)
        return True

    def _leave_changed_file(self) -> None:
        """Continue in a copy of the old content if there is one; else begin with the new content of the file."""
        assert self._file is not None
        position = self.position
        assert position is not None
        if copy := find_generation(self.path, position, offset=self._file.offset):
            self._missed_bytes = max(0, self._file.known_bytes - copy.known_bytes)
            self._file.close()
            self._file = copy
            return
        lost_bytes = self._file.unread_bytes
        self._file.restart()
        self._switch_to(self._file, FileChange.TRUNCATED, lost_bytes)

    def _switch_to(self, file: Generation, change: FileChange, lost_bytes: int) -> None:
        self._end_line()
        if self._file is not None and self._file is not file:
            self._leave(self._file)
        self._file = file
        self._buffer = self._continued(file) if change is FileChange.ROTATED else TextBuffer()
        self._generation += 1
        lost_bytes += self._missed_bytes
        self._missed_bytes = 0
        self._lost_bytes += lost_bytes
        self._note(change, lost_bytes=lost_bytes)

    def _leave(self, file: Generation) -> None:
        """Close a file, and remember how far it was read: the name may come to point to it again."""
        others = [each for each in self._left if each.place != file.place]
        left = file.left(number=self._buffer.number, encoding=self._buffer.encoding)
        self._left = (*others, left)[-LEFT_KEPT:]
        file.close()

    def _continued(self, file: Generation) -> TextBuffer:
        """Return the buffer for a file: where it was left, if it has what was read of it; else at its start."""
        left = next((each for each in self._left if each.place == file.place), None)
        if left is None or not file.go_on_from(left, offset=left.read_offset):
            return TextBuffer()
        return TextBuffer(offset=left.read_offset, number=left.number, encoding=left.encoding)

    def _let_go(self, error: OSError) -> None:
        """Close a file that cannot be read: opening it again heals a stale handle of a network file system."""
        self._note_trouble(error)
        self.close()

    def _show_partial(self, now: float) -> None:
        if self._grew_at is None or now - self._grew_at < self._partial_after_s:
            return
        if line := self._buffer.preview():
            self._results.append(line)

    def _end_line(self) -> None:
        if line := self._buffer.end():
            self._results += self._count.counted([line])

    def _note_missing(self, *, was_there: bool) -> None:
        if was_there and not self.is_missing:
            self._note(FileChange.VANISHED)
        self.is_missing = True

    def _note_present(self) -> None:
        if self.is_missing:
            self._note(FileChange.APPEARED)
        self.is_missing = False

    def _note_trouble(self, error: OSError) -> None:
        reason = error.strerror or str(error)
        if reason != self._trouble:
            self._note(FileChange.UNREADABLE, detail=reason)
        self._trouble = reason

    def _note(self, change: FileChange, *, lost_bytes: int = 0, detail: str = "") -> None:
        self._results.append(Notice(change, str(self.path), self._generation, lost_bytes, detail))
