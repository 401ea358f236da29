"""Families on tables of features."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import OneCycleLR, StepLR

from tests.scoreboard.families import data
from tests.scoreboard.families.listing import family
from tests.scoreboard.families.nets import Experts, Mlp, TwoPart
from tests.scoreboard.families.optimizers import Lion, cosine
from tests.scoreboard.families.training import (
    Outcome,
    Regime,
    Supervised,
    Training,
    Validation,
    accuracy,
    binary_accuracy,
    r2,
)

CLASSES, VALUES = "classes features supervised relu", "regression features supervised relu"


def mse(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean squared error of outputs and targets of one shape."""
    return functional.mse_loss(outputs, targets)


@family
def table_classes_adamw() -> Training:
    """Five classes from features, an MLP, AdamW with warm-up and cosine, clipped."""
    model = TwoPart(Mlp(16, 48, 48), nn.Sequential(nn.ReLU(), nn.Linear(48, 5)))
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    regime = Regime(clip=1.0, schedule=cosine())
    parts = data.parted(*data.classes())
    return Supervised(
        *parts, model, functional.cross_entropy, [optimizer], traits=CLASSES, metric=accuracy, regime=regime
    )


@family
def table_classes_sgd() -> Training:
    """Three classes from features, SGD with momentum, the rate cut to a tenth twice."""
    model = Mlp(16, 32, 32, 3)
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    regime = Regime(per_epoch=lambda each: StepLR(each, 3, 0.1))
    parts = data.parted(*data.classes(num=3))
    return Supervised(
        *parts, model, functional.cross_entropy, [optimizer], traits=CLASSES, metric=accuracy, epochs=8, regime=regime
    )


@family
def table_rare_positives() -> Training:
    """One positive in twelve rows, binary cross-entropy, Adam with a class weight."""
    inputs, score = data.values(rows=2048, noise=0.3)
    targets = (score > 1.4).float()
    model = Mlp(16, 32, 1)
    weight = torch.tensor([4.0])

    def criterion(outputs: Tensor, truth: Tensor) -> Tensor:
        return functional.binary_cross_entropy_with_logits(outputs, truth, pos_weight=weight)

    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    return Supervised(
        *data.parted(inputs, targets),
        model,
        criterion,
        [optimizer],
        traits="features supervised relu binary",
        metric=binary_accuracy,
        size=64,
        epochs=8,
    )


@family
def table_values_adam() -> Training:
    """One value from features, squared error, Adam at a constant rate."""
    model = Mlp(16, 48, 1)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    return Supervised(*data.parted(*data.values()), model, mse, [optimizer], traits=VALUES, metric=r2, metric_name="r2")


@family
def table_tiny_targets() -> Training:
    """Targets of about 1e-4, squared error, not scaled: daily returns as people feed them."""
    inputs, targets = data.values(rows=2048, noise=1.0)
    model = Mlp(16, 32, 1)
    with torch.no_grad():
        model[-1].weight.mul_(0.01)
        model[-1].bias.zero_()
    optimizer = torch.optim.Adam(model.parameters(), 3e-4)
    return Supervised(
        *data.parted(inputs, targets * 1e-4),
        model,
        mse,
        [optimizer],
        traits=VALUES,
        metric=r2,
        metric_name="r2",
        size=64,
        epochs=8,
    )


@family
def table_huge_targets() -> Training:
    """Targets of about 1e5, not scaled, Huber loss, RMSprop."""
    inputs, targets = data.values()
    model = Mlp(16, 64, 1)
    optimizer = torch.optim.RMSprop(model.parameters(), 0.02)

    def criterion(outputs: Tensor, truth: Tensor) -> Tensor:
        return functional.huber_loss(outputs * 1e4, truth, delta=1e4)

    return Supervised(
        *data.parted(inputs, targets * 1e5), model, criterion, [optimizer], traits="features supervised relu", epochs=8
    )


@family
def table_quantiles() -> Training:
    """Three quantiles by the pinball loss, NAdam."""
    levels = torch.tensor([0.1, 0.5, 0.9])
    model = Mlp(16, 32, 3, activation=nn.SiLU)

    def pinball(outputs: Tensor, truth: Tensor) -> Tensor:
        error = truth - outputs
        return torch.maximum(levels * error, (levels - 1) * error).mean()

    optimizer = torch.optim.NAdam(model.parameters(), 2e-3)
    return Supervised(*data.parted(*data.values()), model, pinball, [optimizer], traits="features supervised values")


