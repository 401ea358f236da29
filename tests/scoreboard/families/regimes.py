"""Families of one plain task each, trained in a way of their own."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts, ReduceLROnPlateau

from tests.scoreboard.families import data
from tests.scoreboard.families.listing import family
from tests.scoreboard.families.nets import Mlp
from tests.scoreboard.families.training import (
    Outcome,
    Regime,
    Supervised,
    Training,
    Validation,
    accuracy,
    r2,
)
from trainer.telemetry import Telemetry

CLASSES, VALUES = "classes features supervised relu", "regression features supervised relu"


@family
def warm_restarts() -> Training:
    """The rate goes up again every two epochs, AdamW."""
    model = Mlp(16, 48, 5)
    regime = Regime(schedule=lambda each, steps: CosineAnnealingWarmRestarts(each, 80))
    return Supervised(
        *data.parted(*data.classes()),
        model,
        functional.cross_entropy,
        [torch.optim.AdamW(model.parameters(), 5e-3)],
        traits=CLASSES,
        metric=accuracy,
        regime=regime,
    )


@family
def rate_on_plateau() -> Training:
    """The rate is halved when the validation no longer improves; noisy values."""
    model = Mlp(16, 32, 1)
    regime = Regime(per_epoch=lambda each: ReduceLROnPlateau(each, factor=0.5, patience=0))
    return Supervised(
        *data.parted(*data.values(noise=1.5)),
        model,
        functional.mse_loss,
        [torch.optim.Adam(model.parameters(), 3e-3)],
        traits=VALUES,
        metric=r2,
        metric_name="r2",
        epochs=8,
        regime=regime,
    )


@family
def many_folds() -> Training:
    """Three folds one after the other in one log."""
    model = Mlp(16, 32, 1)
    return Supervised(
        *data.parted(*data.values()),
        model,
        functional.mse_loss,
        [torch.optim.Adam(model.parameters(), 3e-3)],
        traits=VALUES,
        metric=r2,
        metric_name="r2",
        epochs=3,
        regime=Regime(folds=3),
    )


@family
def resumed() -> Training:
    """Ended after three of six epochs and resumed from a checkpoint of weights and optimizer, in the same log."""
    model = Mlp(16, 48, 5)
    return Supervised(
        *data.parted(*data.classes()),
        model,
        functional.cross_entropy,
        [torch.optim.AdamW(model.parameters(), 3e-3)],
        traits=CLASSES,
        metric=accuracy,
        regime=Regime(resumes_after=3),
    )


@family
def stopped_early() -> Training:
    """Stopped after five of twenty epochs, with the reason."""
    model = Mlp(16, 48, 5)
    return Supervised(
        *data.parted(*data.classes()),
        model,
        functional.cross_entropy,
        [torch.optim.Adam(model.parameters(), 3e-3)],
        traits=CLASSES,
        metric=accuracy,
        epochs=20,
        regime=Regime(stops_after=5),
    )


@family
def harder_later() -> Training:
    """Noisier inputs from the fourth epoch on, declared as a curriculum."""
    model = Mlp(16, 48, 5)

    def harden(training: Training, epoch: int, telemetry: Telemetry) -> None:
        if epoch == 4:
            telemetry.declare(curriculum="noisier inputs")
            training.inputs = training.inputs + 0.7 * torch.randn_like(training.inputs)

    return Supervised(
        *data.parted(*data.classes()),
        model,
        functional.cross_entropy,
        [torch.optim.Adam(model.parameters(), 2e-3)],
        traits=CLASSES,
        metric=accuracy,
        epochs=6,
        regime=Regime(at_epoch=harden),
    )


@family
def whole_by_lbfgs() -> Training:
    """Logistic regression on all rows at once by L-BFGS with closures."""
    inputs, targets = data.classes(rows=600, num=3)

    class Whole(Training):
        traits = frozenset({"whole"})

        def pairs(self):
            yield inputs[150:], targets[150:]

        def compute(self, rows: Tensor, labels: Tensor) -> Outcome:
            outputs = self.model(rows)
            decay = 1e-3 * sum(w.square().sum() for w in self.model.parameters())
            return Outcome(functional.cross_entropy(outputs, labels) + decay, outputs)

        def step(self, telemetry: Telemetry) -> float:
            rows, labels = self.batch()

            def closure() -> Tensor:
                self.zero_grad()
                loss = self.compute(rows, labels).loss
                loss.backward()
                return loss

            loss = float(self.optimizers[0].step(closure))
            telemetry.step(loss, samples=len(rows))
            return loss

        def validate(self) -> Validation:
            with torch.no_grad():
                outputs = self.model(inputs[:150])
            loss = functional.cross_entropy(outputs, targets[:150])
            return Validation(float(loss), {"accuracy": accuracy(outputs, targets[:150])})

    model = nn.Linear(16, 3)
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=3)
    return Whole(model, [optimizer], epochs=40, batches=1)


@family
def averaged() -> Training:
    """Validated with a moving average of the weights."""
    model = Mlp(16, 48, 5)
    average = copy.deepcopy(model).requires_grad_(False)

    class Averaged(Supervised):
        def take_step(self) -> None:
            super().take_step()
            with torch.no_grad():
                for mean, weight in zip(average.parameters(), self.model.parameters(), strict=True):
                    mean.lerp_(weight, 0.02)

        def validate(self) -> Validation:
            with torch.no_grad():
                outputs = average(self.held[0])
            loss = functional.cross_entropy(outputs, self.held[1])
            return Validation(float(loss), {"accuracy": accuracy(outputs, self.held[1])})

    return Averaged(
        *data.parted(*data.classes()),
        model,
        functional.cross_entropy,
        [torch.optim.Adam(model.parameters(), 3e-3)],
        traits=CLASSES.replace("relu", ""),
        metric=accuracy,
    )


@family
def few_steps() -> Training:
    """A short fine-tuning: 45 steps in all, three epochs."""
    model = Mlp(16, 48, 5)
    return Supervised(
        *data.parted(*data.classes(rows=736)),
        model,
        functional.cross_entropy,
        [torch.optim.AdamW(model.parameters(), 3e-3)],
        traits="features supervised",
        metric=accuracy,
        epochs=3,
    )


@family
def grown() -> Training:
    """A second block is added in the fourth epoch with an output that begins at zero."""

    class Growing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.enter, self.leave = nn.Linear(16, 32), nn.Linear(32, 5)
            self.blocks = nn.ModuleList()

        def forward(self, x: Tensor) -> Tensor:
            x = torch.relu(self.enter(x))
            for block in self.blocks:
                x = x + block(x)
            return self.leave(x)

    def grow(training: Training, epoch: int, telemetry: Telemetry) -> None:
        if epoch == 4:
            block = Mlp(32, 32, 32)
            nn.init.zeros_(block[-1].weight)
            training.model.blocks.append(block)
            training.optimizers[0].add_param_group({"params": block.parameters()})

    model = Growing()
    return Supervised(
        *data.parted(*data.classes()),
        model,
        functional.cross_entropy,
        [torch.optim.Adam(model.parameters(), 3e-3)],
        traits="classes features supervised",
        metric=accuracy,
        regime=Regime(at_epoch=grow),
    )


@family
def memorised() -> Training:
    """Few rows learnt by heart, as a check that the code can learn at all; no validation of its own rows apart."""
    inputs, targets = data.classes(rows=128, num=4)
    model = Mlp(16, 64, 4)
    return Supervised(
        (inputs, targets),
        (inputs, targets),
        model,
        functional.cross_entropy,
        [torch.optim.Adam(model.parameters(), 1e-2)],
        traits="features",
        metric=accuracy,
        epochs=40,
        size=32,
    )


@family
def own_weights_decay() -> Training:
    """Heavy weight decay and gradients of unit size (normalised), SGD."""

    class Normalised(Supervised):
        def clip(self) -> None:
            super().clip()
            for weight in self.model.parameters():
                if weight.grad is not None:
                    weight.grad.div_(weight.grad.norm() + 1e-8)

    model = Mlp(16, 48, 5)
    optimizer = torch.optim.SGD(model.parameters(), 0.02, momentum=0.9, weight_decay=1e-2)
    return Normalised(
        *data.parted(*data.classes()),
        model,
        functional.cross_entropy,
        [optimizer],
        traits="features supervised",
        metric=accuracy,
    )
