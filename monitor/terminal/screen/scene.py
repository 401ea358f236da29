"""All that one picture is made of."""

from __future__ import annotations

from typing import NamedTuple

from monitor.alert import Severity
from monitor.snapshot import Snapshot


class OtherLog(NamedTuple):
    """A log that is followed as well, in a line."""

    log: str
    status: str
    epoch: int
    step: int | None
    num_firing: int
    worst: Severity | None
    """Of what fires; None where nothing does."""


class Scene(NamedTuple):
    """What is known at one moment, of the run and of the watch itself."""

    snapshot: Snapshot
    bytes_behind: int = 0
    """Bytes of the log that are known and not read yet."""
    lost_bytes: int = 0
    """Bytes that nobody will read any more."""
    polling: str = ""
    """Why the log is looked at by the clock alone; empty where file events tell of changes."""
    is_behind: bool = False
    """Whether there is more to read at this moment; what is shown is then the past."""
    others: tuple[OtherLog, ...] = ()
    """The logs that are followed beside this one."""
    notices: tuple[str, ...] = ()
    """What befell the log or the watch, oldest first, as plain lines not yet made harmless."""
