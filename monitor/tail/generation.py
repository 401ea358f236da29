"""One generation of a log file: an open file identified by its content, so that a reused inode or a refill is noticed.

A generation is the content of one file from its creation to its truncation. It is identified by its place (device and
inode), by a prefix that grows with what was read, and by an anchor, the bytes just before the offset. The prefix is
compared before each read, the anchor as part of it. Known gap: a refill whose bytes equal those already read, up to the
offset, goes unnoticed; lines with times rule that out in practice.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

PREFIX_BYTES = 1024
"""Longest prefix that is compared; a shorter file is identified by all bytes read of it."""
ANCHOR_BYTES = 256
"""Bytes before the offset that are compared."""


class ContentChanged(Exception):
    """The file no longer contains what was read of it: it was truncated, refilled or replaced."""


class Place(NamedTuple):
    """Where the file system keeps a file, regardless of its name."""

    device: int
    """Number of the file system."""
    inode: int
    """Number within it; another file may get it once this one is deleted."""


class LeftFile(NamedTuple):
    """A file that was left when the log's name came to point to another: how far it was read, as in `TailPosition`."""

    device: int
    inode: int
    prefix_bytes: int
    prefix_digest: str
    anchor_digest: str
    read_offset: int
    number: int
    encoding: str = ""

    @property
    def place(self) -> Place:
        """Where the file system kept the file."""
        return Place(self.device, self.inode)


@dataclass(frozen=True)
class TailPosition:
    """How far a log was read. Text, integers and lists of them: ``dataclasses.asdict`` makes it JSON."""

    path: str
    """The log as the user named it; the file may have another name by now."""
    device: int
    inode: int
    prefix_bytes: int
    """Length of the prefix, at most PREFIX_BYTES; it may reach beyond ``read_offset``."""
    prefix_digest: str
    anchor_digest: str
    """Digest of the ANCHOR_BYTES before ``read_offset``; of fewer bytes near the start."""
    read_offset: int
    """Bytes read, including the held part of an unfinished line."""
    known_bytes: int
    """The file's size at the last read, without NULs at its end."""
    changed_ns: int
    """The file's modification time at that moment, in nanoseconds since 1970-01-01 UTC."""
    offset: int
    """Where to continue: the first byte that has not come out in a line."""
    number: int
    """1-based number of the line at ``offset``."""
    generation: int
    """Number of this generation of the log, from 1."""
    encoding: str = ""
    """How its bytes are split into lines (see `TextBuffer`); empty before the first ones."""
    left: tuple[LeftFile, ...] = ()
    """The files that the name pointed to before, the newest last."""

    def __post_init__(self) -> None:
        """Take what JSON makes of a tuple as well."""
        object.__setattr__(self, "left", tuple(LeftFile(*each) for each in self.left))

    @property
    def place(self) -> Place:
        """Where the file system kept the generation."""
        return Place(self.device, self.inode)


