"""Foreign lines → events: what other trainers write, by declared patterns, in the words of our own grammar."""

from monitor.reader.dialects.load import (
    DialectError,
    load_dialect,
    load_dialects,
    shipped_dialect_files,
    shipped_dialects,
)
from monitor.reader.dialects.pattern import Dialect
from monitor.reader.dialects.reader import DialectReader
from monitor.reader.dialects.state import NATIVE, DialectState

__all__ = [
    "NATIVE",
    "Dialect",
    "DialectError",
    "DialectReader",
    "DialectState",
    "load_dialect",
    "load_dialects",
    "shipped_dialect_files",
    "shipped_dialects",
]
