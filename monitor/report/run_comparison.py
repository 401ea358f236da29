"""Two runs side by side: their figures at one step, or at the end of each common epoch, and the ratios."""

from __future__ import annotations

import math
from dataclasses import dataclass

from monitor.reader.metric_names import title_of
from monitor.reader.signals import CATALOGUE, METRIC, WORK, Labels
from monitor.run.summary import Key, RunSummary

DIGITS = 6
"""Least number of significant digits of a telling equal value: with four digits, two of twenty epochs agree by chance.
Chosen by hand, 2026-11."""
LOSSES = ("epoch.train_loss", "epoch.val_loss")
"""If these are equal in every epoch, one run repeats the other."""
_MEASURED = (
    "metric.sharpe",
    "metric.ic",
    "metric.rank_ic",
    "horizon.sharpe",
    "horizon.ic",
    "horizon.rank_ic",
    "horizon.r2",
)
"""Values that two runs cannot share to the last digit, unless one of them did not measure."""
_SHOWN = (
    *("train.loss", "epoch.train_loss", "epoch.val_loss", "metric.sharpe", "metric.ic", "metric.rank_ic"),
    *("metric.hit_rate", "train.lr", "train.grad_norm", *WORK.values(), "epoch.seconds", "epoch.resets"),
    METRIC,
    *("encoder_grad.norm", "grad.l2", "gpu.util_pct", "gpu.used_mb", "process.rss_mb"),
)
"""Signals to compare, in this order."""


@dataclass(frozen=True)
class ComparedRow:
    """One figure in both runs."""

    signal: str
    labels: Labels
    epoch: int | None
    """The epoch that it ended; None for the newest value."""
    left: float
    right: float

    @property
    def ratio(self) -> float | None:
        """The left value divided by the right; None where that has no meaning."""
        if self.right == 0 or not (math.isfinite(self.left) and math.isfinite(self.right)):
            return None
        return self.left / self.right

    @property
    def name(self) -> str:
        """The signal with its labels."""
        if self.signal == METRIC:
            return title_of(self.labels)
        labels = ", ".join(value for _, value in self.labels)
        return f"{self.signal}{{{labels}}}" if labels else self.signal


@dataclass(frozen=True)
class Twin:
    """A value that two runs share to the last digit."""

    row: ComparedRow
    words: str


@dataclass(frozen=True)
class RunComparison:
    """What two runs have in common, and what differs."""

    left: RunSummary
    right: RunSummary
    step: int | None
    """The step of both; None where each is at its own end."""
    newest: tuple[ComparedRow, ...]
    """The newest values; at one step, where `step` is given."""
    epochs: tuple[ComparedRow, ...]
    """Values at the end of each common epoch."""
    twins: tuple[Twin, ...]
    is_repeat: bool
    """Whether the losses are equal in all common epochs: the same run, trained again."""
    only_left: int
    """Number of series that the right run lacks."""
    only_right: int


def compare(left: RunSummary, right: RunSummary, *, step: int | None = None) -> RunComparison:
    """Compare two summaries; ``step`` means that both are as of that step."""
    newest = tuple(
        ComparedRow(key[0], key[1], None, left.last[key], right.last[key])
        for signal in _SHOWN
        for key in left.last
        if key[0] == signal and key in right.last
    )
    epochs = tuple(_by_epoch(left, right))
    is_repeat = _is_repeat(epochs)
    return RunComparison(
        left=left,
        right=right,
        step=step,
        newest=newest,
        epochs=epochs,
        twins=() if is_repeat else tuple(_twins(left, right)),
        is_repeat=is_repeat,
        only_left=len(left.last.keys() - right.last.keys()),
        only_right=len(right.last.keys() - left.last.keys()),
    )


def _by_epoch(left: RunSummary, right: RunSummary) -> list[ComparedRow]:
    wanted = [signal for signal in _SHOWN if signal == METRIC or CATALOGUE[signal].cadence == "epoch"]
    return [
        ComparedRow(key[0], key[1], epoch, value, right.by_epoch[key][epoch])
        for signal in wanted
        for key, values in left.by_epoch.items()
        if key[0] == signal and key in right.by_epoch
        for epoch, value in values.items()
        if epoch in right.by_epoch[key]
    ]


def _is_repeat(epochs: tuple[ComparedRow, ...]) -> bool:
    losses = [row for row in epochs if row.signal in LOSSES]
    return bool(losses) and all(row.left == row.right for row in losses)


def _twins(left: RunSummary, right: RunSummary) -> list[Twin]:
    """Return the measured values that both runs have, in any epoch: a stale file repeats them regardless."""
    found = []
    for signal in _MEASURED:
        for key in left.last:
            if key[0] == signal and key in right.last:
                found += _shared(key, left, right)
    return found


def _shared(key: Key, left: RunSummary, right: RunSummary) -> list[Twin]:
    mine, theirs = _places(key, left), _places(key, right)
    return [
        Twin(
            ComparedRow(key[0], key[1], None, value, value),
            f"is {value!r} in both runs ({mine[value]}; {theirs[value]})",
        )
        for value in mine
        if value in theirs and _is_telling(value)
    ]


def _places(key: Key, run: RunSummary) -> dict[float, str]:
    """Return the places of each value of a series in a run, in words."""
    places: dict[float, list[int]] = {}
    for epoch, value in run.by_epoch.get(key, {}).items():
        places.setdefault(value, []).append(epoch)
    words = {value: f"epoch {', '.join(map(str, epochs[:4]))}" for value, epochs in places.items()}
    return words if run.last[key] in words else {**words, run.last[key]: "at the end"}


def _is_telling(value: float) -> bool:
    """Whether a value has too many digits for two runs to share it by chance."""
    if not math.isfinite(value) or value == 0:
        return False
    return len(repr(abs(value)).partition("e")[0].replace(".", "").strip("0")) >= DIGITS
