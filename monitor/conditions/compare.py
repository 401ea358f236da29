"""``compare``: compares a signal with a baseline run, a band per epoch, or another signal of the same run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from monitor.base.evidence import Evidence
from monitor.conditions.condition import SignalName, check_where, where_words
from monitor.conditions.freshness import absence, overdue
from monitor.conditions.levels import Leveled
from monitor.conditions.reading import Background, Band, Context, Outcome, Reading, not_applicable, unknown
from monitor.conditions.series_selection import declared_frozen, ranges_of
from monitor.reader.signals import CATALOGUE, Labels
from monitor.run.attempt import Attempt
from monitor.run.columns.preview import Ahead, Range
from monitor.run.run import Run
from monitor.run.series import Point, Series


class OtherSignal(BaseModel):
    """``{signal: floor.loss_floor, times: 0.98}``: the last value of another signal of the same run."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    signal: SignalName
    """The signal to compare with."""
    where: dict[str, str] = Field(default_factory=dict)
    """Labels of the other series; labels that both signals have are always equal."""
    times: FiniteFloat = 1.0
    """Factor for its value."""
    plus: FiniteFloat = 0.0
    """Amount to add to the product."""

    @model_validator(mode="after")
    def _labels_exist(self) -> OtherSignal:
        check_where(self.where, self.signal)
        return self

    def in_words(self) -> str:
        """Return the other value in words."""
        times = "" if self.times == 1 else f"{self.times:g} × "
        plus = "" if self.plus == 0 else f" + {self.plus:g}"
        return f"{times}{self.signal}{where_words(self.where)}{plus}"


class _Expected(NamedTuple):
    """What a value is compared with."""

    least: float
    most: float
    """The same as ``least``, except for a band."""
    words: str
    evidence: tuple[Evidence, ...] = ()


def _outside(value: float, expected: _Expected) -> float:
    return value if math.isnan(value) else max(expected.least - value, value - expected.most, 0.0)


def _factor(value: float, expected: _Expected) -> float:
    ratio = value / expected.most
    return max(ratio, 1 / ratio) if ratio > 0 or math.isnan(ratio) else math.inf


def _bands_of(background: Background, signal: str, labels: Labels) -> list[Band]:
    """Return the bands of a series."""
    return [each for each in background.bands.get(signal, ()) if set(each.where) <= set(labels)]


_FIGURES: dict[str, Callable[[float, _Expected], float]] = {
    "difference": lambda value, expected: value - expected.most,
    "distance": lambda value, expected: abs(value - expected.most),
    "ratio": lambda value, expected: value / expected.most,
    "factor": _factor,
    "outside": _outside,
}


_FIGURE_WORDS = {
    "difference": "{} minus {}",
    "distance": "the distance of {} from {}",
    "ratio": "{} divided by {}",
    "factor": "the factor between {} and {}",
}


