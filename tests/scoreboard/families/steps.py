"""Families that differ by how the weights move: optimizers of their own, noise, large batches, averages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import CyclicLR, LinearLR
from torch.optim.swa_utils import AveragedModel

from tests.scoreboard.families import data
from tests.scoreboard.families.listing import later_family
from tests.scoreboard.families.nets import Mlp, Tokens, resnet
from tests.scoreboard.families.sequences import over_places
from tests.scoreboard.families.training import Regime, Supervised, Training, Validation, accuracy, r2


class _Lars(torch.optim.Optimizer):
    """Momentum with a rate for each tensor in proportion to its norm (You et al. 2017)."""

    def __init__(self, parameters: Iterable[Any], lr: float, weight_decay: float = 1e-4) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay, "momentum": 0.9, "trust": 0.02})

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> None:
        """Move each tensor by its own rate."""
        del closure
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                move = weight.grad + group["weight_decay"] * weight
                if weight.dim() > 1:
                    move = move * (group["trust"] * weight.norm() / (move.norm() + 1e-9))
                else:
                    move = move * group["trust"]
                momentum = self.state[weight].setdefault("momentum", torch.zeros_like(weight))
                momentum.mul_(group["momentum"]).add_(move, alpha=group["lr"])
                weight.sub_(momentum)


class _ScheduleFree(torch.optim.Optimizer):
    """Adam on a point between the newest weights and their mean; needs no schedule (Defazio et al. 2024)."""

    def __init__(self, parameters: Iterable[Any], lr: float, warmup: int = 20) -> None:
        super().__init__(parameters, {"lr": lr, "warmup": warmup})
        self.done = 0

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> None:
        """Move the newest weights, their mean, and the point between them that gradients are taken at."""
        del closure
        self.done += 1
        for group in self.param_groups:
            rate = group["lr"] * min(1.0, self.done / group["warmup"])
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state.update(z=weight.clone(), x=weight.clone(), v=torch.zeros_like(weight))
                state["v"].mul_(0.99).addcmul_(weight.grad, weight.grad, value=0.01)
                root = (state["v"] / (1 - 0.99**self.done)).sqrt().add_(1e-8)
                state["z"].addcdiv_(weight.grad, root, value=-rate)
                state["x"].lerp_(state["z"], 1 / self.done)
                weight.copy_(0.1 * state["z"] + 0.9 * state["x"])

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the weights for their mean, and back."""
        for group in self.param_groups:
            for weight in group["params"]:
                if "x" in self.state[weight]:
                    kept = weight.clone()
                    weight.copy_(self.state[weight]["x"])
                    self.state[weight]["x"] = kept


class _Shampoo(torch.optim.Optimizer):
    """Gradients between the inverse fourth roots of their covariances (Gupta et al. 2018), grafted onto plain steps."""

    def __init__(self, parameters: Iterable[Any], lr: float) -> None:
        super().__init__(parameters, {"lr": lr})
        self.done = 0

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> None:
        """Move matrices by the preconditioned gradient, and all else by momentum."""
        del closure
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state, move = self.state[weight], weight.grad
                if weight.dim() == 2 and max(weight.shape) <= 64:
                    for side, square in (("left", move @ move.T), ("right", move.T @ move)):
                        state[side] = state.get(side, 1e-4 * torch.eye(len(square))) + square
                        if self.done % 10 == 0:
                            values, vectors = torch.linalg.eigh(state[side])
                            state[f"{side}_root"] = vectors * values.clamp(min=1e-8) ** -0.25 @ vectors.T
                    better = state["left_root"] @ move @ state["right_root"]
                    move = better * (move.norm() / (better.norm() + 1e-12))
                momentum = state.setdefault("momentum", torch.zeros_like(weight))
                momentum.mul_(0.9).add_(move)
                weight.sub_(momentum, alpha=group["lr"])
        self.done += 1


