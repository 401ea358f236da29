"""The run compared with earlier figures: a person's, else the baseline run's."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from monitor.base.evidence import Evidence
from monitor.base.wording import log_name
from monitor.conditions.reading import Background
from monitor.config.model import Config, EarlierFigure
from monitor.reader.signals import Labels
from monitor.report.figures import signal_value
from monitor.report.statement import Mark
from monitor.run.attempt import Attempt
from monitor.run.named import named_metrics, work_figures
from monitor.run.series import Point, Series
from monitor.run.summary import RunSummary
from monitor.snapshot import Snapshot


@dataclass(frozen=True)
class ComparisonRow:
    """One figure, now and before."""

    title: str
    before: str
    """What it was, in words; ``N/A`` where unknown."""
    now: str | None
    """None where it was not seen."""
    mark: Mark | None
    """None where there is nothing to compare it with."""
    words: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class Comparison:
    """The run compared with an earlier one."""

    title: str
    """What the run is compared with."""
    rows: tuple[ComparisonRow, ...]
    note: str
    absence: str
    """Why there are no rows; empty where there are."""


SAME_WITHIN = 2.0
"""A figure within this factor of what it was counts as the same. Chosen by hand, 2026-11."""
MEASURED = 2
"""Decimals of a measured figure with a power of ten, as in the short form of the log."""


class _Row(NamedTuple):
    title: str
    signal: str
    labels: Labels


_USUAL = (
    _Row("Train loss", "epoch.train_loss", ()),
    _Row("Validation loss", "epoch.val_loss", ()),
    _Row("Sharpe", "metric.sharpe", ()),
    _Row("IC", "metric.ic", ()),
    _Row("RankIC", "metric.rank_ic", ()),
    _Row("Seconds per epoch", "epoch.seconds", ()),
    _Row("Seconds per batch", "train.s_per_batch", ()),
    _Row("Encoder normalized_features", "encoder_grad.norm", (("tensor", "normalized_features"),)),
    _Row("Encoder projected_features", "encoder_grad.norm", (("tensor", "projected_features"),)),
    _Row("GPU memory", "gpu.used_mb", (("index", "0"),)),
)
"""What is compared with a baseline run by default."""


def comparison(snapshot: Snapshot, config: Config, background: Background, *, is_offered: bool = False) -> Comparison:
    """Return the rows of the watch file, completed from the baseline run; else the usual rows of that run.

    ``is_offered`` says that the user did not name that run.
    """
    attempt, baseline, asked = snapshot.run.attempt, background.baseline, config.comparison
    if asked.rows:
        rows = tuple(row for before in asked.rows for row in _asked(attempt, before, baseline))
        return Comparison(asked.title or (f"run {baseline.run}" if baseline else "before"), rows, asked.note, "")
    if baseline is None:
        return Comparison("", (), asked.note, "nothing to compare with was given: --baseline LOG")
    usual = {row.signal for row in _USUAL}
    named = (*named_metrics(attempt), *(each for each in work_figures(attempt) if each.signal not in usual))
    metrics = (_Row(each.title, each.signal, each.labels) for each in named)
    found = tuple(row for row in (_usual(attempt, each, baseline) for each in (*_USUAL, *metrics)) if row is not None)
    last = ", the last finished run of its kind" if is_offered else ""
    title = asked.title or f"run {baseline.run} ({log_name(baseline.log)}){last}"
    return Comparison(title, found, asked.note, "" if found else "the runs have no figure in common")


def _asked(attempt: Attempt, before: EarlierFigure, baseline: RunSummary | None) -> Iterator[ComparisonRow]:
    """Yield a row for each series with the labels; one without figures where there is no series."""
    wanted = before.where.items()
    found = {labels: series for labels, series in attempt.of(before.signal).items() if wanted <= set(labels)}
    if not found:
        words = "" if _nothing_before(before) else "nothing to compare with yet"
        yield ComparisonRow(before.title, _before(before, None), None, Mark.UNKNOWN, words, ())
    for labels, series in found.items():
        rest = ", ".join(value for name, value in labels if name not in before.where)
        title = f"{before.title} {rest}" if len(found) > 1 else before.title
        was = before.value
        if was is None and before.above is None and before.below is None and baseline is not None:
            was = baseline.last.get((before.signal, labels))
        yield _judged(before, title, was, series)


def _judged(before: EarlierFigure, title: str, was: float | None, series: Series) -> ComparisonRow:
    last, side = series.last, before.above if before.above is not None else before.below
    now, lines = signal_value(before.signal, last.value, decimals=MEASURED), (last.evidence,)
    first_words = "the first report" if series.count == 1 else f"{series.count:,} reports"
    if side is not None:
        holds = last.value > side if before.above is not None else last.value < side
        here, beyond = ("above it", "lower") if before.above is not None else ("below it", "higher")
        words = here if holds else f"{beyond} ({first_words})"
        return ComparisonRow(title, _before(before, None), now, Mark.OK if holds else Mark.CAUTION, words, lines)
    if was is None:
        return ComparisonRow(title, "N/A", now, None, "nothing to compare with", lines)
    mark, words = _compared(last, was)
    words = words if mark is Mark.OK else f"{words} ({first_words})"
    return ComparisonRow(title, signal_value(before.signal, was), now, mark, words, lines)


def _compared(last: Point, was: float) -> tuple[Mark, str]:
    if not math.isfinite(last.value):
        return Mark.BREACH, "not a finite number"
    if was == 0 or not math.isfinite(was):
        return (Mark.OK, "the same") if last.value == was else (Mark.CAUTION, f"was {was:g}")
    ratio = last.value / was
    if 1 / SAME_WITHIN <= ratio <= SAME_WITHIN:
        return Mark.OK, f"{ratio:.3g} × of it"
    return Mark.CAUTION, f"{'lower' if last.value < was else 'higher'}: {ratio:.2g} × of it"


def _usual(attempt: Attempt, row: _Row, baseline: RunSummary) -> ComparisonRow | None:
    """Return a row with the figures of a common epoch, else the last ones; it is not judged."""
    series = attempt.of(row.signal).get(row.labels)
    by_epoch = baseline.by_epoch.get((row.signal, row.labels), {})
    if series is None:
        return None
    point, was = series.last, baseline.last.get((row.signal, row.labels))
    where = "last"
    if by_epoch:
        shared = [tally.last for epoch, tally in series.epochs.items() if epoch in by_epoch]
        if not shared:
            return None
        point = shared[-1]
        was, where = by_epoch[point.epoch], f"epoch {point.epoch}"
    if was is None:
        return None
    words = "identical to the last digit: was it measured?" if point.value == was else ""
    if not words and was and math.isfinite(was) and math.isfinite(point.value):
        words = f"{point.value / was:.3g} × of it"
    mark = Mark.CAUTION if words.startswith("identical") else None
    before, now = (f"{signal_value(row.signal, value)} ({where})" for value in (was, point.value))
    return ComparisonRow(row.title, before, now, mark, words, (point.evidence,))


def _before(before: EarlierFigure, was: float | None) -> str:
    if before.above is not None:
        return f"> {signal_value(before.signal, before.above)}"
    if before.below is not None:
        return f"< {signal_value(before.signal, before.below)}"
    value = before.value if was is None else was
    return "N/A" if value is None else signal_value(before.signal, value)


def _nothing_before(before: EarlierFigure) -> bool:
    return before.value is None and before.above is None and before.below is None
