"""What is known of one log at one moment: all that a report, a status or the live view is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from monitor.alert import Alert
from monitor.conditions import Reading
from monitor.rules import Rule
from monitor.run.run import Run

HISTORY_LIMIT = 1_000
"""Transitions kept for the report's timeline; the count of alerts goes on."""


@dataclass(frozen=True)
class Snapshot:
    """What is known at one moment: all that a report or a status is made of."""

    log: str
    run: Run
    now: float | None
    """The run's time at this moment."""
    is_following: bool
    """Whether the log is still watched; else it was read to its end."""
    readings: tuple[tuple[Rule, tuple[Reading, ...]], ...]
    """What every rule says now."""
    open: tuple[Alert, ...]
    """Alerts that fire now."""
    history: tuple[Alert, ...]
    """The transitions so far, oldest first."""
    totals: Totals | None = None
    """What reading the log has come to; None where it was read by nobody who counts."""


class Totals(NamedTuple):
    """What the tail has done for this log, all runs of the program together."""

    bytes_read: int = 0
    truncated_lines: int = 0
    """Lines of which only the head was kept."""
    replaced_lines: int = 0
    """Lines that were no valid UTF-8; rules read bytes and mind nothing."""
    lost_bytes: int = 0
    """Bytes that were destroyed before they were read."""
    bytes_behind: int = 0
    """Bytes known to be there and not yet read."""
    seconds_behind: float = 0.0
    """Longest that any of them may have been waiting; 0 where there are none."""
    generations: int = 0
    """Files that the log has been so far: more than one after a rotation or a truncation."""
    polling: str = ""
    """Why the log is looked at by the clock alone; empty where file events wake."""


Publish = Callable[[Snapshot, Path], None]
"""Writes the status page of a snapshot to a place."""
