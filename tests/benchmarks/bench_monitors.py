"""The cost of the monitors at their default cadence: alternates a step in which they report and one without them.

Between two reports they only compare the step's number with their cadence.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

from figures import interleaved, print_row
from production import NUM_FEATURES, TrainingStep, make_batch, make_model

from trainer.config import MonitorConfig
from trainer.telemetry.eventlog import EventLog
from trainer.telemetry.instruments import Instruments

PAIRS = {64: 41, 2048: 9}
"""Pairs of steps by the rows of a batch: many where a step is short."""
BAR = 0.01


class WatchedStep:
    """A training step with the monitors, which report every time."""

    def __init__(self, step: TrainingStep, log: EventLog, config: MonitorConfig) -> None:
        self._step = step
        names = [f"feature_{number:02d}" for number in range(NUM_FEATURES)]
        self._instruments = Instruments(step.model, config, log, feature_names=names, steps_per_epoch=1_000)

    def __call__(self) -> None:
        """Take one step."""
        self._instruments.before_forward(0, self._step.batch.x_NTF)
        self._step.backward()
        self._instruments.after_backward(0, epoch=1, batch=1)
        self._step.move()
        self._instruments.after_step(0)
        self._step.forget()


def both(make_step: Callable[[], TrainingStep], log: EventLog) -> tuple[WatchedStep, WatchedStep]:
    """Return a step with the monitors and one without."""
    off = MonitorConfig(grad_monitor=False, encoder_grad_hooks=False)
    return WatchedStep(make_step(), log, MonitorConfig()), WatchedStep(make_step(), log, off)


def _step_of(num_rows: int) -> TrainingStep:
    return TrainingStep(make_model(), make_batch(num_rows))


def main() -> None:
    """Print the share that the monitors add, for a small batch and a large one."""
    every = MonitorConfig().grad_monitor_every
    for num_rows, pairs in PAIRS.items():
        with tempfile.TemporaryDirectory() as folder, closing(EventLog(Path(folder) / "run.log", time.time)) as log:
            watched, unwatched = both(partial(_step_of, num_rows), log)
            _, _, ratio = interleaved(watched, unwatched, rounds=pairs)
        added = (ratio - 1) / every
        print_row(
            f"monitors, a report every {every} steps, batch {num_rows}: added to the step",
            f"{added * 100:.1f} % (a step that reports: {ratio:.2f} of one that does not)",
            f"≤ {BAR * 100:.0f} %",
            added <= BAR,
        )


if __name__ == "__main__":
    main()
