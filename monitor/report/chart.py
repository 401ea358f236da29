"""A chart as plain data: dots with their evidence; `monitor.report.drawing` draws it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from monitor.base.evidence import Evidence


class Shape(StrEnum):
    """How the values of a curve are drawn."""

    LINE = "line"
    BARS = "bars"


@dataclass(frozen=True)
class Dot:
    """One value."""

    x: float
    y: float
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class Curve:
    """One signal, or one of its series."""

    name: str
    dots: tuple[Dot, ...]
    """In the order of the log; nan and infinite values are included, but not drawn."""
    total: int
    """Number of values in the log so far; there are fewer dots where only the newest are kept."""


@dataclass(frozen=True)
class Chart:
    """One picture."""

    name: str
    """For file names and anchors: lower-case letters only."""
    title: str
    x_title: str
    y_title: str
    curves: tuple[Curve, ...]
    shape: Shape = Shape.LINE
    is_log: bool = False
    """Whether the scale is logarithmic; values of 0 are then drawn on its lower edge."""
    y_range: tuple[float, float] | None = None
    """The scale, if known beforehand; None derives it from the values."""
    notes: tuple[str, ...] = ()
    """What the picture leaves out, and why."""
