"""The order in which the first forward pass reaches the parts of a model."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn
from torch.utils.hooks import RemovableHandle

from trainer.measure.model_parts import Part
from trainer.telemetry.module_hooks import Hook
from trainer.telemetry.switches import Switches


class ForwardOrder:
    """Listen to one forward pass."""

    def __init__(self, parts: Mapping[str, Part], switches: Switches) -> None:
        self._reached: list[str] = []
        self._handles: list[RemovableHandle] = []
        for name, part in parts.items():

            def note(module: nn.Module, inputs: object, *, name: str = name) -> None:
                if name not in self._reached:
                    self._reached.append(name)

            # A container is never called, only the modules in it.
            for module in part.modules() if isinstance(part, nn.Module) else ():
                self._handles.append(module.register_forward_pre_hook(Hook(switches, "depths", note)))

    def take(self) -> dict[str, int]:
        """Stop listening and return the depth, counted from the input, of each part that was reached."""
        for handle in self._handles:
            handle.remove()
        return {name: depth for depth, name in enumerate(self._reached)}
