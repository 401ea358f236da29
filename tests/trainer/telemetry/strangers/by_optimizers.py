"""Healthy trainings with many kinds of optimizers: wrappers, closures, several at once, and some not torch's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.trainer.telemetry.strangers.common import (
    Decoder,
    clusters,
    evaluate,
    fit,
    healthy,
    images,
    mlp,
    next_token_loss,
    points,
    texts,
    watch,
)


def mse(model: nn.Module) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the loss of a regression."""
    return lambda x, y: functional.mse_loss(model(x), y)


class Muon(torch.optim.Optimizer):
    """Momentum made orthogonal by Newton and Schulz (Jordan 2024)."""

    def __init__(self, weights: Any, lr: float) -> None:
        super().__init__(weights, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Take a step."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                moment = self.state[weight].setdefault("moment", torch.zeros_like(weight))
                moment.mul_(0.95).add_(weight.grad)
                x = moment / (moment.norm() + 1e-7)
                for _ in range(5):
                    square = x @ x.T
                    x = 3.4445 * x + (-4.775 * square + 2.0315 * square @ square) @ x
                weight.add_(x, alpha=-group["lr"])


@healthy
def muon_with_adamw(log: Path) -> None:
    """Muon for matrices, AdamW for the rest."""
    torch.manual_seed(1)
    model = Decoder()
    matrices = [weight for block in model.blocks for weight in block.parameters() if weight.dim() == 2]
    known = set(map(id, matrices))
    rest = [weight for weight in model.parameters() if id(weight) not in known]
    optimizers = [Muon(matrices, 5e-3), torch.optim.AdamW(rest, 3e-3)]
    batches, loss_of = texts(), next_token_loss(model)
    with watch(log, model, optimizers, epochs=4, batches=70) as telemetry:
        for _ in range(4):
            for batch in batches[:70]:
                loss = loss_of(*batch)
                loss.backward()
                for each in optimizers:
                    each.step()
                    each.zero_grad()
                telemetry.step(loss)
            telemetry.epoch(evaluate(model, loss_of, batches[70:]))


class Lookahead:
    """Slow weights around another optimizer (Zhang et al. 2019); no optimizer of torch itself."""

    def __init__(self, base: torch.optim.Optimizer, every: int = 5) -> None:
        self.optimizer, self.every, self.num = base, every, 0
        self.param_groups = base.param_groups
        self.slow = [[weight.detach().clone() for weight in group["params"]] for group in self.param_groups]

    def zero_grad(self) -> None:
        """Clear the gradients."""
        self.optimizer.zero_grad()

    @torch.no_grad()
    def step(self) -> None:
        """Take a step; every fifth one goes half the way back."""
        self.optimizer.step()
        self.num += 1
        if self.num % self.every:
            return
        for group, slow in zip(self.param_groups, self.slow, strict=True):
            for weight, old in zip(group["params"], slow, strict=True):
                old.add_(weight - old, alpha=0.5)
                weight.copy_(old)


@healthy
def lookahead(log: Path) -> None:
    """A wrapper that moves weights by itself."""
    model = mlp()
    optimizer: Any = Lookahead(torch.optim.AdamW(model.parameters(), 3e-3))
    fit(log, model, optimizer, points(), mse(model))


class Sam(torch.optim.Optimizer):
    """Sharpness-aware minimisation with a closure (Foret et al. 2021)."""

    def __init__(self, weights: Any, base: type[torch.optim.Optimizer], **options: Any) -> None:
        super().__init__(weights, options)
        self.base_optimizer = base(self.param_groups, **options)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Climb, look at the gradient there, go back and step."""
        weights = [weight for group in self.param_groups for weight in group["params"] if weight.grad is not None]
        norm = torch.stack([weight.grad.norm() for weight in weights]).norm() + 1e-12
        old = [weight.clone() for weight in weights]
        for weight in weights:
            weight.add_(weight.grad, alpha=float(0.05 / norm))
        with torch.enable_grad():
            closure()
        for weight, before in zip(weights, old, strict=True):
            weight.copy_(before)
        self.base_optimizer.step()


@healthy
def sam_with_closure(log: Path) -> None:
    """Two backward passes a step, the second in a closure."""
    model = mlp(out=5)
    optimizer = Sam(model.parameters(), torch.optim.SGD, lr=0.1, momentum=0.9)
    batches = clusters()
    with watch(log, model, optimizer, epochs=4, batches=80) as telemetry:
        for _ in range(4):
            for x, y in batches[:80]:

                def closure(x: Tensor = x, y: Tensor = y) -> Tensor:
                    optimizer.zero_grad()
                    loss = functional.cross_entropy(model(x), y)
                    loss.backward()
                    return loss

                loss = closure()
                optimizer.step(closure)
                telemetry.step(loss)
            telemetry.epoch(evaluate(model, lambda x, y: functional.cross_entropy(model(x), y), batches[80:]))


@healthy
def lbfgs(log: Path) -> None:
    """Twenty evaluations a step over all of the data."""
    model, batches = mlp(), points()
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=5, line_search_fn="strong_wolfe")
    x, y = (torch.cat(each) for each in zip(*batches[:40], strict=True))
    with watch(log, model, optimizer, epochs=40, batches=1) as telemetry:
        for _ in range(40):

            def closure() -> Tensor:
                optimizer.zero_grad()
                loss = functional.mse_loss(model(x), y)
                loss.backward()
                return loss

            telemetry.step(optimizer.step(closure))
            telemetry.epoch(evaluate(model, mse(model), batches[80:]))


@healthy
def gradient_scaler(log: Path) -> None:
    """A scaler that begins too high, and unscales before clipping."""
    model, batches = mlp(), points()
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**16, growth_interval=60)
    with watch(log, model, optimizer, epochs=4, batches=80) as telemetry:
        for epoch in range(4):
            for index, (x, y) in enumerate(batches[:80]):
                optimizer.zero_grad()
                loss = functional.mse_loss(model(x), y)
                scaler.scale(loss).backward()
                if epoch == 0 and index < 3:
                    model[0].weight.grad[0, 0] = float("inf")
                scaler.unscale_(optimizer)
                telemetry.look()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                scaler.step(optimizer)
                scaler.update()
                telemetry.step(loss, samples=len(x))
            telemetry.epoch(evaluate(model, mse(model), batches[80:]))


class Lion:
    """No optimizer of torch: it moves each weight by the sign of its momentum (Chen et al. 2023)."""

    def __init__(self, weights: Any, lr: float) -> None:
        self.param_groups = [{"params": list(weights), "lr": lr}]
        self.moments = [torch.zeros_like(weight) for weight in self.param_groups[0]["params"]]

    def zero_grad(self) -> None:
        """Clear the gradients."""
        for weight in self.param_groups[0]["params"]:
            weight.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Take a step."""
        for weight, moment in zip(self.param_groups[0]["params"], self.moments, strict=True):
            weight.add_((0.9 * moment + 0.1 * weight.grad).sign(), alpha=-self.param_groups[0]["lr"])
            moment.mul_(0.99).add_(weight.grad, alpha=0.01)


@healthy
def lion_without_hooks(log: Path) -> None:
    """An optimizer on which no hook can be put."""
    model = mlp()
    optimizer: Any = Lion(model.parameters(), 1e-3)
    fit(log, model, optimizer, points(), mse(model))


@healthy
def adafactor(log: Path) -> None:
    """Factored second moments and relative steps."""
    torch.manual_seed(1)
    model = Decoder()
    fit(log, model, torch.optim.Adafactor(model.parameters(), lr=1e-2), texts(), next_token_loss(model), clip=1.0)


@healthy
def two_groups_of_rates(log: Path) -> None:
    """A body at a hundredth of the head's rate, no decay for biases."""
    model = mlp(out=5)
    groups = [
        {"params": [model[0].weight], "lr": 1e-4, "weight_decay": 0.1},
        {"params": [model[0].bias], "lr": 1e-4, "weight_decay": 0.0},
        {"params": model[2].parameters(), "lr": 1e-2},
    ]
    loss_of = lambda x, y: functional.cross_entropy(model(x), y)  # noqa: E731
    fit(log, model, torch.optim.AdamW(groups), clusters(), loss_of)


@healthy
def one_cycle_momentum(log: Path) -> None:
    """SGD with momentum under the one-cycle schedule, on images with batch norm."""
    torch.manual_seed(1)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(72, 4)
    )
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=4 * 54)
    fit(log, model, optimizer, images(), lambda x, y: functional.cross_entropy(model(x), y), schedule=schedule)


