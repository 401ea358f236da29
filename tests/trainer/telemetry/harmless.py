"""Small trainings of many kinds, to be run with and without telemetry: their weights must end alike, bit for bit.

In: the name of a training, and a telemetry or None. Out: its model after the last step.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.telemetry import Telemetry

STEPS = 30
Attach = Callable[..., Telemetry | None]
"""Called with model and optimizer, and options of the training's own."""


def data(seed: int = 2, *, rows: int = 16) -> list[tuple[Tensor, Tensor]]:
    """Return the batches of a regression."""
    torch.manual_seed(seed)
    x = torch.randn(STEPS * rows, 8)
    y = x @ torch.randn(8, 1) + 0.3 * torch.randn(len(x), 1)
    return list(zip(x.split(rows), y.split(rows), strict=True))


def net(*, dropout: float = 0.1) -> nn.Sequential:
    """Return a small network; its dropout notices any use of the random numbers."""
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Dropout(dropout), nn.Linear(16, 1))


Change = Callable[[int, nn.Module, torch.optim.Optimizer], None]


def plain(attach: Attach, *, change: Change = lambda step, model, optimizer: None) -> nn.Module:
    """Train as people do."""
    model = net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    telemetry = attach(model, optimizer)
    for step, (x, y) in enumerate(data()):
        change(step, model, optimizer)
        output = model(x)
        loss = (output - y).square().mean()
        optimizer.zero_grad()
        loss.backward()
        if telemetry:
            telemetry.look(inputs=x, targets=y, outputs=output)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if telemetry:
            telemetry.step(loss, samples=len(x), part=loss)
    return model


class Recommender(nn.Module):
    """Two tables with sparse gradients, and a dense head."""

    def __init__(self) -> None:
        super().__init__()
        self.users, self.items = nn.Embedding(3000, 8, sparse=True), nn.EmbeddingBag(2000, 8, mode="sum", sparse=True)
        self.head = nn.Linear(16, 1)

    def forward(self, user: Tensor, items: Tensor) -> Tensor:
        """Return a score. Shapes: (B,), (B, 4) -> (B, 1)."""
        return self.head(torch.cat([self.users(user), self.items(items)], 1))


def sparse(attach: Attach) -> nn.Module:
    """Two optimizers, one for the sparse tables."""
    torch.manual_seed(1)
    model = Recommender()
    optimizers = [
        torch.optim.SparseAdam([*model.users.parameters(), *model.items.parameters()], lr=1e-2),
        torch.optim.Adam(model.head.parameters(), lr=1e-2),
    ]
    telemetry = attach(model, optimizers)
    for _, y in data():
        user, items = torch.randint(3000, (len(y),)), torch.randint(2000, (len(y), 4))
        loss = functional.mse_loss(model(user, items), y)
        for each in optimizers:
            each.zero_grad()
        loss.backward()
        for each in optimizers:
            each.step()
        if telemetry:
            telemetry.step(loss)
    return model


def gan(attach: Attach) -> nn.Module:
    """A generator and a discriminator in turn, which turn each other's weights off."""
    torch.manual_seed(1)
    model = nn.ModuleDict({"generator": nn.Linear(4, 8), "critic": nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 1))})
    generator, critic = model["generator"], model["critic"]
    by_g = torch.optim.Adam(generator.parameters(), lr=1e-3)
    by_c = torch.optim.Adam(critic.parameters(), lr=1e-3)
    telemetry = attach(model, [by_g, by_c])
    for x, _ in data():
        fake = generator(torch.randn(len(x), 4))
        critic.requires_grad_(True)
        loss = functional.softplus(critic(fake.detach())).mean() + functional.softplus(-critic(x)).mean()
        by_c.zero_grad()
        loss.backward()
        by_c.step()
        critic.requires_grad_(False)
        by_g.zero_grad()
        functional.softplus(-critic(fake)).mean().backward()
        by_g.step()
        if telemetry:
            telemetry.step(loss)
    return model


class Sam(torch.optim.Optimizer):
    """Sharpness-aware minimisation around another optimizer (Foret et al. 2021)."""

    def __init__(self, weights: Any, base: type[torch.optim.Optimizer], **options: Any) -> None:
        super().__init__(weights, options)
        self.base_optimizer = base(self.param_groups, **options)

    @torch.no_grad()
    def climb(self) -> None:
        """Go to the worst place near by."""
        for group in self.param_groups:
            for weight in group["params"]:
                self.state[weight]["old"] = weight.clone()
                weight.add_(0.05 * weight.grad / (weight.grad.norm() + 1e-12))

    @torch.no_grad()
    def descend(self) -> None:
        """Go back, and take the step."""
        for group in self.param_groups:
            for weight in group["params"]:
                weight.copy_(self.state[weight]["old"])
        self.base_optimizer.step()


