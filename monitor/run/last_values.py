"""The last value of everything that a run's log said: what `monitor check --json` calls facts."""

from __future__ import annotations

from typing import NamedTuple

from monitor import grammar
from monitor.reader.signals import METRIC, WORK
from monitor.run.attempt import Attempt
from monitor.run.named import work_figures
from monitor.run.run import Run

Metrics = dict[str, dict[str, float]]
"""Name of a metric → split (``train``, ``val``, ``test``; empty where the log names none) → value. The pace and the
cost of the work are among them, under the names of `WORK`."""
_NATIVE_METRICS = ("sharpe", "ic", "rank_ic", "hit_rate")


class LastValues(NamedTuple):
    """What is known at the end of a log; None for what was not read."""

    step: int | None = None
    """As the log itself counts: optimizer steps or iterations over all epochs."""
    steps: int | None = None
    """How many are planned."""
    epoch: int | None = None
    """The epoch that the run is in, from 1."""
    epochs_done: int | None = None
    epochs: int | None = None
    """How many are planned."""
    loss: float | None = None
    """The last training loss of a step, an interval or an epoch."""
    val_loss: float | None = None
    lr: float | None = None
    grad_norm: float | None = None
    checkpoint: str | None = None
    """Where the last checkpoint was saved, or ``step N``."""
    metrics: Metrics | None = None

    @property
    def is_empty(self) -> bool:
        """Whether neither a loss nor a metric was read; how the work goes shows nothing of what is learned."""
        return self.loss is None and self.val_loss is None and not (self.metrics or {}).keys() - WORK.keys()


def figures_of(run: Run) -> list[tuple[str, float]]:
    """Return the last losses, rate, norm and metrics of a run, each with its name: ``val_loss``, ``accuracy.val``."""
    known = last_values(run)
    plain = [("loss", known.loss), ("val_loss", known.val_loss), ("lr", known.lr), ("grad_norm", known.grad_norm)]
    found = [(name, value) for name, value in plain if value is not None]
    for name, splits in (known.metrics or {}).items():
        found += [(f"{name}.{split}" if split else name, value) for split, value in splits.items()]
    return found


def last_values(run: Run) -> LastValues:
    """Return the last values of a run's present attempt."""
    said = run.dialect.facts.said(run.dialect.words) if run.dialect.facts.lines else {}
    known = _from_series(run.attempt)
    if said:
        known = LastValues(**{**said, "checkpoint": known.checkpoint})  # type: ignore[arg-type]
    work = {each.name: {each.split: each.series.last.value} for each in work_figures(run.attempt)}
    return known._replace(metrics={**(known.metrics or {}), **work} or None)


def _from_series(attempt: Attempt) -> LastValues:
    has_epochs = bool(attempt.epochs_planned or attempt.epochs_done)
    return LastValues(
        step=attempt.step,
        steps=attempt.intent.total_steps,
        epoch=attempt.epoch if has_epochs else None,
        epochs_done=attempt.epochs_done if has_epochs else None,
        epochs=attempt.epochs_planned or None,
        loss=_newest(attempt, "train.loss", "epoch.train_loss"),
        val_loss=_newest(attempt, "epoch.val_loss"),
        lr=_newest(attempt, "train.lr", "epoch.lr"),
        grad_norm=_newest(attempt, "train.grad_norm"),
        checkpoint=_checkpoint(attempt),
        metrics=_metrics(attempt) or None,
    )


def _newest(attempt: Attempt, *signals: str) -> float | None:
    """Return the value of the newest line that gave one of these signals."""
    points = [series.last for signal in signals for series in attempt.of(signal).values()]
    newest = max(points, key=lambda point: point.serial, default=None)
    return None if newest is None else newest.value


def _checkpoint(attempt: Attempt) -> str | None:
    found = attempt.stated(grammar.Checkpoint)
    if found is None:
        return None
    record, _ = found
    return record.path or (None if record.step is None else f"step {record.step}")


def _metrics(attempt: Attempt) -> Metrics:
    found: Metrics = {}
    for name in _NATIVE_METRICS:
        value = _newest(attempt, f"metric.{name}")
        if value is not None:
            found[name] = {"val": value}
    for labels, series in attempt.of(METRIC).items():
        named = dict(labels)
        found.setdefault(named["name"], {})[named["split"]] = series.last.value
    return found
