"""The cost of the guard's look without dropout, and of the variance penalty: alternates each with a training step."""

from __future__ import annotations

from collections.abc import Callable

import torch
from figures import interleaved, print_row
from production import Batch, TrainingStep, make_batch, make_model
from torch import Tensor

from trainer.config import GuardConfig, LossConfig
from trainer.measure.guard import DegeneracyGuard
from trainer.model.losses import WeightedLoss
from trainer.model.network import MEDIAN, QUANTILES, StockModel
from trainer.model.noise import without_noise
from trainer.training.spread import PENALTY_ROWS, PROBE_ROWS

BATCHES = (64, 128, 256)
BAR = 0.05
"""Chosen by hand, 2026-11."""
PAIRS = 5


def look(model: StockModel, probe: Batch) -> Callable[[], None]:
    """Return the look that a check of the guard needs."""
    guard = DegeneracyGuard(list(model.prediction_head_heads), (1, 5, 10, 20), GuardConfig(), torch.Generator())

    @torch.no_grad()
    def call() -> None:
        with without_noise(model):
            predictions = model(probe.x_NTF, probe.edge_index_2E, probe.edge_attr_EA)
        guard.observe(predictions[..., MEDIAN], probe.labels_NK, probe.day_N)

    return call


def penalty(model: StockModel, rows: Batch) -> Callable[[], None]:
    """Return the forward and backward pass of the variance penalty."""
    weighted_loss = WeightedLoss(quantiles=QUANTILES, **vars(LossConfig()))

    def call() -> None:
        with without_noise(model):
            predictions: Tensor = model(rows.x_NTF, rows.edge_index_2E, rows.edge_attr_EA)
        weighted_loss.variance_term(predictions, rows.labels_NK).backward()
        model.zero_grad(set_to_none=True)

    return call


def main() -> None:
    """Print a row for each batch size."""
    every = GuardConfig().guard_every
    for num_rows in BATCHES:
        step = TrainingStep(make_model(), make_batch(num_rows))
        probe_s, step_s, ratio = interleaved(
            look(step.model, make_batch(max(num_rows, PROBE_ROWS))), step, rounds=PAIRS
        )
        added = ratio / every
        print_row(
            f"guard, a look without dropout every {every} steps, batch {num_rows}: added to the step",
            f"{added * 100:.1f} % (a look {probe_s * 1000:.0f} ms, a step {step_s * 1000:.0f} ms)",
            f"≤ {BAR * 100:.0f} %",
            added <= BAR,
        )
        _, _, ratio = interleaved(penalty(step.model, make_batch(min(num_rows, PENALTY_ROWS))), step, rounds=PAIRS)
        print_row(
            f"variance penalty while the spread is below its floor, batch {num_rows}: added to the step",
            f"{ratio * 100:.0f} %; 0 above the floor",
            "–",
            None,
        )


if __name__ == "__main__":
    main()
