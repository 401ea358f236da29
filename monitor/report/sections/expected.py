"""What was expected of the run, and what came: the time of epochs, the events in them, the levels of signals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from monitor.base.evidence import Evidence
from monitor.config.model import Config, EpochLevel, ExpectedSignal, Pace, Stage
from monitor.config.values import Epochs
from monitor.reader.metric_names import title_of
from monitor.reader.signals import METRIC
from monitor.report.figures import SHOWN, duration, sparkline
from monitor.report.judgement import RuleVerdict
from monitor.report.sections.deadlines import due
from monitor.report.statement import Mark, Statement, worst
from monitor.report.watch_conditions import read_condition
from monitor.run.attempt import Attempt
from monitor.run.series import Tally
from monitor.snapshot import Snapshot


@dataclass(frozen=True)
class PaceRow:
    """How long some epochs were expected to take, and how long they took."""

    epochs: str
    """``2-5``, ``6+``, or ``all``."""
    expected: str
    actual: str | None
    """None where none of them has ended."""
    mark: Mark
    note: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class StageRow:
    """What was expected to happen in some epochs."""

    epochs: str
    text: str
    mark: Mark | None
    """None where only a person can judge, or before its time."""
    words: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class BandRow:
    """A signal at the end of one epoch, as expected and as it was."""

    epoch: int
    expected: str
    actual: float | None
    mark: Mark | None
    """None before its time."""
    note: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class Bands:
    """What is expected of one signal, epoch by epoch."""

    title: str
    signal: str
    rows: tuple[BandRow, ...]
    target: str
    """Where it should end up; empty for no target."""
    trend: str
    """Its values so far, one per epoch, as a sparkline."""


@dataclass(frozen=True)
class Expectations:
    """What was expected of the run, and what came."""

    pace: tuple[PaceRow, ...]
    stages: tuple[StageRow, ...]
    bands: tuple[Bands, ...]
    next: tuple[Statement, ...]
    """When each kind of line is due next."""


def expected(snapshot: Snapshot, config: Config, verdicts: Sequence[RuleVerdict]) -> Expectations:
    """Return the expectations of the watch file, each with the log's figure, and when lines are due next."""
    attempt = snapshot.run.attempt
    return Expectations(
        pace=tuple(_pace(snapshot, wanted) for wanted in config.timeline),
        stages=tuple(_stage(snapshot, stage, verdicts) for stage in config.stages),
        bands=tuple(_bands(attempt, wanted) for wanted in config.expected),
        next=due(snapshot),
    )


def epochs_words(epochs: Epochs) -> str:
    """Return ``2-5``, ``6+`` or ``3``."""
    first, last = epochs
    if last is None:
        return f"{first}+"
    return str(first) if first == last else f"{first}-{last}"


def _pace(snapshot: Snapshot, pace: Pace) -> PaceRow:
    attempt, (least_s, most_s) = snapshot.run.attempt, pace.range_s
    wanted = f"{_long(least_s)} to {_long(most_s)}" if most_s > least_s else _long(most_s)
    if pace.epochs is None:
        return _total(snapshot, pace, wanted)
    first_epoch, last_epoch = pace.epochs
    words, seconds = epochs_words(pace.epochs), attempt.of("epoch.seconds").get(())
    ended = {
        epoch: tally.last
        for epoch, tally in (seconds.epochs if seconds else {}).items()
        if first_epoch <= epoch <= (last_epoch or math.inf) and math.isfinite(tally.last.value)
    }
    if not ended:
        return PaceRow(words, f"{wanted} each", None, Mark.UNKNOWN, pace.note, ())
    times = [point.value for point in ended.values()]
    each = _long(times[0]) if len(times) == 1 else f"{_long(min(times))} to {_long(max(times))}"
    lines = tuple(point.evidence for point in ended.values())
    mark = _mark_of(min(times), max(times), pace)
    return PaceRow(words, f"{wanted} each", f"{each} ({len(times)} ended)", mark, pace.note, lines)


def _total(snapshot: Snapshot, pace: Pace, wanted: str) -> PaceRow:
    run, attempt = snapshot.run, snapshot.run.attempt
    if run.now is None or attempt.began_at is None or run.last is None:
        return PaceRow("all", wanted, None, Mark.UNKNOWN, pace.note, ())
    took = run.now - attempt.began_at
    if attempt.ended is not None:
        return PaceRow("all", wanted, _long(took), _mark_of(took, took, pace), pace.note, (attempt.ended.evidence,))
    mark = Mark.CAUTION if took > pace.range_s[1] else Mark.UNKNOWN
    return PaceRow("all", wanted, f"{_long(took)} so far", mark, pace.note, (run.last,))