class Generation:
    """An open log file and how far it was read. Its prefix is noted at once, before anything is read."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor = descriptor
        self.opened_as = path
        status = os.fstat(descriptor)
        self.place = Place(status.st_dev, status.st_ino)
        self.known_bytes = self.changed_ns = self.offset = 0
        self._prefix = self._anchor = b""
        self.restart()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a regular file. Raises OSError."""
        # Without O_NONBLOCK, opening a named pipe waits for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        mode = os.fstat(descriptor).st_mode
        try:
            if stat.S_ISDIR(mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
            if not stat.S_ISREG(mode):
                raise OSError(errno.EINVAL, "Not a regular file", str(path))
            return cls(descriptor, path)
        except OSError:
            os.close(descriptor)
            raise

    @property
    def unread_bytes(self) -> int:
        """Known bytes after the offset."""
        return max(0, self.known_bytes - self.offset)

    @property
    def has_noted_prefix(self) -> bool:
        """Whether the file still begins with the noted prefix. Raises OSError."""
        return os.pread(self._descriptor, len(self._prefix), 0) == self._prefix

    def read(self, limit_bytes: int, *, keeps_nuls: bool = False) -> bytes:
        """Return the next bytes, none at the end. Raises ContentChanged, and OSError if the disk fails.

        NULs at the file's end are left for the next read: a network file system may show them where text is about
        to arrive, and a writer that allocates ahead will overwrite them. ``keeps_nuls`` takes the last one of an odd
        number, which is the second half of a character of UTF-16.
        """
        status = os.fstat(self._descriptor)
        if not self.has_noted_prefix:
            raise ContentChanged
        # Ask for one byte more than the file seems to have: a short read shows that this is the end.
        limit_bytes = min(limit_bytes, max(0, status.st_size - self.offset) + 1)
        # Read the anchor and the new bytes at once, so that no truncation can happen between check and read.
        block = os.pread(self._descriptor, len(self._anchor) + limit_bytes, self.offset - len(self._anchor))
        if not block.startswith(self._anchor):
            raise ContentChanged
        new = block[len(self._anchor) :]
        left = 0
        if len(new) < limit_bytes:
            left = len(new) - len(text := new.rstrip(b"\0"))
            left -= keeps_nuls and left > 0 and (self.offset + len(text)) % 2 == 1
            new = new[: len(new) - left]
        self._advance(new)
        self.known_bytes = max(self.offset, status.st_size - left)
        self.changed_ns = status.st_mtime_ns
        return new

    def restart(self) -> None:
        """Begin at the file's first byte, as a new generation."""
        status = os.fstat(self._descriptor)
        self.known_bytes, self.changed_ns = status.st_size, status.st_mtime_ns
        self.offset, self._anchor = 0, b""
        self._prefix = self._beginning(0)

    def go_on_from(self, position: TailPosition | LeftFile, *, offset: int) -> bool:
        """Move to ``offset`` if this file contains what was read up to ``position``; else stay, and return False."""
        before = self.offset, self._prefix, self._anchor
        # Note first, then compare: a truncation in between or later is noticed here or by the next read.
        self.offset, self._prefix, self._anchor = offset, self._beginning(offset), self._before(offset)
        if self._holds(position):
            return True
        self.offset, self._prefix, self._anchor = before
        return False

    def position(self, path: Path, *, offset: int, number: int, generation: int, encoding: str = "") -> TailPosition:
        """Return how far this file was read, to be resumed at line ``number``, which begins at ``offset``."""
        return TailPosition(
            path=str(path),
            device=self.place.device,
            inode=self.place.inode,
            prefix_bytes=len(self._prefix),
            prefix_digest=_digest(self._prefix),
            anchor_digest=_digest(self._anchor),
            read_offset=self.offset,
            known_bytes=self.known_bytes,
            changed_ns=self.changed_ns,
            offset=offset,
            number=number,
            generation=generation,
            encoding=encoding,
        )

    def left(self, *, number: int, encoding: str) -> LeftFile:
        """Return how far this file was read, all of it in lines before line ``number``."""
        digests = _digest(self._prefix), _digest(self._anchor)
        return LeftFile(*self.place, len(self._prefix), *digests, self.offset, number, encoding)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _advance(self, new: bytes) -> None:
        if len(self._prefix) < PREFIX_BYTES:
            self._prefix += new[max(0, len(self._prefix) - self.offset) : PREFIX_BYTES - self.offset]
        self._anchor = (self._anchor + new[-ANCHOR_BYTES:])[-ANCHOR_BYTES:]
        self.offset += len(new)

    def _holds(self, position: TailPosition | LeftFile) -> bool:
        prefix = os.pread(self._descriptor, position.prefix_bytes, 0)
        anchor = self._before(position.read_offset)
        return (_digest(prefix), _digest(anchor)) == (position.prefix_digest, position.anchor_digest)

    def _beginning(self, offset: int) -> bytes:
        """Return the longest usable prefix; NULs after the offset may still become text."""
        prefix = os.pread(self._descriptor, PREFIX_BYTES, 0)
        return prefix[:offset] + prefix[offset:].rstrip(b"\0")

    def _before(self, offset: int) -> bytes:
        length = min(offset, ANCHOR_BYTES)
        return os.pread(self._descriptor, length, offset - length)


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()
