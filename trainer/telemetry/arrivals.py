"""Weights that had no gradient in the steps looked at: from then on each gradient that reaches them is noticed.

An expert without a row in most batches, a block that is skipped at random, a head with labels now and then: four steps
of a hundred do not show whether such a weight is dead. A hook on it costs nothing as long as no gradient comes, and the
first one that is not zero removes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

MOST_EMPTY = 32
"""Gradients of exactly zero that may arrive before they are no longer looked at. Chosen by hand, 2026-11."""
CHANCE = 1e-3
"""A weight has lost its gradient if chance explains the steps without one in fewer cases than this. Chosen by hand,
2026-11."""


class Presence:
    """In how many of the steps looked at a weight had a gradient, and since how many it has none."""

    def __init__(self) -> None:
        self._looks = self._hits = self._misses = 0

    def add(self, steps: Iterable[bool]) -> None:
        """Add steps that were looked at, in their order: whether there was a gradient."""
        for has in steps:
            if has:
                self._looks += self._misses + 1
                self._hits += 1
                self._misses = 0
            else:
                self._misses += 1

    @property
    def is_gone(self) -> bool:
        """Whether the newest steps without a gradient are too many for a weight that has one as often as this one had.

        Their chance is that of the beta-binomial distribution, with half a step of either kind added (Jeffreys),
        because a few steps hardly tell how often. A weight that never had one is not gone.
        """
        others, chance = self._looks - self._hits + 0.5, 1.0
        for miss in range(self._misses):
            chance *= (others + miss) / (self._looks + 1 + miss)
            if chance < CHANCE:
                return self._hits > 0
        return False


class Arrivals:
    """Hooks on weights in doubt. Calls `on_arrival` when a gradient reaches one of them."""

    def __init__(self, on_arrival: Callable[[], None]) -> None:
        self._on_arrival = on_arrival
        self._handles: dict[int, RemovableHandle] = {}
        self._num_empty: dict[int, int] = {}
        self.new: dict[int, nn.Parameter] = {}
        """Weights that a gradient has reached and that were not looked at since."""

    def __contains__(self, weight: int) -> bool:
        return weight in self._handles

    def expect(self, weight: nn.Parameter) -> None:
        """Wait for a gradient of a weight, unless that is done already."""
        if id(weight) in self._handles or not weight.requires_grad:
            return

        def note(arrived: Tensor) -> None:
            if not torch.compiler.is_compiling():
                self.new[id(weight)] = weight
                self._on_arrival()

        self._handles[id(weight)] = weight.register_post_accumulate_grad_hook(note)
        self._num_empty[id(weight)] = 0

    def was_empty(self, weight: int) -> None:
        """Note that a gradient which arrived was exactly zero."""
        self._num_empty[weight] = self._num_empty.get(weight, 0) + 1
        if self._num_empty[weight] >= MOST_EMPTY and weight in self._handles:
            self._handles[weight].remove()

    def forget(self, weight: int) -> None:
        """Wait no longer."""
        if weight in self._handles:
            self._handles.pop(weight).remove()

    def remove(self) -> None:
        """Remove all hooks."""
        for weight in list(self._handles):
            self.forget(weight)
        self.new.clear()
