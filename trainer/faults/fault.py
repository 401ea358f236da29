"""The base class of faults: methods that the loop calls at its places, which do nothing unless a fault overrides them.

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
    """Where faults act in a model, by the names of its parts; the defaults fit the shipped model."""

    encoding: str = "backbone_projection"
    """The part through whose output alone, apart from a linear skip, the inputs reach the loss."""
    middle: str = "temporal_encoder"
    """A part that is next to neither the inputs nor the loss."""
    outputs: tuple[str, ...] = ("prediction_head_shared", "linear_skip")
    """Parts after whose outputs equal rows get equal predictions; parts that the model does not have are skipped."""
    units: str = "prediction_head_shared.1.bias"
    """Name of the bias parameter right before a layer's activation function."""


@dataclass(frozen=True)
class Site:
    """What a fault may change."""

    model: nn.Module
    optimizer: Optimizer
    hold_log: Callable[[], AbstractContextManager[None]]
    """A context in which no other thread writes to the log, not even the heartbeat."""
    sleep: Callable[[float], None]
    places: Places = field(default_factory=Places)

    def part(self, name: str) -> nn.Module | None:
        """Return a part of the model by name; None if there is no such part."""
        return dict(self.model.named_modules()).get(name)

    def middle(self) -> list[nn.Parameter]:
        """Return the weights of the middle part."""
        part = self.part(self.places.middle)
        return [] if part is None else list(part.parameters())


class Fault:
    """One kind of fault."""

    summary: ClassVar[str] = ""
    parameters: ClassVar[dict[str, float]] = {}
    """Names and defaults of the parameters that can follow `FAULT@EPOCH:`."""

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
        """Return the loss to report and to call backward on instead."""
        return loss

    def before_step(self, site: Site) -> None:
        """Act when the optimizer is about to move the weights."""

    def after_step(self, site: Site) -> None:
        """Act when the optimizer has moved the weights, before they are measured."""
