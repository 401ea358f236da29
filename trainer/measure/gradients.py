"""Measurements of gradients, weights, activations and inputs: they look and return records, and never log.

In: parameters by group, modules by name, a batch. Out: frozen records with plain numbers. Each report reduces
on the device and is read back once, so that looking costs one synchronisation. Norms out of the ordinary, those of
nothing among them, are worked out a second time in double precision.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

Groups = Mapping[str, Mapping[str, nn.Parameter]]
"""Parameters by group and full name."""

ACTIVE_SHARE = 0.01
"""A unit is dead when active in less than this share of the batch (1 % in SageMaker Debugger's DeadRelu)."""

ACTIVE_LEVEL = 1e-3
"""An output counts as active above this multiple of its layer's root mean square. Chosen by hand."""

SATURATED_LEVEL = 0.99
"""An output of a bounded layer counts as saturated above this share of its bound. Chosen by hand."""

SINGLE_RANGE = (1e-12, 1e15)
"""Norms that single precision gets right, several times as fast as double: below, squares of elements vanish, above,
they overflow (they do so at 1e-19 and 1e19 for an element).
"""

EXACT_IN_SINGLE = 2**24
"""Elements of a tensor up to which a count in single precision is exact."""


class GroupGradient(NamedTuple):
    """The gradient of one group; a per-feature tensor counts as one tensor for each feature."""

    group: str
    norm: float
    max: float
    num_with_grad: int
    num_tensors: int
    num_small: int  # with a gradient whose norm is below the warning level
    num_none: int
    mean_abs: float
    num_nonfinite: int  # elements


class EncoderGradient(NamedTuple):
    """The gradient that reached one tensor of the encoder."""

    tensor: str
    norm: float
    max: float


class GroupWeight(NamedTuple):
    """The weights of one group and how the last step moved them."""

    group: str
    norm: float
    update: float
    ratio: float
    unchanged: float  # share of the elements in training that did not move
    num_nonfinite: int
    stale_grad: float | None  # gradient norm before the backward pass, where that is known to begin with none


class LayerActivation(NamedTuple):
    """The outputs of one layer in one batch."""

    layer: str
    mean: float
    std: float
    num_dead: int
    num_units: int
    num_saturated: int


class InputStatistics(NamedTuple):
    """One batch's inputs; `worst` is the feature farthest from mean 0 and standard deviation 1."""

    mean: float
    std: float
    worst: int
    worst_mean: float
    worst_std: float


class GradientMonitor:
    """Measure every group's gradient after unscaling and before clipping."""

    def __init__(self, groups: Groups, *, per_feature: AbstractSet[str], warn_norm: float) -> None:
        self._groups, self._per_feature, self._warn_norm = groups, per_feature, warn_norm

    def measure(self) -> tuple[GroupGradient, ...]:
        """Return one record per group; one synchronisation however many tensors there are, unless a norm is out of
        the ordinary.
        """
        numbers = self._numbers(torch.float32)
        if not _is_single(numbers):
            numbers = self._numbers(torch.float64)
        following = iter(numbers)
        return tuple(self._read(name, group, following) for name, group in self._groups.items())

    def _numbers(self, dtype: torch.dtype) -> list[float]:
        """Return what `_read` takes for each group, worked out in this precision."""
        found: list[Tensor] = []
        for group in self._groups.values():
            grads = [weight.grad for weight in group.values() if weight.grad is not None]
            if grads:
                found += [*self._norms(group, dtype), *_totals(grads, dtype)]
        return torch.cat([each.reshape(-1) for each in found]).tolist() if found else []

    def _norms(self, group: Mapping[str, nn.Parameter], dtype: torch.dtype) -> list[Tensor]:
        """Return norms, one per counted tensor: whole tensors, then slices, each in group order."""
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
            num_nonfinite=_num_nonfinite(grads, norm),
        )


