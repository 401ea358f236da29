"""``coverage``: tests the evidence itself: whether the lines that rules need come, and often enough."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from pydantic import Field, model_validator

from monitor.conditions.cadence import CADENCE_SETTINGS, declared_cadence_steps
from monitor.conditions.condition import Condition, Needed, SignalName
from monitor.conditions.freshness import (
    CADENCES_ALLOWED,
    UNDECLARED_CADENCE_STEPS,
    is_left_behind,
    own_step_s,
    paces,
    switched_off,
)
from monitor.conditions.reading import Context, Outcome, Reading, unknown
from monitor.conditions.series_selection import ranges_of
from monitor.conditions.values import Seconds
from monitor.grammar import Checkpoint
from monitor.reader.dialects.state import NATIVE
from monitor.reader.signals import CATALOGUE, Labels, Signal
from monitor.run.attempt import Attempt
from monitor.run.columns.bounds import Bounds
from monitor.run.columns.preview import Ahead
from monitor.run.run import Run
from monitor.run.series import RECENT_IN_CROWD, Series

if TYPE_CHECKING:
    import numpy as np

LINES_PROMISED = 10
"""For so many of our own lines the condition promises to be quiet: more move a median too far. Chosen by hand."""
_ON = frozenset({"1", "true", "yes", "on"})


class LineCadence(NamedTuple):
    """How often a signal is reported."""

    steps: int
    """Steps from one report to the next: as declared, else the usual interval."""
    step_s: float
    """Seconds per step."""

    @property
    def seconds(self) -> float:
        """Return the time from one report to the next."""
        return self.steps * self.step_s

    def words(self, tag: str) -> str:
        """Return the calculation: ``GRAD-MONITOR every 200 steps × 2.0 s = 400 s``."""
        return f"{tag} every {self.steps:,} steps × {self._pace} s = {self.seconds:,.0f} s"

    @property
    def _pace(self) -> str:
        return f"{self.step_s:,.0f}" if self.step_s >= 100 else f"{self.step_s:.3g}"

    def advice(self, signal: Signal, promise_s: float) -> str:
        """Return how to make the reports come within a time."""
        most = math.floor(promise_s / self.step_s)
        name = CADENCE_SETTINGS.get(signal.cadence or "")
        if most < 1:
            return "a single step takes longer than that; promise a longer time"
        return f"set {name} to at most {most:,}" if name else f"report it at least every {most:,} steps"


def pace(attempt: Attempt, signal_name: str, a_step_s: float | None) -> LineCadence | None:
    """Return how often a signal is reported, given the time per step; None if unknown or once per epoch."""
    signal = CATALOGUE[signal_name]
    if a_step_s is None or a_step_s <= 0 or signal.cadence in ("epoch", "once"):
        return None
    steps = declared_cadence_steps(attempt, signal) or _usual_gap(freshest(attempt, signal_name))
    return LineCadence(steps, a_step_s) if steps else None


def freshest(attempt: Attempt, signal_name: str) -> Series | None:
    """Return the series of a signal with the newest report."""
    return max(attempt.of(signal_name).values(), key=lambda series: series.last.serial, default=None)


def silence(
    attempt: Attempt, signal_name: str, cadences: float = CADENCES_ALLOWED, *, others: tuple[int, ...] = ()
) -> str:
    """Return, in words, since when a signal has been silent, if for more than this many cadences; else nothing.

    The silence of a signal that was never seen counts from the start of the attempt. ``others`` are further distances
    in steps that are usual: those from one loss of a bar to another one, between which it may be told again.
    """
    signal, series = CATALOGUE[signal_name], freshest(attempt, signal_name)
    if signal.cadence == "once":
        return ""
    if signal.cadence == "epoch":
        last_epoch = series.last.epoch if series else attempt.first_epoch - 1
        is_late = attempt.epoch - 1 - last_epoch > cadences
        since = f"since epoch {last_epoch}" if series else "at all"
        return f"no {signal.tag} line {since}; expected in every epoch; now epoch {attempt.epoch}" if is_late else ""
    if attempt.step is None:
        return ""
    if series is not None and is_left_behind(attempt, series, cadences):
        return f"no {signal.tag} line since epoch {series.last.epoch}, and no step; now epoch {attempt.epoch}"
    known = (*_gaps(series), *others)
    every = declared_cadence_steps(attempt, signal) or max(known, default=_assumed_steps(attempt, signal_name))
    last_step = (series.last.step or 0) if series else _first_step(attempt)
    move = attempt.progress.last
    # A report after the newest step is fresh, even if its own step number starts again in a new epoch.
    is_newest = series is not None and move is not None and series.last.serial > move.serial
    if is_newest or attempt.step - last_step <= cadences * every:
        return ""
    since = f"since step {last_step:,}" if series else "at all"
    return f"no {signal.tag} line {since}; expected every {every:,} steps; now step {attempt.step:,}"


class Coverage(Condition):
    """An expected kind of line has stopped, or comes too rarely for what the rules promise.

    A kind of line is expected once it was seen, or if the run declares its cadence or switches it on. Each tag has its
    own reading.
    """

    judges_silence = True

    kind: Literal["coverage"]
    expects: Annotated[dict[SignalName, Seconds], Field(min_length=1)]
    """One signal for each kind of line to check, with the time within which the rules that read it promise to fire;
    the reports must not be further apart."""
    cadences: Annotated[float, Field(ge=1)] = CADENCES_ALLOWED
    """For how many cadences a kind of line may be silent."""

    @model_validator(mode="after")
    def _tags_differ(self) -> Coverage:
        for name in self.expects:
            if not CATALOGUE[name].tag:
                raise ValueError(f"expects: {name} belongs to lines without a tag; expected a signal with a tag")
        tags = [CATALOGUE[name].tag for name in self.expects]
        if twice := next((tag for tag in tags if tags.count(tag) > 1), None):
            raise ValueError(f"expects: {twice} is given twice; expected one signal for each kind of line")
        return self

    @property
    def watches(self) -> frozenset[str]:
        """The signals, and what shows that the run goes on without them."""
        return frozenset({*self.expects, "train.loss", "run.epoch", "run.moved"})

    @property
    def labels(self) -> tuple[str, ...]:
        """The kind of line."""
        return ("tag",)

    def in_words(self) -> str:
        """Return what is tested."""
        expected = ", ".join(f"{signal} every {promise_s:g}s" for signal, promise_s in self.expects.items())
        return (
            f"an expected kind of line is silent for more than {self.cadences:g} × its cadence, or comes less often "
            f"than promised ({expected})"
        )

    def needed_signals(self) -> Needed:
        """Return nothing: lines that do not come are a breach."""
        return ()

    def signals_to_keep_coming(self) -> Iterator[tuple[str, bool]]:
        """Yield nothing: lines that do not come are a breach."""
        yield from ()

    def stays_quiet(self, run: Run, ahead: Ahead, context: Context, firing: frozenset[Labels]) -> bool:
        """Quiet while every seen kind of line comes again in time, and no unseen kind is expected."""
        return not firing and all(self._stays_covered(run, name, ahead) for name in self.expects)

    def _stays_covered(self, run: Run, name: str, ahead: Ahead) -> bool:
        if ahead.is_open or (ahead.is_single and _is_ours(run)):
            return False  # `quiet_lines` tells more, and to judge a single line takes no longer than to ask
        attempt = run.attempt
        signal, series, coming = CATALOGUE[name], freshest(attempt, name), ahead.coming.get(name, {})
        if series is None and not coming and (switched_off(attempt, name) or not _is_declared(attempt, signal)):
            return True
        if signal.cadence == "once":
            return True
        if ahead.is_single and coming and series is not None and not _is_ours(run):
            return True
        if signal.cadence == "epoch":
            return series is not None and ahead.comes_each_epoch(name, series.last.epoch, self.cadences)
        if ahead.step is None and not _is_ours(run):
            return True  # no report is late in a log that names no step
        if series and not ahead.comes_each_epoch(name, series.last.epoch, self.cadences):
            return False
        begin = series.last.step if series else _first_step(attempt)
        if ahead.step is None or begin is None:
            return False
        import numpy as np

        reported = np.sort(np.concatenate([[], *(ahead.steps(name, labels) for labels in coming)]))
        gap = np.diff(reported, prepend=begin, append=ahead.step).max()
        longest_gap, usual = declared_cadence_steps(attempt, signal), declared_cadence_steps(attempt, signal)
        if longest_gap is None or usual is None:
            known = {**dict.fromkeys(coming), **attempt.of(name)}
            if not known:
                return False
            gaps = [_gaps_ahead(each, ahead.steps(name, labels)) for labels, each in known.items()]
            # A signal that was reported only once may be the freshest, and has no gap of its own.
            is_seldom = not all(map(len, gaps)) or not coming.keys() <= attempt.of(name).keys()
            every = np.concatenate([[UNDECLARED_CADENCE_STEPS] if is_seldom else [], *gaps])
            longest_gap, usual = every.max(), every.min()
            if len(known) == 1 and not is_seldom and gap > self.cadences * usual:
                last = ahead.step - (reported[-1] if len(reported) else begin)
                if not _are_usual(np.append(gaps[0], last), len(reported) + 1, self.cadences):
                    return False
                usual = gap
        if gap > self.cadences * usual or not _is_ours(run):
            return bool(gap <= self.cadences * usual)
        reported_s = [each.most for _, each in ranges_of(attempt, "train.s_per_batch", {}, ahead)]
        step_time = max([ahead.step_s, *paces(attempt), *(each for each in reported_s if math.isfinite(each))])
        return bool(longest_gap * step_time <= self.expects[name])

    def quiet_lines(self, run: Run, bounds: Bounds, context: Context, firing: frozenset[Labels]) -> int:
        """Return for how many lines no seen kind of line can become silent or too rare, and no unseen one is expected.

        In as many lines, medians of steps and times move by as many places in order at most.
        """
        if firing:
            return 0
        attempt, lines, step_time, is_ours = run.attempt, LINES_PROMISED, 0.0, _is_ours(run)
        if is_ours:
            is_one = len(attempt.of("train.loss")) == 1
            step_time = _median_ahead(paces(attempt), lines) if is_one else math.inf
        for name in self.expects:
            lines = min(lines, self._covered_lines(attempt, name, bounds, step_time, is_ours=is_ours))
            if lines <= 0:
                return 0
        return lines

    def _covered_lines(self, attempt: Attempt, name: str, bounds: Bounds, step_time: float, *, is_ours: bool) -> int:
        signal, series = CATALOGUE[name], freshest(attempt, name)
        is_expected = series is not None or (_is_declared(attempt, signal) and not switched_off(attempt, name))
        if signal.cadence == "once" or not is_expected:
            return LINES_PROMISED
        begin, epoch = (_first_step(attempt), 0) if series is None else (series.last.step or 0, series.last.epoch)
        if attempt.epoch - 1 - epoch > self.cadences:
            return 0
        if signal.cadence == "epoch":
            return LINES_PROMISED
        if attempt.step is None:
            return 0 if is_ours else LINES_PROMISED
        declared = declared_cadence_steps(attempt, signal)
        is_coming = name in bounds.coming
        usual, longest = (declared, declared) if declared else _gaps_promised(attempt, name, is_coming=is_coming)
        if series is not None and step_time and usual * step_time > self.expects[name]:
            return 0
        if name in bounds.always:
            return LINES_PROMISED
        return math.floor((self.cadences * longest - (attempt.step - begin)) / bounds.gap)

    def readings(self, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
        """Return a reading for each expected kind of line."""
        a_step_s = own_step_s(run.attempt)
        readings = [self._read(run, name, a_step_s) for name in self.expects]
        readings = self._one_for_each_setting(run.attempt, readings)
        return [each for each in readings if each] or [unknown(f"nothing to expect yet in {run.attempt.lines:,} lines")]

    def _one_for_each_setting(self, attempt: Attempt, readings: list[Reading | None]) -> list[Reading | None]:
        """Return the readings with one breach for all kinds of line that one declared cadence makes too rare."""
        causes: dict[str, Reading] = {}
        found: list[Reading | None] = []
        for name, reading in zip(self.expects, readings, strict=True):
            signal = CATALOGUE[name]
            cause = reading
            if reading is not None and _is_too_rare(reading) and declared_cadence_steps(attempt, signal) is not None:
                cause = causes.setdefault(signal.cadence or name, reading)
            if reading is not None and cause is not None and cause is not reading:
                words = f"as rare as {dict(cause.labels)['tag']} lines"
                found.append(Reading(Outcome.OK, words, reading.labels, evidence=reading.evidence))
            else:
                found.append(reading)
        return found

    def _read(self, run: Run, name: str, a_step_s: float | None) -> Reading | None:
        attempt, signal, series = run.attempt, CATALOGUE[name], freshest(run.attempt, name)
        labels = (("tag", signal.tag),)
        if series is None and (off := switched_off(attempt, name)):
            return Reading(Outcome.NOT_APPLICABLE, off.reason, labels, evidence=off.evidence)
        if series is None and not _is_declared(attempt, signal):
            return None
        assert run.last is not None
        lines = (series.last.evidence,) if series else (run.last,)
        counted = run.dialect.last_counted
        if series is not None and counted is not None and (series.last.step or 0) <= counted:
            return unknown("the reports so far named no step, so how often they come is not known", labels)
        shown = run.dialect.told.gaps if name == "train.loss" else ()
        if silent := silence(attempt, name, self.cadences, others=shown):
            return Reading(Outcome.BREACH, silent, labels, evidence=lines, epoch=attempt.epoch, step=attempt.step)
        if series is None:
            return unknown(f"no {signal.tag} line yet", labels)
        promise_s = self.expects[name]
        if _is_ours(run) and (reported := pace(attempt, name, a_step_s)) is not None and reported.seconds > promise_s:
            return Reading(
                Outcome.BREACH,
                f"{reported.words(signal.tag)}; promised within {promise_s:,.0f} s; "
                f"{reported.advice(signal, promise_s)}",
                labels,
                value=reported.seconds,
                threshold=promise_s,
                evidence=lines,
                epoch=attempt.epoch,
                step=attempt.step,
            )
        return Reading(Outcome.OK, f"{signal.tag} lines come", labels, evidence=lines, step=series.last.step)


def _is_ours(run: Run) -> bool:
    """Whether the cadence can be set: not in another trainer."""
    return run.dialect.name in ("", NATIVE)


def _is_too_rare(reading: Reading) -> bool:
    """Whether lines come, but less often than the rules promise: only such a breach has a value."""
    return reading.outcome is Outcome.BREACH and reading.value is not None


def _is_declared(attempt: Attempt, signal: Signal) -> bool:
    """Whether the run declares that these lines will come."""
    setting = attempt.setting(signal.switch) if signal.switch else None
    if setting is not None:
        return setting[0].lower() in _ON
    return signal.switch is None and declared_cadence_steps(attempt, signal) is not None


def _assumed_steps(attempt: Attempt, signal_name: str) -> int:
    """Return the distance that is assumed before a second report: a loss may come once in an epoch."""
    is_loss, batch = signal_name == "train.loss", attempt.batch
    return max(UNDECLARED_CADENCE_STEPS, batch.whole or 0) if is_loss and batch else UNDECLARED_CADENCE_STEPS


def _first_step(attempt: Attempt) -> int:
    """Return the attempt's first step: of its first TRAIN line, else as declared, else of the checkpoint it loaded."""
    if attempt.first_train_step is not None:
        return attempt.first_train_step
    stated = attempt.stated(Checkpoint)
    loaded = stated[0].step if stated is not None and stated[0].action == "load" else None
    return attempt.intent.resume_from or loaded or 0


