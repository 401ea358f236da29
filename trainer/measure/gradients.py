"""Measurements of gradients: by group of parameters, and of the encoder's outputs.

In: parameters by group, modules by name. Out: records with plain numbers; nothing is logged here. A report is reduced
on the device and read back once, so it costs one synchronisation. Unusual norms, 0 included, are computed a second
time in double precision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from trainer.measure.model_parts import Groups
from trainer.measure.norms import is_single_exact, num_nonfinite


class GroupGradient(NamedTuple):
    """The gradient of one group; a per-feature tensor counts as one tensor per feature."""

    group: str
    norm: float
    max: float
    num_with_grad: int
    num_tensors: int
    num_small: int  # tensors whose gradient norm is below the warning level
    num_none: int
    mean_abs: float
    num_nonfinite: int  # elements


class EncoderGradient(NamedTuple):
    """The gradient that reached one tensor of the encoder."""

    tensor: str
    norm: float
    max: float


class GradientMonitor:
    """Measure every group's gradient after unscaling and before clipping."""

    def __init__(self, groups: Groups, *, per_feature: AbstractSet[str], warn_norm: float) -> None:
        self._groups, self._per_feature, self._warn_norm = groups, per_feature, warn_norm

    def measure(self) -> tuple[GroupGradient, ...]:
        """Return one record per group, with one synchronisation for all tensors, or two if a norm is unusual."""
        numbers = self._numbers(torch.float32)
        if not is_single_exact(numbers):
            numbers = self._numbers(torch.float64)
        following = iter(numbers)
        return tuple(self._read(name, group, following) for name, group in self._groups.items())

    def _numbers(self, dtype: torch.dtype) -> list[float]:
        """Return the numbers that `_read` takes for each group, computed in this precision."""
        found: list[Tensor] = []
        for group in self._groups.values():
            grads = [weight.grad for weight in group.values() if weight.grad is not None]
            if grads:
                found += [*self._norms(group, dtype), *_totals(grads, dtype)]
        return torch.cat([each.reshape(-1) for each in found]).tolist() if found else []

    def _norms(self, group: Mapping[str, nn.Parameter], dtype: torch.dtype) -> list[Tensor]:
        """Return one norm per counted tensor: first whole tensors, then slices, each in group order."""
        whole = [w.grad for name, w in group.items() if w.grad is not None and name not in self._per_feature]
        sliced = [w.grad for name, w in group.items() if w.grad is not None and name in self._per_feature]
        norms = torch._foreach_norm(whole, 2, dtype=dtype) if whole else ()
        slices = [torch.linalg.vector_norm(grad.reshape(len(grad), -1), dim=1, dtype=dtype) for grad in sliced]
        return [*norms, *slices]

    def _read(self, name: str, group: Mapping[str, nn.Parameter], numbers: Iterator[float]) -> GroupGradient:
        counts = {n: len(w) if n in self._per_feature else 1 for n, w in group.items()}
        num_tensors = sum(counts.values())
        num_with_grad = sum(counts[n] for n, w in group.items() if w.grad is not None)
        num_none = num_tensors - num_with_grad
        if not num_with_grad:
            return GroupGradient(name, 0.0, 0.0, 0, num_tensors, 0, num_none, 0.0, 0)
        norms = [next(numbers) for _ in range(num_with_grad)]
        norm, largest, total_abs = sum(norm**2 for norm in norms) ** 0.5, next(numbers), next(numbers)
        grads = [w.grad for w in group.values() if w.grad is not None]
        return GroupGradient(
            group=name,
            norm=norm,
            max=largest,
            num_with_grad=num_with_grad,
            num_tensors=num_tensors,
            num_small=sum(norm < self._warn_norm for norm in norms),
            num_none=num_none,
            mean_abs=total_abs / sum(grad.numel() for grad in grads),
            num_nonfinite=num_nonfinite(grads, norm),
        )


class EncoderGradientHooks:
    """Catch the gradients of named modules' outputs; with accumulation, those of the last backward pass."""

    def __init__(self, modules: Mapping[str, nn.Module]) -> None:
        self._modules = modules
        self._caught: dict[str, Tensor] = {}
        self._handles: list[RemovableHandle] = []

    def listen(self) -> None:
        """Catch gradients until `measure` is called; our hooks come first, before others can change the outputs."""
        self._handles = [
            module.register_forward_hook(self._watch(name), prepend=True) for name, module in self._modules.items()
        ]

    def measure(self) -> tuple[EncoderGradient, ...]:
        """Stop listening and return the gradients of the last backward pass: 0 for a tensor that it did not reach."""
        if not self._handles:
            return ()
        for handle in self._handles:
            handle.remove()
        self._handles = []
        nothing = torch.zeros(2, dtype=torch.float64)
        device = next((each.device for each in self._caught.values()), nothing.device)
        caught = [self._caught.get(name, nothing).to(device) for name in self._modules]
        self._caught.clear()
        numbers = torch.stack(caught).tolist()
        return tuple(EncoderGradient(name, *pair) for name, pair in zip(self._modules, numbers, strict=True))

    def _watch(self, name: str) -> Callable[[nn.Module, object, Tensor], None]:
        def catch(grad: Tensor) -> None:
            self._caught[name] = torch.stack([grad.double().norm(), grad.double().abs().max()])

        def on_forward(module: nn.Module, inputs: object, output: Tensor) -> None:
            if output.requires_grad:
                output.register_hook(catch)

        return on_forward


def _totals(grads: list[Tensor], dtype: torch.dtype) -> list[Tensor]:
    """Return the largest absolute value and the sum of absolute values."""
    magnitudes = list(torch._foreach_abs(grads))
    largest = torch.stack(torch._foreach_max(magnitudes)).max()
    # Not the norm of order 1: on a CPU it adds one by one, where a sum adds pairwise and is more precise.
    total_abs = torch.stack([each.sum(dtype=dtype) for each in magnitudes]).sum()
    return [largest, total_abs]
