"""Families about motion and space: differential equations, learnt fields, symmetric networks, trees in curved space."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from tests.scoreboard.families import data
from tests.scoreboard.families.listing import fifth_family
from tests.scoreboard.families.nets import Mlp
from tests.scoreboard.families.training import Outcome, Regime, Supervised, Training, Validation, r2


@fifth_family
def equation_of_heat() -> Training:
    """The heat equation from its residual, start and ends (a physics-informed network), terms logged, tanh, Adam."""

    class Heat(Training):
        traits = frozenset({"whole"})

        def pairs(self) -> Iterator[tuple[Tensor, Tensor]]:
            for _ in range(self.batches):
                yield torch.rand(96, 2), torch.rand(48, 2)

        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            at = inputs.clone().requires_grad_(True)
            found = self.model(at)
            slope = torch.autograd.grad(found.sum(), at, create_graph=True)[0]
            bent = torch.autograd.grad(slope[:, 0].sum(), at, create_graph=True)[0][:, :1]
            residual = (slope[:, 1:] - 0.1 * bent).square().mean()
            place, moment = targets[:, :1], targets[:, 1:]
            start = self.model(torch.cat([place, torch.zeros_like(place)], 1)) - torch.sin(torch.pi * place)
            ends = self.model(torch.cat([(place > 0.5).float(), moment], 1))
            first, sides = start.square().mean(), ends.square().mean()
            terms = {"residual": residual.item(), "initial": first.item(), "boundary": sides.item()}
            return Outcome(residual + 10 * first + 10 * sides, None, terms)

        def validate(self) -> Validation:
            at = torch.rand(200, 2)
            truth = torch.exp(-0.1 * torch.pi**2 * at[:, 1:]) * torch.sin(torch.pi * at[:, :1])
            with torch.no_grad():
                off = (self.model(at) - truth).norm() / truth.norm()
            return Validation(float(off), {"relative_l2": float(off)})

    model = Mlp(2, 32, 32, 1, activation=nn.Tanh)
    return Heat(
        model, [torch.optim.Adam(model.parameters(), 3e-3)], epochs=6, batches=50, regime=Regime(shows_batches=False)
    )


def _moved(field: nn.Module, at: Tensor, steps: int, size: float) -> Tensor:
    """Return the places after each step along a field (Runge and Kutta, fourth order)."""
    places = []
    for _ in range(steps):
        one = field(at)
        two = field(at + size / 2 * one)
        three = field(at + size / 2 * two)
        four = field(at + size * three)
        at = at + size / 6 * (one + 2 * two + 2 * three + four)
        places.append(at)
    return torch.stack(places, 1)


@fifth_family
def field_of_motion() -> Training:
    """Where a point goes, by integrating a learnt field (a neural ODE), eight places each, squared errors, clipped."""
    start = 2 * torch.rand(1300, 2) - 1
    turn = torch.tensor([[-0.1, 2.0], [-2.0, -0.1]])
    with torch.no_grad():
        path = _moved(lambda at: (at.pow(3)) @ turn, 1.5 * start, 8, 0.1)

    class Moved(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.field = Mlp(2, 40, 2, activation=nn.Tanh)

        def forward(self, at: Tensor) -> Tensor:
            return _moved(self.field, at, 8, 0.1).flatten(1)

    model = Moved()
    return Supervised(
        *data.parted(1.5 * start, path.flatten(1) + 0.03 * torch.randn(1300, 16)),
        model,
        functional.mse_loss,
        [torch.optim.Adam(model.parameters(), 1e-2)],
        traits="regression features supervised values",
        metric=r2,
        metric_name="r2",
        epochs=6,
        regime=Regime(clip=1.0, per_epoch=lambda each: torch.optim.lr_scheduler.ExponentialLR(each, 0.8)),
    )


@fifth_family
def bodies_that_attract() -> Training:
    """Where five bodies are a moment later, by messages that do not depend on how space is turned (EGNN)."""
    place, speed = torch.randn(1100, 5, 3), 0.3 * torch.randn(1100, 5, 3)
    charge = torch.randint(2, (1100, 5, 1)).float() * 2 - 1

    def later(at: Tensor, move: Tensor) -> Tensor:
        for _ in range(5):
            apart = at[:, :, None] - at[:, None]
            size = apart.square().sum(-1, keepdim=True) + 0.3
            push = (charge[:, :, None] * charge[:, None] * apart / size**1.5).sum(2)
            move = move + 0.2 * push
            at = at + 0.2 * move
        return at

    class Turned(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.edge = nn.ModuleList(Mlp(3 if n == 0 else 35, 32, 32, activation=nn.SiLU) for n in range(2))
            self.node = Mlp(32, 32, 16, activation=nn.SiLU)
            self.push = nn.ModuleList(nn.Linear(32, 1, bias=False) for _ in range(2))
            self.drift = nn.Parameter(torch.ones(2))

        def forward(self, rows: Tensor) -> Tensor:
            at, move, kind = rows[..., :3], rows[..., 3:6], rows[..., 6:]
            code = None
            for layer in range(2):
                apart = at[:, :, None] - at[:, None]
                size = apart.square().sum(-1, keepdim=True)
                pair = [kind[:, :, None].expand(-1, -1, 5, -1), kind[:, None].expand(-1, 5, -1, -1)]
                if code is not None:
                    pair += [code[:, :, None].expand(-1, -1, 5, -1), code[:, None].expand(-1, 5, -1, -1)]
                message = functional.silu(self.edge[layer](torch.cat([size, *pair], -1)))
                at = at + (apart / (size + 1).sqrt() * self.push[layer](message)).mean(2) + self.drift[layer] * move
                code = self.node(message.sum(2))
            return (at - rows[..., :3]).flatten(1)

    rows = torch.cat([place, speed, charge], -1)
    model = Turned()
    return Supervised(
        *data.parted(rows, (later(place, speed) - place).flatten(1), 200),
        model,
        functional.mse_loss,
        [torch.optim.AdamW(model.parameters(), 3e-3, weight_decay=1e-8)],
        traits="regression supervised values",
        metric=r2,
        metric_name="r2",
        epochs=6,
    )


@fifth_family
def tree_in_a_ball() -> Training:
    """Nodes of a tree in curved space so that kin are near (Poincaré), steps scaled by its curvature."""
    parents = [(node, (node - 1) // 3) for node in range(1, 121)]
    kin = []
    for node, parent in parents:
        while True:
            kin.append((node, parent))
            if not parent:
                break
            parent = (parent - 1) // 3
    pairs_of = torch.tensor(kin)

    class Ball(Training):
        traits = frozenset({"whole"})

        def pairs(self) -> Iterator[tuple[Tensor, Tensor]]:
            for rows in torch.randperm(len(pairs_of)).split(16)[: self.batches]:
                yield pairs_of[rows], torch.randint(121, (len(rows), 10))

        def apart(self, left: Tensor, right: Tensor) -> Tensor:
            one, two = (1 - each.square().sum(-1).clamp(max=0.999) for each in (left, right))
            return torch.acosh(1 + 2 * (left - right).square().sum(-1) / (one * two) + 1e-7)

        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            code = self.model(torch.cat([inputs, targets], 1))
            away = self.apart(code[:, :1], code[:, 1:])
            return Outcome(functional.cross_entropy(-away, torch.zeros(len(inputs), dtype=torch.long)), None)

        def clip(self) -> None:
            weight = self.model.weight
            if weight.grad is not None:
                weight.grad *= (1 - weight.detach().square().sum(1, keepdim=True)).square() / 4
            super().clip()

        def take_step(self) -> None:
            super().take_step()
            with torch.no_grad():
                weight = self.model.weight
                weight *= (0.99 / weight.norm(dim=1, keepdim=True)).clamp(max=1.0)

        def validate(self) -> Validation:
            with torch.no_grad():
                code = self.model.weight
                away = self.apart(code[pairs_of[:, :1]], code[None])
            rank = (away < away.gather(1, pairs_of[:, 1:])).sum(1).float() + 1
            return Validation(None, {"mean_rank": float(rank.mean())})

    model = nn.Embedding(121, 5)
    nn.init.uniform_(model.weight, -1e-2, 1e-2)
    return Ball(
        model,
        [torch.optim.SGD(model.parameters(), 5.0)],
        epochs=8,
        batches=len(pairs_of) // 16,
        regime=Regime(shows_batches=False),
    )


@fifth_family
def first_step_counts() -> Training:
    """Sines of other heights: weights from which one step on ten points goes far, gradients through it (MAML)."""

    def tasks(number: int) -> tuple[Tensor, Tensor]:
        x = torch.rand(number, 20, 1) * 6 - 3
        return x, (0.5 + 2 * torch.rand(number, 1, 1)) * torch.sin(x + 1.5 * torch.rand(number, 1, 1))

    held = tasks(60)

    class Maml(Training):
        traits = frozenset({"whole"})

        def pairs(self) -> Iterator[tuple[Tensor, Tensor]]:
            for _ in range(self.batches):
                yield tasks(8)

        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            total, before = torch.zeros(()), torch.zeros(())
            for x, y in zip(inputs, targets, strict=True):
                weights = dict(self.model.named_parameters())
                first = functional.mse_loss(functional_call(self.model, weights, (x[:10],)), y[:10])
                slopes = torch.autograd.grad(first, list(weights.values()), create_graph=self.model.training)
                moved = {name: w - 0.05 * s for (name, w), s in zip(weights.items(), slopes, strict=True)}
                total = total + functional.mse_loss(functional_call(self.model, moved, (x[10:],)), y[10:]) / len(inputs)
                before = before + first.detach() / len(inputs)
            return Outcome(total, None, {"inner_loss": float(before)})

        def validate(self) -> Validation:
            self.model.eval()
            loss = self.compute(*held).loss
            self.model.train()
            return Validation(float(loss.detach()), {})

    model = Mlp(1, 40, 40, 1)
    return Maml(
        model, [torch.optim.Adam(model.parameters(), 2e-3)], epochs=6, batches=35, regime=Regime(shows_batches=False)
    )