def _usual_gap(series: Series | None) -> int | None:
    """Return the median number of steps between the newest reports; None while there are too few."""
    gaps = _gaps(series)
    return round(statistics.median(gaps)) if len(gaps) >= _GAPS_NEEDED else None


def _gaps_promised(attempt: Attempt, name: str, *, is_coming: bool) -> tuple[float, float]:
    """Return the most that a signal's usual gap can be in the next lines, and the least that its longest can be."""
    series = freshest(attempt, name)
    if not is_coming:
        return _usual_gap(series) or 0, max(_gaps(series), default=UNDECLARED_CADENCE_STEPS)
    gaps = [_gaps(each) for each in attempt.of(name).values()]
    # A gap that is remembered now may be forgotten then, but not all of them.
    longest = min((min(each) if len(each) > LINES_PROMISED else 0 for each in gaps), default=0)
    return max((_median_ahead(each, LINES_PROMISED) for each in gaps), default=math.inf), longest


def _median_ahead(known: Sequence[float], lines: int) -> float:
    """Return the most that the median of some numbers can be when so many lines have each replaced one of them."""
    place = len(known) // 2 + lines
    return sorted(known)[place] if place < len(known) else math.inf


def _gaps_ahead(series: Series | None, steps: np.ndarray) -> np.ndarray:
    """Return the steps between successive reports, from the oldest remembered to the end of a block."""
    import numpy as np

    known = [point.step for point in (series.recent if series else ()) if point.step is not None]
    gaps = np.diff(np.concatenate((known, steps)))
    return gaps[gaps > 0]


def _are_usual(gaps: np.ndarray, num_ahead: int, cadences: float) -> bool:
    """Whether each of the last ``num_ahead`` gaps is usual by the largest of those just before it.

    `silence` compares with the largest of all that are remembered then, which is not less.
    """
    import numpy as np

    before = np.concatenate((np.zeros(_GAPS_REMEMBERED), gaps[:-1]))
    largest = np.lib.stride_tricks.sliding_window_view(before, _GAPS_REMEMBERED).max(axis=1)
    return bool((gaps <= cadences * largest)[-num_ahead:].all())


_GAPS_REMEMBERED = RECENT_IN_CROWD - 1
"""Every series remembers at least so many gaps."""
_GAPS_NEEDED = 3
"""How many intervals make a cadence. Chosen by hand, 2026-11."""


def _gaps(series: Series | None) -> list[int]:
    """Return the steps between successive reports, for the newest ones."""
    steps = [point.step for point in (series.recent if series else ()) if point.step is not None]
    return [right - left for left, right in itertools.pairwise(steps) if right > left]
