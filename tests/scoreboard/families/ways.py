"""Families of plain tasks whose data or weights are changed on the way, or whose course is unusual."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import prune

from tests.scoreboard.families import data
from tests.scoreboard.families.listing import later_family
from tests.scoreboard.families.nets import Mlp, TwoPart
from tests.scoreboard.families.optimizers import cosine
from tests.scoreboard.families.training import (
    Outcome,
    Regime,
    Supervised,
    Training,
    Validation,
    accuracy,
    taken,
)
from trainer.telemetry import Telemetry


@later_family
def pruned_step_by_step() -> Training:
    """From the third epoch on, a fifth more of the smallest weights is set to zero each epoch; nothing declared."""
    model = Mlp(16, 64, 64, 5)
    layers = [(layer, "weight") for layer in model if isinstance(layer, nn.Linear)]
    for layer, name in layers:
        prune.identity(layer, name)

    def cut(training: Training, epoch: int, telemetry: Telemetry) -> None:
        if epoch >= 3:
            prune.global_unstructured(layers, prune.L1Unstructured, amount=0.2)

    return Supervised(
        *data.parted(*data.classes(rows=1800)),
        model,
        functional.cross_entropy,
        [torch.optim.AdamW(model.parameters(), 3e-3)],
        traits="features supervised",
        metric=accuracy,
        epochs=8,
        regime=Regime(at_epoch=cut),
    )


@later_family
def four_bits() -> Training:
    """Weights and activations rounded to four bits in the forward pass, gradients straight through."""

    class Rounded(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return functional.linear(_rounded(x), _rounded(self.weight), self.bias)

    model = nn.Sequential(Rounded(16, 64), nn.ReLU(), Rounded(64, 64), nn.ReLU(), Rounded(64, 5))
    return Supervised(
        *data.parted(*data.classes(rows=1600)),
        model,
        functional.cross_entropy,
        [torch.optim.AdamW(model.parameters(), 2e-3)],
        traits="features supervised relu",
        metric=accuracy,
        epochs=7,
        regime=Regime(schedule=cosine()),
    )


def _rounded(x: Tensor) -> Tensor:
    step = x.detach().abs().max().clamp(min=1e-8) / 7
    return x + ((x / step).round().clamp(-8, 7) * step - x).detach()


@later_family
def growing_pool() -> Training:
    """Active learning: 200 rows at first, 250 more each epoch, those the network is least sure of."""
    inputs, labels = data.classes(rows=2200, num=5, noise=0.2)

    class Active(Supervised):
        known = torch.arange(200)

        def pairs(self) -> Iterator[tuple[Any, Any]]:
            for _ in range(self.batches):
                rows = self.known[torch.randint(len(self.known), (self.size,))]
                yield taken(self.inputs, rows), self.targets[rows]

        def end_epoch(self, validation: Validation) -> None:
            super().end_epoch(validation)
            with torch.no_grad():
                top = self.model(self.inputs).softmax(1).topk(2, dim=1).values
            doubt = top[:, 0] - top[:, 1]
            doubt[self.known] = 2.0
            self.known = torch.cat([self.known, doubt.argsort()[:250]])

    model = Mlp(16, 48, 5)
    return Active(
        *data.parted(inputs, labels),
        model,
        functional.cross_entropy,
        [torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=0.05)],
        traits="",
        metric=accuracy,
        epochs=7,
    )


@later_family
def solved_at_once() -> Training:
    """Two classes far apart: every row is right within the first epoch, and the loss falls on and on."""
    labels = torch.randint(2, (1300,))
    inputs = torch.randn(1300, 16) + 3.0 * (labels[:, None] * 2 - 1)
    model = Mlp(16, 32, 2)
    return Supervised(
        *data.parted(inputs, labels),
        model,
        functional.cross_entropy,
        [torch.optim.Adam(model.parameters(), 5e-3)],
        traits="features supervised relu",
        metric=accuracy,
        epochs=8,
    )


@later_family
def validated_rarely() -> Training:
    """Yes or no from features, validated every fourth epoch only, F1 in per cent, the class weight 3."""
    inputs, score = data.values(rows=1400, width=30, noise=0.4)
    targets = (score[:, 0] > 0.7).float()

    class Rarely(Supervised):
        epoch = 0

        def end_epoch(self, validation: Validation) -> None:
            self.epoch += 1

        def validate(self) -> Validation:
            return super().validate() if self.epoch % 4 == 3 else Validation(None, {})

    def f1(outputs: Tensor, truth: Tensor) -> float:
        guess = outputs > 0
        right = float((guess & (truth > 0.5)).sum())
        return 100 * 2 * right / max(1.0, float(guess.sum() + truth.sum()))

    class Flat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = Mlp(30, 40, 40, activation=nn.SiLU, dropout=0.2), nn.Linear(40, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.body(x)).squeeze(1)

    model = Flat()
    return Rarely(
        *data.parted(inputs, targets),
        model,
        nn.BCEWithLogitsLoss(pos_weight=torch.tensor(3.0)),
        [torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=0.01)],
        traits="",
        metric=f1,
        metric_name="f1",
        size=35,
        epochs=12,
    )


@later_family
def learnt_to_learn() -> Training:
    """Sines of many phases: inner steps on one task, then a step towards where they ended (Reptile)."""

    def task() -> tuple[Tensor, Tensor]:
        height, phase = 0.5 + torch.rand(1), 3.14 * torch.rand(1)
        x = torch.rand(20, 1) * 6 - 3
        return x, height * torch.sin(x + phase)

    held = [task() for _ in range(20)]

    class Reptile(Training):
        traits = frozenset({"whole"})

        def pairs(self) -> Iterator[tuple[Tensor, Tensor]]:
            for _ in range(self.batches):
                yield task()

        def step(self, telemetry: Telemetry) -> float:
            x, y = self.batch()
            inner = copy.deepcopy(self.model)
            descent = torch.optim.SGD(inner.parameters(), 0.03)
            losses = []
            for _ in range(10):
                descent.zero_grad()
                loss = functional.mse_loss(inner(x), y)
                loss.backward()
                descent.step()
                losses.append(float(loss))
            self.zero_grad()
            for weight, goal in zip(self.model.parameters(), inner.parameters(), strict=True):
                weight.grad = (weight - goal).detach()
            self.take_step()
            telemetry.step(losses[-1], samples=20, first_loss=losses[0])
            return losses[-1]

        def validate(self) -> Validation:
            total = 0.0
            for x, y in held:
                inner = copy.deepcopy(self.model)
                descent = torch.optim.SGD(inner.parameters(), 0.03)
                for _ in range(10):
                    descent.zero_grad()
                    functional.mse_loss(inner(x[:10]), y[:10]).backward()
                    descent.step()
                with torch.no_grad():
                    total += float(functional.mse_loss(inner(x[10:]), y[10:])) / 20
            return Validation(total, {})

    model = Mlp(1, 40, 40, 1, activation=nn.Tanh)
    return Reptile(
        model,
        [torch.optim.SGD(model.parameters(), 0.3)],
        epochs=6,
        batches=60,
        regime=Regime(shows_batches=False),
    )


@later_family
def few_labels() -> Training:
    """Sixty labelled rows; sure guesses on unlabelled ones are taken as labels for noisier views (FixMatch)."""
    labels = torch.randint(3, (1500,))
    inputs = 0.9 * torch.randn(3, 16)[labels] + torch.randn(1500, 16)
    known = torch.arange(400, 460)

    class Guessed(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            if not self.model.training:
                return super().compute(inputs, targets)
            rows = known[torch.randint(60, (16,))]
            first = self.criterion(self.model(self.inputs[rows] + 0.1 * torch.randn(16, 16)), self.targets[rows])
            with torch.no_grad():
                sure, guess = self.model(inputs).softmax(1).max(1)
            outputs = self.model(inputs + 0.4 * torch.randn_like(inputs))
            each = functional.cross_entropy(outputs, guess, reduction="none") * (sure > 0.9)
            mask = float((sure > 0.9).float().mean())
            return Outcome(
                first + each.mean(), outputs, {"sup": first.item(), "unsup": each.mean().item(), "mask": mask}
            )

    model = Mlp(16, 32, 3, dropout=0.2)
    return Guessed(
        *data.parted(inputs, labels),
        model,
        functional.cross_entropy,
        [torch.optim.SGD(model.parameters(), 0.03, momentum=0.9, nesterov=True, weight_decay=5e-3)],
        traits="",
        metric=accuracy,
        epochs=6,
    )


@later_family
def larger_pictures_later() -> Training:
    """Pictures at half their size for three epochs, then whole; global pooling, labels smoothed, AdamW."""
    pictures, labels = data.images(rows=720, side=16)

    class Resized(Supervised):
        epoch = 0

        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            if self.epoch < 3 and self.model.training:
                inputs = functional.avg_pool2d(inputs, 2)
            outputs = self.model(inputs)
            return Outcome(self.criterion(outputs, targets), outputs)

        def end_epoch(self, validation: Validation) -> None:
            self.epoch += 1
            super().end_epoch(validation)

    encoder = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1),
        nn.BatchNorm2d(12),
        nn.ReLU(),
        nn.Conv2d(12, 24, 3, stride=2, padding=1),
        nn.BatchNorm2d(24),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    model = TwoPart(encoder, nn.Linear(24, 4))
    return Resized(
        *data.parted(pictures, labels, 160),
        model,
        nn.CrossEntropyLoss(label_smoothing=0.1),
        [torch.optim.AdamW(model.parameters(), 4e-3)],
        traits="classes images supervised relu",
        metric=accuracy,
        size=16,
        epochs=7,
    )


@later_family
def rare_frauds() -> Training:
    """One positive in a hundred rows, focal loss, batches of 200, average precision as metric."""
    inputs, score = data.values(rows=8000, width=16, noise=0.1)
    fraud = (score[:, 0] > score[:, 0].quantile(0.99)).float()
    model = Mlp(16, 48, 48, 1)
    nn.init.constant_(model[-1].bias, -3.0)

    def focal(outputs: Tensor, truth: Tensor) -> Tensor:
        truth = truth[:, None]
        each = functional.binary_cross_entropy_with_logits(outputs, truth, reduction="none")
        off = (truth - outputs.sigmoid()).abs()
        return ((0.25 + 0.5 * truth) * off.square() * each).mean()

    def precision(outputs: Tensor, truth: Tensor) -> float:
        order = outputs[:, 0].argsort(descending=True)
        hits = truth[order].cumsum(0)
        return float((hits / torch.arange(1, len(hits) + 1) * truth[order]).sum() / truth.sum().clamp(min=1))

    return Supervised(
        *data.parted(inputs, fraud, 2000),
        model,
        focal,
        [torch.optim.Adam(model.parameters(), 3e-3)],
        traits="features supervised relu binary",
        metric=precision,
        metric_name="ap",
        size=200,
        epochs=8,
    )


@later_family
def many_smoothed_classes() -> Training:
    """Sixty classes, labels smoothed, each batch mixed with itself (mixup), a rate that falls by a polynomial."""
    centres = torch.randn(60, 32)
    labels = torch.randint(60, (2400,))
    inputs = centres[labels] + 1.2 * torch.randn(2400, 32)

    class Mixed(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            if not self.model.training:
                return super().compute(inputs, targets)
            share, other = float(torch.distributions.Beta(0.8, 0.8).sample()), torch.randperm(len(inputs))
            outputs = self.model(share * inputs + (1 - share) * inputs[other])
            loss = share * self.criterion(outputs, targets) + (1 - share) * self.criterion(outputs, targets[other])
            return Outcome(loss, outputs)

    model = nn.Sequential(nn.Linear(32, 96), nn.BatchNorm1d(96), nn.ReLU(), nn.Linear(96, 60))
    return Mixed(
        *data.parted(inputs, labels, 300),
        model,
        nn.CrossEntropyLoss(label_smoothing=0.1),
        [torch.optim.SGD(model.parameters(), 0.2, momentum=0.9, weight_decay=1e-4)],
        traits="classes supervised",
        metric=accuracy,
        size=64,
        epochs=8,
        regime=Regime(schedule=lambda each, steps: torch.optim.lr_scheduler.PolynomialLR(each, steps, power=0.9)),
    )
