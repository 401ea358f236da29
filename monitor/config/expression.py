"""What a watch file can ask of a run: rules, signals and progress, joined by all and any; as plain records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Side = Literal["above", "below", "at_least", "at_most"]
FigureOf = Literal["last", "min", "max", "median", "p95", "count"]


@dataclass(frozen=True)
class RuleIsOk:
    """``LossSpike``: the rule is ok, with evidence, and none of its alerts stands."""

    rule: str
    place: str
    """``file:line``."""


@dataclass(frozen=True)
class FaultIsAbsent:
    """``{fault: grad_zero}``: every rule in force for this kind of fault is ok."""

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
    """``{signal: gpu.util_pct, of: p95, at_least: 60}``: a figure of every series lies where it should."""

    signal: str
    where: tuple[tuple[str, str], ...]
    """Labels that the series must bear."""
    of: FigureOf
    """Over the newest points that are kept; ``count`` is of the whole attempt."""
    epoch: int | None
    """Only what was reported in this epoch, of signals that are reported once per epoch or counted."""
    tests: tuple[tuple[Side, float], ...]


@dataclass(frozen=True)
class SignalSeen:
    """``{seen: metric.sharpe}``: the signal was seen at all, and is not overdue."""

    signal: str


@dataclass(frozen=True)
class EpochHasEnded:
    """``{epoch: 5}``: epoch 5 wrote its end line."""

    epoch: int


@dataclass(frozen=True)
class StatusIs:
    """``{status: completed}``: the run wrote an end line of this kind; ``running`` holds before it."""

    status: str


Expression = RuleIsOk | FaultIsAbsent | AllOf | AnyOf | Figure | SignalSeen | EpochHasEnded | StatusIs


def parts_of(expression: Expression) -> Iterator[Expression]:
    """Yield what an expression is made of, itself included, outermost first."""
    yield expression
    if isinstance(expression, (AllOf, AnyOf)):
        for part in expression.parts:
            yield from parts_of(part)
