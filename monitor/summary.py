"""Run → summary: what is kept of a run for comparing others with it, small enough to store for ever."""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.run import Run
from monitor.signals import CATALOGUE, Labels


@dataclass(frozen=True)
class RunSummary:
    """The figures of one run."""

    run: str
    log: str
    """Where it was read, as the user named it."""
    last: dict[tuple[str, Labels], float] = field(default_factory=dict)
    """Last value of every measured signal."""
    by_epoch: dict[tuple[str, Labels], dict[int, float]] = field(default_factory=dict)
    """Last value in each epoch, of the signals reported once per epoch."""


def summarise(run: Run, log: str) -> RunSummary:
    """Return what is worth keeping of a run: the measurements of its present attempt."""
    measured = {
        (name, labels): series
        for name, by_labels in run.attempt.series.items()
        if not CATALOGUE[name].is_event
        for labels, series in by_labels.items()
    }
    return RunSummary(
        run=run.id or "",
        log=log,
        last={key: series.last.value for key, series in measured.items()},
        by_epoch={
            key: {epoch: tally.last.value for epoch, tally in series.epochs.items()}
            for key, series in measured.items()
            if series.has_epochs
        },
    )
