"""A record as a line without its time: what a probe hands over."""

from __future__ import annotations

from monitor.grammar.logline import Record, format_line


def body_of(record: Record) -> str:
    """Return level, tag and text."""
    return format_line(0.0, record).partition(" ")[2]
