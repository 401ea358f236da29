"""Measurements of a forward pass: the outputs of watched layers, and the inputs of a batch.

Records with plain numbers; nothing is logged here. A report is reduced on the device and read back once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

ACTIVE_SHARE = 0.01
"""A unit is dead if it is active in less than this share of the batch (1 % in SageMaker Debugger's DeadRelu)."""

ACTIVE_LEVEL = 1e-3
"""An output counts as active above this multiple of its layer's root mean square. Chosen by hand."""

SATURATED_LEVEL = 0.99
"""An output of a bounded layer counts as saturated above this share of its bound. Chosen by hand."""


class LayerActivation(NamedTuple):
    """The outputs of one layer in one batch."""

    layer: str
    mean: float
    std: float
    num_dead: int
    num_units: int
    num_saturated: int | None
    """None where the layer's bound is not known, so that nothing was counted."""


class InputStatistics(NamedTuple):
    """The inputs of one batch; `worst` is the feature farthest from mean 0 and standard deviation 1."""

    mean: float
    std: float
    worst: int
    worst_mean: float
    worst_std: float


class ActivationMonitor:
    """Measure watched layers in one forward pass; `bounds` has the bounds of bounded outputs."""

    def __init__(self, layers: Mapping[str, nn.Module], *, bounds: Mapping[str, float] | None = None) -> None:
        self._layers, self._bounds = layers, bounds or {}
        self._caught: dict[str, tuple[Tensor, int]] = {}
        self._handles: list[RemovableHandle] = []

    def listen(self) -> None:
        """Measure the forward passes until `measure` is called; the last one counts."""
        self._handles = [layer.register_forward_hook(self._watch(name)) for name, layer in self._layers.items()]

    def measure(self) -> tuple[LayerActivation, ...]:
        """Stop listening and return one record for each layer that ran."""
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
            # Units are the last dimension, or the second for images and volumes.
            values = (first.movedim(1, -1) if first.dim() > 3 else first).detach().float().flatten(0, -2)
            # Several times as fast as torch.std_mean over a whole layer.
            mean = values.mean()
            std = torch.linalg.vector_norm(values - mean) / max(values.numel(), 1) ** 0.5
            magnitudes = values.abs()
            level = ACTIVE_LEVEL * (mean.square() + std.square()).sqrt()
            dead = ((magnitudes > level).float().mean(0) < ACTIVE_SHARE).sum()
            bound = self._bounds.get(name)
            saturated = dead.new_zeros(()) if bound is None else (magnitudes > SATURATED_LEVEL * bound).sum()
            self._caught[name] = (torch.stack([mean, std, dead, saturated]), values.shape[-1])

        return on_forward


def measure_inputs(windows_BTF: Tensor) -> InputStatistics:
    """Return the statistics of a batch of normalised inputs. Shapes: (B, T, F)."""
    flat_NF = windows_BTF.flatten(0, -2).float()
    mean_F = flat_NF.mean(0)
    # Twice as fast as torch.std_mean along the rows.
    variance_F = (flat_NF - mean_F).square().mean(0)
    std_F = variance_F.sqrt()
    distance_F = torch.maximum(mean_F.abs(), std_F.clamp(min=1e-12).log2().abs())
    # A feature with nan counts as the farthest; argmax alone would not guarantee that.
    worst = distance_F.nan_to_num(nan=float("inf")).argmax()
    mean = mean_F.mean()
    std = (variance_F + (mean_F - mean).square()).mean().sqrt()
    numbers = torch.stack([mean, std, worst, mean_F[worst], std_F[worst]]).tolist()
    return InputStatistics(numbers[0], numbers[1], int(numbers[2]), numbers[3], numbers[4])
