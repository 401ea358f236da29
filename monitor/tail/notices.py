"""What can happen to a log file itself, told beside its lines."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Change(Enum):
    """What happened to the file itself."""

    APPEARED = "appeared"
    """It is there, after it was not."""
    VANISHED = "vanished"
    """Nothing is at its path any more; what is still open is read on."""
    ROTATED = "rotated"
    """The lines that follow come from another file."""
    TRUNCATED = "truncated"
    """The lines that follow come from the same file, whose old content is gone."""
    UNREADABLE = "unreadable"
    """It is there and cannot be read; ``detail`` says why. Said once for each reason."""


class Notice(NamedTuple):
    """One thing that happened to the file, between the lines before and after it."""

    change: Change
    """What happened."""
    path: str
    """The log as the user named it."""
    generation: int
    """1-based count of the generation that the next lines belong to; 0 before the first one."""
    lost_bytes: int
    """Bytes known to have been there that nobody will read; what was never seen cannot be counted."""
    detail: str
    """The system's reason, for UNREADABLE; else empty."""
