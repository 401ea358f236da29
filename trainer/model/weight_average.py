"""The moving average of a model's weights, which validation and prediction use instead of the last weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn


class WeightAverage:
    """average = d average + (1 - d) weights after each step, d = min(decay, (1 + n) / (10 + n)) at the n-th.

    The smaller decay of the first steps lets the average leave the untrained weights (TensorFlow's
    ExponentialMovingAverage with `num_updates`; its constants).
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._decay, self._num_updates = decay, 0
        self._names = [name for name, _ in model.named_parameters()]
        self._weights = [weight.detach() for weight in model.parameters()]
        self._average = [weight.clone() for weight in self._weights]

    def update(self) -> None:
        """Add the weights of one more step."""
        self._num_updates += 1
        decay = min(self._decay, (1 + self._num_updates) / (10 + self._num_updates))
        torch._foreach_lerp_(self._average, self._weights, 1 - decay)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Give the model the averaged weights within this block."""
        last = [weight.clone() for weight in self._weights]
        torch._foreach_copy_(self._weights, self._average)
        try:
            yield
        finally:
            torch._foreach_copy_(self._weights, last)

    def state_dict(self) -> dict[str, Any]:
        """Return the average by parameter name, and the number of steps in it."""
        return {"num_updates": self._num_updates, "weights": dict(zip(self._names, self._average, strict=True))}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict`."""
        self._num_updates = state["num_updates"]
        torch._foreach_copy_(self._average, [state["weights"][name].to(own) for name, own in self._named()])

    def _named(self) -> Iterator[tuple[str, torch.Tensor]]:
        return zip(self._names, self._average, strict=True)
