"""Gradients left over from earlier steps when a backward pass begins: the training may have forgotten to clear them."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

import torch
from torch import Tensor
from torch.utils.hooks import RemovableHandle

from trainer.telemetry.dense import norms_of, values_of
from trainer.telemetry.switches import Switches
from trainer.telemetry.trained import Trained


class StaleGradients:
    """Hooks on the weights for one step; the first of them that is called finds all gradients as they were before."""

    def __init__(self, trained: Trained, switches: Switches, *, held: Callable[[], Collection[int]]) -> None:
        """``held`` returns the weights that an optimizer holds, by identity: it clears no others."""
        self._trained, self._switches, self._held = trained, switches, held
        self._handles: list[RemovableHandle] = []
        self._norms: dict[str, Tensor | None] = {}

    def expect_backward(self) -> None:
        """Wait for the next backward pass."""
        self.forget()
        self._handles = [weight.register_hook(self._begin) for weight in self._trained.weights if weight.requires_grad]

    def take(self) -> dict[str, float]:
        """Return the norm of each group's gradient before the backward pass; empty if none was seen."""
        norms = {name: 0.0 if each is None else math.hypot(*each.tolist()) for name, each in self._norms.items()}
        self.forget()
        return norms

    def forget(self) -> None:
        """Remove the hooks."""
        for handle in self._handles:
            handle.remove()
        self._handles, self._norms = [], {}

    def _begin(self, gradient: Tensor) -> None:
        if not self._norms and not torch.compiler.is_compiling():
            self._switches.run("stale_gradients", self._look)

    def _look(self) -> None:
        held = self._held()
        with torch.no_grad():
            for name, group in self._trained.trained.items():
                own = [weight for weight in group.values() if not held or id(weight) in held]
                grads = [values_of(weight.grad) for weight in own if weight.grad is not None]
                self._norms[name] = norms_of(grads) if grads else None
