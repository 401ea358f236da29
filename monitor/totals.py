"""What reading a log has come to so far: what was read, what could not be, and how far behind the reader is."""

from __future__ import annotations

from typing import NamedTuple


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
