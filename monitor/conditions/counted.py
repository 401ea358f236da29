"""Counts events per epoch, in the whole run or in a sliding window: what ``count`` and ``match`` share."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Literal, NamedTuple

from pydantic import BeforeValidator, WithJsonSchema, model_validator

from monitor.alert import Severity
from monitor.conditions.condition import Condition, Needed, SignalName, in_catalogue
from monitor.conditions.freshness import absence, overdue
from monitor.conditions.levels import SeverityLevel, levels_in_words
from monitor.conditions.reading import Context, Outcome, Reading, unknown
from monitor.conditions.values import Level, Span, level_value, read_window
from monitor.reader.signals import CATALOGUE, Labels
from monitor.run.attempt import Attempt
from monitor.run.columns.preview import Ahead
from monitor.run.run import Run
from monitor.run.series import Point, Series


def _period(text: object) -> object:
    """Parse ``epoch``, ``run`` or a window. Raises ValueError."""
    if text in ("epoch", "run"):
        return text
    try:
        return read_window(text)
    except ValueError:
        raise ValueError(
            f"not a period: {text!r:.60}; "
            "expected epoch, run, or a number and one of reports, steps, epochs, s, m, h, d"
        ) from None


Period = Annotated[Literal["epoch", "run"] | Span, BeforeValidator(_period), WithJsonSchema({"type": "string"})]
"""``epoch``, ``run``, or a sliding window: ``200 steps``, ``5m``, ``3 epochs``, ``50 reports`` of the heartbeat."""


class Tallied(NamedTuple):
    """Events of one period."""

    number: int
    within: str
    """The period in words: ``in epoch 3``."""
    first: Point | None
    """None if there are no events."""
    last: Point | None


class Occurrences(Condition):
    """More events than allowed.

    Per epoch, an alert keeps firing until a whole later epoch has ended with few enough events: the first events of
    the next epoch prove nothing. In a sliding window it keeps firing until enough events have left the window. A
    restart of the trainer starts the count again.
    """

    level_fields = ("above",)

    above: Level | None = None
    """The largest number of events that is still right."""
    levels: tuple[SeverityLevel, ...] = ()
    """Several numbers instead of one, each with a severity; an alert's severity rises with them."""
    per: Period
    """The period in which events count together."""
    by: tuple[str, ...] | None = None
    """Labels that split the count; without it, events with any labels count together."""
    heartbeat: SignalName | None = None
    """A signal that shows that events would be seen: having no event is ok only while this signal is fresh."""

    @model_validator(mode="after")
    def _numbers_can_be_counted(self) -> Occurrences:
        if (self.above is None) == (not self.levels):
            raise ValueError("expected exactly one of above, levels")
        if any(each.above is None for each in self.levels):
            raise ValueError("levels: a count has no lower limit; expected above in each level")
        for number in self._numbers():
            if isinstance(number, float) and (number < 0 or number != int(number)):
                raise ValueError(f"above: not a number of events: {number:g}; expected a whole number from 0")
        if self._is_sliding():
            self._check_window()
        return self

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that split the count."""
        return self.by or ()

    @property
    def watches(self) -> frozenset[str]:
        """The events, their heartbeat and the ends of epochs."""
        names = {self._signal, "run.epoch"}
        return frozenset(names if self.heartbeat is None else names | {self.heartbeat})

    def readings(self, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
        """Return a reading for each set of the labels that split the count, or a single one if there are no events."""
        known = self._found(run.attempt)
        if not known or not self.labels:
            return [self._read(run.attempt, (), list(known.values()), now)]
        found: dict[Labels, list[Series]] = {}
        for labels, series in known.items():
            found.setdefault(tuple(pair for pair in labels if pair[0] in self.labels), []).append(series)
        return [self._read(run.attempt, labels, series, now) for labels, series in found.items()]

    def is_idle(self, run: Run) -> bool:
        """Idle while the event has never happened in this attempt."""
        return not self._found(run.attempt)

    def stays_quiet(self, run: Run, ahead: Ahead, context: Context, firing: frozenset[Labels]) -> bool:
        """Quiet while the event does not happen. Per run, too many events stay too many."""
        if self._signal in ahead.coming:
            return False
        found = self._found(run.attempt)
        if not found:
            return not firing
        if self.per == "run":
            readings = self.readings(run, Context(), run.now, firing)
            return {each.labels for each in readings if each.outcome is Outcome.BREACH} == firing
        fewest = min(level_value(number, run.attempt) for number in self._numbers())
        if self.per == "epoch":
            each_epoch = Counter[int]()
            for series in found.values():
                each_epoch.update({epoch: tally.count for epoch, tally in series.epochs.items()})
            return not firing and max(each_epoch.values(), default=0) <= fewest
        return not firing and sum(series.count for series in found.values()) <= fewest

    @property
    def is_timed(self) -> bool:
        """Timed if the window is a time."""
        return isinstance(self.per, Span) and self.per.unit == "s"

    def deadline(self, run: Run, after: float) -> float | None:
        """Return when the oldest event leaves a window that is too full, if the window is a time."""
        if not (isinstance(self.per, Span) and self.per.unit == "s"):
            return None
        points = [point for series in self._found(run.attempt).values() for point in series.recent]
        ends = sorted(point.at + self.per.amount for point in points if point.at is not None)
        later = [end for end in ends if end > after]
        fewest = min(level_value(number, run.attempt) for number in self._numbers())
        return later[0] if len(later) > fewest else None

    def needed_signals(self) -> Needed:
        """Return one group: the event, or the end of an epoch; a log need not hold the heartbeat."""
        names = in_catalogue(self.watches - {self.heartbeat})
        return (frozenset(names),) if names else ()

    def signals_to_keep_coming(self) -> Iterator[tuple[str, bool]]:
        """Yield the heartbeat, or without one the event."""
        names = in_catalogue(self.watches) if self.heartbeat is None else [self.heartbeat]
        yield from ((name, False) for name in names)

    def number_words(self) -> str:
        """Return the number or numbers in words."""
        return levels_in_words({"above": self.above}, self.levels).replace("above ", "")

    def per_words(self) -> str:
        """Return the period in words."""
        return f"in one {self.per}" if self.per in ("epoch", "run") else f"within {self.per}"

    @property
    @abstractmethod
    def _signal(self) -> str:
        """The signal of the events."""

    @property
    @abstractmethod
    def _event(self) -> str:
        """What is counted, in words."""

    @abstractmethod
    def _found(self, attempt: Attempt) -> dict[Labels, Series]:
        """Return the series that count."""

    def _read(self, attempt: Attempt, labels: Labels, found: Sequence[Series], now: float | None) -> Reading:
        for tallied in self._periods(attempt, found, now):
            for number, severity in reversed(self._tests(attempt)):
                if tallied.number > number:
                    return self._reading(Outcome.BREACH, labels, tallied, number, severity)
        shown = self._shown(attempt, found, now)
        return self._quiet(attempt, labels, shown, _points(found))

    def _periods(self, attempt: Attempt, found: Sequence[Series], now: float | None) -> list[Tallied]:
        """Return the counts that can be too high, newest period first."""
        if self.per == "run":
            first = min((series.first for series in found if series.first), key=_place, default=None)
            return [Tallied(sum(series.count for series in found), "in this run", first, _newest(found))]
        if self.per == "epoch":
            return [_in_epochs(found, epoch, epoch) for epoch in (attempt.epoch, attempt.epoch - 1)]
        if self.per.unit == "epochs":
            first_epoch = attempt.epoch - int(self.per.amount) + 1
            return [_in_epochs(found, first_epoch, attempt.epoch)._replace(within=f"within {self.per}")]
        points = self._in_window(attempt, _points(found), now)
        return [Tallied(len(points), f"within {self.per}", points[0], points[-1])] if points else []

    def _shown(self, attempt: Attempt, found: Sequence[Series], now: float | None) -> Tallied:
        """Return the count to show in a quiet reading: never the count of an epoch after the last one."""
        periods = self._periods(attempt, found, now) or [Tallied(0, f"within {self.per}", None, None)]
        is_over = bool(attempt.epochs_planned) and attempt.epoch > (attempt.epochs_planned or 0)
        return periods[1] if self.per == "epoch" and is_over and not periods[0].number else periods[0]

    def _in_window(self, attempt: Attempt, points: Sequence[Point], now: float | None) -> list[Point]:
        """Return the events within the sliding window; an event exactly as old as the window has left it."""
        assert isinstance(self.per, Span)
        amount, unit = self.per
        if unit == "s":
            return [point for point in points if point.at is not None and now is not None and point.at + amount > now]
        if unit == "steps":
            step = attempt.step or 0
            return [point for point in points if (point.step or 0) + amount > step]
        assert self.heartbeat is not None
        beats = _points(attempt.of(self.heartbeat).values())
        since = beats[-int(amount)].serial if len(beats) >= amount else 0
        return [point for point in points if point.serial > since]

    def _quiet(self, attempt: Attempt, labels: Labels, tallied: Tallied, seen: Sequence[Point]) -> Reading:
        """Return ok for few enough events, if an event or the heartbeat shows that they would be seen."""
        if self.per == "epoch":
            seen = [point for point in seen if point.epoch >= attempt.epoch - 1]
        last = max(seen, key=_place, default=None)
        if self.heartbeat is None:
            if last is None:
                return unknown(f"no {self._event} in {attempt.lines:,} lines, and no heartbeat is declared", labels)
        elif absent := absence(attempt, self.heartbeat):
            if last is None:
                return absent
        else:
            own, pulse = max(attempt.of(self.heartbeat).items(), key=lambda item: _place(item[1].last))
            last = pulse.last if last is None else max(last, pulse.last, key=_place)
            if late := overdue(attempt, self.heartbeat, own, pulse):
                return unknown(late.reason, labels, late.evidence)
        number, _ = self._tests(attempt)[0]
        return self._reading(Outcome.OK, labels, tallied._replace(first=None, last=last), number, None)

    def _reading(
        self, outcome: Outcome, labels: Labels, tallied: Tallied, number: float, severity: Severity | None
    ) -> Reading:
        assert tallied.last is not None
        shown = (tallied.last,) if tallied.first is None else (tallied.first, tallied.last)
        return Reading(
            outcome,
            f"{tallied.number} × {self._event} {tallied.within}; expected at most {number:g}",
            labels,
            value=tallied.number,
            threshold=number,
            evidence=tuple(dict.fromkeys(point.evidence for point in shown)),
            epoch=tallied.last.epoch,
            step=tallied.last.step,
            severity=severity,
        )

    def _tests(self, attempt: Attempt) -> list[tuple[float, Severity | None]]:
        """Return the numbers in force and their severities, mildest first."""
        if self.above is not None:
            return [(level_value(self.above, attempt), None)]
        ranked = sorted(self.levels, key=lambda each: each.severity.rank)
        return [(level_value(each.above, attempt), each.severity) for each in ranked if each.above is not None]

    def _numbers(self) -> list[Level]:
        return [each for each in (self.above, *(level.above for level in self.levels)) if each is not None]

    def _is_sliding(self) -> bool:
        return isinstance(self.per, Span) and self.per.unit != "epochs"

    def _check_window(self) -> None:
        """Refuse a window that the kept points cannot answer exactly. Raises ValueError."""
        assert isinstance(self.per, Span)
        kept = _points_kept(self._signal)
        if not all(isinstance(number, float) and number < kept for number in self._numbers()):
            raise ValueError(f"above: only the last {kept} events are kept for a window; expected at most {kept - 1}")
        if self.per.unit == "reports":
            if self.heartbeat is None:
                raise ValueError(f"per: {self.per} of what; expected a heartbeat as well")
            kept = _points_kept(self.heartbeat)
            if not 1 <= self.per.amount <= kept:
                raise ValueError(f"per: {self.per} of {self.heartbeat}; expected 1 to {kept}, the number that is kept")


def _in_epochs(found: Iterable[Series], first: int, last: int) -> Tallied:
    tallies = [tally for series in found for epoch, tally in series.epochs.items() if first <= epoch <= last]
    return Tallied(
        sum(tally.count for tally in tallies),
        f"in epoch {last}",
        min((tally.first for tally in tallies), key=_place, default=None),
        max((tally.last for tally in tallies), key=_place, default=None),
    )


def _points(found: Iterable[Series]) -> list[Point]:
    """Return the kept points of several series, in the order in which they came."""
    return sorted((point for series in found for point in series.recent), key=_place)


def _newest(found: Iterable[Series]) -> Point | None:
    return max((series.last for series in found), key=_place, default=None)


def _points_kept(signal: str) -> int:
    kept = Series.of(CATALOGUE[signal]).recent.maxlen
    assert kept is not None
    return kept


def _place(point: Point) -> int:
    return point.serial
