"""Families of networks whose depth is a computation of its own: equilibria, equations of motion, made weights."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.scoreboard.families import data
from tests.scoreboard.families.listing import later_family
from tests.scoreboard.families.nets import Mlp
from tests.scoreboard.families.training import Outcome, Regime, Supervised, Training, accuracy, r2


@later_family
def equilibrium() -> Training:
    """A layer applied until it no longer changes; gradients through its last application only."""

    class Equilibrium(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.enter, self.inner, self.leave = nn.Linear(16, 32), nn.Linear(32, 32), nn.Linear(32, 5)
            self.norm = nn.LayerNorm(32)
            with torch.no_grad():
                self.inner.weight.mul_(0.5)

        def forward(self, x: Tensor) -> Tensor:
            x = self.enter(x)
            state = torch.zeros_like(x)
            with torch.no_grad():
                for _ in range(12):
                    state = torch.tanh(self.norm(self.inner(state) + x))
            return self.leave(torch.tanh(self.norm(self.inner(state) + x)))

    model = Equilibrium()
    return Supervised(
        *data.parted(*data.classes(rows=1792, num=5)),
        model,
        functional.cross_entropy,
        [torch.optim.Adam(model.parameters(), 2e-3)],
        traits="classes features supervised",
        metric=accuracy,
        epochs=7,
    )


def _turn(angle: float) -> Tensor:
    """Return the matrix that turns rows of the plane."""
    return torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


@later_family
def equation_of_motion() -> Training:
    """The field behind short paths of an oscillator, through a Runge-Kutta solver (neural ODE)."""
    start = 2 * torch.randn(900, 2)
    path = torch.stack([start @ _turn(a) * math.exp(-0.15 * a) for a in (0.3, 0.6, 0.9, 1.2, 1.5)], 1)

    class Motion(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.field = Mlp(2, 32, 32, 2, activation=nn.Tanh)

        def forward(self, x: Tensor) -> Tensor:
            found, h = [], 0.3
            for _ in range(5):
                k1 = self.field(x)
                k2 = self.field(x + h / 2 * k1)
                k3 = self.field(x + h / 2 * k2)
                k4 = self.field(x + h * k3)
                x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
                found.append(x)
            return torch.stack(found, 1)

    model = Motion()
    return Supervised(
        *data.parted(start, path + 0.02 * torch.randn_like(path), 150),
        model,
        functional.l1_loss,
        [torch.optim.RMSprop(model.parameters(), 1e-3)],
        traits="supervised values",
        metric=r2,
        metric_name="r2",
        size=25,
        epochs=7,
        regime=Regime(shows_batches=False),
    )


@later_family
def made_weights() -> Training:
    """One network makes the weights of another from a task's code (hypernetwork)."""
    tasks = torch.randn(24, 3)
    which, x = torch.randint(24, (1800,)), torch.rand(1800, 1) * 4 - 2
    a, b, c = tasks[which].unbind(1)
    y = (a * torch.sin(2 * x[:, 0] + b) + 0.5 * c)[:, None] + 0.1 * torch.randn(1800, 1)

    class Maker(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.codes, self.maker = nn.Embedding(24, 8), Mlp(8, 48, 49, activation=nn.GELU)

        def forward(self, which: Tensor, x: Tensor) -> Tensor:
            made = self.maker(self.codes(which))
            first, bias, last, end = made[:, :16], made[:, 16:32], made[:, 32:48], made[:, 48:]
            return (torch.tanh(2 * first * x + bias) * last).sum(1, keepdim=True) + end

    model = Maker()
    return Supervised(
        *data.parted((which, x), y),
        model,
        functional.mse_loss,
        [torch.optim.AdamW(model.parameters(), 4e-3)],
        traits="regression supervised",
        metric=r2,
        metric_name="r2",
        size=32,
        epochs=8,
    )


@later_family
def parity_of_few_bits() -> Training:
    """Whether three of eighteen bits are odd in number, fresh rows all the time; nothing is seen for long, then all."""

    def bits(rows: int) -> tuple[Tensor, Tensor]:
        x = torch.randint(2, (rows, 18)).float() * 2 - 1
        return x, (x[:, :3].prod(1) > 0).long()

    class Fresh(Supervised):
        def pairs(self) -> Iterator[tuple[Tensor, Tensor]]:
            for _ in range(self.batches):
                yield bits(self.size)

    model = Mlp(18, 128, 2)
    return Fresh(
        bits(60 * 64),
        bits(256),
        model,
        functional.cross_entropy,
        [torch.optim.Adam(model.parameters(), 3e-3)],
        traits="",
        metric=accuracy,
        size=64,
        epochs=8,
    )


@later_family
def long_memory() -> Training:
    """Which of eight tokens stood first, after many others, by a linear recurrence with gates (a state-space layer)."""
    tokens = torch.randint(8, (2200, 16))

    class Space(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.places = nn.Embedding(8, 24), nn.Embedding(16, 24)
            self.enter, self.gate = nn.Linear(24, 64), nn.Linear(24, 64)
            self.decay = nn.Parameter(torch.linspace(-1, 6, 64))
            self.head = Mlp(64, 64, 8, activation=nn.GELU)

        def forward(self, tokens: Tensor) -> Tensor:
            x = self.embed(tokens) + self.places.weight
            driven = self.enter(x) * self.gate(x).sigmoid()
            ago = (tokens.shape[1] - 1 - torch.arange(tokens.shape[1]))[:, None]
            return self.head((functional.logsigmoid(self.decay) * ago).exp().mul(driven).sum(1))

    model = Space()
    return Supervised(
        *data.parted(tokens, tokens[:, 0], 200),
        model,
        functional.cross_entropy,
        [torch.optim.AdamW(model.parameters(), 5e-3)],
        traits="classes tokens supervised",
        metric=accuracy,
        size=40,
        epochs=8,
        regime=Regime(clip=1.0),
    )


@later_family
def parts_of_shapes() -> Training:
    """Clouds of points rebuilt from a code by the distance to the nearest point (Chamfer)."""
    angle = torch.rand(700, 32) * 6.2832
    stretch = 0.5 + torch.rand(700, 2, 1)
    cloud = (torch.stack([angle.cos(), angle.sin()], 1) * stretch).transpose(1, 2) + 0.03 * torch.randn(700, 32, 2)

    class Shapes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.each, self.draw = Mlp(2, 32, 32), Mlp(32, 64, 64)

        def forward(self, cloud: Tensor) -> Tensor:
            return self.draw(self.each(cloud).max(1).values).unflatten(1, (32, 2))

    def chamfer(outputs: Tensor, truth: Tensor) -> Tensor:
        apart = torch.cdist(outputs, truth).square()
        return apart.min(1).values.mean() + apart.min(2).values.mean()

    class Cloud(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            outputs = self.model(inputs)
            return Outcome(self.criterion(outputs, inputs), outputs)

    model = Shapes()
    return Cloud(
        *data.parted(cloud, torch.zeros(700), 100),
        model,
        chamfer,
        [torch.optim.Adam(model.parameters(), 2e-3)],
        traits="relu",
        size=20,
        epochs=7,
    )