@family
def table_counts() -> Training:
    """Counts by the Poisson loss, Adagrad."""
    inputs, level = data.values(noise=0.0)
    targets = torch.poisson((0.8 * level).exp())
    model = Mlp(16, 32, 1, activation=nn.Tanh)
    optimizer = torch.optim.Adagrad(model.parameters(), 0.03)
    return Supervised(
        *data.parted(inputs, targets),
        model,
        functional.poisson_nll_loss,
        [optimizer],
        traits="features supervised values",
    )


@family
def table_survival() -> Training:
    """Survival times with censoring by Cox's partial likelihood within each batch."""
    inputs, risk = data.values(noise=0.0)
    time = -torch.rand(len(risk), 1).log() * (-0.7 * risk).exp()
    happened = (torch.rand(len(risk), 1) < 0.7).float()
    model = Mlp(16, 32, 1)

    def cox(outputs: Tensor, truth: Tensor) -> Tensor:
        order = truth[:, 0].argsort(descending=True)
        score, seen = outputs[order, 0], truth[order, 1]
        return -((score - score.logcumsumexp(0)) * seen).sum() / seen.sum().clamp(min=1)

    optimizer = torch.optim.AdamW(model.parameters(), 2e-3)
    return Supervised(
        *data.parted(inputs, torch.cat([time, happened], 1)),
        model,
        cox,
        [optimizer],
        traits="features supervised relu",
        size=64,
        epochs=8,
    )


@family
def table_mean_and_spread() -> Training:
    """A Gaussian whose mean and spread depend on the features; the loss goes below zero."""
    inputs, targets = data.values(noise=0.0)
    targets = 0.3 * targets + 0.1 * torch.randn_like(targets) * inputs[:, :1].exp().clamp(max=3)
    model = Mlp(16, 48, 2, activation=nn.GELU)

    def likelihood(outputs: Tensor, truth: Tensor) -> Tensor:
        return functional.gaussian_nll_loss(outputs[:, :1], truth, functional.softplus(outputs[:, 1:]) + 1e-4)

    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    return Supervised(
        *data.parted(inputs, targets),
        model,
        likelihood,
        [optimizer],
        traits="features supervised values",
        regime=Regime(clip=5.0),
    )


@family
def table_mixture() -> Training:
    """A mixture density network of four Gaussians."""
    inputs, targets = data.values(noise=0.1)
    targets = targets * torch.where(torch.rand(len(targets), 1) < 0.5, 1.0, -1.0)
    model = Mlp(16, 48, 12, activation=nn.Tanh)

    def mixture(outputs: Tensor, truth: Tensor) -> Tensor:
        share, mean, spread = outputs.chunk(3, 1)
        parts = torch.distributions.Normal(mean, functional.softplus(spread) + 1e-2).log_prob(truth)
        return -(functional.log_softmax(share, 1) + parts).logsumexp(1).mean()

    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    return Supervised(
        *data.parted(inputs, targets),
        model,
        mixture,
        [optimizer],
        traits="features supervised",
        regime=Regime(clip=1.0),
    )


@family
def table_many_labels() -> Training:
    """Eight yes-or-no labels for each row, BCE, one cycle of the rate."""
    inputs, score = data.values(outputs=8, noise=0.3)
    model = Mlp(16, 48, 8)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    regime = Regime(schedule=lambda each, steps: OneCycleLR(each, 8e-3, total_steps=steps + 1))
    return Supervised(
        *data.parted(inputs, (score > 0.5).float()),
        model,
        functional.binary_cross_entropy_with_logits,
        [optimizer],
        traits="features supervised relu binary",
        metric=binary_accuracy,
        regime=regime,
    )


