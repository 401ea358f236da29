"""Families of science and signals: operators between functions, energy kept, rays, frequencies, many horizons."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.scoreboard.families import data
from tests.scoreboard.families.listing import fourth_family
from tests.scoreboard.families.nets import Mlp
from tests.scoreboard.families.optimizers import cosine
from tests.scoreboard.families.training import Outcome, Regime, Supervised, Training, Validation, r2


@fourth_family
def operator_of_functions() -> Training:
    """The integral of a function at any place, from its values at 24 places (DeepONet), Adam, a stepped rate."""
    grid = torch.linspace(0, 1, 24)
    parts = torch.randn(1500, 4, 1)
    waves = torch.stack([torch.sin((k + 1) * math.pi * grid) for k in range(4)])
    functions = (parts * waves).sum(1)
    place = torch.rand(1500, 1)
    truth = sum(parts[:, k] * (1 - torch.cos((k + 1) * math.pi * place)) / ((k + 1) * math.pi) for k in range(4))
    truth = truth / truth.std()

    class Operator(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.branch, self.trunk = Mlp(24, 48, 24, activation=nn.Tanh), Mlp(1, 48, 24, activation=nn.Tanh)
            self.bias = nn.Parameter(torch.zeros(1))

        def forward(self, values: Tensor, where: Tensor) -> Tensor:
            return (self.branch(values) * self.trunk(where)).sum(1, keepdim=True) + self.bias

    model = Operator()
    return Supervised(
        *data.parted((functions, place), truth),
        model,
        functional.mse_loss,
        [torch.optim.Adam(model.parameters(), 3e-3)],
        traits="regression supervised",
        metric=r2,
        metric_name="r2",
        epochs=7,
        regime=Regime(per_epoch=lambda each: torch.optim.lr_scheduler.StepLR(each, 3, 0.5)),
    )


@fourth_family
def energy_kept() -> Training:
    """Motion as the derivative of a learnt energy (a Hamiltonian network): the loss needs a gradient of a gradient."""
    state = 2 * torch.randn(1500, 2)
    motion = torch.stack([state[:, 1], -torch.sin(state[:, 0])], 1) + 0.05 * torch.randn(1500, 2)

    class Energy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = Mlp(2, 48, 48, 1, activation=nn.Tanh)

        def forward(self, x: Tensor) -> Tensor:
            with torch.enable_grad():
                x = x.detach().requires_grad_()
                (slope,) = torch.autograd.grad(self.net(x).sum(), x, create_graph=True)
            return torch.stack([slope[:, 1], -slope[:, 0]], 1)

    model = Energy()
    return Supervised(
        *data.parted(state, motion),
        model,
        functional.mse_loss,
        [torch.optim.Adam(model.parameters(), 3e-3, weight_decay=1e-4)],
        traits="features supervised values",
        metric=r2,
        metric_name="r2",
        epochs=6,
    )


@fourth_family
def rays_of_light() -> Training:
    """What is seen along rays through a soft scene, density and colour by waves of the place (NeRF), decibels."""

    class Scene(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = Mlp(26, 48, 48, 4)

        def forward(self, rays: Tensor) -> Tensor:
            start, turn = rays[:, :2], rays[:, 2:]
            along = torch.linspace(0.1, 2.0, 12)
            points = start[:, None] + along[None, :, None] * functional.normalize(turn, dim=1)[:, None]
            waves = [points] + [f(points * 2.0**k) for k in range(6) for f in (torch.sin, torch.cos)]
            found = self.net(torch.cat(waves, -1))
            return _seen(functional.softplus(found[..., 0]), found[..., 1:].sigmoid())

    def _seen(density: Tensor, colour: Tensor) -> Tensor:
        stops = 1 - torch.exp(-density * 0.17)
        passes = torch.cumprod(torch.cat([torch.ones_like(stops[:, :1]), 1 - stops[:, :-1] + 1e-8], 1), 1)
        return ((passes * stops)[..., None] * colour).sum(1)

    rays = torch.cat([torch.randn(1800, 2) * 0.3, torch.randn(1800, 2)], 1)
    along = torch.linspace(0.1, 2.0, 12)
    points = rays[:, None, :2] + along[None, :, None] * functional.normalize(rays[:, 2:], dim=1)[:, None]
    density = 6 * torch.exp(-4 * (points - torch.tensor([0.8, 0.0])).square().sum(-1)) + 6 * torch.exp(
        -4 * (points + 0.7).square().sum(-1)
    )
    colour = torch.stack([(points[..., 0] > 0).float(), (points[..., 1] > 0).float(), 0.5 + 0 * points[..., 0]], -1)
    seen = _seen(density, colour)

    def decibels(outputs: Tensor, truth: Tensor) -> float:
        return float(-10 * torch.log10((outputs - truth).square().mean()))

    model = Scene()
    return Supervised(
        *data.parted(rays, seen, 200),
        model,
        functional.mse_loss,
        [torch.optim.Adam(model.parameters(), 5e-3)],
        traits="features supervised values relu",
        metric=decibels,
        metric_name="psnr",
        size=40,
        epochs=6,
        regime=Regime(per_epoch=lambda each: torch.optim.lr_scheduler.ExponentialLR(each, 0.8)),
    )


@fourth_family
def waves_in_frequencies() -> Training:
    """How a wave looks later, by learnt complex factors of its frequencies (a Fourier operator), relative errors."""
    place = torch.linspace(0, 1, 33)[:-1]
    height, phase = torch.randn(900, 5, 1), 6.3 * torch.rand(900, 5, 1)
    number = torch.arange(1, 6)[None, :, None]
    before = (height * torch.sin(2 * math.pi * number * place + phase)).sum(1)
    after = (
        height * torch.exp(-0.05 * number**2) * torch.sin(2 * math.pi * number * place + phase + 0.4 * number)
    ).sum(1)

    class Spectral(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.factors = nn.Parameter(torch.randn(width, width, 8, dtype=torch.cfloat) / width)
            self.direct = nn.Conv1d(width, width, 1)

        def forward(self, x: Tensor) -> Tensor:
            found = torch.fft.rfft(x)
            mixed = torch.einsum("bik,iok->bok", found[..., :8], self.factors)
            return torch.fft.irfft(mixed, n=x.shape[-1]) + self.direct(x)

    class Operator(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lift, self.drop = nn.Conv1d(1, 8, 1), nn.Conv1d(8, 1, 1)
            self.layers = nn.ModuleList(Spectral(8) for _ in range(2))

        def forward(self, x: Tensor) -> Tensor:
            x = self.lift(x[:, None])
            for layer in self.layers:
                x = functional.gelu(layer(x))
            return self.drop(x)[:, 0]

    def relative(outputs: Tensor, truth: Tensor) -> Tensor:
        return ((outputs - truth).norm(dim=1) / truth.norm(dim=1)).mean()

    model = Operator()
    return Supervised(
        *data.parted(before, after, 150),
        model,
        relative,
        [torch.optim.Adam(model.parameters(), 3e-3)],
        traits="features supervised values",
        size=25,
        epochs=6,
    )


@fourth_family
def many_horizons() -> Training:
    """Eight next values by blocks that each explain what is left (N-BEATS), absolute errors, sMAPE as metric."""
    series, _ = data.waves(rows=900, length=40)
    series = series[..., 0] + 5.0
    past, future = series[:, :32], series[:, 32:]

    class Blocks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.blocks = nn.ModuleList(Mlp(32, 48, 48, 40) for _ in range(3))

        def forward(self, x: Tensor) -> Tensor:
            level = x.mean(1, keepdim=True)
            rest, forecast = x - level, torch.zeros(len(x), 8)
            for block in self.blocks:
                found = block(rest)
                rest, forecast = rest - found[:, :32], forecast + found[:, 32:]
            return forecast + level

    def smape(outputs: Tensor, truth: Tensor) -> float:
        return float(200 * ((outputs - truth).abs() / (outputs.abs() + truth.abs())).mean())

    model = Blocks()
    return Supervised(
        *data.parted(past, future, 150),
        model,
        functional.l1_loss,
        [torch.optim.Adam(model.parameters(), 2e-3)],
        traits="features supervised values",
        metric=smape,
        metric_name="smape",
        size=25,
        epochs=8,
    )


@fourth_family
def slopes_of_noise() -> Training:
    """The direction to the data at ten strengths of noise (NCSN), weighted by the strength; nothing is held out."""
    strengths = torch.logspace(0.3, -1.3, 10)

    class Scored(Training):
        traits = frozenset()

        def pairs(self) -> Any:
            for _ in range(self.batches):
                yield data.rings(64), torch.randint(10, (64,))

        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            strength = strengths[targets][:, None]
            noise = torch.randn_like(inputs)
            outputs = self.model(torch.cat([inputs + strength * noise, strength.log()], 1)) / strength
            return Outcome(((outputs * strength + noise).square().sum(1)).mean(), None)

        def validate(self) -> Validation:
            return Validation(None, {})

    model = Mlp(3, 64, 64, 2, activation=nn.Softplus)
    return Scored(
        model, [torch.optim.Adam(model.parameters(), 2e-3)], epochs=5, batches=50, regime=Regime(shows_batches=False)
    )


@fourth_family
def spectra_with_an_end() -> Training:
    """Frames of a spectrum from tokens, each from the one before, and when to stop (Tacotron); L1, L2, stop terms."""
    tokens = torch.randint(12, (600, 8))
    codes = torch.randn(12, 10)
    frames = codes[tokens].repeat_interleave(2, 1) + 0.1 * torch.randn(600, 16, 10)
    length = torch.randint(8, 17, (600, 1))
    stop = (torch.arange(16) >= length - 1).float()
    targets = torch.cat([frames, stop[..., None]], 2)

    class Speaker(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(12, 24)
            self.rnn, self.head = nn.GRU(34, 48, batch_first=True), nn.Linear(48, 11)

        def forward(self, tokens: Tensor, before: Tensor) -> Tensor:
            heard = self.embed(tokens).repeat_interleave(2, 1)
            return self.head(self.rnn(torch.cat([heard, before], 2))[0])

    class Spoken(Supervised):
        def compute(self, inputs: Any, targets: Tensor) -> Outcome:
            outputs = self.model(*inputs)
            mask = (1 - targets[..., 10:]).clamp(min=0.0)
            far = (outputs[..., :10] - targets[..., :10]) * mask
            near, square = far.abs().mean(), far.square().mean()
            ends = functional.binary_cross_entropy_with_logits(outputs[..., 10], targets[..., 10])
            terms = {"mel": near.item(), "gate": ends.item()}
            return Outcome(near + square + ends, outputs, terms)

    before = torch.cat([torch.zeros(600, 1, 10), frames[:, :-1]], 1)
    model = Speaker()
    return Spoken(
        *data.parted((tokens, before), targets, 100),
        model,
        functional.mse_loss,
        [torch.optim.Adam(model.parameters(), 3e-3, weight_decay=1e-6)],
        traits="",
        size=20,
        epochs=5,
        regime=Regime(clip=1.0, schedule=cosine()),
    )