class EncoderGradientHooks:
    """Catch the gradient of named modules' outputs; with accumulation, that of the last backward pass."""

    def __init__(self, modules: Mapping[str, nn.Module]) -> None:
        self._modules = modules
        self._caught: dict[str, Tensor] = {}
        self._handles: list[RemovableHandle] = []

    def listen(self) -> None:
        """Catch the gradients of the next passes, until `measure`; before other hooks may change the outputs."""
        self._handles = [
            module.register_forward_hook(self._watch(name), prepend=True) for name, module in self._modules.items()
        ]

    def measure(self) -> tuple[EncoderGradient, ...]:
        """Stop listening and return what the last backward pass brought: 0 for a tensor that it never reached."""
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


class WeightMonitor:
    """Measure how far one optimizer step moved each group."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups
        self._before: dict[str, list[Tensor]] = {}
        self._stale: dict[str, Tensor] = {}
        self._handles: list[RemovableHandle] = []

    def before_backward(self) -> None:
        """Note what gradient is left over from earlier steps."""
        self._stale = {name: _norm([w.grad for w in group.values()]) for name, group in self._groups.items()}

    def expect_backward(self) -> None:
        """Note it when the next backward pass reaches the weights, for loops that may clear it until then."""
        self.forget()
        trained = [weight for group in self._groups.values() for weight in group.values() if weight.requires_grad]
        self._handles = [weight.register_hook(self._begin_backward) for weight in trained]

    def forget(self) -> None:
        """Let go of the weights and of what is left over."""
        self._stale = {}
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def _begin_backward(self, gradient: Tensor) -> None:
        if not self._stale:
            self.before_backward()

    def before_step(self) -> None:
        """Keep the weights, to compare them after the optimizer's step."""
        self._before = {
            name: list(torch._foreach_mul([w.detach() for w in group.values()], 1))
            for name, group in self._groups.items()
        }

    def measure(self) -> tuple[GroupWeight, ...]:
        """Return one record per group and drop the kept weights."""
        for name, group in self._groups.items():
            torch._foreach_sub_(self._before[name], [weight.detach() for weight in group.values()])
        moved, self._before = self._before, {}
        numbers = self._numbers(moved, torch.float32)
        if not _is_single([each for norm, update, *_ in numbers for each in (norm, update)]):
            numbers = self._numbers(moved, torch.float64)
        has_stale = bool(self._stale)
        self.forget()
        return tuple(
            GroupWeight(
                group=name,
                norm=norm,
                update=update,
                ratio=update / norm if norm else float("nan"),
                unchanged=1 - num_moved / max(sum(w.numel() for w in group.values() if w.requires_grad), 1),
                num_nonfinite=_num_nonfinite(group.values(), norm),
                stale_grad=stale if has_stale else None,
            )
            for (name, group), (norm, update, num_moved, stale) in zip(self._groups.items(), numbers, strict=True)
        )

    def _numbers(self, moved: Mapping[str, list[Tensor]], dtype: torch.dtype) -> list[list[float]]:
        """Return each group's norm, that of its change, how many elements moved, and the stale gradient's norm."""
        reports = []
        for name, group in self._groups.items():
            norm, update = (_norm(each, dtype) for each in ([w.detach() for w in group.values()], moved[name]))
            num_moved = _count_moved(moved[name])
            stale = self._stale.get(name, torch.full_like(norm, torch.nan)).to(norm.device)
            reports.append(torch.stack([norm, update, num_moved, stale]))
        numbers: list[list[float]] = torch.stack(reports).tolist()
        return numbers