@family
def table_two_tasks() -> Training:
    """A class and a value from one trunk with two heads; the terms of the loss are logged."""
    inputs, score = data.values(outputs=4, noise=0.3)
    targets = torch.cat([score[:, :3].argmax(1, keepdim=True).float(), score[:, 3:]], 1)
    trunk = Mlp(16, 48, 48)

    class Heads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk, self.choice, self.value = trunk, nn.Linear(48, 3), nn.Linear(48, 1)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            hidden = torch.relu(self.trunk(x))
            return self.choice(hidden), self.value(hidden)

    class TwoTasks(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            choice, value = self.model(inputs)
            first = functional.cross_entropy(choice, targets[:, 0].long())
            second = functional.mse_loss(value, targets[:, 1:])
            return Outcome(first + 0.5 * second, choice, {"ce": first.item(), "mse": second.item()})

    model = Heads()
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    return TwoTasks(*data.parted(inputs, targets), model, mse, [optimizer], traits="features supervised relu")


@family
def table_experts_one() -> Training:
    """Eight experts, each row to the best one, with a term for the balance."""
    return _experts(1, experts=8)


@family
def table_experts_two() -> Training:
    """Six experts, each row to the best two, with a term for the balance, Lion."""
    return _experts(2, experts=6)


def _experts(best: int, experts: int) -> Training:
    inputs, targets = data.classes(num=4)

    class Balanced(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            outputs = self.model(inputs)
            loss, balance = functional.cross_entropy(outputs, targets), self.model.balance
            return Outcome(loss + 0.01 * balance, outputs, {"balance": balance.item()})

    model = Experts(16, 4, experts, best)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3) if best == 1 else Lion(model.parameters(), 5e-4)
    return Balanced(
        *data.parted(inputs, targets),
        model,
        functional.cross_entropy,
        [optimizer],
        traits="classes features supervised",
        metric=accuracy,
    )


@family
def table_noisy_labels() -> Training:
    """A third of the labels are wrong, label smoothing, dropout."""
    inputs, targets = data.classes(num=4)
    targets = torch.where(torch.rand(len(targets)) < 0.33, torch.randint(4, targets.shape), targets)
    model = Mlp(16, 32, 4, dropout=0.3)

    def smooth(outputs: Tensor, truth: Tensor) -> Tensor:
        return functional.cross_entropy(outputs, truth, label_smoothing=0.1)

    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    return Supervised(
        *data.parted(inputs, targets),
        model,
        smooth,
        [optimizer],
        traits="features supervised",
        metric=accuracy,
        epochs=8,
    )


@family
def table_mixup() -> Training:
    """Mixed pairs of rows with soft labels (mixup), RAdam."""
    inputs, targets = data.classes(num=4)

    class Mixed(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            if not self.model.training:
                return super().compute(inputs, targets)
            share = float(torch.distributions.Beta(0.4, 0.4).sample())
            other = torch.randperm(len(inputs))
            outputs = self.model(share * inputs + (1 - share) * inputs[other])
            loss = share * self.criterion(outputs, targets) + (1 - share) * self.criterion(outputs, targets[other])
            return Outcome(loss, outputs)

    model = Mlp(16, 48, 4, activation=nn.GELU)
    optimizer = torch.optim.RAdam(model.parameters(), 3e-3)
    return Mixed(
        *data.parted(inputs, targets),
        model,
        functional.cross_entropy,
        [optimizer],
        traits="features supervised",
        metric=accuracy,
    )


@family
def table_returns() -> Training:
    """Targets of which two hundredths are predictable, as in finance; dropout, weight decay, AdamW."""
    inputs, targets = data.values(rows=4096, noise=7.0)
    model = Mlp(16, 32, 1, dropout=0.2)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=0.1)
    parts = data.parted(inputs, targets / targets.std(), 512)
    return Supervised(
        *parts, model, mse, [optimizer], traits="features supervised", metric=r2, metric_name="r2", size=64
    )


@family
def table_raw_scales() -> Training:
    """Columns of very different size, put right by a batch norm on the inputs."""
    inputs, targets = data.classes(num=3)
    inputs = inputs * torch.logspace(-2, 3, 16) + 5.0
    model = nn.Sequential(nn.BatchNorm1d(16), *Mlp(16, 32, 3))
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    return Supervised(
        *data.parted(inputs, targets),
        model,
        functional.cross_entropy,
        [optimizer],
        traits="classes supervised relu",
        metric=accuracy,
    )


@family
def table_one_hot() -> Training:
    """Categories as one-hot columns, many of them rare, and a linear model."""
    codes = torch.stack([(n * torch.rand(2048).square()).long() for n in (40, 30, 20)], 1)
    inputs = torch.cat([functional.one_hot(codes[:, i], n) for i, n in enumerate((40, 30, 20))], 1).float()
    targets = ((inputs @ torch.randn(90, 1)) > 0).float()
    model = nn.Linear(90, 1)
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    return Supervised(
        *data.parted(inputs, targets),
        model,
        functional.binary_cross_entropy_with_logits,
        [optimizer],
        traits="supervised binary",
        metric=binary_accuracy,
    )


@family
def table_words() -> Training:
    """Bags of words: 400 sparse counts for each text, two classes, SGD."""
    topic = torch.randint(2, (1536,))
    chances = functional.softmax(1.2 * torch.randn(2, 400) - torch.linspace(0, 4, 400), 1)
    inputs = torch.stack([torch.multinomial(chances[t], 30, replacement=True).bincount(minlength=400) for t in topic])
    model = Mlp(400, 24, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    return Supervised(
        *data.parted(inputs.float().log1p(), topic),
        model,
        functional.cross_entropy,
        [optimizer],
        traits="classes supervised relu",
        metric=accuracy,
    )


@family
def table_sets() -> Training:
    """The median of a set of numbers by deep sets, cosine."""
    inputs = torch.randn(1536, 10, 4)
    targets = inputs[..., 0].median(1).values[:, None] * 2

    class Sets(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.each, self.whole = Mlp(4, 32, 32), Mlp(32, 32, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.whole(self.each(x).mean(1))

    model = Sets()
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    return Supervised(
        *data.parted(inputs, targets),
        model,
        mse,
        [optimizer],
        traits="regression supervised relu",
        metric=r2,
        metric_name="r2",
        regime=Regime(schedule=cosine()),
    )


@family
def equation_by_physics() -> Training:
    """A differential equation solved by its residual and its boundary (PINN), without data."""

    class Physics(Training):
        def pairs(self):
            for _ in range(self.batches):
                yield torch.rand(64, 1) * 4, None

        def compute(self, inputs: Tensor, targets: object) -> Outcome:
            x = inputs.requires_grad_()
            with torch.enable_grad():
                y = self.model(x)
                slope = torch.autograd.grad(y.sum(), x, create_graph=True)[0]
                bend = torch.autograd.grad(slope.sum(), x, create_graph=True)[0]
                inner = (bend + y).square().mean()
                start = torch.zeros(1, 1, requires_grad=True)
                value = self.model(start)
                first = torch.autograd.grad(value.sum(), start, create_graph=True)[0]
                edge = value.square().mean() + (first - 1).square().mean()
            return Outcome(inner + edge, y.detach(), {"inner": inner.item(), "edge": edge.item()})

        def validate(self) -> Validation:
            x = torch.linspace(0, 4, 100)[:, None]
            with torch.no_grad():
                error = (self.model(x) - x.sin()).square().mean()
            return Validation(float(error), {})

    model = Mlp(1, 32, 32, 1, activation=nn.Tanh)
    return Physics(model, [torch.optim.Adam(model.parameters(), 3e-3)], regime=Regime(shows_batches=False))


@family
def picture_by_waves() -> Training:
    """One picture as a function of its coordinates (SIREN), random pixels in each batch."""
    grid = torch.stack(torch.meshgrid(torch.linspace(-1, 1, 40), torch.linspace(-1, 1, 40), indexing="ij"), -1)
    inputs = grid.reshape(-1, 2)
    targets = (torch.sin(9 * inputs[:, :1]) * torch.cos(5 * inputs[:, 1:])) + 0.05 * torch.randn(1600, 1)

    class Sine(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.sin(x)

    model = Mlp(2, 48, 48, 1, activation=Sine)
    with torch.no_grad():
        model[0].weight.uniform_(-math.pi * 2, math.pi * 2)
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    rows = torch.randperm(1600)
    return Supervised(
        *data.parted(inputs[rows], targets[rows]),
        model,
        mse,
        [optimizer],
        traits="regression supervised",
        metric=r2,
        metric_name="r2",
        size=64,
        epochs=12,
    )
