"""The facts that one picture shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from monitor.alert import Severity
from monitor.snapshot import Snapshot
from monitor.terminal.screen.chart import Course
from monitor.terminal.screen.view import View


class FollowedLog(NamedTuple):
    """One of several followed logs, shown in one line."""

    log: str
    status: str
    step: int | None
    loss: float | None
    """The newest loss."""
    silent_s: float | None
    """Seconds since the last line; None for a run that has ended, or before the first line."""
    num_firing: int
    worst: Severity | None
    """Worst severity that fires; None where nothing does."""
    is_shown: bool
    """Whether it is the log that the picture shows in full."""
    has_twin: bool
    """Whether another log has the same file name, in another folder."""


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
    logs: tuple[FollowedLog, ...] = ()
    """All followed logs."""
    notices: tuple[str, ...] = ()
    """Changes of the log as a file and problems of the watch, oldest first, as plain lines not yet escaped."""
    course: Course = Course()
    """The losses so far."""
    silenced: Mapping[str, str] = {}
    """By id, the open alerts that receivers are not told about, and why, in words."""
    view: View = View()
    """What a person has chosen to see."""
    has_keys: bool = False
    """Whether there is a keyboard."""
