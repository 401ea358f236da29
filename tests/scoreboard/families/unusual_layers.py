"""Families of rows with features whose networks, weights or noise are not the usual ones."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.scoreboard.families import data
from tests.scoreboard.families.listing import fifth_family
from tests.scoreboard.families.nets import Mlp, TwoPart
from tests.scoreboard.families.optimizers import cosine
from tests.scoreboard.families.training import Outcome, Regime, Supervised, Training, accuracy, r2


@fifth_family
def soft_trees() -> Training:
    """Five classes by sixteen trees of depth four whose branches are soft (NODE), AdamW, no schedule."""

    class Trees(nn.Module):
        def __init__(self, inputs: int, outputs: int, trees: int = 16, depth: int = 4) -> None:
            super().__init__()
            self.choose = nn.Parameter(torch.randn(trees, depth, inputs) / inputs**0.5)
            self.limit = nn.Parameter(0.3 * torch.randn(trees, depth))
            self.leaves = nn.Parameter(0.3 * torch.randn(trees, 2**depth, outputs))
            self.depth = depth

        def forward(self, x: Tensor) -> Tensor:
            right = torch.sigmoid(3 * (torch.einsum("nf,tdf->ntd", x, self.choose) - self.limit))
            reach = torch.ones(len(x), right.shape[1], 1)
            for level in range(self.depth):
                side = right[:, :, level, None]
                reach = torch.cat([reach * (1 - side), reach * side], 2)
            return torch.einsum("ntl,tlo->no", reach, self.leaves)

    model = Trees(16, 5)
    return Supervised(
        *data.parted(*data.classes(rows=1900)),
        model,
        functional.cross_entropy,
        [torch.optim.AdamW(model.parameters(), 1e-2)],
        traits="classes features supervised",
        metric=accuracy,
        size=40,
        epochs=5,
    )


@fifth_family
def learnt_curves() -> Training:
    """A value from curves on every edge (a Kolmogorov-Arnold network), squared errors, Adam, a stepped rate."""

    class Curves(nn.Module):
        def __init__(self, inputs: int, outputs: int, knots: int = 8) -> None:
            super().__init__()
            self.register_buffer("knots", torch.linspace(-2.5, 2.5, knots))
            self.heights = nn.Parameter(0.3 * torch.randn(inputs, knots, outputs) / inputs**0.5)
            self.straight = nn.Linear(inputs, outputs)

        def forward(self, x: Tensor) -> Tensor:
            bumps = torch.exp(-2 * (x[..., None] - self.knots).square())
            return self.straight(functional.silu(x)) + torch.einsum("nik,iko->no", bumps, self.heights)

    model = TwoPart(nn.Sequential(Curves(8, 12), nn.LayerNorm(12)), Curves(12, 1))
    return Supervised(
        *data.parted(*data.values(rows=1800, width=8, noise=0.3)),
        model,
        functional.mse_loss,
        [torch.optim.Adam(model.parameters(), 1e-2)],
        traits="regression features supervised",
        metric=r2,
        metric_name="r2",
        size=36,
        epochs=6,
        regime=Regime(per_epoch=lambda each: torch.optim.lr_scheduler.StepLR(each, 2, 0.4)),
    )


class _Spike(torch.autograd.Function):
    """A step whose gradient is that of a steep slope around it."""

    @staticmethod
    def forward(ctx, charge: Tensor) -> Tensor:  # type: ignore[override]
        ctx.save_for_backward(charge)
        return (charge > 0).float()

    @staticmethod
    def backward(ctx, back: Tensor) -> Tensor:  # type: ignore[override]
        (charge,) = ctx.saved_tensors
        return back / (1 + 5 * charge.abs()).square()


@fifth_family
def cells_that_fire() -> Training:
    """Four classes by cells that charge, leak and fire for eight moments (a spiking network), Adam."""

    class Spiking(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(16, 80), nn.Linear(80, 4)

        def forward(self, x: Tensor) -> Tensor:
            push, charge, out = self.first(x), torch.zeros(len(x), 80), torch.zeros(len(x), 4)
            for _ in range(8):
                charge = 0.8 * charge + push
                fired = _Spike.apply(charge - 1)
                charge = charge - fired
                out = out + self.second(fired) / 8
            return out

    model = Spiking()
    return Supervised(
        *data.parted(*data.classes(rows=1700, num=4)),
        model,
        functional.cross_entropy,
        [torch.optim.Adam(model.parameters(), 3e-3, betas=(0.9, 0.98))],
        traits="classes features supervised",
        metric=accuracy,
        epochs=6,
    )


@fifth_family
def comes_to_rest() -> Training:
    """Classes from the point where a layer repeats itself (an equilibrium network), AdamW, cosine."""

    class Rest(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.enter, self.inner, self.norm = nn.Linear(16, 48), nn.Linear(48, 48, bias=False), nn.LayerNorm(48)
            self.head = nn.Linear(48, 5)
            nn.init.normal_(self.inner.weight, std=0.08)

        def forward(self, x: Tensor) -> Tensor:
            push = self.enter(x)
            with torch.no_grad():
                state = torch.zeros_like(push)
                for _ in range(12):
                    state = torch.relu(self.norm(self.inner(state) + push))
            return self.head(torch.relu(self.norm(self.inner(state) + push)))

    model = Rest()
    return Supervised(
        *data.parted(*data.classes(rows=1750)),
        model,
        functional.cross_entropy,
        [torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=0.02)],
        traits="classes features supervised",
        metric=accuracy,
        epochs=6,
        regime=Regime(schedule=cosine(15)),
    )


class _Langevin(torch.optim.Optimizer):
    """A step along the gradient, and noise whose variance is twice the rate: draws from what the data leave open."""

    def __init__(self, parameters, lr: float, rows: int) -> None:
        super().__init__(parameters, {"lr": lr, "rows": rows})

    @torch.no_grad()
    def step(self, closure=None) -> None:
        """Move each weight."""
        del closure
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    noise = torch.randn_like(weight) * (2 * group["lr"] / group["rows"]) ** 0.5
                    weight.add_(weight.grad + weight / group["rows"], alpha=-group["lr"]).add_(noise)


@fifth_family
def draws_of_weights() -> Training:
    """Weights drawn from their posterior by noisy steps (SGLD), a rate that falls by a power, three classes."""
    model = Mlp(16, 40, 3)
    return Supervised(
        *data.parted(*data.classes(rows=1600, num=3)),
        model,
        functional.cross_entropy,
        [_Langevin(model.parameters(), 0.2, 1344)],
        traits="classes features supervised relu",
        metric=accuracy,
        epochs=7,
        regime=Regime(
            schedule=lambda each, steps: torch.optim.lr_scheduler.LambdaLR(each, lambda n: (1 + n / 40) ** -0.55)
        ),
    )


@fifth_family
def hours_until_failure() -> Training:
    """In which of ten spans a part fails, if it was seen to (hazards), censored rows; concordance as metric."""
    inputs, score = data.values(rows=1700, width=14, noise=0.4)
    fails = (5 - 2.2 * score[:, 0] + torch.randn(1700)).clamp(0, 9.99).long()
    seen_until = torch.randint(3, 14, (1700,))
    is_seen = fails < seen_until
    last = torch.minimum(fails, seen_until.clamp(max=9))
    span = torch.arange(10)
    counts = ((span < last[:, None]) | ((span == last[:, None]) & is_seen[:, None])).float()
    truth = (span == last[:, None]).float() * is_seen[:, None].float()
    both = torch.stack([truth, counts], -1)

    def hazards(outputs: Tensor, targets: Tensor) -> Tensor:
        each = functional.binary_cross_entropy_with_logits(outputs, targets[..., 0], reduction="none")
        return (each * targets[..., 1]).sum() / len(outputs)

    def concordance(outputs: Tensor, targets: Tensor) -> float:
        risk, when = outputs.sigmoid().sum(1), targets[..., 1].sum(1)
        known = targets[..., 0].sum(1) > 0
        pairs = known[:, None] & (when[:, None] < when[None])
        return float((risk[:, None] > risk[None])[pairs].float().mean())

    model = TwoPart(Mlp(14, 48, 48), nn.Sequential(nn.ReLU(), nn.Dropout(0.1), nn.Linear(48, 10)))
    return Supervised(
        *data.parted(inputs, both),
        model,
        hazards,
        [torch.optim.AdamW(model.parameters(), 2e-3)],
        traits="features supervised relu",
        metric=concordance,
        metric_name="c_index",
        epochs=6,
    )


@fifth_family
def sales_of_shops() -> Training:
    """Daily sales of forty shops as counts with a spread (negative binomial), codes of shops, log rates, one cycle."""
    shop, inputs = torch.randint(40, (1900,)), data.features(1900, 10)
    level = 0.8 * torch.randn(40)
    rate = torch.exp(1.2 + level[shop] + 0.5 * data.teacher(inputs, 1)[:, 0])
    counts = torch.poisson(torch.distributions.Gamma(4.0, 4.0 / rate).sample())

    class Shops(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.codes, self.body = nn.Embedding(40, 6), Mlp(16, 40, 2)

        def forward(self, shop: Tensor, x: Tensor) -> Tensor:
            return self.body(torch.cat([self.codes(shop), x], 1))

    def likelihood(outputs: Tensor, targets: Tensor) -> Tensor:
        mean, size = outputs[:, 0].clamp(-6, 6).exp(), functional.softplus(outputs[:, 1]) + 0.1
        spread = torch.distributions.NegativeBinomial(size, logits=(mean / size).log())
        return -spread.log_prob(targets).mean()

    def off(outputs: Tensor, targets: Tensor) -> float:
        return float((outputs[:, 0].exp() - targets).abs().sum() / targets.sum())

    model = Shops()
    return Supervised(
        *data.parted((shop, inputs), counts),
        model,
        likelihood,
        [torch.optim.Adam(model.parameters(), 3e-3)],
        traits="features supervised relu",
        metric=off,
        metric_name="wape",
        epochs=6,
        size=38,
        regime=Regime(schedule=lambda each, steps: torch.optim.lr_scheduler.OneCycleLR(each, 1e-2, steps)),
    )


@fifth_family
def rows_of_other_noise() -> Training:
    """A value with errors that few rows have much larger, Student's likelihood with a learnt spread, many features."""
    inputs, wanted = data.values(rows=1800, width=32, noise=0.2)
    wanted = wanted + 0.3 * torch.distributions.StudentT(2.0).sample((1800, 1))

    class Robust(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            mean, spread = self.model(inputs).chunk(2, 1)
            chance = torch.distributions.StudentT(3.0, mean, functional.softplus(spread) + 1e-2)
            return Outcome(-chance.log_prob(targets).mean(), mean)

    model = Mlp(32, 48, 48, 2, activation=nn.GELU, dropout=0.1)
    return Robust(
        *data.parted(inputs, wanted),
        model,
        functional.mse_loss,
        [torch.optim.NAdam(model.parameters(), 2e-3)],
        traits="features supervised",
        epochs=6,
        size=24,
    )