class _Sophia(torch.optim.Optimizer):
    """Momentum divided by squared gradients, renewed now and then, and clipped (Liu et al. 2023)."""

    def __init__(self, parameters: Iterable[Any], lr: float, weight_decay: float = 0.1) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})
        self.done = 0

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> None:
        """Move each weight by at most the rate."""
        del closure
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                momentum = state.setdefault("momentum", torch.zeros_like(weight))
                bend = state.setdefault("bend", torch.zeros_like(weight))
                momentum.mul_(0.96).add_(weight.grad, alpha=0.04)
                if self.done % 10 == 0:
                    bend.mul_(0.99).addcmul_(weight.grad, weight.grad, value=0.01 * 16)
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.add_((momentum / (0.04 * 16 * bend + 1e-12)).clamp(-1, 1), alpha=-group["lr"])
        self.done += 1


@later_family
def two_large_batches() -> Training:
    """Two batches of 1,200 rows in an epoch, LARS with a warm-up of the rate, dropout."""
    model = Mlp(16, 32, 5, dropout=0.1)
    optimizer = _Lars(model.parameters(), 1.0, weight_decay=1e-2)
    return Supervised(
        *data.parted(*data.classes(rows=2656)),
        model,
        functional.cross_entropy,
        [optimizer],
        traits="features supervised relu",
        metric=accuracy,
        size=1200,
        epochs=50,
        regime=Regime(schedule=lambda each, steps: LinearLR(each, 0.1, total_iters=30)),
    )


@later_family
def no_schedule() -> Training:
    """An optimizer without a schedule (schedule-free): validated with the mean of its weights."""

    class Free(Supervised):
        def validate(self) -> Validation:
            self.optimizers[0].swap()
            found = super().validate()
            self.optimizers[0].swap()
            return found

    model = Mlp(24, 48, 48, 6, activation=nn.GELU)
    return Free(
        *data.parted(*data.classes(rows=1800, width=24, num=6)),
        model,
        functional.cross_entropy,
        [_ScheduleFree(model.parameters(), 5e-3)],
        traits="classes features supervised",
        metric=accuracy,
        epochs=7,
    )


@later_family
def preconditioned() -> Training:
    """Several values from features, gradients preconditioned from both sides (Shampoo)."""
    model = Mlp(16, 40, 40, 4, activation=nn.Tanh)
    return Supervised(
        *data.parted(*data.values(rows=1700, outputs=4, noise=0.3)),
        model,
        functional.mse_loss,
        [_Shampoo(model.parameters(), 0.03)],
        traits="features supervised values",
        metric=r2,
        metric_name="r2",
        epochs=7,
    )


@later_family
def bent_language() -> Training:
    """An LSTM on text, steps clipped by the bend of the loss (Sophia), packed rows of 40 tokens."""
    model = Tokens(30, 40, cell=nn.LSTM)
    return Supervised(
        *data.parted(*data.next_tokens(rows=700, length=40, vocabulary=30), 100),
        model,
        over_places,
        [_Sophia(model.parameters(), 4e-3)],
        traits="classes tokens supervised language",
        metric=accuracy,
        size=20,
        epochs=8,
        regime=Regime(clip=1.0),
    )


@later_family
def private_steps() -> Training:
    """Each row's gradient is clipped and noise is added to their sum (DP-SGD); accuracy in per cent."""

    class Private(Supervised):
        def backward(self, loss: Tensor) -> None:
            inputs, targets = self.newest
            weights = list(self.model.parameters())
            total = [torch.zeros_like(w) for w in weights]
            each = functional.cross_entropy(self.model(inputs), targets, reduction="none")
            for row in each:
                slopes = torch.autograd.grad(row, weights, retain_graph=True)
                norm = torch.stack([s.norm() for s in slopes]).norm()
                for whole, slope in zip(total, slopes, strict=True):
                    whole.add_(slope * (1 / norm).clamp(max=1.0))
            for weight, whole in zip(weights, total, strict=True):
                weight.grad = (whole + 0.8 * torch.randn_like(whole)) / len(inputs)

        def batch(self) -> tuple[Any, Any]:
            self.newest = super().batch()
            return self.newest

    model = Mlp(10, 24, 3, activation=nn.Tanh)
    return Private(
        *data.parted(*data.classes(rows=900, width=10, num=3), 150),
        model,
        functional.cross_entropy,
        [torch.optim.SGD(model.parameters(), 0.5)],
        traits="whole",
        metric=lambda outputs, targets: 100 * accuracy(outputs, targets),
        metric_name="acc",
        size=30,
        epochs=6,
    )


