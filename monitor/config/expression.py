"""What a watch file can ask about a run: rules, signals and progress, combined by all and any; plain records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Side = Literal["above", "below", "at_least", "at_most"]
FigureOf = Literal["last", "min", "max", "median", "p95", "count"]


@dataclass(frozen=True)
class RuleIsOk:
    """``LossSpike``: the rule is ok, with evidence, and none of its alerts is open."""

    rule: str
    place: str
    """``file:line``."""


@dataclass(frozen=True)
class FaultIsAbsent:
    """``{fault: grad_zero}``: every enabled rule for this kind of fault is ok."""

    fault: str
    place: str


@dataclass(frozen=True)
class AllOf:
    """``[A, B]`` or ``{all: [A, B]}``: all of them hold."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True)
class AnyOf:
    """``{any: [A, B]}``: one of them holds."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True)
class Figure:
    """``{signal: gpu.util_pct, of: p95, at_least: 60}``: a figure of every series is where it should be."""

    signal: str
    where: tuple[tuple[str, str], ...]
    """Labels that the series must have."""
    of: FigureOf
    """Taken over the newest points that are kept; ``count`` covers the whole attempt."""
    epoch: int | None
    """Only what this epoch reported; for signals that are counted, or reported once per epoch."""
    tests: tuple[tuple[Side, float], ...]


@dataclass(frozen=True)
class SignalSeen:
    """``{seen: metric.sharpe}``: the signal was seen, and is not overdue."""

    signal: str


@dataclass(frozen=True)
class EpochHasEnded:
    """``{epoch: 5}``: the end line of epoch 5 was written."""

    epoch: int


@dataclass(frozen=True)
class StatusIs:
    """``{status: completed}``: the end line of the run has this status; ``running`` holds before it."""

    status: str


Expression = RuleIsOk | FaultIsAbsent | AllOf | AnyOf | Figure | SignalSeen | EpochHasEnded | StatusIs


def parts_of(expression: Expression) -> Iterator[Expression]:
    """Yield the expression and all its parts, outermost first."""
    yield expression
    if isinstance(expression, (AllOf, AnyOf)):
        for part in expression.parts:
            yield from parts_of(part)