def _mark_of(least: float, most: float, pace: Pace) -> Mark:
    least_s, most_s = pace.range_s
    return Mark.OK if least_s <= least and most <= most_s else Mark.CAUTION


def _long(seconds: float) -> str:
    return f"{seconds:.1f} seconds" if seconds < 10 else duration(seconds)


def _stage(snapshot: Snapshot, stage: Stage, verdicts: Sequence[RuleVerdict]) -> StageRow:
    attempt, words = snapshot.run.attempt, epochs_words(stage.epochs)
    first_epoch, last_epoch = stage.epochs
    if attempt.epochs_done + 1 < first_epoch:
        return StageRow(words, stage.expect, None, "not begun", ())
    is_over = last_epoch is not None and attempt.epochs_done >= last_epoch
    when = "over" if is_over or attempt.ended is not None else "now"
    if stage.when is None:
        return StageRow(words, stage.expect, None, f"{when}; no condition to check it", ())
    found = read_condition(stage.when, snapshot, verdicts)
    shown = [each for each in found.grounds if each.mark is found.mark]
    words_of_grounds = "; ".join(f"{each.subject}: {each.text}" if each.subject else each.text for each in shown[:3])
    if found.mark is Mark.OK:
        words_of_grounds = ", ".join(dict.fromkeys(each.subject or each.text for each in shown))
    lines = tuple(dict.fromkeys(line for each in shown for line in each.evidence))
    return StageRow(words, stage.expect, found.mark, f"{when}; {words_of_grounds}", lines)


def _bands(attempt: Attempt, wanted: ExpectedSignal) -> Bands:
    epochs = _tallies_by_epoch(attempt, wanted)
    rows = tuple(_band(attempt, each, epochs.get(each.epoch, [])) for each in wanted.levels[:SHOWN])
    target = ""
    if wanted.target is not None:
        target = f"{wanted.target:g} ({wanted.target_note})" if wanted.target_note else f"{wanted.target:g}"
    values = {epoch: tallies[0].last.value for epoch, tallies in sorted(epochs.items())}
    title = title_of(wanted.where.items()) if wanted.signal == METRIC and "name" in wanted.where else wanted.signal
    return Bands(wanted.title or title, wanted.signal, rows, target, sparkline(values.values()))


def _tallies_by_epoch(attempt: Attempt, wanted: ExpectedSignal) -> dict[int, list[Tally]]:
    """Return the tally of each epoch, in every series with the labels."""
    found: dict[int, list[Tally]] = {}
    for labels, series in attempt.of(wanted.signal).items():
        if wanted.where.items() <= set(labels):
            for epoch, tally in series.epochs.items():
                found.setdefault(epoch, []).append(tally)
    return found


def _band(attempt: Attempt, band: EpochLevel, tallies: Sequence[Tally]) -> BandRow:
    words = _range_words(band)
    if not tallies:
        is_due = attempt.epochs_done >= band.epoch or attempt.ended is not None
        return BandRow(band.epoch, words, None, Mark.UNKNOWN if is_due else None, band.note, ())
    marks, lines = [], []
    for tally in tallies:
        value = tally.last.value
        is_within = (band.least is None or value >= band.least) and (band.most is None or value <= band.most)
        marks.append(Mark.OK if is_within else Mark.BREACH)
        lines.append(tally.last.evidence)
    decisive = tallies[marks.index(worst(marks))]
    evidence: tuple[Evidence, ...] = tuple(dict.fromkeys([decisive.last.evidence, *lines]))
    return BandRow(band.epoch, words, decisive.last.value, worst(marks), band.note, evidence)


def _range_words(band: EpochLevel) -> str:
    if band.is_about and band.least is not None and band.most is not None:
        return f"~{(band.least + band.most) / 2:.4g} ({band.least:.4g} to {band.most:.4g})"
    if band.least is None:
        return f"at most {band.most:.4g}"
    if band.most is None:
        return f"at least {band.least:.4g}"
    return f"{band.least:.4g} to {band.most:.4g}"
