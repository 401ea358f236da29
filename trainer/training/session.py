"""The parts of one training run that every step and every validation use."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn

from trainer.batches.batches import DayBatch
from trainer.batches.dataset import Dataset
from trainer.checkpoint import CheckpointFolder
from trainer.config import TrainerConfig
from trainer.device import autocast_for
from trainer.faults import FaultPlan, Site
from trainer.measure.guard import DegeneracyGuard
from trainer.measure.pace import StepResult
from trainer.model.losses import WeightedLoss
from trainer.model.network import StockModel
from trainer.model.weight_average import WeightAverage
from trainer.panel.checks import PanelReport
from trainer.telemetry.eventlog import EventLog
from trainer.telemetry.instruments import Instruments
from trainer.telemetry.phases import Phases
from trainer.training.ranks import Ranks
from trainer.training.stopping import StopSwitch


def labels_of(batch: DayBatch) -> Tensor:
    """Return the normalised labels of a batch; nan if unlabelled. Shapes: -> (N, K)."""
    return batch.y_NH.masked_fill(~batch.mask_NH, float("nan"))


class Bar(NamedTuple):
    """The position of the run, for a progress bar."""

    epoch: int
    epochs: int
    batch: int
    batches: int
    loss: float


@dataclass
class FitProgress:
    """What changes during a run apart from weights, optimizer and guard; plain values, so that it can be saved."""

    step: int = 0
    """Optimizer steps so far, including skipped ones."""
    epochs: int = 0
    """Complete epochs so far, including their validation."""
    batch: int = 0
    """Batches trained on in the current epoch."""
    loss_sum: float = 0.0
    """Sum of the losses of the epoch's pairs (day, horizon)."""
    num_pairs: int = 0
    num_resets: int = 0
    """Head resets in the current epoch."""
    skipped: int = 0
    skips_in_row: int = 0
    best_epoch: int = 0
    best_val_loss: float = math.inf
    rank_ic: dict[int, float] = field(default_factory=dict)
    """By horizon, at the last validation."""
    highest_shares: dict[str, float] = field(default_factory=dict)
    """By feature, its highest weight in an epoch so far, in multiples of an even weight."""

    def begin_epoch(self) -> None:
        """Clear the sums of the last epoch."""
        self.batch, self.loss_sum, self.num_pairs, self.num_resets = 0, 0.0, 0, 0

    def add(self, result: StepResult, *, batches: int) -> None:
        """Add the loss and resets of one step."""
        self.batch += batches
        self.loss_sum += result.loss * result.num_pairs
        self.num_pairs += result.num_pairs
        self.num_resets += result.num_resets

    @property
    def train_loss(self) -> float:
        """Mean loss of the current epoch; nan once the loss of a step was nan."""
        return self.loss_sum / self.num_pairs if self.num_pairs else math.nan


@dataclass(frozen=True, eq=False)
class Session:
    """One run in progress."""

    config: TrainerConfig
    log: EventLog
    phases: Phases
    checkpoints: CheckpointFolder
    """Locked and written by the main process only."""
    ranks: Ranks
    stop: StopSwitch
    dataset: Dataset
    report: PanelReport
    model: StockModel
    network: nn.Module
    """The model as training calls it: its backward pass combines the gradients of all processes."""
    compiled: Callable[..., Tensor]
    """The compiled network, which does not run hooks; the network itself if compiling is off."""
    optimizer: torch.optim.Optimizer
    average: WeightAverage | None
    """None: validation and prediction use the last weights."""
    weighted_loss: WeightedLoss
    guard: DegeneracyGuard
    probe: DayBatch
    """The training days whose predictions the guard looks at, on the device."""
    instruments: Instruments
    faults: FaultPlan
    site: Site
    progress: FitProgress
    device: torch.device
    total_steps: int
    timer: Callable[[], float]
    """Monotonic seconds."""
    show: Callable[[Bar], None]

    def autocast(self) -> torch.autocast:
        """Return the context for a forward pass in the configured precision."""
        return autocast_for(self.config.optim.precision, self.device)

    def averaged_weights(self) -> AbstractContextManager[None]:
        """Return the context in which the model has the weights for validation and prediction."""
        return nullcontext() if self.average is None else self.average.in_use()