@healthy
def alternating_halves(log: Path) -> None:
    """Two optimizers, each of which steps in every second step only."""
    model, batches = mlp(), points()
    optimizers = [torch.optim.Adam(model[0].parameters(), 3e-3), torch.optim.Adam(model[2].parameters(), 3e-3)]
    with watch(log, model, optimizers, epochs=4, batches=80) as telemetry:
        for _ in range(4):
            for index, (x, y) in enumerate(batches[:80]):
                loss = functional.mse_loss(model(x), y)
                for each in optimizers:
                    each.zero_grad()
                loss.backward()
                optimizers[index % 2].step()
                telemetry.step(loss)
            telemetry.epoch(evaluate(model, mse(model), batches[80:]))


@healthy
def stochastic_weight_averaging(log: Path) -> None:
    """A constant rate with averaged weights that are validated."""
    model, batches = mlp(), points()
    optimizer = torch.optim.SGD(model.parameters(), 0.02, momentum=0.9)
    average = torch.optim.swa_utils.AveragedModel(model)
    with watch(log, model, optimizer, epochs=4, batches=80) as telemetry:
        for epoch in range(4):
            for x, y in batches[:80]:
                optimizer.zero_grad()
                loss = functional.mse_loss(model(x), y)
                loss.backward()
                optimizer.step()
                if epoch >= 2:
                    average.update_parameters(model)
                telemetry.step(loss)
            telemetry.epoch(
                evaluate(average if epoch >= 2 else model, mse(average if epoch >= 2 else model), batches[80:])
            )
