"""What a fault is: places in a training loop, each of which does nothing unless its fault acts there.

Shapes: B rows, T days, F features, K outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import ClassVar

from torch import Tensor, nn
from torch.optim import Optimizer


@dataclass(frozen=True)
class Places:
    """Where in a model faults act, by the names of its parts; by default those of the shipped model."""

    encoding: str = "backbone_projection"
    """The part whose output is all that the loss hears of the inputs, but for a linear skip."""
    middle: str = "temporal_encoder"
    """A part that is next neither to the inputs nor to the loss."""
    outputs: tuple[str, ...] = ("prediction_head_shared", "linear_skip")
    """Parts after which equal rows are equal predictions; those that the model lacks are left out."""
    units: str = "prediction_head_shared.1.bias"
    """The offsets right before a layer's activation function, by parameter name."""


@dataclass(frozen=True)
class Site:
    """What a fault may touch."""

    model: nn.Module
    optimizer: Optimizer
    hold_log: Callable[[], AbstractContextManager[None]]
    """While held, nobody writes to the log, the heartbeat included."""
    sleep: Callable[[float], None]
    places: Places = field(default_factory=Places)

    def part(self, name: str) -> nn.Module | None:
        """Return a part of the model by name; None where it has none of that name."""
        return dict(self.model.named_modules()).get(name)

    def middle(self) -> list[nn.Parameter]:
        """Return the weights of the middle part."""
        part = self.part(self.places.middle)
        return [] if part is None else list(part.parameters())


class Fault:
    """One fault, by the name of its kind in the rule pack."""

    summary: ClassVar[str] = ""
    parameters: ClassVar[dict[str, float]] = {}
    """Names and defaults of what can be set behind `FAULT@EPOCH:`."""

    def __init__(self, **parameters: float) -> None:
        self.values = {**self.parameters, **parameters}

    def begin(self, site: Site) -> None:
        """Act when the first epoch of the fault begins."""

    def end(self, site: Site) -> None:
        """Undo `begin` after the last epoch of the fault."""

    def before_batch(self, site: Site, batch: int) -> None:
        """Act before training batch `batch`, counted from 1 in its epoch."""

    def change_windows(self, windows_BTF: Tensor) -> Tensor:
        """Return the training inputs to use instead. Shapes: (B, T, F) -> (B, T, F)."""
        return windows_BTF

    def change_labels(self, labels_BK: Tensor) -> Tensor:
        """Return the training labels to use instead. Shapes: (B, K) -> (B, K)."""
        return labels_BK

    def change_loss(self, loss: Tensor) -> Tensor:
        """Return the loss to report and to go backward from instead."""
        return loss

    def before_step(self, site: Site) -> None:
        """Act when the optimizer is about to move the weights."""

    def after_step(self, site: Site) -> None:
        """Act when the optimizer has moved the weights, before anyone looks at them."""
