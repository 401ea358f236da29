"""What a line reports: its values and its place in the run; what reading hands to signals and facts."""

from __future__ import annotations

from typing import NamedTuple

from monitor.reader.heads import Head
from monitor.reader.places import Place


class Value(NamedTuple):
    """One number, as a line gave it."""

    quantity: str
    """A quantity of the vocabulary, or ``metric``."""
    name: str
    """Of a metric; empty for a quantity, and where a line gives no more than a split: ``250 val 3.92``."""
    split: str
    """``train``, ``val``, ``test``; empty where nothing says it."""
    number: float
    digits: int | None
    """Decimal places that were printed."""


class Report(NamedTuple):
    """What a line says."""

    kind: str
    """``report``, ``validation``, ``epoch`` (it begins), ``checkpoint``, ``end``, ``known`` (nothing is measured)."""
    place: Place = Place()
    values: tuple[Value, ...] = ()
    detail: str = ""
    """Of an end: its status."""
    is_bar: bool = False
    """Whether a progress bar shows it: bars repeat what they know."""


class Read(NamedTuple):
    """A line, read."""

    head: Head
    reports: tuple[Report, ...]

    @property
    def is_understood(self) -> bool:
        """Whether its values are used, or it is known to say nothing."""
        return bool(self.reports)


KNOWN = (Report("known"),)
"""Of a line that is understood and measures nothing."""
