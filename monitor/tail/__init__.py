"""Bytes → lines: follow a log through all that happens to log files, and wake when it may have changed."""

from monitor.tail.filetail import FileTail
from monitor.tail.generation import TailPosition
from monitor.tail.linebuffer import (
    STRETCH_BYTES,
    Ending,
    Gathered,
    Line,
    LineBuffer,
    Stretch,
    read_lines,
    read_pieces,
    read_stretches,
)
from monitor.tail.source import FileChange, Notice, Tail, TailCounters
from monitor.tail.stream import StreamTail
from monitor.tail.waker import Waker

__all__ = [
    "STRETCH_BYTES",
    "Ending",
    "FileChange",
    "FileTail",
    "Gathered",
    "Line",
    "LineBuffer",
    "Notice",
    "StreamTail",
    "Stretch",
    "Tail",
    "TailCounters",
    "TailPosition",
    "Waker",
    "read_lines",
    "read_pieces",
    "read_stretches",
]
