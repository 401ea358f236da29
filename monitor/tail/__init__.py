"""Bytes → lines: follow a log through everything that happens to log files, and wake when it may have changed."""

from monitor.tail.filetail import FileTail
from monitor.tail.generation import TailPosition
from monitor.tail.linebuffer import (
    STRETCH_BYTES,
    Ending,
    Gathered,
    Line,
    LineBuffer,
    Stretch,
)
from monitor.tail.recordtail import RecordTail
from monitor.tail.source import Notice, Tail
from monitor.tail.stream import StreamTail
from monitor.tail.tabletail import TableTail, file_tail
from monitor.tail.textbuffer import TextBuffer
from monitor.tail.waker import Waker
from monitor.tail.whole import read_lines, read_pieces, read_stretches

__all__ = [
    "STRETCH_BYTES",
    "Ending",
    "FileTail",
    "Gathered",
    "Line",
    "LineBuffer",
    "Notice",
    "RecordTail",
    "StreamTail",
    "Stretch",
    "TableTail",
    "Tail",
    "TailPosition",
    "TextBuffer",
    "Waker",
    "file_tail",
    "read_lines",
    "read_pieces",
    "read_stretches",
]
