"""The production model, a batch for it, and its optimizer step, which the trainer's benchmarks measure.

82 features, 20 days, hidden width 256, four horizons, fp32. A batch is one day with one stock per row, each with ten
graph neighbours; values are random, because no time depends on them.
Shapes: N rows, T window days, F features, K horizons, E edges, A edge attributes.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "2")
# Threads that spin while waiting would make the result depend on the load of other processes.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
sys.path.insert(0, str(Path(__file__).parents[2]))

import torch
from torch import Tensor, nn

from trainer.batches.graph import EDGE_ATTRIBUTES
from trainer.config import LossConfig, ModelConfig
from trainer.model.losses import WeightedLoss
from trainer.model.network import QUANTILES, StockModel

NUM_FEATURES, WINDOW_DAYS, NUM_HORIZONS, HIDDEN = 82, 20, 4, 256
NUM_NEIGHBOURS = 10
LEARNING_RATE, CLIP = 5e-4, 1.0


class Batch(NamedTuple):
    """One day of stocks."""

    x_NTF: Tensor
    labels_NK: Tensor
    day_N: Tensor
    edge_index_2E: Tensor
    edge_attr_EA: Tensor


def make_batch(num_rows: int, *, stocks_per_day: int | None = None) -> Batch:
    """Return this many rows: one day of as many stocks, or whole days of `stocks_per_day`."""
    num_edges = num_rows * NUM_NEIGHBOURS
    return Batch(
        x_NTF=torch.randn(num_rows, WINDOW_DAYS, NUM_FEATURES),
        labels_NK=torch.randn(num_rows, NUM_HORIZONS),
        day_N=torch.arange(num_rows) // (stocks_per_day or num_rows),
        edge_index_2E=torch.stack(
            [torch.randint(num_rows, (num_edges,)), torch.arange(num_rows).repeat_interleave(NUM_NEIGHBOURS)]
        ),
        edge_attr_EA=torch.rand(num_edges, len(EDGE_ATTRIBUTES)),
    )


def make_model(*, selection_width: int | None = None) -> StockModel:
    """Return the model at production width, with the default width of the selection unless given."""
    config = ModelConfig(hidden=HIDDEN, **({"selection_width": selection_width} if selection_width else {}))
    return StockModel(
        num_features=NUM_FEATURES,
        window=WINDOW_DAYS,
        num_horizons=NUM_HORIZONS,
        edge_width=len(EDGE_ATTRIBUTES),
        config=config,
    )


class TrainingStep:
    """Forward, loss, backward, clip and AdamW on the same batch each time."""

    def __init__(self, model: StockModel, batch: Batch) -> None:
        self.model, self.batch = model.train(), batch
        self._weighted_loss = WeightedLoss(quantiles=QUANTILES, **vars(LossConfig()))
        self._optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, fused=True)

    def __call__(self) -> None:
        """Take one step."""
        self.backward()
        self.move()
        self.forget()

    def backward(self) -> None:
        """Compute the gradients."""
        batch = self.batch
        predictions = self.model(batch.x_NTF, batch.edge_index_2E, batch.edge_attr_EA)
        self._weighted_loss(predictions, batch.labels_NK, batch.day_N).total.backward()

    def move(self) -> None:
        """Clip the gradients and move the weights."""
        nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
        self._optimizer.step()

    def forget(self) -> None:
        """Drop the gradients."""
        self._optimizer.zero_grad(set_to_none=True)