def sam(attach: Attach) -> nn.Module:
    """Two backward passes a step; the wrapper's own `step` is never called."""
    model = net()
    optimizer = Sam(model.parameters(), torch.optim.SGD, lr=1e-2)
    telemetry = attach(model, optimizer)
    for x, y in data():
        for move in (optimizer.climb, optimizer.descend):
            optimizer.zero_grad()
            loss = (model(x) - y).square().mean()
            loss.backward()
            move()
        if telemetry:
            telemetry.step(loss)
    return model


def lbfgs(attach: Attach) -> nn.Module:
    """A step that computes its gradients itself."""
    model = net(dropout=0.0)
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=3)
    telemetry = attach(model, optimizer)
    x, y = data(rows=STEPS * 16)[0]
    for _ in range(STEPS):

        def closure(x: Tensor = x, y: Tensor = y) -> Tensor:
            optimizer.zero_grad()
            loss = (model(x) - y).square().mean()
            loss.backward()
            return loss

        loss = optimizer.step(closure)
        if telemetry:
            telemetry.step(loss)
    return model


class Lion:
    """An optimizer that is none of torch's, and writes through `.data`."""

    def __init__(self, weights: Any, lr: float) -> None:
        self.param_groups = [{"params": list(weights), "lr": lr}]

    def step(self) -> None:
        """Move every weight by the sign of its gradient."""
        for weight in self.param_groups[0]["params"]:
            weight.data.add_(weight.grad.sign(), alpha=-self.param_groups[0]["lr"])


def foreign(attach: Attach) -> nn.Module:
    """No hook can be put on this optimizer."""
    model = net()
    optimizer = Lion(model.parameters(), lr=1e-3)
    telemetry = attach(model, optimizer)
    for x, y in data():
        model.zero_grad()
        loss = (model(x) - y).square().mean()
        loss.backward()
        optimizer.step()
        if telemetry:
            telemetry.step(loss)
    return model


def changing(attach: Attach) -> nn.Module:
    """Weights are frozen, thawed, added, shared and taken away; the model is copied and saved."""

    def change(step: int, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        assert isinstance(model, nn.Sequential)
        if step in (5, 20):
            model[0].requires_grad_(step == 20)
        if step == 10:
            model.append(nn.Linear(1, 1))
            optimizer.add_param_group({"params": model[4].parameters(), "lr": 1e-3})
        if step == 15:
            model[3].bias = model[4].bias
            copy.deepcopy(model)(torch.zeros(2, 8))
        if step == 25:
            del model[4]

    return plain(attach, change=change)


def scaled(attach: Attach) -> nn.Module:
    """A gradient scaler that begins too high, with a step in the middle that overflows."""
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**125, growth_interval=1000)
    telemetry = attach(model, optimizer)
    for step, (x, y) in enumerate(data()):
        optimizer.zero_grad()
        loss = (model(x) - y).square().mean()
        scaler.scale(loss * (float("inf") if step == 20 else 1.0)).backward()
        scaler.unscale_(optimizer)
        if telemetry:
            telemetry.look()
        scaler.step(optimizer)
        scaler.update()
        if telemetry:
            telemetry.step(loss)
    return model


def lazy(attach: Attach) -> nn.Module:
    """Weights that the first forward pass makes."""
    torch.manual_seed(1)
    model = nn.Sequential(nn.LazyLinear(8), nn.Tanh(), nn.LazyLinear(1))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
    telemetry = attach(model, optimizer)
    for x, y in data():
        optimizer.zero_grad()
        loss = (model(x) - y).square().mean()
        loss.backward()
        optimizer.step()
        if telemetry:
            telemetry.step(loss)
    return model


def checkpointed(attach: Attach) -> nn.Module:
    """Activations are computed again in the backward pass, in half precision, with complex weights beside."""
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
    model.register_parameter("phase", nn.Parameter(torch.ones(2, dtype=torch.complex64)))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    telemetry = attach(model, optimizer)
    for x, y in data():
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            inner = torch.utils.checkpoint.checkpoint(model[:2], x, use_reentrant=False)
            loss = (model[2](inner).float() * model.phase.abs().prod() - y).square().mean()
        loss.backward()
        optimizer.step()
        if telemetry:
            telemetry.step(loss)
    return model


def double(attach: Attach) -> nn.Module:
    """Weights in double precision, one of them beside the others in single."""
    model = net().double()
    model[3].bias = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    telemetry = attach(model, optimizer)
    for x, y in data():
        optimizer.zero_grad()
        inner = model[2](model[1](model[0](x.double())))
        loss = (inner @ model[3].weight.T + model[3].bias - y).square().mean()
        loss.backward()
        optimizer.step()
        if telemetry:
            telemetry.step(loss)
    return model


TRAININGS: dict[str, Callable[[Attach], nn.Module]] = {
    "plain": plain,
    "sparse": sparse,
    "gan": gan,
    "sam": sam,
    "lbfgs": lbfgs,
    "foreign": foreign,
    "changing": changing,
    "scaled": scaled,
    "lazy": lazy,
    "checkpointed": checkpointed,
    "double": double,
}
"""Every training by name."""
