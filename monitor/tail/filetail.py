"""Follow a log file through everything that happens to log files: its bytes in, its lines and what befell it out.

Single-threaded, never sleeps: ``poll`` looks once, reads at most one block, and returns. Every line of every
generation comes out once, in order, across rotation by rename (the old file is read to its end first), by copy
and truncation, deletion, a reused inode, and restarts of this program: commit ``position`` together with what was
made of the lines, and a FileTail built from it goes on behind them.

Known gaps. Bytes appended and truncated away between two looks are counted only as far as they were seen; where
nothing of a generation was seen before it was copied and truncated, nobody misses it. Bytes that a second writer
adds to a rotated file after the new one has lines are not read. Compressed rotated files are not read. A refill with
the very bytes that were read before is taken for them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from monitor.tail.generation import ContentChanged, Generation, TailPosition
from monitor.tail.linebuffer import CHUNK_BYTES, Line, LineBuffer
from monitor.tail.rotation import find_generation, next_generation, oldest_unread
from monitor.tail.source import FileChange, Notice, TailCounters

POLL_BYTES = CHUNK_BYTES
"""Most bytes read by one poll, so that a backlog blocks nobody."""
PARTIAL_AFTER_S = 5.0
"""Seconds an unfinished last line may rest before it is shown as it stands. Chosen by hand."""


class FileTail:
    """Follows one log. ``position`` is what an earlier FileTail's ``position`` was; None begins at the first byte."""

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
        self._buffer = LineBuffer()
        self._generation = position.generation if position else 0
        self._is_missing = False
        self._is_behind = False
        self._missed_bytes = 0
        self._trouble = ""
        self._results: list[Line | Notice] = []
        self._grew_at: float | None = None
        self._bytes_read = self._lines = self._truncated_lines = self._lost_bytes = 0

    @property
    def descriptor(self) -> None:
        """None: a file tells by events that it has grown."""
        return

    @property
    def position(self) -> TailPosition | None:
        """Where to go on after all lines returned so far; None before the file was found for the first time."""
        if self._file is None:
            return self._resume_from
        return self._file.position(
            self.path,
            offset=self._buffer.resume_offset,
            number=self._buffer.number,
            generation=self._generation,
        )

    @property
    def is_behind(self) -> bool:
        """Whether the last poll stopped at its limit: poll again before waiting."""
        return self._is_behind

    @property
    def is_at_end(self) -> bool:
        """Never: a file can always grow."""
        return False

    @property
    def is_missing(self) -> bool:
        """Whether nothing was at the path at the last poll."""
        return self._is_missing

    @property
    def counters(self) -> TailCounters:
        """Return what this tail has done."""
        return TailCounters(
            bytes_read=self._bytes_read,
            lines=self._lines,
            truncated_lines=self._truncated_lines,
            generations=self._generation,
            lost_bytes=self._lost_bytes,
            bytes_behind=self._file.unread_bytes if self._file else 0,
        )

    def poll(self, now: float) -> list[Line | Notice]:
        """Look once and return the new lines, and notices where something happened to the file.

        ``now`` is monotonic time in seconds. Never raises for what happens to the file: it becomes a notice.
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
            self._bytes_read += len(data)
            self._add_lines(self._buffer.feed(data))
        self._is_behind = budget <= 0
        self._show_partial(now)
        return self._results

    def finish(self) -> list[Line]:
        """Return the held last line, if any, for good: for a caller who knows that nothing will be added to it."""
        self._results = []
        self._end_line()
        return [result for result in self._results if isinstance(result, Line)]

    def close(self) -> None:
        """Let go of the file; a later poll would find it again."""
        if self._file is not None:
            self._resume_from = self.position
            self._file.close()
            self._file = None
            self._buffer = LineBuffer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _read_on(self, limit_bytes: int) -> bytes:
        """Return the next bytes, of the next generation where this one is at its end; none where all are read."""
        while True:
            if self._file is None and not self._open():
                return b""
            assert self._file is not None
            if data := self._file.read(limit_bytes):
                return data
            following = self._look_for_next()
            if following is None:
                return b""
            try:
                # What was written between the read above and the rotation.
                data = self._file.read(limit_bytes)
            except (ContentChanged, OSError):
                following.close()
                raise
            if data or not self._move_to(following):
                following.close()
                return data

    def _open(self) -> bool:
        """Open the log, or the file that the position lies in. Raises OSError for trouble other than absence."""
        position = self._resume_from
        if position and (found := find_generation(self.path, position, offset=position.offset)):
            self._buffer = LineBuffer(offset=position.offset, number=position.number)
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
        """Open the file that follows the present one, which is read to its end; None while there is none."""
        assert self._file is not None
        try:
            is_log_there, following = next_generation(self.path, self._file)
        except OSError as error:
            self._note_trouble(error)
            return None
        self._trouble = ""
        if following:
            self._is_missing = self._is_missing and not is_log_there
        elif is_log_there:
            self._note_present()
        else:
            self._note_missing(was_there=True)
        return following

    def _move_to(self, following: Generation) -> bool:
        """Go on in the next file; return False where it changed since it was opened."""
        assert self._file is not None
        position = self.position
        assert position is not None
        is_copy = self._file.opened_as != self.path
        if is_copy and following.go_on_from(position, offset=self._file.offset):
            # The original of the copy that was being read, not yet truncated.
            self._file.close()
            self._file = following
            return True
        # Asked after the above: had it been that original, truncated meanwhile, it would be read twice.
        if not following.begins_as_noted:
            return False
        self._switch_to(following, FileChange.ROTATED, self._file.unread_bytes)
        return True

    def _leave_changed_file(self) -> None:
        """Go on in a copy of what the file held, where there is one; else begin with what the file holds now."""
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
            self._file.close()
        self._file = file
        self._buffer = LineBuffer()
        self._generation += 1
        lost_bytes += self._missed_bytes
        self._missed_bytes = 0
        self._lost_bytes += lost_bytes
        self._note(change, lost_bytes=lost_bytes)

    def _let_go(self, error: OSError) -> None:
        """Close what cannot be read: a stale handle of a network file system is healed by opening again."""
        self._note_trouble(error)
        self.close()

    def _show_partial(self, now: float) -> None:
        if self._grew_at is None or now - self._grew_at < self._partial_after_s:
            return
        if line := self._buffer.preview():
            self._results.append(line)

    def _end_line(self) -> None:
        if line := self._buffer.end():
            self._add_lines([line])

    def _add_lines(self, lines: list[Line]) -> None:
        self._lines += len(lines)
        self._truncated_lines += sum(line.truncated_bytes > 0 for line in lines)
        self._results += lines

    def _note_missing(self, *, was_there: bool) -> None:
        if was_there and not self._is_missing:
            self._note(FileChange.VANISHED)
        self._is_missing = True

    def _note_present(self) -> None:
        if self._is_missing:
            self._note(FileChange.APPEARED)
        self._is_missing = False

    def _note_trouble(self, error: OSError) -> None:
        reason = error.strerror or str(error)
        if reason != self._trouble:
            self._note(FileChange.UNREADABLE, detail=reason)
        self._trouble = reason

    def _note(self, change: FileChange, *, lost_bytes: int = 0, detail: str = "") -> None:
        self._results.append(Notice(change, str(self.path), self._generation, lost_bytes, detail))
