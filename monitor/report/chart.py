"""What a chart shows, as plain data: dots with the lines they rest on; drawn by `monitor.report.drawing`."""

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
    """One value in its place."""

    x: float
    y: float
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class Curve:
    """One signal, or one of its series."""

    name: str
    dots: tuple[Dot, ...]
    """In the order of the log; values that are nan or infinite are among them, and are not drawn."""
    total: int
    """How many values the log gave so far; more than there are dots where only the newest are kept."""


@dataclass(frozen=True)
class Chart:
    """One picture."""

    name: str
    """In file names and anchors: lower-case letters only."""
    title: str
    x_title: str
    y_title: str
    curves: tuple[Curve, ...]
    shape: Shape = Shape.LINE
    is_log: bool = False
    """Whether the values stand on a logarithmic scale; those of 0 lie on its lower edge then."""
    y_range: tuple[float, float] | None = None
    """The scale, where it is known beforehand; None takes it from the values."""
    notes: tuple[str, ...] = ()
    """What a reader must know: what is left out, and why."""
