"""The ended epochs, one row each, and what validation measured."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitor.base.evidence import Evidence
from monitor.grammar import HorizonMetrics
from monitor.grammar import Metrics as MetricsRecord
from monitor.report.figures import SHOWN, fact, sparkline
from monitor.report.statement import Mark, Statement
from monitor.run.attempt import Attempt
from monitor.run.named import Named, named_metrics, work_figures
from monitor.run.series import Series, Tally
from monitor.snapshot import Snapshot


@dataclass(frozen=True)
class EpochRow:
    """One ended epoch."""

    epoch: int
    train_loss: float | None
    val_loss: float | None
    lr: float | None
    seconds: float | None
    resets: int | None
    """None where no guard line was seen in that epoch."""
    sharpe: float | None
    rank_ic: float | None
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class EpochTable:
    """The ended epochs, oldest first."""

    rows: tuple[EpochRow, ...]
    left_out: int
    """Number of earlier epochs that are not shown."""
    absence: Statement | None
    """Why there are no rows."""
    trends: tuple[tuple[str, str], ...] = ()
    """Column (a field of `EpochRow`) and its sparkline over the rows."""

    @property
    def columns(self) -> tuple[tuple[str, str, str], ...]:
        """The columns that any row fills: the field, its title, and how its numbers are written."""
        return tuple(each for each in _COLUMNS if any(getattr(row, each[0]) is not None for row in self.rows))


_COLUMNS = (
    ("train_loss", "train loss", ".4f"),
    ("val_loss", "val loss", ".4f"),
    ("lr", "lr", ".2e"),
    ("seconds", "seconds", ".1f"),
    ("resets", "resets", ","),
    ("sharpe", "Sharpe", ".4f"),
    ("rank_ic", "RankIC", ".4f"),
)


@dataclass(frozen=True)
class HorizonRow:
    """Validation metrics of one forecast horizon, in days."""

    horizon: str
    epoch: int
    sharpe: float | None
    ic: float | None
    rank_ic: float | None
    hit_rate: float | None
    ratio: float | None
    """Standard deviation of the predictions over that of the targets."""
    r2: float | None
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class ValidationMetrics:
    """How good the predictions were on validation."""

    overall: tuple[Statement, ...]
    horizons: tuple[HorizonRow, ...]


FROZEN_EPOCHS = 3
"""Least number of epochs with an identical metric to be suspicious (FAULTS: metric_constant)."""


def epoch_table(snapshot: Snapshot) -> EpochTable:
    """Return the ended epochs; an epoch whose line is missing has a row without figures."""
    attempt = snapshot.run.attempt
    ended = _tallies(attempt, "epoch.train_loss")
    if not ended:
        return EpochTable((), 0, Statement("", "No EPOCH line was seen.", mark=Mark.UNKNOWN))
    epochs = range(max(min(ended), max(ended) - SHOWN + 1), max(ended) + 1)
    rows = tuple(_row(attempt, epoch) for epoch in epochs)
    return EpochTable(rows, epochs.start - min(ended), None, _trends(rows))


def _trends(rows: tuple[EpochRow, ...]) -> tuple[tuple[str, str], ...]:
    if len(rows) < 2:
        return ()
    return tuple((column, sparkline(getattr(row, column) for row in rows)) for column, _, _ in _COLUMNS)


def metrics(snapshot: Snapshot) -> ValidationMetrics:
    """Return the newest validation metrics, overall and per horizon."""
    attempt = snapshot.run.attempt
    stated = attempt.stated(MetricsRecord)
    if stated is None:
        named = tuple(_named(named_metrics(attempt)))
        unseen = Statement("", "No METRICS line was seen.", mark=Mark.UNKNOWN)
        # The time per step is among what is said of the progress.
        work = _named([each for each in work_figures(attempt) if each.signal != "train.s_per_batch"])
        return ValidationMetrics((*(named or (unseen,)), *work), _horizons(attempt))
    record, line = stated
    overall = [
        Statement("Epoch", str(record.epoch), (line,)),
        _metric(attempt, "Sharpe Ratio", "metric.sharpe"),
        _metric(attempt, "IC", "metric.ic"),
        _metric(attempt, "RankIC", "metric.rank_ic"),
        _metric(attempt, "Hit rate", "metric.hit_rate"),
        fact("Days", record.n_days, line),
        fact("Definition of Sharpe", record.definition, line),
    ]
    return ValidationMetrics(tuple(overall), _horizons(attempt))


def _named(known: Sequence[Named]) -> Iterator[Statement]:
    """Yield the newest value of each series that the log names, and the best where its name says which is better."""
    for each in known[:MOST_NAMED]:
        series, last = each.series, each.series.last
        best = series.minimum if each.direction == "lower" else series.maximum
        words = f"{last.value:.6g}" + (f" (best {best:.6g})" if each.direction and math.isfinite(best) else "")
        mark = None if math.isfinite(last.value) else Mark.CAUTION
        yield Statement(each.title, words, (last.evidence,), mark)
    if len(known) > MOST_NAMED:
        yield Statement("", f"{len(known) - MOST_NAMED} more metrics are not shown")


MOST_NAMED = 24
"""Most metrics to show; a trainer of policies reports forty. Chosen by hand, 2026-11."""


def resets_in(attempt: Attempt, epoch: int) -> tuple[int, Evidence] | None:
    """Count the resets of an epoch; None where no line shows that the guard was active."""
    resets = [tally for series in attempt.of("guard.reset").values() if (tally := series.epochs.get(epoch))]
    checks = [tally for series in attempt.of("guard.check").values() if (tally := series.epochs.get(epoch))]
    if not resets and not checks:
        return None
    newest = max((tally.last.evidence for tally in resets or checks), key=lambda line: line.offset)
    return sum(tally.count for tally in resets), newest


def frozen_words(series: Series) -> str:
    """Tell that a metric is identical in all of at least three epochs, so that it was hardly measured."""
    values = {tally.last.value for tally in series.epochs.values()}
    if len(series.epochs) < FROZEN_EPOCHS or len(values) > 1:
        return ""
    return f"identical to the last digit in all {len(series.epochs)} epochs: was it measured?"


def _row(attempt: Attempt, epoch: int) -> EpochRow:
    found: dict[str, float | None] = {}
    lines: list[Evidence] = []
    for name in (
        "epoch.train_loss",
        "epoch.val_loss",
        "epoch.lr",
        "epoch.seconds",
        "metric.sharpe",
        "metric.rank_ic",
    ):
        tally = _tallies(attempt, name).get(epoch)
        found[name] = None if tally is None else tally.last.value
        if tally is not None:
            lines.append(tally.last.evidence)
    resets = resets_in(attempt, epoch)
    if resets:
        lines.append(resets[1])
    return EpochRow(
        epoch=epoch,
        train_loss=found["epoch.train_loss"],
        val_loss=found["epoch.val_loss"],
        lr=found["epoch.lr"],
        seconds=found["epoch.seconds"],
        resets=resets[0] if resets else None,
        sharpe=found["metric.sharpe"],
        rank_ic=found["metric.rank_ic"],
        evidence=tuple(dict.fromkeys(lines)),
    )


def _tallies(attempt: Attempt, name: str) -> dict[int, Tally]:
    series = attempt.of(name).get(())
    return series.epochs if series else {}


def _metric(attempt: Attempt, subject: str, name: str) -> Statement:
    series = attempt.of(name).get(())
    if series is None:
        return fact(subject, None)
    last = series.last
    words = f"{last.value:.4f}"
    finite = [tally.last for tally in series.epochs.values() if math.isfinite(tally.last.value)]
    if len(finite) > 1:
        best = max(finite, key=lambda point: point.value)
        words += f" (first {finite[0].value:.4f}; best {best.value:.4f} in epoch {best.epoch}, L{best.evidence.line})"
    if not math.isfinite(last.value):
        return Statement(subject, words, (last.evidence,), Mark.BREACH)
    if frozen := frozen_words(series):
        return Statement(subject, f"{words}; {frozen}", (last.evidence,), Mark.CAUTION)
    return Statement(subject, words, (last.evidence,))


def _horizons(attempt: Attempt) -> tuple[HorizonRow, ...]:
    return tuple(
        HorizonRow(
            horizon=f"{record.h} d",
            epoch=record.epoch,
            sharpe=record.sharpe,
            ic=record.ic,
            rank_ic=record.rank_ic,
            hit_rate=record.hit_rate,
            ratio=record.ratio,
            r2=record.r2,
            evidence=(line,),
        )
        for record, line in attempt.all_stated(HorizonMetrics)[:SHOWN]
    )
