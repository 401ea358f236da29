"""Families of tables as people train on them: grades, crossed categories, weighted draws, weights as chances."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.scoreboard.families import data
from tests.scoreboard.families.listing import fourth_family
from tests.scoreboard.families.nets import Mlp, TwoPart
from tests.scoreboard.families.optimizers import cosine
from tests.scoreboard.families.training import (
    Outcome,
    Regime,
    Supervised,
    Training,
    accuracy,
    binary_accuracy,
    r2,
    taken,
)


@fourth_family
def ordered_grades() -> Training:
    """Grades from one to five in their order: is it above each of four limits (CORAL); the mean error as metric."""
    inputs, score = data.values(rows=1400, noise=0.3)
    grades = torch.bucketize(score[:, 0], torch.tensor([-1.2, -0.4, 0.4, 1.2]))
    above = (grades[:, None] > torch.arange(4)).float()

    class Coral(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.limits = Mlp(16, 48, 48, 1), nn.Parameter(torch.linspace(1, -1, 4))

        def forward(self, x: Tensor) -> Tensor:
            return self.body(x) + self.limits

    def error(outputs: Tensor, truth: Tensor) -> float:
        return float(((outputs > 0).sum(1) - truth.sum(1)).abs().mean())

    model = Coral()
    return Supervised(
        *data.parted(inputs, above),
        model,
        functional.binary_cross_entropy_with_logits,
        [torch.optim.AdamW(model.parameters(), 2e-3)],
        traits="features supervised relu",
        metric=error,
        metric_name="mae",
        epochs=6,
    )


@fourth_family
def crossed_categories() -> Training:
    """Clicks from six categories by products of their codes and a deep part (DeepFM), Adam, few positives."""
    sizes = (30, 20, 50, 12, 8, 40)
    rows = torch.stack([(n * torch.rand(3200).square()).long() for n in sizes], 1)
    codes = [torch.randn(n, 4) for n in sizes]
    pairs = sum((codes[i][rows[:, i]] * codes[i + 1][rows[:, i + 1]]).sum(1) for i in range(5))
    clicks = (pairs + torch.randn(3200) > 3.0).float()

    class DeepFm(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.first = nn.Embedding(sum(sizes), 6), nn.Embedding(sum(sizes), 1)
            nn.init.normal_(self.embed.weight, std=0.1)
            self.deep = Mlp(36, 48, 1, dropout=0.1)
            self.register_buffer("starts", torch.tensor([0, *sizes]).cumsum(0)[:-1])

        def forward(self, categories: Tensor) -> Tensor:
            each = self.embed(categories + self.starts)
            crossed = (each.sum(1).square() - each.square().sum(1)).sum(1) / 2
            return self.first(categories + self.starts).sum((1, 2)) + crossed + self.deep(each.flatten(1)).squeeze(1)

    model = DeepFm()
    return Supervised(
        *data.parted(rows, clicks, 400),
        model,
        functional.binary_cross_entropy_with_logits,
        [torch.optim.Adam(model.parameters(), 5e-3)],
        traits="supervised binary",
        metric=binary_accuracy,
        size=64,
        epochs=6,
    )


@fourth_family
def balanced_draws() -> Training:
    """Four classes of which one is rare, drawn as often as the others with replacement (a weighted sampler)."""
    inputs, scores = data.values(rows=2000, outputs=4, noise=0.3)
    labels = (scores - torch.tensor([0.0, 0.3, 0.6, 2.2])).argmax(1)

    class Weighted(Supervised):
        def order(self) -> Tensor:
            weights = 1 / torch.bincount(self.targets, minlength=4).clamp(min=1)[self.targets]
            return torch.multinomial(weights, len(self.targets), replacement=True)

    model = Mlp(16, 48, 48, 4, activation=nn.LeakyReLU)
    return Weighted(
        *data.parted(inputs, labels, 400),
        model,
        functional.cross_entropy,
        [torch.optim.SGD(model.parameters(), 0.05, momentum=0.9, weight_decay=1e-4)],
        traits="classes features supervised",
        metric=accuracy,
        epochs=6,
    )


@fourth_family
def one_class() -> Training:
    """Normal rows near to a fixed centre (deep one-class), no biases; the area under the curve as metric."""
    inputs = data.features(1600, 12) @ torch.randn(12, 12) / 3
    odd = torch.cat([torch.zeros(200), torch.ones(56)])
    held = inputs[:256].clone()
    held[200:] = 1.5 * torch.randn(56, 12)
    model = nn.Sequential(nn.Linear(12, 32, bias=False), nn.LeakyReLU(0.1), nn.Linear(32, 8, bias=False))
    with torch.no_grad():
        centre = model(inputs).mean(0)

    class OneClass(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            outputs = self.model(inputs)
            return Outcome((outputs - centre).square().sum(1).mean(), outputs)

    def area(outputs: Tensor, truth: Tensor) -> float:
        far = (outputs - centre).square().sum(1)
        return float((far[truth > 0, None] > far[None, truth == 0]).float().mean())

    return OneClass(
        (inputs[256:], torch.zeros(1344)),
        (held, odd),
        model,
        functional.mse_loss,
        [torch.optim.Adam(model.parameters(), 1e-3, weight_decay=1e-6)],
        traits="features",
        metric=area,
        metric_name="auc",
        epochs=6,
    )


@fourth_family
def weights_as_chances() -> Training:
    """Each weight is a mean and a spread, drawn anew in each pass (Bayes by backprop); likelihood and divergence."""

    class Drawn(nn.Module):
        def __init__(self, before: int, after: int) -> None:
            super().__init__()
            self.mean = nn.Parameter(torch.randn(after, before) / math.sqrt(before))
            self.rho = nn.Parameter(torch.full((after, before), -4.0))
            self.bias = nn.Parameter(torch.zeros(after))

        def forward(self, x: Tensor) -> Tensor:
            spread = functional.softplus(self.rho)
            return functional.linear(x, self.mean + spread * torch.randn_like(spread), self.bias)

        def divergence(self) -> Tensor:
            spread = functional.softplus(self.rho)
            return (0.5 * (spread.square() + self.mean.square() - 1) - spread.log()).sum()

    layers = [Drawn(16, 32), Drawn(32, 1)]
    model = nn.Sequential(layers[0], nn.Tanh(), layers[1])

    class Bound(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            outputs = self.model(inputs)
            fit = functional.mse_loss(outputs, targets) / 0.5
            kl = sum(layer.divergence() for layer in layers) / 1344
            return Outcome(fit + 0.2 * kl, outputs, {"nll": fit.item(), "kl": float(kl)})

    return Bound(
        *data.parted(*data.values(rows=1600)),
        model,
        functional.mse_loss,
        [torch.optim.Adam(model.parameters(), 5e-3)],
        traits="features supervised values",
        metric=r2,
        metric_name="r2",
        epochs=6,
    )


@fourth_family
def many_heads() -> Training:
    """Five networks side by side, each on rows of its own choice (a bootstrap), their errors summed."""

    class Several(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.members = nn.ModuleList(Mlp(16, 24, 1) for _ in range(5))

        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([each(x) for each in self.members], 1)

    class Bootstrapped(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            outputs = self.model(inputs)
            mask = torch.poisson(torch.ones_like(outputs)) if self.model.training else torch.ones_like(outputs)
            return Outcome(((outputs - targets).square() * mask).mean(0).sum(), outputs.mean(1, keepdim=True))

    model = Several()
    return Bootstrapped(
        *data.parted(*data.values(rows=1500)),
        model,
        functional.mse_loss,
        [torch.optim.Adam(model.parameters(), 3e-3)],
        traits="features supervised relu values",
        metric=r2,
        metric_name="r2",
        epochs=6,
    )


@fourth_family
def attention_over_columns() -> Training:
    """Each column is a token, a token of its own gives the class (FT-Transformer), AdamW, pre-norm, dropout."""

    class Columns(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale, self.shift = nn.Parameter(0.3 * torch.randn(10, 24)), nn.Parameter(0.3 * torch.randn(10, 24))
            self.cls = nn.Parameter(0.02 * torch.randn(24))
            self.encoder = nn.TransformerEncoder(
                nn.TransformerEncoderLayer(24, 4, 48, 0.1, "gelu", batch_first=True, norm_first=True),
                2,
                enable_nested_tensor=False,
            )
            self.head = nn.Sequential(nn.LayerNorm(24), nn.Linear(24, 3))

        def forward(self, x: Tensor) -> Tensor:
            tokens = x[..., None] * self.scale + self.shift
            return self.head(self.encoder(torch.cat([self.cls.expand(len(x), 1, -1), tokens], 1))[:, 0])

    model = Columns()
    return Supervised(
        *data.parted(*data.classes(rows=1300, width=10, num=3)),
        model,
        functional.cross_entropy,
        [torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=1e-2)],
        traits="classes features supervised",
        metric=accuracy,
        epochs=5,
        regime=Regime(schedule=cosine()),
    )


@fourth_family
def two_domains() -> Training:
    """Labelled rows of one domain, others of a second one; a reversed gradient hides which is which (DANN)."""

    class Reversed(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            return x.view_as(x)

        @staticmethod
        def backward(ctx: Any, gradient: Tensor) -> Tensor:
            return -0.3 * gradient

    inputs, labels = data.classes(rows=1600, num=3, noise=0.2)
    moved = data.features(1600) + 0.8 * torch.randn(16)

    class Domains(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk = nn.Sequential(nn.Linear(16, 48), nn.ReLU())
            self.label, self.domain = nn.Linear(48, 3), Mlp(48, 24, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.label(self.trunk(x))

    class Adapted(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            codes = self.model.trunk(inputs)
            outputs = self.model.label(codes)
            loss = self.criterion(outputs, targets)
            if not self.model.training:
                return Outcome(loss, outputs)
            other = self.model.trunk(moved[torch.randint(len(moved), (len(inputs),))])
            guess = self.model.domain(Reversed.apply(torch.cat([codes, other])))
            truth = torch.cat([torch.zeros(len(codes), 1), torch.ones(len(other), 1)])
            apart = functional.binary_cross_entropy_with_logits(guess, truth)
            return Outcome(loss + apart, outputs, {"label": loss.item(), "domain": apart.item()})

    model = Domains()
    return Adapted(
        *data.parted(inputs, labels),
        model,
        functional.cross_entropy,
        [torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)],
        traits="features",
        metric=accuracy,
        epochs=6,
    )


@fourth_family
def larger_batches_later() -> Training:
    """The batch doubles every second epoch in place of a falling rate, so that epochs have fewer steps; undeclared."""

    class Growing(Supervised):
        done = 0

        def pairs(self) -> Iterator[tuple[Any, Any]]:
            size = self.size * 2 ** (self.done // 2)
            for _ in range(self.batches):
                rows = torch.randint(len(self.targets), (size,))
                yield taken(self.inputs, rows), self.targets[rows]

        def end_epoch(self, validation: Any) -> None:
            super().end_epoch(validation)
            self.done += 1
            self.loader = None

    model = Mlp(16, 48, 48, 5, activation=nn.GELU, dropout=0.1)
    return Growing(
        *data.parted(*data.classes(rows=4000), 400),
        model,
        functional.cross_entropy,
        [torch.optim.SGD(model.parameters(), 0.05, momentum=0.9, weight_decay=1e-3)],
        traits="",
        metric=accuracy,
        size=16,
        epochs=6,
    )


@fourth_family
def lazy_layers() -> Training:
    """Layers that learn their width from the first batch, batch norm between them, Adam."""
    model = nn.Sequential(
        nn.LazyLinear(48), nn.LazyBatchNorm1d(), nn.ReLU(), nn.LazyLinear(48), nn.ReLU(), nn.LazyLinear(4)
    )
    inputs, labels = data.classes(rows=1400, num=4)
    model(inputs[:2])
    return Supervised(
        *data.parted(inputs, labels),
        model,
        functional.cross_entropy,
        [torch.optim.Adam(model.parameters(), 2e-3)],
        traits="classes features supervised relu",
        metric=accuracy,
        epochs=6,
    )


@fourth_family
def normed_weights() -> Training:
    """Layers whose weights have a learnt length apart from their direction (weight norm), doubles, AdaMax, clipped."""
    from torch.nn.utils.parametrizations import weight_norm

    inputs, truth = data.values(rows=1500, noise=0.4)
    model = TwoPart(
        nn.Sequential(weight_norm(nn.Linear(16, 40)), nn.ELU(), weight_norm(nn.Linear(40, 40)), nn.ELU()),
        nn.Linear(40, 1),
    ).double()
    return Supervised(
        *data.parted(inputs.double(), truth.double()),
        model,
        functional.smooth_l1_loss,
        [torch.optim.Adamax(model.parameters(), 4e-3)],
        traits="regression features supervised",
        metric=r2,
        metric_name="r2",
        epochs=6,
        regime=Regime(clip=1.0),
    )


@fourth_family
def everything_at_once() -> Training:
    """All rows in every step, each weight with a rate of its own by the signs of its gradients (Rprop)."""
    model = Mlp(10, 20, 1, activation=nn.Tanh)
    return Supervised(
        *data.parted(*data.values(rows=600, width=10), held=100),
        model,
        functional.mse_loss,
        [torch.optim.Rprop(model.parameters(), 1e-3)],
        traits="whole",
        metric=r2,
        metric_name="r2",
        size=500,
        epochs=50,
    )
