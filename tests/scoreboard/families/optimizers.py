"""Optimizers that torch lacks or that wrap another one, each in the form in which people use it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn


class Lion(torch.optim.Optimizer):
    """The sign of a blend of momentum and gradient (Chen et al. 2023)."""

    def __init__(self, parameters: Iterable[Any], lr: float = 1e-4, weight_decay: float = 0.0) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> None:
        """Move each weight by the rate."""
        del closure
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                momentum = state.setdefault("momentum", torch.zeros_like(weight))
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.add_((0.9 * momentum + 0.1 * weight.grad).sign(), alpha=-group["lr"])
                momentum.mul_(0.99).add_(weight.grad, alpha=0.01)


class Sam(torch.optim.Optimizer):
    """Sharpness-aware minimisation around another optimizer (Foret et al. 2021): two passes in each step."""

    def __init__(self, base: torch.optim.Optimizer, rho: float = 0.05) -> None:
        self.base, self.rho = base, rho
        super().__init__(base.param_groups, {})
        self.param_groups = base.param_groups

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> None:
        """Climb, let ``closure`` compute the gradients there, come back and step."""
        assert closure is not None
        weights = [w for group in self.param_groups for w in group["params"] if w.grad is not None]
        norm = torch.stack([w.grad.norm() for w in weights]).norm() + 1e-12
        moves = [w.grad * (self.rho / norm) for w in weights]
        for weight, move in zip(weights, moves, strict=True):
            weight.add_(move)
        with torch.enable_grad():
            closure()
        for weight, move in zip(weights, moves, strict=True):
            weight.sub_(move)
        self.base.step()


def muon(model: nn.Module, lr: float = 0.02, rest: float = 1e-3) -> list[torch.optim.Optimizer]:
    """Return Muon for the inner matrices and AdamW for all else, as its authors advise."""
    inner = [
        w
        for name, w in model.named_parameters()
        if w.dim() == 2 and "head" not in name and "embed" not in name and "tokens" not in name and "places" not in name
    ]
    chosen = {id(w) for w in inner}
    others = [w for w in model.parameters() if id(w) not in chosen]
    return [torch.optim.Muon(inner, lr=lr), torch.optim.AdamW(others, lr=rest)]


def cosine(warmup: int = 20) -> Callable[[torch.optim.Optimizer, int], Any]:
    """Return a warm-up and half a cosine."""

    def make(optimizer: torch.optim.Optimizer, steps: int) -> Any:
        first = torch.optim.lr_scheduler.LinearLR(optimizer, 0.05, total_iters=warmup)
        rest = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, steps - warmup))
        return torch.optim.lr_scheduler.SequentialLR(optimizer, [first, rest], [warmup])

    return make
