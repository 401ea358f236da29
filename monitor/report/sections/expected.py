"""What was expected of the run, beside what came: how long epochs take, what happens in them, where signals lie."""

from __future__ import annotations

import math
from collections.abc import Sequence

from monitor.base.evidence import Evidence
from monitor.config.model import Config, Course, Expectation, Span, Stage
from monitor.report.figures import SHOWN, duration, sparkline
from monitor.report.judgement import Verdict
from monitor.report.model import BandRow, Bands, Expected, Mark, PaceRow, StageRow, worst
from monitor.report.sections.deadlines import due
from monitor.report.watch_conditions import answer
from monitor.run.attempt import Attempt
from monitor.run.series import Tally
from monitor.snapshot import Snapshot


def expected(snapshot: Snapshot, config: Config, verdicts: Sequence[Verdict]) -> Expected:
    """Return the expectations of the watch file, each beside what the log says, and when lines are due next."""
    attempt = snapshot.run.attempt
    return Expected(
        pace=tuple(_pace(snapshot, span) for span in config.timeline),
        stages=tuple(_stage(snapshot, stage, verdicts) for stage in config.stages),
        bands=tuple(_bands(attempt, course) for course in config.expected),
        next=due(snapshot),
    )


def epochs_words(first: int | None, last: int | None) -> str:
    """Return ``2-5``, ``6+``, ``3`` or ``all``."""
    if first is None:
        return "all"
    if last is None:
        return f"{first}+"
    return str(first) if first == last else f"{first}-{last}"


def _pace(snapshot: Snapshot, span: Span) -> PaceRow:
    attempt = snapshot.run.attempt
    wanted = f"{_long(span.least_s)} to {_long(span.most_s)}" if span.most_s > span.least_s else _long(span.most_s)
    words = epochs_words(span.first_epoch, span.last_epoch)
    if span.first_epoch is None:
        return _total(snapshot, span, wanted)
    seconds = attempt.of("epoch.seconds").get(())
    last_epoch = math.inf if span.last_epoch is None else span.last_epoch
    ended = {
        epoch: tally.last
        for epoch, tally in (seconds.epochs if seconds else {}).items()
        if span.first_epoch <= epoch <= last_epoch and math.isfinite(tally.last.value)
    }
    if not ended:
        return PaceRow(words, f"{wanted} each", None, Mark.UNKNOWN, span.note, ())
    times = [point.value for point in ended.values()]
    each = _long(times[0]) if len(times) == 1 else f"{_long(min(times))} to {_long(max(times))}"
    lines = tuple(point.evidence for point in ended.values())
    mark = _lies(min(times), max(times), span)
    return PaceRow(words, f"{wanted} each", f"{each} ({len(times)} ended)", mark, span.note, lines)


def _total(snapshot: Snapshot, span: Span, wanted: str) -> PaceRow:
    run, attempt = snapshot.run, snapshot.run.attempt
    if run.now is None or attempt.began_at is None or run.last is None:
        return PaceRow("all", wanted, None, Mark.UNKNOWN, span.note, ())
    took = run.now - attempt.began_at
    if attempt.ended is not None:
        return PaceRow("all", wanted, _long(took), _lies(took, took, span), span.note, (attempt.ended.evidence,))
    mark = Mark.CAUTION if took > span.most_s else Mark.UNKNOWN
    return PaceRow("all", wanted, f"{_long(took)} so far", mark, span.note, (run.last,))


def _lies(least: float, most: float, span: Span) -> Mark:
    return Mark.OK if span.least_s <= least and most <= span.most_s else Mark.CAUTION


def _long(seconds: float) -> str:
    return f"{seconds:.1f} seconds" if seconds < 10 else duration(seconds)


def _stage(snapshot: Snapshot, stage: Stage, verdicts: Sequence[Verdict]) -> StageRow:
    attempt, words = snapshot.run.attempt, epochs_words(stage.first_epoch, stage.last_epoch)
    if attempt.epochs_done + 1 < stage.first_epoch:
        return StageRow(words, stage.text, None, "not begun", ())
    is_over = stage.last_epoch is not None and attempt.epochs_done >= stage.last_epoch
    when = "over" if is_over or attempt.ended is not None else "now"
    if stage.when is None:
        return StageRow(words, stage.text, None, f"{when}; no condition says whether", ())
    found = answer(stage.when, snapshot, verdicts)
    shown = [each for each in found.grounds if each.mark is found.mark]
    said = "; ".join(f"{each.subject}: {each.text}" if each.subject else each.text for each in shown[:3])
    if found.mark is Mark.OK:
        said = ", ".join(dict.fromkeys(each.subject or each.text for each in shown))
    lines = tuple(dict.fromkeys(line for each in shown for line in each.evidence))
    return StageRow(words, stage.text, found.mark, f"{when}; {said}", lines)


def _bands(attempt: Attempt, course: Course) -> Bands:
    epochs = _worst_by_epoch(attempt, course)
    rows = tuple(_band(attempt, each, epochs.get(each.epoch, [])) for each in course.bands[:SHOWN])
    target = ""
    if course.target is not None:
        target = f"{course.target:g} ({course.target_note})" if course.target_note else f"{course.target:g}"
    values = {epoch: tallies[0].last.value for epoch, tallies in sorted(epochs.items())}
    return Bands(course.title, course.signal, rows, target, sparkline(values.values()))


def _worst_by_epoch(attempt: Attempt, course: Course) -> dict[int, list[Tally]]:
    """Return what each epoch ended with, in every series that bears the labels."""
    found: dict[int, list[Tally]] = {}
    for labels, series in attempt.of(course.signal).items():
        if set(course.where) <= set(labels):
            for epoch, tally in series.epochs.items():
                found.setdefault(epoch, []).append(tally)
    return found


def _band(attempt: Attempt, band: Expectation, tallies: Sequence[Tally]) -> BandRow:
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


def _range_words(band: Expectation) -> str:
    if band.is_about and band.least is not None and band.most is not None:
        return f"~{(band.least + band.most) / 2:.4g} ({band.least:.4g} to {band.most:.4g})"
    if band.least is None:
        return f"at most {band.most:.4g}"
    if band.most is None:
        return f"at least {band.least:.4g}"
    return f"{band.least:.4g} to {band.most:.4g}"