class ActivationMonitor:
    """Measure watched layers in one forward pass; `bounds` gives the bound of those outputs that have one."""

    def __init__(self, layers: Mapping[str, nn.Module], *, bounds: Mapping[str, float] | None = None) -> None:
        self._layers, self._bounds = layers, bounds or {}
        self._caught: dict[str, tuple[Tensor, int]] = {}
        self._handles: list[RemovableHandle] = []

    def listen(self) -> None:
        """Measure the next forward passes, until `measure`; the last one counts."""
        self._handles = [layer.register_forward_hook(self._watch(name)) for name, layer in self._layers.items()]

    def measure(self) -> tuple[LayerActivation, ...]:
        """Stop listening and return one record per layer that ran."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        if not self._caught:
            return ()
        numbers = torch.stack([numbers for numbers, _ in self._caught.values()]).tolist()
        units = [num_units for _, num_units in self._caught.values()]
        reports = tuple(
            LayerActivation(name, mean, std, int(dead), num_units, int(saturated))
            for name, num_units, (mean, std, dead, saturated) in zip(self._caught, units, numbers, strict=True)
        )
        self._caught.clear()
        return reports

    def _watch(self, name: str) -> Callable[[nn.Module, object, Tensor | Sequence[Tensor]], None]:
        def on_forward(module: nn.Module, inputs: object, output: object) -> None:
            first = output[0] if isinstance(output, Sequence) and output else output
            if not isinstance(first, Tensor) or not first.is_floating_point() or first.dim() < 2:
                return
            # Units are the last dimension, but the second of images and volumes.
            values = (first.movedim(1, -1) if first.dim() > 3 else first).detach().float().flatten(0, -2)
            level = ACTIVE_LEVEL * values.square().mean().sqrt()
            dead = ((values.abs() > level).float().mean(0) < ACTIVE_SHARE).sum()
            bound = self._bounds.get(name, float("inf"))
            saturated = (values.abs() > SATURATED_LEVEL * bound).sum()
            mean = values.mean()
            # Several times as fast as torch.std_mean over a whole layer.
            std = (values - mean).square().mean().sqrt()
            self._caught[name] = (torch.stack([mean, std, dead, saturated]), values.shape[-1])

        return on_forward


def total_norm(grads: Sequence[Tensor | None]) -> Tensor:
    """Return the norm of all gradients together, not read from the device yet."""
    return _norm(grads, torch.float32)


def measure_inputs(windows_BTF: Tensor) -> InputStatistics:
    """Return the statistics of a batch of normalised inputs. Shapes: (B, T, F)."""
    flat_NF = windows_BTF.flatten(0, -2).float()
    std_F, mean_F = torch.std_mean(flat_NF, dim=0, correction=0)
    distance_F = torch.maximum(mean_F.abs(), std_F.clamp(min=1e-12).log2().abs())
    # A nan feature is the farthest of all; argmax alone would not promise that.
    worst = distance_F.nan_to_num(nan=float("inf")).argmax()
    std, mean = torch.std_mean(flat_NF, correction=0)
    numbers = torch.stack([mean, std, worst, mean_F[worst], std_F[worst]]).tolist()
    return InputStatistics(numbers[0], numbers[1], int(numbers[2]), numbers[3], numbers[4])


def _totals(grads: list[Tensor], dtype: torch.dtype) -> list[Tensor]:
    """Return the largest absolute value and the sum of absolute values."""
    magnitudes = list(torch._foreach_abs(grads))
    largest = torch.stack(torch._foreach_max(magnitudes)).max()
    # Not the norm of order 1: on a processor it adds up one by one, and a sum pair by pair.
    total_abs = torch.stack([each.sum(dtype=dtype) for each in magnitudes]).sum()
    return [largest, total_abs]


def _count_moved(changes: list[Tensor]) -> Tensor:
    """Return how many elements are not 0: the norm of order 0, which takes few launches on a GPU."""
    dtype = torch.float32 if all(change.numel() <= EXACT_IN_SINGLE for change in changes) else torch.float64
    return torch.stack(torch._foreach_norm(changes, 0, dtype=dtype)).sum(dtype=torch.float64)


def _is_single(norms: Sequence[float]) -> bool:
    """Return whether single precision got these norms right; those of nothing, and nan, are for double to judge."""
    low, high = SINGLE_RANGE
    return all(low < norm < high for norm in norms)


def _num_nonfinite(tensors: Iterable[Tensor], norm: float) -> int:
    """Count the elements that are nan or infinite, where the norm in double precision says that there are any."""
    return 0 if math.isfinite(norm) else int(torch.stack([(~each.isfinite()).sum() for each in tensors]).sum())


def _norm(tensors: Sequence[Tensor | None], dtype: torch.dtype = torch.float64) -> Tensor:
    present = [tensor for tensor in tensors if tensor is not None]
    if not present:
        return torch.zeros((), dtype=torch.float64)
    return torch.stack(torch._foreach_norm(present, 2, dtype=dtype)).norm()
