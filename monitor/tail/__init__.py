"""Bytes → lines: follow a log through all that happens to log files, and wake when it may have changed."""

from monitor.tail.filetail import FileTail, TailCounters
from monitor.tail.generation import TailPosition
from monitor.tail.linebuffer import Ending, Gathered, Line, LineBuffer, Stretch, read_lines, read_stretches
from monitor.tail.notices import Change, Notice
from monitor.tail.waker import Waker

__all__ = [
    "Change",
    "Ending",
    "FileTail",
    "Gathered",
    "Line",
    "LineBuffer",
    "Notice",
    "Stretch",
    "TailCounters",
    "TailPosition",
    "Waker",
    "read_lines",
    "read_stretches",
]