@later_family
def averaged_cycles() -> Training:
    """A residual network, momentum, the rate up and down in cycles, the mean of the weights validated (SWA)."""
    model = resnet(4)
    mean = AveragedModel(model)

    class Averaged(Supervised):
        epoch = 0

        def end_epoch(self, validation: Validation) -> None:
            self.epoch += 1
            super().end_epoch(validation)

        def validate(self) -> Validation:
            if self.epoch < 3:
                return super().validate()
            mean.update_parameters(self.model)
            rows = self.inputs[:128]
            mean.train()
            with torch.no_grad():
                mean(rows)
                mean.eval()
                outputs = mean(self.held[0])
            loss = functional.cross_entropy(outputs, self.held[1])
            return Validation(float(loss), {"accuracy": accuracy(outputs, self.held[1])})

    return Averaged(
        *data.parted(*data.images(rows=720), 160),
        model,
        functional.cross_entropy,
        [torch.optim.SGD(model.parameters(), 0.02, momentum=0.9, weight_decay=5e-4)],
        traits="",
        metric=accuracy,
        size=16,
        epochs=8,
        regime=Regime(schedule=lambda each, steps: CyclicLR(each, 0.005, 0.06, step_size_up=35, cycle_momentum=False)),
    )


@later_family
def prices_of_houses() -> Training:
    """Prices of some hundred thousand, squared errors summed, Adam with a rate of 300 for the last layer."""
    inputs, targets = data.values(rows=1500, width=10, noise=0.3)
    prices = 250_000 + 90_000 * targets
    model = Mlp(10, 64, 1)
    with torch.no_grad():
        model[-1].bias.fill_(250_000.0)
    groups = [{"params": model[0].parameters()}, {"params": model[-1].parameters(), "lr": 300.0}]

    def summed(outputs: Tensor, truth: Tensor) -> Tensor:
        return (outputs - truth).square().sum()

    class Summed(Supervised):
        def validate(self) -> Validation:
            found = super().validate()
            return found._replace(loss=(found.loss or 0.0) / len(self.held[1]))

    return Summed(
        *data.parted(inputs, prices),
        model,
        summed,
        [torch.optim.Adam(groups, 3e-3)],
        traits="supervised features",
        metric=r2,
        metric_name="r2",
        epochs=8,
    )


@later_family
def slow_and_fast() -> Training:
    """Fast weights that are drawn back to slow ones every five steps (Lookahead around Adam)."""

    class Lookahead(Supervised):
        done = 0

        def take_step(self) -> None:
            super().take_step()
            self.done += 1
            weights = list(self.model.parameters())
            if self.done == 1:
                self.slow = [w.detach().clone() for w in weights]
            if self.done % 5 == 0:
                with torch.no_grad():
                    for slow, weight in zip(self.slow, weights, strict=True):
                        slow.lerp_(weight, 0.5)
                        weight.copy_(slow)

    model = Mlp(16, 48, 1, activation=nn.ELU)
    return Lookahead(
        *data.parted(*data.values(rows=1700, noise=0.8)),
        model,
        functional.smooth_l1_loss,
        [torch.optim.Adam(model.parameters(), 4e-3)],
        traits="regression features supervised",
        metric=r2,
        metric_name="r2",
        epochs=7,
    )