class Compare(Leveled):
    """A figure of a series and of what it is compared with crosses a level.

    With ``baseline``, values of the same epoch are compared. With ``bands``, only epochs that have a band count.
    """

    kind: Literal["compare"]
    against: Literal["baseline", "bands"] | OtherSignal
    """The baseline run's value of the same epoch, the expected band of the epoch, or another signal of this run."""
    figure: Literal["difference", "distance", "ratio", "factor", "outside"]
    """``difference``: the value minus the other; ``distance``: the size of the difference; ``ratio``: the value divided
    by the other; ``factor``: the larger divided by the smaller; ``outside``: how far the value is outside the band."""
    of: Literal["last", "minimum"] = "last"
    """Which value is compared with another signal: the last, or the lowest so far."""

    @model_validator(mode="after")
    def _one_test(self) -> Compare:
        if self.sides_given() != 1:
            raise ValueError("expected exactly one of above, below, equals, levels")
        if (self.against == "bands") != (self.figure == "outside"):
            raise ValueError("figure: outside belongs to bands; expected both or neither")
        if self.of == "minimum" and (self.consecutive > 1 or not isinstance(self.against, OtherSignal)):
            raise ValueError("of: minimum is a single value; expected another signal in against, and no consecutive")
        return self

    @property
    def watches(self) -> frozenset[str]:
        """The signal, and the other signal if there is one: a reading needs both."""
        return frozenset({self.signal, self.against.signal} if isinstance(self.against, OtherSignal) else {self.signal})

    def in_words(self) -> str:
        """Return what is tested."""
        test = f"{self.level_in_words()}{self.running_words()}"
        if self.against == "bands":
            return f"the distance of {self.subject} from its expected band is {test}"
        if isinstance(self.against, OtherSignal):
            other = self.against.in_words()
        else:
            other = f"the baseline run's {self.signal} of the same epoch"
        subject = f"the lowest {self.subject} so far" if self.of == "minimum" else self.subject
        return f"{_FIGURE_WORDS[self.figure].format(subject, other)} is {test}"

    def readings(self, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
        """Return a reading for each series, or a single reading if there are no series."""
        attempt, background = run.attempt, context.background
        if (missing := self._nothing_given(background)) and (line := attempt.started or run.dialect.line):
            return [not_applicable(missing, line)]
        # A touch of the other signal has other labels.
        asked = None if isinstance(self.against, OtherSignal) else context.asked
        return self.each(
            attempt, asked, lambda labels, series: self._read(attempt, background, labels, series, labels in firing)
        )

    def stays_quiet(self, run: Run, ahead: Ahead, context: Context, firing: frozenset[Labels]) -> bool:
        """Quiet while nothing is given to compare with, or while the two stay close anywhere in their ranges."""
        if firing or self._nothing_given(context.background):
            return not firing
        if not isinstance(self.against, OtherSignal):
            return self.signal not in ahead.coming
        attempt, against = run.attempt, self.against
        own = [self._reach(attempt, *each) for each in ranges_of(attempt, self.signal, self.where, ahead)]
        others = [each for _, each in ranges_of(attempt, against.signal, against.where, ahead)]
        return all(
            left.is_finite and right.is_finite and self._is_quiet_between(left, right, against, attempt)
            for left in own
            for right in others
        )

    def _reach(self, attempt: Attempt, labels: Labels, own: Range) -> Range:
        """Return where the value that is compared will be, given where the series will be."""
        series = attempt.of(self.signal).get(labels)
        if self.of == "last" or series is None or math.isnan(series.minimum):
            return own
        return Range(min(own.least, series.minimum), own.most, own.is_finite)

    def _is_quiet_between(self, own: Range, other: Range, against: OtherSignal, attempt: Attempt) -> bool:
        ends = [end * against.times + against.plus for end in (other.least, other.most)]
        least, most = min(ends), max(ends)
        slack = 1 + 1e-9
        if self.figure in ("ratio", "factor"):
            if own.least <= 0 or least <= 0:
                return False
            ratios = Range(own.least / most / slack, own.most / least * slack, True)
            factor = max(ratios.most, 1 / ratios.least)
            return self.is_quiet_within(ratios if self.figure == "ratio" else Range(1, factor, True), attempt)
        differences = Range(own.least - most, own.most - least, True)
        farthest = max(abs(differences.least), abs(differences.most))
        distances = Range(0, farthest, True)
        return self.is_quiet_within(distances if self.figure == "distance" else differences, attempt)

    def _nothing_given(self, background: Background) -> str:
        if self.against == "baseline" and background.baseline is None:
            return "no baseline was given"
        if self.against == "bands" and not background.bands.get(self.signal):
            return f"no expected bands of {self.signal} were given"
        return ""

    def _read(
        self, attempt: Attempt, background: Background, labels: Labels, series: Series, is_firing: bool
    ) -> Reading:
        if missing := self._nothing_given(background):
            return unknown(missing, labels, (series.last.evidence,))
        if self.against == "bands" and not _bands_of(background, self.signal, labels):
            return not_applicable(f"no expected band of this {self.signal} was given", series.last.evidence, labels)
        if not_now := declared_frozen(attempt, labels) or overdue(attempt, self.signal, labels, series):
            return not_now
        pairs: list[tuple[Point, _Expected]] = []
        why = ""
        for point in reversed(series.recent):
            expected = self._expected(attempt, background, labels, point)
            if isinstance(expected, str):
                why = why or expected
            elif not (self.on_nan == "ignore" and math.isnan(point.value)):
                pairs.append((point, expected))
            if len(pairs) == self.consecutive:
                break
        if not pairs:
            return unknown(why or f"{self.signal} has never been a number", labels, (series.last.evidence,))
        pairs.reverse()
        (last, expected), figures = pairs[-1], []
        for point, other in pairs:
            if self.figure in ("ratio", "factor") and other.most == 0:
                return unknown(f"{other.words}, so a ratio to it means nothing", labels, other.evidence)
            value = series.minimum if self.of == "minimum" else point.value
            figures.append(_FIGURES[self.figure](value, other))
        if self.on_nan == "unknown" and not math.isfinite(figures[-1]):
            return unknown(f"{self.signal} is {last.value:g}, {expected.words}", labels, (last.evidence,))
        broken = None
        if len(figures) == self.consecutive:
            broken = self.broken(figures, attempt, is_firing=is_firing)
        lines = [line for point, other in pairs for line in (*other.evidence, point.evidence)]
        shown = f"{series.minimum:.6g} at its lowest" if self.of == "minimum" else f"{last.value:.6g}"
        words = f"{self.signal} is {shown}, {expected.words}: {self.figure} {figures[-1]:.6g}"
        words += self.expectation(attempt)
        reading = self.conclusion(broken, figures, words, labels, attempt, last, [last])
        if reading.outcome is Outcome.UNKNOWN:
            return reading
        threshold = expected.least if last.value < expected.least else expected.most
        return replace(reading, value=last.value, threshold=threshold, evidence=tuple(dict.fromkeys(lines)))

    def _expected(self, attempt: Attempt, background: Background, labels: Labels, point: Point) -> _Expected | str:
        """Return what to compare a point with, or the reason why there is nothing."""
        if isinstance(self.against, OtherSignal):
            return self._other(attempt, self.against, labels, point)
        if self.against == "bands":
            for band in _bands_of(background, self.signal, labels):
                if band.epoch == point.epoch:
                    least = -math.inf if band.least is None else band.least
                    most = math.inf if band.most is None else band.most
                    return _Expected(least, most, f"expected {least:g} to {most:g} in epoch {band.epoch}")
            return f"no band of {self.signal} is given for epoch {point.epoch}"
        baseline = background.baseline
        assert baseline is not None
        value = baseline.by_epoch.get((self.signal, labels), {}).get(point.epoch)
        if value is None or not math.isfinite(value):
            return f"run {baseline.run} has no {self.signal} in epoch {point.epoch}"
        return _Expected(value, value, f"{value:.6g} in epoch {point.epoch} of run {baseline.run} ({baseline.log})")

    def _other(self, attempt: Attempt, against: OtherSignal, labels: Labels, point: Point) -> _Expected | str:
        """Return the other signal's last value at the time when the point was written."""
        name = against.signal
        wanted = {name: value for name, value in labels if name in CATALOGUE[against.signal].labels} | against.where
        for found, series in attempt.of(name).items():
            if not wanted.items() <= dict(found).items():
                continue
            if late := overdue(attempt, name, found, series):
                return late.reason
            known = [each for each in series.recent if each.serial <= point.serial]
            if not known:
                return f"no {name} was seen before"
            value = known[-1].value * against.times + against.plus
            if not math.isfinite(value):
                return f"{name} is {known[-1].value:g}"
            scaled = (f" × {against.times:g}" if against.times != 1 else "") + (
                f" {against.plus:+g}" if against.plus else ""
            )
            return _Expected(value, value, f"{name}{scaled} is {value:.6g}", (known[-1].evidence,))
        lacking = absence(attempt, name)
        return lacking.reason if lacking else f"no {name} with {wanted} was seen"
