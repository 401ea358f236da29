"""Lightning's SpikeDetection: a loss far above the running mean of the last losses.

Reimplemented from its documentation, with its defaults. In Lightning it sees every batch and ends the training at the
first spike; here it sees every TRAIN line and continues, without spikes in the mean.
"""

from __future__ import annotations

import math
from collections import deque
from pathlib import Path
from typing import ClassVar

from monitor.grammar import Train
from tests.scoreboard.rivals.alarms import Alarms
from tests.scoreboard.rivals.observed import observe
from tests.scoreboard.rivals.rival import Rival, RivalAlarm

WINDOW, WARMUP, RELATIVE = 10, 1, 2.0
"""`window`, `warmup` (batches of an epoch) and `rtol`; `atol` is None, so it requires nothing."""

SPIKE = "SpikeDetection"


class LightningSpikes(Rival):
    """The callback with mode min and finite_only: a non-finite loss is a spike too."""

    name = "Lightning SpikeDetection"
    source = (
        "Lightning API reference, lightning.pytorch.callbacks.SpikeDetection, "
        "https://lightning.ai/docs/pytorch/latest/api/lightning.pytorch.callbacks.SpikeDetection.html"
    )
    kinds: ClassVar = {SPIKE: frozenset({"loss_spike", "loss_nonfinite", "loss_diverge"})}
    not_observable: ClassVar = {}

    def judge(self, log: Path, *, until: float | None = None) -> list[RivalAlarm]:
        alarms, last = Alarms(), 0.0
        kept: deque[float] = deque(maxlen=WINDOW)
        for line in observe(log):
            train = line.record
            if not isinstance(train, Train) or train.loss is None:
                continue
            is_spike = train.batch.part - 1 >= WARMUP and _is_spike(train.loss, last, kept)
            text = f"loss {train.loss:g}, running mean {_mean(kept):g}"
            alarms.note(SPIKE, "loss", is_spike, line, text)
            if not is_spike:
                kept.append(train.loss)
                last = train.loss
        return alarms.found


def _is_spike(loss: float, last: float, kept: deque[float]) -> bool:
    if not math.isfinite(loss):
        return True
    if not kept or loss <= last:
        return False
    return abs(loss - _mean(kept)) >= abs(RELATIVE * _mean(kept))


def _mean(kept: deque[float]) -> float:
    return sum(kept) / len(kept) if kept else math.nan
