"""The facts that one picture shows."""

from __future__ import annotations

from typing import NamedTuple

from monitor.alert import Severity
from monitor.snapshot import Snapshot


class OtherLog(NamedTuple):
    """Another followed log, shown in one line."""

    log: str
    status: str
    epoch: int
    step: int | None
    num_firing: int
    worst: Severity | None
    """Worst severity that fires; None where nothing does."""


class Scene(NamedTuple):
    """What is known at one moment about the run and the watch."""

    snapshot: Snapshot
    bytes_behind: int = 0
    """Bytes of the log that are not read yet."""
    lost_bytes: int = 0
    """Bytes that were lost before they were read."""
    polling: str = ""
    """Why the log is polled; empty where file events report changes."""
    is_behind: bool = False
    """Whether there is more to read now, so that the picture shows the past."""
    others: tuple[OtherLog, ...] = ()
    """The other followed logs."""
    notices: tuple[str, ...] = ()
    """Changes of the log as a file and problems of the watch, oldest first, as plain lines not yet escaped."""
