"""Families whose loss is a likelihood: of series, of functions, of codes, of times to an event."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.scoreboard.families import data
from tests.scoreboard.families.listing import later_family
from tests.scoreboard.families.nets import Mlp
from tests.scoreboard.families.training import Outcome, Regime, Supervised, Training, Validation


@later_family
def demand_forecast() -> Training:
    """Counts of sales by day, a GRU and the negative binomial likelihood at every day (DeepAR)."""
    day = torch.arange(29).float()
    level = 1.2 + 0.8 * torch.randn(900, 1) + 0.6 * torch.sin(day * 6.2832 / 7 + 6.3 * torch.rand(900, 1))
    sold = torch.poisson(level.exp().clamp(max=200.0))

    class Demand(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.head = nn.GRU(1, 24, batch_first=True), nn.Linear(24, 2)

        def forward(self, before: Tensor) -> Tensor:
            return self.head(self.rnn(before.log1p()[..., None])[0])

    def likelihood(outputs: Tensor, truth: Tensor) -> Tensor:
        mean, total = functional.softplus(outputs[..., 0]) + 1e-3, functional.softplus(outputs[..., 1]) + 1e-2
        logits = (mean / total).log()
        return -torch.distributions.NegativeBinomial(total, logits=logits).log_prob(truth).mean()

    model = Demand()
    return Supervised(
        *data.parted(sold[:, :-1], sold[:, 1:], 150),
        model,
        likelihood,
        [torch.optim.Adam(model.parameters(), 5e-3)],
        traits="supervised values",
        size=25,
        epochs=7,
        regime=Regime(clip=10.0),
    )


@later_family
def gaussian_process() -> Training:
    """Length, scale and noise of a Gaussian process on 60 points by its marginal likelihood; nothing is held out."""
    x = torch.rand(60, 1) * 6
    y = torch.sin(2 * x[:, 0]) + 0.2 * torch.randn(60)

    class Process(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.length, self.scale = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
            self.noise, self.mean = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))

        def forward(self, x: Tensor) -> Tensor:
            apart = (x - x.T) / functional.softplus(self.length)
            kernel = functional.softplus(self.scale) * (-0.5 * apart.square()).exp()
            return kernel + (functional.softplus(self.noise) + 1e-4) * torch.eye(len(x))

    class Marginal(Training):
        traits = frozenset({"whole"})

        def pairs(self) -> Iterator[tuple[Tensor, Tensor]]:
            yield x, y

        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            mean = self.model.mean.expand(len(inputs))
            spread = torch.distributions.MultivariateNormal(mean, self.model(inputs))
            return Outcome(-spread.log_prob(targets) / len(inputs))

        def validate(self) -> Validation:
            return Validation(None, {})

    model = Process()
    return Marginal(
        model, [torch.optim.Adam(model.parameters(), 0.05)], epochs=1, batches=250, regime=Regime(shows_batches=False)
    )


@later_family
def discrete_codes() -> Training:
    """An autoencoder with categorical codes whose temperature falls (Gumbel), the bound summed over pixels."""
    pictures, _ = data.images(rows=640, noise=0.1)
    bits = (pictures > 0).float().flatten(1)

    class Bound(Supervised):
        temperature = 1.0

        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            scores = self.model["encoder"](inputs).unflatten(1, (8, 8))
            if self.model.training:
                self.temperature = max(0.4, self.temperature * 0.997)
                code = functional.gumbel_softmax(scores, self.temperature, dim=-1)
            else:
                code = functional.one_hot(scores.argmax(-1), 8).float()
            outputs = self.model["decoder"](code.flatten(1))
            picture = functional.binary_cross_entropy_with_logits(outputs, inputs, reduction="sum") / len(inputs)
            share = scores.softmax(-1)
            kl = (share * (share.clamp(min=1e-9).log() + math.log(8))).sum((1, 2)).mean()
            return Outcome(picture + kl, outputs, {"recon": picture.item(), "kl": kl.item()})

    model = nn.ModuleDict({"encoder": Mlp(144, 96, 64), "decoder": Mlp(64, 96, 144)})
    return Bound(
        *data.parted(bits, torch.zeros(640), 128),
        model,
        functional.mse_loss,
        [torch.optim.Adam(model.parameters(), 2e-3)],
        traits="relu",
        size=16,
        epochs=8,
    )


@later_family
def pixels_in_order() -> Training:
    """Each pixel from those before it by masked layers (MADE), bits per pixel, a rate that falls exponentially."""
    pictures, _ = data.images(rows=720, side=8, noise=0.2)
    bits = (pictures > 0).float().flatten(1)

    class Masked(nn.Linear):
        def __init__(self, before: Tensor, after: Tensor, *, is_last: bool = False) -> None:
            super().__init__(len(before), len(after))
            allowed = after[:, None] > before[None, :] if is_last else after[:, None] >= before[None, :]
            self.register_buffer("mask", allowed.float())

        def forward(self, x: Tensor) -> Tensor:
            return functional.linear(x, self.weight * self.mask, self.bias)

    places, hidden = torch.arange(64), torch.randint(63, (160,))
    model = nn.Sequential(Masked(places, hidden), nn.ReLU(), Masked(hidden, places, is_last=True))

    def bits_per_pixel(outputs: Tensor, truth: Tensor) -> Tensor:
        return functional.binary_cross_entropy_with_logits(outputs, truth) / math.log(2)

    return Supervised(
        *data.parted(bits, bits.clone(), 120),
        model,
        bits_per_pixel,
        [torch.optim.Adam(model.parameters(), 5e-3)],
        traits="supervised relu values",
        size=20,
        epochs=8,
        regime=Regime(per_epoch=lambda each: torch.optim.lr_scheduler.ExponentialLR(each, 0.8)),
    )


@later_family
def energies() -> Training:
    """An energy of points, low on data and high on samples from Langevin walks; its loss hovers around zero."""

    class Energy(Training):
        traits = frozenset({"policy"})
        kept = torch.zeros(0, 2)

        def pairs(self) -> Iterator[tuple[Tensor, None]]:
            for _ in range(self.batches):
                yield data.rings(64), None

        def walk(self) -> Tensor:
            x = torch.cat([self.kept[torch.randperm(len(self.kept))[:60]], 2 * torch.randn(64, 2)])[:64]
            for _ in range(10):
                x = x.detach().requires_grad_()
                slope = torch.autograd.grad(self.model(x).sum(), x)[0]
                x = x - 0.1 * slope.clamp(-1, 1) + 0.03 * torch.randn_like(x)
            self.kept = torch.cat([x.detach(), self.kept])[:1000]
            return x.detach()

        def compute(self, inputs: Tensor, targets: None) -> Outcome:
            real, fake = self.model(inputs + 0.05 * torch.randn_like(inputs)), self.model(self.walk())
            small = 0.05 * (real.square() + fake.square()).mean()
            terms = {"e_data": real.mean().item(), "e_model": fake.mean().item()}
            return Outcome(real.mean() - fake.mean() + small, None, terms)

        def validate(self) -> Validation:
            fake, real = self.walk(), data.rings(256)
            return Validation(None, {"apart": float((fake.std(0) - real.std(0)).norm() + (fake.mean(0)).norm())})

    model = Mlp(2, 64, 64, 1, activation=nn.SiLU)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, betas=(0.0, 0.999))
    return Energy(model, [optimizer], epochs=5, batches=40, regime=Regime(shows_batches=False, clip=1.0))


@later_family
def weights_of_tasks() -> Training:
    """Three tasks whose weights are learnt as their noise (Kendall); the sum goes below zero."""
    inputs, truth = data.values(rows=2400, width=20, outputs=3, noise=0.0)
    truth = truth + torch.randn_like(truth) * torch.tensor([0.05, 0.1, 0.4])

    class Tasks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk = nn.Sequential(Mlp(20, 64, 64), nn.ReLU())
            self.heads = nn.ModuleList(nn.Linear(64, 1) for _ in range(3))
            self.log_vars = nn.Parameter(torch.zeros(3))

        def forward(self, x: Tensor) -> Tensor:
            hidden = self.trunk(x)
            return torch.cat([head(hidden) for head in self.heads], 1)

    class Weighted(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            outputs = self.model(inputs)
            errors = (outputs - targets).square().mean(0)
            loss = (0.5 * (-self.model.log_vars).exp() * errors + 0.5 * self.model.log_vars).sum()
            return Outcome(loss, outputs, {f"task{i}": float(e) for i, e in enumerate(errors)})

    model = Tasks()
    groups = [
        {"params": [*model.trunk.parameters(), *model.heads.parameters()]},
        {"params": [model.log_vars], "lr": 2e-2},
    ]
    return Weighted(
        *data.parted(inputs, truth),
        model,
        functional.mse_loss,
        [torch.optim.Adam(groups, 3e-3)],
        traits="features",
        epochs=6,
    )


@later_family
def customers_who_leave() -> Training:
    """In which of twelve months a customer leaves, by hazards per month, many censored; concordance as metric."""
    inputs, risk = data.values(rows=2300, width=12, noise=0.0)
    time = (-torch.rand(2300).log() * (-0.9 * risk[:, 0]).exp() * 6).floor().clamp(max=11).long()
    is_seen = torch.rand(2300) < 0.6

    def hazards(outputs: Tensor, truth: Tensor) -> Tensor:
        month, seen = truth[:, :1], truth[:, 1]
        stays = functional.logsigmoid(-outputs).cumsum(1)
        until = torch.where(month > 0, stays.gather(1, (month - 1).clamp(min=0)), 0.0)[:, 0]
        goes = functional.logsigmoid(outputs).gather(1, month)[:, 0]
        ends = torch.where(seen > 0, goes, functional.logsigmoid(-outputs).gather(1, month)[:, 0])
        return -(until + ends).mean()

    def concordance(outputs: Tensor, truth: Tensor) -> float:
        score, month = outputs.sigmoid().mean(1), truth[:, 0]
        comparable = (month[:, None] < month[None, :]) & (truth[:, 1:] > 0)
        return float((score[:, None] > score[None, :])[comparable].float().mean())

    model = Mlp(12, 40, 12, dropout=0.1)
    return Supervised(
        *data.parted(inputs, torch.stack([time, is_seen.long()], 1)),
        model,
        hazards,
        [torch.optim.AdamW(model.parameters(), 3e-3)],
        traits="features supervised relu",
        metric=concordance,
        metric_name="c_index",
        size=64,
        epochs=8,
    )
