"""A condition of the watch file → its reading now: a mark, and the grounds with their lines."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from monitor.base.evidence import Evidence
from monitor.conditions import Outcome, Reading
from monitor.conditions.freshness import absence, overdue
from monitor.config.expression import (
    AllOf,
    AnyOf,
    EpochHasEnded,
    Expression,
    FaultIsAbsent,
    Figure,
    RuleIsOk,
    SignalSeen,
    StatusIs,
)
from monitor.reader.signals import Labels
from monitor.report.judgement import RuleVerdict, ground, grounds, reason_of, worst_applicable
from monitor.report.statement import Mark, Statement
from monitor.run.attempt import Attempt, Status
from monitor.run.series import Point, Series
from monitor.snapshot import Snapshot


@dataclass(frozen=True)
class WatchReading:
    """The reading of a condition."""

    mark: Mark
    grounds: tuple[Statement, ...]
    """At least one, each with a mark."""


def read_condition(expression: Expression, snapshot: Snapshot, verdicts: Sequence[RuleVerdict]) -> WatchReading:
    """Return the reading of a condition now."""
    attempt = snapshot.run.attempt
    match expression:
        case AllOf(parts):
            return _all([read_condition(part, snapshot, verdicts) for part in parts])
        case AnyOf(parts):
            return _best([read_condition(part, snapshot, verdicts) for part in parts])
        case RuleIsOk(rule):
            found = [ground(verdict) for verdict in verdicts if verdict.rule.alert == rule]
            return _of(found or [Statement(rule, "the rule is not enabled", mark=Mark.UNKNOWN)])
        case FaultIsAbsent(fault):
            found = grounds(verdict for verdict in verdicts if verdict.rule.fault == fault)
            return _of(found or [Statement(fault, "no enabled rule covers this", mark=Mark.UNKNOWN)])
        case SignalSeen(signal):
            return _of(_seen(attempt, signal))
        case Figure():
            return _of(_figures(attempt, expression))
        case EpochHasEnded(epoch):
            return _of([_epoch(attempt, epoch)])
        case StatusIs(status):
            return _of([_status(snapshot, status)])


def _of(statements: Iterable[Statement]) -> WatchReading:
    found = tuple(statements)
    return WatchReading(worst_applicable([each.mark for each in found if each.mark is not None]), found)


def _all(readings: Sequence[WatchReading]) -> WatchReading:
    return _of(ground for each in readings for ground in each.grounds)


_BEST_FIRST = (Mark.OK, Mark.CAUTION, Mark.UNKNOWN, Mark.BREACH, Mark.NOT_APPLICABLE)


def _best(readings: Sequence[WatchReading]) -> WatchReading:
    return min(readings, key=lambda each: _BEST_FIRST.index(each.mark))


def _unjudged(subject: str, reading: Reading) -> Statement:
    marks = {Outcome.NOT_APPLICABLE: Mark.NOT_APPLICABLE}
    return Statement(subject, reason_of(reading), reading.evidence, marks.get(reading.outcome, Mark.UNKNOWN))


def _seen(attempt: Attempt, signal: str) -> list[Statement]:
    if absent := absence(attempt, signal):
        return [_unjudged(signal, absent)]
    series = attempt.of(signal)
    late = [reading for labels, each in series.items() if (reading := overdue(attempt, signal, labels, each))]
    if late:
        return [_unjudged(signal, late[0])]
    last = max((each.last for each in series.values()), key=lambda point: point.serial)
    count = sum(each.count for each in series.values())
    times = "once" if count == 1 else f"{count:,} times"
    return [Statement(signal, f"seen {times}, last in epoch {last.epoch}", (last.evidence,), Mark.OK)]


def _figures(attempt: Attempt, figure: Figure) -> list[Statement]:
    found = {labels: series for labels, series in attempt.of(figure.signal).items() if set(figure.where) <= set(labels)}
    if not found:
        absent = absence(attempt, figure.signal)
        if absent is not None:
            return [_unjudged(figure.signal, absent)]
        wanted = ", ".join(f"{name}={value}" for name, value in figure.where)
        return [Statement(figure.signal, f"no value with {wanted} was seen", mark=Mark.UNKNOWN)]
    return [_figure(attempt, figure, labels, series) for labels, series in found.items()]


def _figure(attempt: Attempt, figure: Figure, labels: Labels, series: Series) -> Statement:
    subject = figure.signal + "".join(f" {value}" for _, value in labels)
    known = _known(figure, series)
    if known is None:
        if figure.epoch is not None and attempt.epochs_done < figure.epoch and attempt.ended is None:
            return Statement(subject, f"epoch {figure.epoch} has not ended", mark=Mark.UNKNOWN)
        return Statement(subject, "no finite value is known", (series.last.evidence,), Mark.UNKNOWN)
    if figure.epoch is None and (late := overdue(attempt, figure.signal, labels, series)):
        return _unjudged(subject, late)
    value, lines = known
    wanted = " and ".join(f"{side.replace('_', ' ')} {level:g}" for side, level in figure.tests)
    of = "" if figure.of == "last" else f"{figure.of} "
    where = "" if figure.epoch is None else f" in epoch {figure.epoch}"
    words = f"{of}{value:.6g}{where}; wanted {wanted}"
    if all(_HOLDS[side](value, level) for side, level in figure.tests):
        return Statement(subject, words, lines, Mark.OK)
    is_final = attempt.ended is not None or figure.epoch is not None
    return Statement(subject, words, lines, Mark.BREACH if is_final else Mark.CAUTION)


_HOLDS = {
    "above": lambda value, level: value > level,
    "below": lambda value, level: value < level,
    "at_least": lambda value, level: value >= level,
    "at_most": lambda value, level: value <= level,
}


def _known(figure: Figure, series: Series) -> tuple[float, tuple[Evidence, ...]] | None:
    """Return the figure with its lines; None where it is unknown."""
    if figure.epoch is not None:
        tally = series.epochs.get(figure.epoch)
        if tally is None:
            return None
        values = {"last": tally.last.value, "min": tally.minimum, "max": tally.maximum, "count": float(tally.count)}
        value = values[figure.of]
        return (value, (tally.last.evidence,)) if math.isfinite(value) else None
    if figure.of == "count":
        return float(series.count), (series.last.evidence,)
    points = [point for point in series.recent if math.isfinite(point.value)]
    if not points or (figure.of == "last" and not math.isfinite(series.last.value)):
        return None
    if figure.of in ("median", "p95"):
        ends = tuple(dict.fromkeys((points[0].evidence, points[-1].evidence)))
        values_sorted = sorted(point.value for point in points)
        middle = statistics.median(values_sorted)
        return (middle if figure.of == "median" else values_sorted[math.ceil(0.95 * len(points)) - 1]), ends
    point = _PICKED[figure.of](points)
    return point.value, (point.evidence,)


def _value(point: Point) -> float:
    return point.value


_PICKED = {
    "last": lambda points: points[-1],
    "min": lambda points: min(points, key=_value),
    "max": lambda points: max(points, key=_value),
}


def _epoch(attempt: Attempt, epoch: int) -> Statement:
    for series in attempt.of("epoch.train_loss").values():
        if tally := series.epochs.get(epoch):
            return Statement("", f"epoch {epoch} has ended", (tally.last.evidence,), Mark.OK)
    if attempt.epochs_done >= epoch and attempt.progress.last is not None:
        line = next((each.last.evidence for each in attempt.of("train.loss").values()), None)
        if line is not None:
            return Statement("", f"{attempt.epochs_done} epochs have ended", (line,), Mark.OK)
    if attempt.ended is not None:
        words = f"the run ended after {attempt.epochs_done} epochs"
        return Statement("", words, (attempt.ended.evidence,), Mark.BREACH)
    return Statement("", f"epoch {epoch} has not ended", mark=Mark.UNKNOWN)


def _status(snapshot: Snapshot, status: str) -> Statement:
    run = snapshot.run
    if run.attempt.ended is not None:
        mark = Mark.OK if run.status.value == status else Mark.BREACH
        return Statement("", f"the run has ended: {run.status.value}", (run.attempt.ended.evidence,), mark)
    if run.status is Status.RUNNING and status == "running" and snapshot.is_following and run.last is not None:
        return Statement("", "the run writes its log", (run.last,), Mark.OK)
    return Statement("", "no end line was seen", mark=Mark.UNKNOWN)
