"""Outputs of watched layers in one forward pass, sampled: mean, spread and dead units.

A unit counts as dead if it is in this report and was in the one before.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from trainer.measure.activations import ACTIVE_LEVEL, ACTIVE_SHARE, LayerActivation
from trainer.telemetry.dense import packed
from trainer.telemetry.module_hooks import Hook, is_captured
from trainer.telemetry.switches import Switches

MOST_ELEMENTS, LEAST_ROWS = 2**13, 256
"""Most elements of an output that are looked at, and the rows that are looked at in any case: a unit that is active in
one row of fifty is then missed once in 170 times. The mean of so many elements is within 2 % of their spread. Chosen by
hand, 2026-11."""

NEARLY_ALL = 0.9
"""Share of dead units above which a layer within another one is told of. Where inputs are few and off their centre,
half of the units of a healthy layer may be silent; a layer with nearly all of them silent passes nothing on."""
_PASSIVE = (nn.Embedding, nn.EmbeddingBag, nn.Flatten, nn.Unflatten, nn.Identity, nn.Dropout, nn.AlphaDropout)
"""Layers without units of their own; what they give out as zero is not dead."""


def watchable(layers: Mapping[str, nn.Module]) -> dict[str, nn.Module]:
    """Return the layers whose outputs say something about units."""
    return {name: layer for name, layer in layers.items() if not isinstance(layer, _PASSIVE)}


class LayerOutputs:
    """Hooks on the layers, for the steps with a report only."""

    def __init__(self, switches: Switches) -> None:
        self._switches = switches
        self._caught: dict[str, tuple[tuple[Tensor, ...], int]] = {}
        """Mean, standard deviation and number of dead units of each layer, on its device; and its number of units."""
        self._active: dict[str, Tensor] = {}
        """Which units of each layer were active in the newest forward pass."""
        self._active_before: dict[str, Tensor] = {}
        """The same in the report before."""
        self._handles: list[RemovableHandle] = []
        self._within: frozenset[str] = frozenset()
        self._told: set[str] = set()
        """Layers of which nearly all units were dead in some report."""

    def listen(self, layers: Mapping[str, nn.Module], *, within: Mapping[str, nn.Module] | None = None) -> None:
        """Measure the forward passes in training until `take` is called; the last one counts.

        Layers ``within`` others are told of only once nearly all of their units are dead.
        """
        self.forget()
        self._within = frozenset(within or ())
        for name, layer in {**layers, **(within or {})}.items():

            def watch(module: nn.Module, inputs: object, output: object, *, name: str = name) -> None:
                self._look(name, module, output)

            self._handles.append(layer.register_forward_hook(Hook(self._switches, "activations", watch)))

    def stop(self) -> None:
        """Remove the hooks, and keep what they have caught."""
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def forget(self) -> None:
        """Remove the hooks and drop what they have caught."""
        self.stop()
        self._caught, self._active = {}, {}

    def take(self) -> tuple[LayerActivation, ...]:
        """Return one record for each layer that ran."""
        self.stop()
        caught, self._caught = self._caught, {}
        self._active_before, self._active = {**self._active_before, **self._active}, {}
        if not caught:
            return ()
        rows = packed([each.float() for numbers, _ in caught.values() for each in numbers]).view(-1, 3).tolist()
        found = [
            LayerActivation(name, mean, std, int(dead), num_units, num_saturated=None)
            for (name, (_, num_units)), (mean, std, dead) in zip(caught.items(), rows, strict=True)
        ]
        self._told.update(each.layer for each in found if each.num_dead > NEARLY_ALL * each.num_units)
        return tuple(each for each in found if each.layer not in self._within or each.layer in self._told)

    def _look(self, name: str, module: nn.Module, output: object) -> None:
        first = output[0] if isinstance(output, Sequence) and output else output
        if not module.training or not isinstance(first, Tensor) or not first.is_floating_point() or first.dim() < 2:
            return
        if first.layout is not torch.strided or not first.numel() or is_captured():
            return
        with torch.no_grad():
            # Units are the last dimension, or the second for images and volumes.
            num_units = first.shape[1 if first.dim() > 3 else -1]
            wanted = max(LEAST_ROWS, MOST_ELEMENTS // num_units)
            # Some of the batch first, so that a large output is never copied whole.
            some = first.detach()[:: max(1, first.numel() // num_units // wanted // 2)]
            rows = (some.movedim(1, -1) if some.dim() > 3 else some).flatten(0, -2)
            rows = rows[:: max(1, len(rows) // wanted)].float()
            root_mean_square = torch.linalg.vector_norm(rows) / math.sqrt(rows.numel())
            # Signs are added up because a comparison is several times as slow on a CPU.
            num_active = (rows.abs() - ACTIVE_LEVEL * root_mean_square).clamp_(min=0).sign_().sum(0)
            mean = rows.mean()
            std = torch.linalg.vector_norm(rows - mean) / math.sqrt(rows.numel())
            active = num_active >= ACTIVE_SHARE * len(rows)
            self._active[name] = active
            # A batch may be of one kind alone, as from a sorted loader: its silent units must be so in the one before.
            before = self._active_before.get(name)
            if before is not None and before.shape == active.shape:
                active = active | before.to(active.device)
            self._caught[name] = ((mean, std, (~active).sum()), num_units)
