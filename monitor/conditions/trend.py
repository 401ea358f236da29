"""``trend``: tests the shape of a series: spikes, a ratio to its own past, runs, slopes, plateaus, growth."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, model_validator

from monitor.conditions import shapes
from monitor.conditions.baseline import Change, To, declared_change, early_median, past_words, reference, since
from monitor.conditions.condition import SignalName
from monitor.conditions.digits import printed_place
from monitor.conditions.freshness import overdue
from monitor.conditions.level_rise import is_by_noise
from monitor.conditions.levels import Leveled
from monitor.conditions.reading import Context, Outcome, Reading, not_applicable, too_early, unknown
from monitor.conditions.rest import has_fallen_to_rest
from monitor.conditions.rewards import rising_reward
from monitor.conditions.series_selection import check_window, declared_frozen, ranges_of, within
from monitor.conditions.shapes import mean
from monitor.conditions.values import Window, level_value
from monitor.reader.signals import Labels
from monitor.run.attempt import Attempt
from monitor.run.columns.bounds import LINES, NARROWEST, Band, Bounds
from monitor.run.columns.preview import Ahead, Range
from monitor.run.run import Run
from monitor.run.series import EARLY, RECENT, Point, Series

_FIELDS: dict[str, frozenset[str]] = {
    "spikes": frozenset({"over", "past", "least", "least_rise", "sigmas", "times"}),
    "ratio": frozenset({"over", "of", "to", "past", "least", "least_rise", "consecutive", "beyond_noise"}),
    "rising": frozenset({"least", "least_share", "is_steady"}),
    "falling": frozenset({"least", "least_share"}),
    "plateau": frozenset({"least", "least_share"}),
    "slope": frozenset({"over"}),
    "growth": frozenset({"over", "of", "windows", "is_share", "is_steady"}),
}
"""The fields that each shape uses."""


EPOCHS_SEEN = 5
"""So many of the newest reports show whether there is one per epoch."""
FEW_COMING = 64
"""Try at most so many samples of a block one by one, if their range proves too little. Chosen by hand."""
NEWEST = 16
"""Values that were so far between some bounds, where the next ones are expected there. Chosen by hand."""


class _Found(NamedTuple):
    """What is compared with the level."""

    values: list[float]
    """The figures; a breach needs all of them beyond the level."""
    words: str
    """What the figures describe."""
    shown: list[Point]
    """The points that show it, oldest first."""
    is_slight: bool = False
    """The change is too small to count, compared with where the series began or with its own noise."""


class Trend(Leveled):
    """The shape of a series crosses a level.

    Only points after the newest declared phase or data change count: a deliberate change is not a trend. Values that
    are not finite are left out; if the newest value is not finite, the reading is unknown.
    """

    kind: Literal["trend"]
    shape: Literal["spikes", "ratio", "rising", "falling", "plateau", "slope", "growth"]
    """``spikes``: how many values of ``over`` stick out; those that have not come down again count as one. ``ratio``:
    divided by the series' own past. ``rising``, ``falling``: how often in a row. ``plateau``: reports since the lowest.
    ``slope``: share by which the middle line of ``over`` rises. ``growth``: of the mean, from the first to the last of
    ``windows``."""
    over: Window | None = None
    """The window in which spikes are counted, or which ``of``, the slope or the growth describes."""
    of: Literal["last", "median", "min", "max"] = "last"
    """Which figure of ``over`` is divided; of a growth, which figure of each part must grow, else their means."""
    to: To = "recent"
    """What the ratio divides by: ``recent``, the median of the ``past`` reports before; ``first``, the first report;
    ``early``, the median of the first ``least`` reports; ``lowest`` or ``highest``, the lowest or highest median of a
    window so far; ``minimum``, the lowest value so far."""
    past: Annotated[int, Field(ge=2, le=RECENT)] = 20
    """How many reports before the judged ones a spike or a ratio is compared with."""
    least: Annotated[int, Field(ge=1, le=EARLY)] = 10
    """How many earlier reports are needed before anything is judged."""
    least_rise: Annotated[float, Field(ge=0)] = 0.0
    """How far a value must also rise above what the ratio divides by, or a spike above the median, as a share of the
    median of the first ``least`` reports: a large multiple of almost nothing does not count."""
    least_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of its size by which a value must rise, or fall, to count."""
    sigmas: Annotated[float, Field(gt=0)] = 8.0
    """How many robust standard deviations above the median make a spike."""
    times: Annotated[float, Field(ge=1)] = 2.0
    """What multiple of the median makes a spike."""
    windows: Annotated[int, Field(ge=2, le=RECENT // 2)] = 10
    """Number of parts of ``over``; the mean must grow from each part to the next."""
    is_share: bool = False
    """Express the growth as a share of the first mean, rather than in the signal's own unit."""
    is_steady: bool = False
    """Growth counts only if its second half is at least half of its first: what fills up slows, a leak does not. Rises
    in a row count only if the newest two are, as factors, not much smaller than the first two: a loss that begins next
    to nothing and comes up to its size slows, one that runs away does not."""
    beyond_noise: bool = False
    """A ratio to the lowest value counts only if noise alone does not bring a value so far above it: the lowest of many
    noisy values is lower than what the series is at."""
    one_per_epoch: bool = False
    """Judge only a series with one report per epoch: a mean over an epoch, with little noise."""
    unless_seen: SignalName | None = None
    """Not applicable where this signal was seen, because it says the same and says it better."""
    unless_at_rest: bool = False
    """Not applicable where the training loss fell in smaller and smaller moves until it hardly moves: at a minimum, a
    gradient is next to nothing."""
    unless_rewarded: bool = False
    """Not applicable where the log reports a reward that is as high as it usually was: what a policy's loss measures
    grows with what it earns."""
    on_nan: Literal["ignore", "unknown"] = "unknown"
    """What a newest value that is not finite means; it is never a trend."""

    @model_validator(mode="after")
    def _one_shape(self) -> Trend:
        check_window(self.over, self.signal)
        if self.sides_given() != 1 or self.equals is not None or any(each.equals is not None for each in self.levels):
            raise ValueError("expected exactly one of above, below, levels")
        known = _FIELDS[self.shape]
        for name in sorted(frozenset().union(*_FIELDS.values()) & self.model_fields_set - known):
            raise ValueError(f"{name}: not used by shape {self.shape}; expected one of {', '.join(sorted(known))}")
        needs_window = self.shape in ("spikes", "slope", "growth") or self.of != "last"
        if needs_window != (self.over is not None):
            problem = "is missing" if needs_window else "has no use here"
            raise ValueError(f"over: {problem}; expected it with spikes, slope, growth, or of: median, min or max")
        if self.over is not None and self.consecutive > 1:
            raise ValueError("consecutive: a window has a single figure; expected over or consecutive, not both")
        return self

    def in_words(self) -> str:
        """Return what is tested."""
        subject, over, test = self.subject, self.over, self.level_in_words()
        match self.shape:
            case "spikes":
                return (
                    f"the number of spikes of {subject} in {over} (values more than {self.sigmas:g} robust deviations "
                    f"above the median of the {self.past} reports before, and more than {self.times:g} × that median) "
                    f"is {test}"
                )
            case "ratio":
                figure = "the last value" if over is None else f"the {self.of} over {over}"
                past = past_words(self.to, self.past)
                return f"{figure} of {subject}, divided by {past}, is {test}{self.running_words()}"
            case "rising" | "falling":
                return f"the number of times in a row that {subject} is {self.shape} is {test}"
            case "plateau":
                return f"the number of reports of {subject} since its lowest value is {test}"
            case "slope":
                return f"the share by which the middle line of {subject} rises over {over} is {test}"
        unit = "a share of the first mean" if self.is_share else "an amount"
        parts = f"{self.windows} parts of {over}"
        figure = "" if self.of == "last" else f"the {self.of} of "
        grows = "grows steadily" if self.is_steady else "grows"
        return f"{figure}{subject} {grows} from each of {parts} to the next, and the growth as {unit} is {test}"

    def readings(self, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
        """Return a reading for each series, or a single reading if there are no series."""
        if self.unless_seen is not None and (seen := next(iter(run.attempt.of(self.unless_seen).values()), None)):
            return [not_applicable(f"no need: the log has {self.unless_seen}", seen.last.evidence)]
        loss = run.attempt.of("train.loss").get(()) if self.unless_at_rest else None
        if loss is not None and has_fallen_to_rest(run, "train.loss", loss):
            return [not_applicable("the training loss has come to rest: it is at a minimum", loss.last.evidence)]
        if self.unless_rewarded and (reward := rising_reward(run.attempt)) is not None:
            words = f"the reward is {reward.last.value:.6g}, as high as it was: {self.signal} grows with it"
            return [not_applicable(words, reward.last.evidence)]
        return self.each(
            run.attempt,
            context.asked,
            lambda labels, series: self._read(run.attempt, labels, series, labels in firing),
        )

    def stays_quiet(self, run: Run, ahead: Ahead, context: Context, firing: frozenset[Labels]) -> bool:
        """Quiet while the values are so close together that no shape of them can cross a level."""
        attempt = run.attempt
        if firing:
            return False
        if self.unless_seen is not None and attempt.of(self.unless_seen):
            return True
        for labels, where in ranges_of(attempt, self.signal, self.where, ahead):
            series = attempt.of(self.signal).get(labels)
            figure = self._figure_of(where, series, ahead, labels)
            is_quiet = where.is_finite and figure is not None and self.is_quiet_within(figure, attempt)
            if not is_quiet and not self._stays_quiet_one_by_one(run, labels, series, ahead):
                return False
        return True

    def quiet_lines(self, run: Run, bounds: Bounds, context: Context, firing: frozenset[Labels]) -> int:
        """Return for how many lines no shape can cross a level: all, where no value counts that comes."""
        if self.stays_quiet(run, bounds, context, firing):
            return LINES
        if firing or (self.over is not None and self.over.unit != "reports"):
            return 0
        known = run.attempt.of(self.signal).items()
        return min((self._quiet_lines(run, labels, series, bounds) for labels, series in known), default=0)

    def _quiet_lines(self, run: Run, labels: Labels, series: Series, bounds: Bounds) -> int:
        points = [point for point in series.recent if math.isfinite(point.value)]
        is_one = self.one_per_epoch and all(point.epoch == bounds.epoch for point in points[-2:]) and len(points) > 1
        if is_one or labels not in bounds.coming.get(self.signal, {}):
            return 0 if self._read(run.attempt, labels, series, False).outcome is Outcome.BREACH else LINES
        return 0

    def quiet_band(self, run: Run, bounds: Bounds, firing: frozenset[Labels]) -> Band | None:
        """Return between which values no ratio and no spike can cross a level.

        Only where the newest values were all between them: they may well stay there.
        """
        is_by_reports = self.over is None or self.over.unit == "reports"
        if firing or not is_by_reports or any(side != "above" for side, _, _ in self._tests):
            return None
        found: Band = {}
        for labels, series in run.attempt.of(self.signal).items():
            if labels in bounds.coming.get(self.signal, {}):
                band = self._band_of(series, run.attempt)
                if band is None:
                    return None
                found[self.signal, labels] = band
            if self._read(run.attempt, labels, series, False).outcome is Outcome.BREACH:
                return None
        return found or None

    def _band_of(self, series: Series, attempt: Attempt) -> tuple[float, float] | None:
        values = [point.value for point in series.recent if math.isfinite(point.value)]
        newest, level = values[-NEWEST:], min(level_value(each, attempt) for _, each, _ in self._tests)
        if self.shape == "spikes" and len(values) >= self.least and level >= 0:
            # So few values are below it that no median will be.
            least = sorted(values)[min(2, (self.least - 1) // 2)]
            most = self.times * least / (1 + 1e-9)
            if max(values) > most:
                return None
        elif self.shape == "ratio" and self.of in ("last", "min"):
            least = NARROWEST * min((*values, *(each for each in _past(series) if math.isfinite(each))), default=0.0)
            most = level * least / (1 + 1e-9)
        else:
            return None
        return (least, most) if least > 0 and all(least <= value <= most for value in newest) else None

    def _stays_quiet_one_by_one(self, run: Run, labels: Labels, series: Series | None, ahead: Ahead) -> bool:
        """Whether adding the samples of a series one by one makes no breach; False if there are too many to try."""
        coming = ahead.values(self.signal, labels)
        is_timed = self.over is not None and self.over.unit == "s"
        if series is None or run.last is None or is_timed or len(coming) > FEW_COMING or ahead.is_open:
            return False
        if self.shape == "spikes" and len(coming) == 1 and declared_change(run.attempt) is None:
            values = [*(point.value for point in series.recent), coming[0]]
            is_known = math.isfinite(sum(values)) and not _may_replace(series, ahead, self.signal, labels)
            is_none = is_known and not self._spikes_in(values[-(series.recent.maxlen or 0) :])
            if is_none and self.is_quiet_within(Range(0, 0, True), run.attempt):
                return True
        copy = replace(series, recent=series.recent.copy(), early=[*series.early], has_epochs=False)
        line = run.last._replace(line=run.last.line + 1)
        if not coming:
            return self._read(run.attempt, labels, copy, False).outcome is not Outcome.BREACH
        places = ahead.places(self.signal, labels)
        for number, (value, (step, epoch)) in enumerate(zip(coming, places, strict=True), 1):
            serial = run.attempt.lines + number
            copy.add(Point(value, serial, None if step < 0 else step, step >= 0, epoch, None, line), is_event=False)
            if self._read(run.attempt, labels, copy, False).outcome is Outcome.BREACH:
                return False
        return True

    def _figure_of(self, where: Range, series: Series | None, ahead: Ahead, labels: Labels) -> Range | None:
        """Return a range that contains the shape's figure for any order of the values; None if none is known."""
        if self.shape in ("rising", "falling", "plateau"):
            if self.shape == "plateau" or ahead.is_open or _may_replace(series, ahead, self.signal, labels):
                return None
            known = [point.value for point in series.recent] if series else []
            values = [*known, *ahead.values(self.signal, labels)]
            if ahead.is_single:
                count = shapes.run_up if self.shape == "rising" else shapes.run_down
            else:
                count = shapes.longest_run_up if self.shape == "rising" else shapes.longest_run_down
            return Range(0, count(values, least_share=self.least_share), True)
        if (
            self.shape == "growth"
            and not ahead.is_open
            and not _may_replace(series, ahead, self.signal, labels)
            and not self._may_grow(series, ahead.values(self.signal, labels))
        ):
            return Range(0, 0, True)
        past = [each for each in _past(series) if math.isfinite(each)]
        least, most = min(where.least, *past, where.most), max(where.most, *past, where.least)
        if least <= 0:
            return None
        slack = 1 + 1e-9
        if self.shape == "ratio":
            lowest, highest, coming = where.least, where.most, ahead.values(self.signal, labels)
            if ahead.is_single and len(coming) == 1:
                # All of the newest values must be beyond a level, or the least of them.
                lowest = coming[0] if self.of in ("last", "max") else lowest
                highest = self._least_with(coming[0], series) if self.of in ("last", "min") else highest
            return Range(lowest / most / slack, highest / least * slack, True)
        if self.shape == "spikes":
            return Range(0, 0 if where.most * slack <= self.times * least else RECENT, True)
        spread = (where.most - where.least) * slack
        if self.shape == "growth":
            return Range(0, spread / least if self.is_share else spread, True)
        return Range(-RECENT * spread / least, RECENT * spread / least, True)

    def _least_with(self, value: float, series: Series | None) -> float:
        """Return the least of the newest values that count, with one more; one too few, as that may replace another."""
        num = int(self.consecutive if self.over is None else self.over.amount) - 2
        if series is None or num <= 0 or (self.over is not None and self.over.unit != "reports"):
            return value
        return min(value, *[point.value for point in series.recent][-1 - num : -1])

    def _may_grow(self, series: Series | None, coming: list[float]) -> bool:
        """Whether the least or the greatest of each part grows anywhere; where another figure counts, it may."""
        if self.of not in ("min", "max") or self.over is None or self.over.unit != "reports":
            return True
        known = [point.value for point in series.recent if math.isfinite(point.value)] if series else []
        return shapes.may_grow([*known, *coming], int(self.over.amount), self.windows, of=self.of)

    def _read(self, attempt: Attempt, labels: Labels, series: Series, is_firing: bool) -> Reading:
        if frozen := declared_frozen(attempt, labels):
            return frozen
        if late := overdue(attempt, self.signal, labels, series):
            return late
        last = series.last
        if not math.isfinite(last.value) and self.on_nan == "unknown":
            return unknown(f"{self.signal} is {last.value}", labels, (last.evidence,))
        change = declared_change(attempt)
        points = [point for point in since(change, series.recent) if math.isfinite(point.value)]
        if self.one_per_epoch and any(left.epoch == right.epoch for left, right in pairwise(points[-EPOCHS_SEEN:])):
            return not_applicable(f"{self.signal} is reported more than once in an epoch", last.evidence, labels)
        found = self._found(series, points, change, is_firing)
        if isinstance(found, str):
            lines = (last.evidence,) if change is None else (change.evidence, last.evidence)
            words = found if change is None else f"{found} since the declared {change.words}"
            return too_early(words, labels, lines)
        broken = None
        if not found.is_slight and len(found.values) >= self.consecutive:
            broken = self.broken(found.values, attempt, is_firing=is_firing)
        slight = "; the change is too small to count" if found.is_slight else ""
        words = f"{found.words} is {found.values[-1]:.6g}{self.expectation(attempt)}{slight}"
        return self.conclusion(
            broken, found.values, words, labels, attempt, last, found.shown, is_slight=found.is_slight
        )

    def _found(self, series: Series, points: list[Point], change: Change | None, is_firing: bool) -> _Found | str:
        """Return the figures of the shape, or the reason why there are none yet."""
        if self.shape == "ratio":
            return self._ratio(series, points, change, is_firing)
        if self.shape == "spikes":
            return self._spikes(series, points)
        values = [point.value for point in points]
        if self.over is None:
            if len(points) <= self.least:
                return f"{len(points)} of {self.least + 1} reports seen"
            count = _COUNTED[self.shape](values, least_share=self.least_share)
            if self.is_steady and shapes.slows(values[-1 - count :]):
                count = 0
            words = "reports since the lowest" if self.shape == "plateau" else f"times in a row {self.shape}"
            return _Found([float(count)], f"{self.signal}: {words}", _ends(points[-1 - count :]))
        points = within(self.over, points) if points else []
        values = [point.value for point in points]
        if len(points) < (2 * self.windows if self.shape == "growth" else 3):
            return f"{self.signal} has not been seen for {self.over} yet"
        if self.shape == "growth":
            of_part = mean if self.of == "last" else shapes.FIGURES[self.of]
            grown = shapes.growth(values, self.windows, of_part, is_steady=self.is_steady)
            figure = _share(grown, of_part(values[: len(values) // self.windows])) if self.is_share else grown
        else:
            figure = _share(shapes.rise(values), statistics.median(values))
        if figure is None:
            return f"{self.signal} is around 0, so a share of it means nothing"
        return _Found([figure], f"{self.shape} of {self.signal} over {self.over}", _ends(points))

    def _spikes(self, series: Series, points: list[Point]) -> _Found | str:
        assert self.over is not None
        if len(points) <= self.least:
            return f"{len(points)} of {self.least + 1} reports seen"
        values = [point.value for point in points]
        places = self._spikes_in(values)
        if places:
            # In a log that rounds, the noise is at least one printed place: a policy loss around 0 jumps by that.
            size = self.sigmas * printed_place(points)
            if self.least_rise:
                size = max(size, self.least_rise * abs(early_median(series, values, self.least)))
            middle = statistics.median(values)
            places = [place for place in places if values[place] - middle > size]
        # A value that does not come down again is a rise, not a spike: the newest in a row count as one until it does.
        newest = next((n for n, place in enumerate(reversed(places)) if place != len(values) - 1 - n), len(places))
        places = [*places[: len(places) - newest], *places[len(places) - min(newest, 1) :]]
        # A window that is not full yet counts too: spikes among the first reports must not be missed.
        counted = set(within(self.over, points) or points)
        found = [points[place] for place in places if points[place] in counted]
        return _Found([float(len(found))], f"number of spikes of {self.signal} in {self.over}", found or points[-1:])

    def _spikes_in(self, values: list[float]) -> list[int]:
        return shapes.spikes(values, sigmas=self.sigmas, times=self.times, past=self.past, least=self.least)

    def _ratio(self, series: Series, points: list[Point], change: Change | None, is_firing: bool) -> _Found | str:
        judged = points[-self.consecutive :] if self.over is None else (within(self.over, points) if points else [])
        before = [point.value for point in points[: len(points) - len(judged)]]
        if not judged:
            return f"{self.signal} has not been seen for {self.over or f'{self.least} reports'} yet"
        past = reference(self.to, series, before, change, past=self.past, least=self.least, is_above=self._is_above())
        if isinstance(past, str):
            return past
        values = [point.value for point in judged]
        figures = values if self.over is None else [shapes.FIGURES[self.of](values)]
        if is_firing and self.to == "recent":
            past = self._unaccustomed(past, series, before)
        if not 0 < past < math.inf:
            return f"the past of {self.signal} is {past:.6g}, so a ratio to it means nothing"
        least_rise = self.least_rise * abs(early_median(series, before, self.least))
        is_slight = least_rise > 0 and min(figures) - past <= least_rise
        if self.to in ("recent", "lowest", "highest") and not is_firing:
            # If several values must all be beyond, each may be closer to the level.
            noise = math.log(shapes.noise_factor(before[-self.past :])) / math.sqrt(len(judged))
            is_slight |= all(value > 0 and abs(math.log(value / past)) <= noise for value in figures)
            is_slight |= self.to != "recent" and shapes.is_usual(min(figures), before, is_above=self._is_above())
        if self.beyond_noise and not is_firing and past > 0 and min(before) > 0:
            is_slight |= is_by_noise(math.log(min(figures)), [math.log(value) for value in before])
        figure = "" if self.over is None else f"{self.of} of {self.over} of "
        return _Found(
            [value / past for value in figures],
            f"{figure}{self.signal}, {values[-1]:.6g}, divided by {past_words(self.to, self.past)}, {past:.6g},",
            _ends(judged),
            is_slight=is_slight,
        )

    def _unaccustomed(self, past: float, series: Series, before: list[float]) -> float:
        """Return the past to compare a firing alert with: one that the fault has not become part of."""
        usual = series.window_medians[0 if self._is_above() else 1]
        if not math.isfinite(usual):
            usual = early_median(series, before, self.least)
        return min(past, usual) if self._is_above() else max(past, usual)

    def _is_above(self) -> bool:
        return self.above is not None or any(level.above is not None for level in self.levels)


_COUNTED: dict[str, Callable[..., int]] = {
    "rising": shapes.run_up,
    "falling": shapes.run_down,
    "plateau": shapes.since_best,
}


def _may_replace(series: Series | None, ahead: Ahead, signal: str, labels: Labels) -> bool:
    """Whether a value ahead may replace the one before it, as a report that repeats its step does."""
    steps = [step for step, _ in ahead.places(signal, labels)]
    if series is not None and series.last.has_own_step and series.last.step is not None:
        steps.insert(0, series.last.step)
    return any(left == right >= 0 for left, right in pairwise(steps))


def _past(series: Series | None) -> Iterator[float]:
    """Yield what a ratio may divide by, other than the remembered points."""
    if series is not None:
        yield from (*series.early, *series.window_medians, series.minimum)


def _ends(points: list[Point]) -> list[Point]:
    """Return the first and the last point."""
    return [points[0], points[-1]]


def _share(amount: float, whole: float) -> float | None:
    """Return an amount as a share of a size; None if the size is 0."""
    return amount / abs(whole) if whole else None
