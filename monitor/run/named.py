"""What a log names beside loss, rate and norm: its metrics, then the pace and the cost of its work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from monitor.reader.metric_names import Direction, direction_of, title_of
from monitor.reader.signals import METRIC, WORK, Labels
from monitor.run.attempt import Attempt
from monitor.run.series import Series

_SPLITS = {"val": 0, "train": 2}


class Named(NamedTuple):
    """One series, with the name that users know it by."""

    name: str
    split: str
    """``train``, ``val``, ``test``; empty where the log names none."""
    signal: str
    labels: Labels
    series: Series

    @property
    def title(self) -> str:
        """The name for people, with its split in front where the log says it."""
        return title_of(self.labels) if self.signal == METRIC else self.name

    @property
    def direction(self) -> Direction:
        """Which values are better; empty for what says nothing of the model."""
        return direction_of(self.name) if self.signal == METRIC else ""


def named_metrics(attempt: Attempt) -> list[Named]:
    """Return the metrics that a log names, those of validations first, those of the training last."""
    found = []
    for labels, series in attempt.of(METRIC).items():
        known = dict(labels)
        found.append(Named(known["name"], known["split"], METRIC, labels, series))
    return sorted(found, key=lambda each: _SPLITS.get(each.split, 1))


def work_figures(attempt: Attempt) -> Iterator[Named]:
    """Yield throughput, time per step, memory and loss scale, as far as the log says them."""
    for name, signal in WORK.items():
        if (series := attempt.of(signal).get(())) is not None:
            yield Named(name, "train", signal, (), series)
