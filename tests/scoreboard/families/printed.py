"""What a training printed, kept so that it can be written in the form of any trainer."""

from __future__ import annotations

import traceback
from typing import NamedTuple

from tests.scoreboard.families.training import Validation


class Report(NamedTuple):
    """One report of the training, the mean of the last steps."""

    step: int
    loss: float
    rate: float
    grad_norm: float
    """Not a number where the training does not measure it."""


class Epoch(NamedTuple):
    """One validation."""

    epoch: int
    step: int
    train_loss: float
    val_loss: float | None
    metrics: dict[str, float]
    rate: float


class Printed:
    """Reports and validations in their order, and how the training ended."""

    def __init__(self, epochs: int, batches: int, size: int) -> None:
        """``size`` is the number of samples of a batch."""
        self.epochs, self.batches, self.size = epochs, batches, size
        self.items: list[Report | Epoch] = []
        self.traceback = ""
        self.is_complete = False
        self.own_lines_before = 0
        """Lines of the training's own log before a fault began."""

    def trained(self, step: int, loss: float, rate: float, grad_norm: float) -> None:
        """Keep a report."""
        self.items.append(Report(step, loss, rate, grad_norm))

    def validated(self, epoch: int, step: int, train_loss: float, validation: Validation, rate: float) -> None:
        """Keep a validation."""
        self.items.append(Epoch(epoch, step, train_loss, validation.loss, dict(validation.metrics), rate))

    def ends(self) -> None:
        """Note that the training reached its end."""
        self.is_complete = True

    def dies(self, error: BaseException) -> None:
        """Note the error that ended the training."""
        self.traceback = "".join(traceback.format_exception(error))
