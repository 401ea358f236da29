"""The cost of telemetry in ordinary loops, at its default cadence and with its reports: seven kinds of model on a CPU.

Two copies of a model train side by side, one of them with telemetry. They take their steps in turn, and each step is
timed in processor time, on one thread. Each round begins a new telemetry and covers the same interval of a run: one
report, ten TRAIN lines, and three looks beside. Of each step of the interval the fastest of all rounds counts, so that
other processes hardly disturb the figure. A third copy without telemetry shows what is left of that disturbance.
"""

from __future__ import annotations

import argparse
import copy
import math
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from figures import print_row
from telemetry_models import KINDS, Training

from trainer.telemetry.telemetry import Telemetry

FIRST, INTERVAL = 5, 100
"""The interval begins after the first report."""
BAR, BAR_MICROSECONDS, LONG_STEP_S = 0.02, 50.0, 2e-3
ROUNDS = 15


class Cost(NamedTuple):
    """What an interval costs, per step, in seconds of processor time."""

    step_s: float
    added_s: float
    noise_s: float
    """What a copy without telemetry seems to add."""


def time_step(arm: Iterator[None]) -> float:
    """Return the processor time of the next step, in all threads."""
    began = time.process_time()
    next(arm)
    return time.process_time() - began


def steps_of(training: Training, telemetry: Telemetry | None) -> Iterator[None]:
    """Take one step of a training each time."""
    while True:
        loss = training.loss()
        for each in training.optimizers:
            each.zero_grad()
        loss.backward()
        for each in training.optimizers:
            each.step()
        if telemetry is not None:
            telemetry.step(loss, samples=1)
        yield


def measure(make: Callable[[], Training], folder: Path, *, rounds: int) -> Cost:
    """Measure one kind of model."""
    torch.manual_seed(0)
    alone = make()
    again, watched = copy.deepcopy(alone), copy.deepcopy(alone)
    fastest = [[math.inf] * INTERVAL for _ in range(3)]
    for _ in range(rounds):
        with Telemetry(watched.model, watched.optimizers, epochs=1, batches=10**6, log=folder / "run.log") as telemetry:
            arms = [steps_of(alone, None), steps_of(again, None), steps_of(watched, telemetry)]
            for step in range(-FIRST, INTERVAL):
                # The next one finds the caches as the one before has left them, so the order changes.
                for which in random.sample(range(3), 3):
                    spent = time_step(arms[which])
                    if step >= 0:
                        fastest[which][step] = min(fastest[which][step], spent)
    step_s, again_s, watched_s = map(statistics.mean, fastest)
    return Cost(step_s, watched_s - step_s, again_s - step_s)


def main() -> None:
    """Print a row for each kind of model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", nargs="*", choices=[*KINDS], default=[*KINDS])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    for name in given.kinds:
        with tempfile.TemporaryDirectory() as folder:
            cost = measure(KINDS[name], Path(folder), rounds=given.rounds)
        is_long = cost.step_s >= LONG_STEP_S
        share = cost.added_s / cost.step_s
        print_row(
            f"telemetry, {name}, steps of {cost.step_s * 1e3:.2f} ms: added to a step, reports included",
            f"{cost.added_s * 1e6:.0f} µs ({share * 100:.1f} %); noise {cost.noise_s * 1e6:.0f} µs",
            f"≤ {BAR * 100:.0f} %" if is_long else f"≤ {BAR_MICROSECONDS:.0f} µs",
            share <= BAR if is_long else cost.added_s * 1e6 <= BAR_MICROSECONDS,
        )


if __name__ == "__main__":
    main()
