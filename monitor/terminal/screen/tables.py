"""The figures of the view, as sections of rows: gradients per group, losses, scores and speeds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.text import Text

from monitor.grammar import Floor, GradReport
from monitor.reader.signals import WORK, Labels
from monitor.report.judgement import RuleVerdict
from monitor.report.sections.gradients import GradientFlow, GroupRow, gradient_flow
from monitor.report.statement import Mark
from monitor.run.attempt import Attempt, shortened_labels
from monitor.run.named import named_metrics
from monitor.run.series import Series
from monitor.snapshot import Snapshot
from monitor.terminal.screen.layout import NARROW, Row, Section
from monitor.terminal.screen.text import foreign, number, sparkline

FULL = 70
"""Width from which the gradients show every column."""
SPARK_CELLS = 24
"""Most points of a sparkline: as many as a series keeps per group."""
LEAST_SPARK_CELLS, FAIR_SPARK_CELLS = 8, 12
"""Points that are always drawn, and points that are drawn before words may take the room."""

_MARKS = {
    Mark.OK: ("✅", ""),
    Mark.CAUTION: ("⚠ ", "yellow"),
    Mark.BREACH: ("❌", "bold red"),
    Mark.UNKNOWN: ("❔", "yellow"),
    Mark.NOT_APPLICABLE: ("➖", "bright_black"),
}
_RANKS = {Mark.BREACH: 4, Mark.CAUTION: 3, Mark.UNKNOWN: 2, Mark.OK: 1, Mark.NOT_APPLICABLE: 0}


def gradients(snapshot: Snapshot, verdicts: Sequence[RuleVerdict], width: int) -> Section:
    """Return a row per gradient group and encoder tensor, with a sparkline of its norm."""
    attempt = snapshot.run.attempt
    stated = attempt.stated(GradReport)
    title = Text.assemble(("gradients", "bold"), f" step {stated[0].step:,}" if stated else "")
    if stated and width >= FULL:
        title.append(" · norm, trend, tensors with gradient", "bright_black")
    flow = gradient_flow(snapshot, verdicts)
    rows = list(_gradient_rows(attempt, flow, width, has_report=stated is not None))
    return Section(title, rows, share=3)


MOST_NAMED = 4
"""Most metrics by name in the live view. Chosen by hand, 2026-11."""


_PACE = "train.s_per_batch"
_FIGURES = (
    (("lr", "train.lr"), ("s/batch", _PACE), ("grad norm", "train.grad_norm")),
    tuple((name, signal) for name, signal in WORK.items() if signal != _PACE),
)
"""Further figures, a row each."""


def metrics(snapshot: Snapshot, width: int) -> Section:
    """Return the newest losses, scores and speeds."""
    attempt = snapshot.run.attempt
    rows = [
        *_loss_row(attempt, "train loss", "train.loss", width, rank=3),
        *_loss_row(attempt, "val loss", "epoch.val_loss", width, rank=2),
    ]
    scores = [
        ("sharpe", "metric.sharpe"),
        ("IC", "metric.ic"),
        ("rank IC", "metric.rank_ic"),
        ("hit", "metric.hit_rate"),
    ]
    if words := _listed(attempt, scores):
        epoch = _last(attempt, "metric.sharpe") or _last(attempt, "metric.rank_ic")
        of = f" epoch {epoch.last.epoch}" if epoch else ""
        rows.append(Row(Text.assemble("   ", words, (of, "bright_black")), rank=1))
    named = named_metrics(attempt)[:MOST_NAMED]
    rows += [Row(Text(f"   {each.title} {each.series.last.value:.4g}"), rank=1) for each in named]
    rows += [Row(Text.assemble("   ", words)) for figures in _FIGURES if (words := _listed(attempt, figures))]
    if not rows:
        rows = [Row(Text(" ❔ no loss and no metric yet", "yellow"))]
    return Section(Text("metrics", "bold"), rows, share=2)


class _Columns(NamedTuple):
    """The columns that fit the width."""

    name: int
    spark: int
    has_counts: bool
    has_words: bool


def _columns(width: int) -> _Columns:
    if width < NARROW:
        return _Columns(name=max(8, width - 24), spark=min(8, max(0, width - 32)), has_counts=False, has_words=False)
    has_counts = width >= FULL
    name = 24 if has_counts else 22
    rest = width - 3 - name - 10 - 22 * has_counts
    return _Columns(name, min(SPARK_CELLS, max(8, rest)), has_counts, has_words=rest > SPARK_CELLS + 12)


def _gradient_rows(attempt: Attempt, flow: GradientFlow, width: int, *, has_report: bool) -> Iterator[Row]:
    columns = _columns(width)
    for statement in flow.encoder:
        if series := attempt.of("encoder_grad.norm").get((("tensor", statement.subject),)):
            mark = statement.mark or Mark.UNKNOWN
            line = _norm_words(mark, statement.subject, series.last.value, series, columns)
            yield Row(line, _RANKS[mark])
    if not has_report:
        report = flow.report
        if report.mark is Mark.NOT_APPLICABLE:
            return
        yield Row(Text.assemble(" ", _MARKS[report.mark or Mark.UNKNOWN], " ", foreign(report.text)), 5)
        return
    unseen = [group for group in flow.groups if group.l2 is None]
    for group in flow.groups:
        if group.l2 is not None:
            yield Row(_group_words(attempt, group, columns), _RANKS[group.mark])
    if unseen:
        names = foreign(f"not reported: {', '.join(group.group for group in unseen)}", "bright_black")
        yield Row(Text.assemble(" ", _MARKS[Mark.UNKNOWN], " ", names), is_prose=True)


def _group_words(attempt: Attempt, group: GroupRow, columns: _Columns) -> Text:
    labels: Labels = shortened_labels((("group", group.group),))
    line = _norm_words(group.mark, group.group, group.l2, attempt.of("grad.l2").get(labels), columns)
    if columns.has_counts and group.grad is not None:
        line.append(f" {group.grad:>9}", "bright_black")
        line.append(f" {group.small} small" if group.small else "", "yellow")
    if columns.has_words and group.words and group.mark is not Mark.OK:
        line.append_text(Text.assemble("  ", foreign(group.words, "bright_black")))
    return line


def _norm_words(mark: Mark, name: str, norm: float | None, series: Series | None, columns: _Columns) -> Text:
    sign, style = _MARKS[mark]
    words = foreign(name, style)
    words.truncate(columns.name, overflow="ellipsis", pad=True)
    figure = "–" if norm is None else f"{norm:.2e}" if math.isfinite(norm) else str(norm)
    values = [point.value for point in series.recent] if series else []
    trend = sparkline(values, columns.spark, is_logarithmic=True)
    return Text.assemble(" ", (sign, style), " ", words, f" {figure:>8} ", (f"{trend:<{columns.spark}}", "cyan"))


def _loss_row(attempt: Attempt, name: str, signal: str, width: int, *, rank: int) -> list[Row]:
    series = _last(attempt, signal)
    if series is None:
        return []
    value = series.last.value
    line = Text.assemble(f"   {name:<10} ", (f"{number(value):>9}", "bold" if math.isfinite(value) else "bold red"))
    if series.nonfinite:
        line.append(f" {series.nonfinite:,} not finite", "bold red")
    words = f" lowest {number(series.minimum)}"
    floor = attempt.stated(Floor)
    if signal == "train.loss" and floor:
        more = f"{words}, no-signal floor {number(floor[0].loss_floor)}"
        words = more if width - line.cell_len - len(more) > FAIR_SPARK_CELLS else words
    room = max(LEAST_SPARK_CELLS, min(SPARK_CELLS, width - line.cell_len - len(words) - 1))
    line.append(f" {sparkline([point.value for point in series.recent], room)}", "cyan")
    line.append(words, "bright_black")
    return [Row(line, rank)]


def _listed(attempt: Attempt, names: Sequence[tuple[str, str]]) -> Text | None:
    found = [(name, series) for name, signal in names if (series := _last(attempt, signal))]
    if not found:
        return None
    line = Text()
    for place, (name, series) in enumerate(found):
        value = series.last.value
        line.append("  " if place else "").append(f"{name} ", "bright_black")
        line.append(number(value), "" if math.isfinite(value) else "bold red")
    return line


def _last(attempt: Attempt, signal: str) -> Series | None:
    return attempt.of(signal).get(())
