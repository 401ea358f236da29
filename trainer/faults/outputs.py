"""Faults of the outputs of the model's parts, and of the predictions in validation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from trainer.faults.fault import Fault, Site


class _ChangedOutput(Fault):
    """A fault that replaces the outputs of some parts of the model."""

    _handles: Sequence[RemovableHandle] = ()

    def begin(self, site: Site) -> None:
        parts = [part for name in self.names(site) if (part := site.part(name)) is not None]
        self._handles = [
            part.register_forward_hook(lambda module, inputs, output: self.change(module, output)) for part in parts
        ]

    def end(self, site: Site) -> None:
        for handle in self._handles:
            handle.remove()

    def names(self, site: Site) -> tuple[str, ...]:
        """Return the parts by name, "" for the whole model."""
        raise NotImplementedError

    def change(self, module: nn.Module, output: Tensor) -> Tensor:
        raise NotImplementedError


class GradZero(_ChangedOutput):
    summary = "The encoder is cut off: every gradient below its output is exactly 0."

    def names(self, site: Site) -> tuple[str, ...]:
        return (site.places.encoding,)

    def change(self, module: nn.Module, output: Tensor) -> Tensor:
        # The term times zero keeps the gradients existing but 0, as behind a dead layer; detach alone would drop them.
        return output.detach() + 0.0 * output


class GradVanish(_ChangedOutput):
    summary = "The gradient into the encoder is multiplied by `factor`, as by a stack of normalisations."
    parameters: ClassVar[dict[str, float]] = {"factor": 1e-10}

    def names(self, site: Site) -> tuple[str, ...]:
        return (site.places.encoding,)

    def change(self, module: nn.Module, output: Tensor) -> Tensor:
        factor = self.values["factor"]
        return factor * output + (1 - factor) * output.detach()


class _Flattened(_ChangedOutput):
    """Predictions that hardly differ between rows."""

    parameters: ClassVar[dict[str, float]] = {"spread": 0.0}

    def names(self, site: Site) -> tuple[str, ...]:
        return site.places.outputs

    def change(self, module: nn.Module, output: Tensor) -> Tensor:
        mean, spread = output.mean(0, keepdim=True), self.values["spread"]
        return mean.expand_as(output) if spread == 0 else mean + spread * (output - mean)


class PredictionCollapse(_Flattened):
    summary = (
        "Every row gets the same prediction, or keeps `spread` of its difference, even after a reset; with "
        "`before_dropout=1` in front of the last dropout, whose noise then makes the predictions differ in training."
    )
    parameters: ClassVar[dict[str, float]] = {"spread": 0.0, "before_dropout": 0.0}

    def names(self, site: Site) -> tuple[str, ...]:
        if not self.values["before_dropout"]:
            return site.places.outputs
        return (site.places.encoding, *site.places.outputs[1:])


class ResetFailed(_Flattened):
    summary = "Predictions keep `spread` of their differences, even after a reset: too little for a strict guard."
    parameters: ClassVar[dict[str, float]] = {"spread": 0.05}


class ResetsExcess(_ChangedOutput):
    summary = "Every row gets the same prediction in every second step: a guard that acts at once keeps resetting."

    def begin(self, site: Site) -> None:
        super().begin(site)
        self._batch, self._model = 0, site.model

    def before_batch(self, site: Site, batch: int) -> None:
        self._batch = batch

    def names(self, site: Site) -> tuple[str, ...]:
        return site.places.outputs

    def change(self, module: nn.Module, output: Tensor) -> Tensor:
        is_flat = self._model.training and self._batch % 2 == 0
        return output.mean(0, keepdim=True).expand_as(output) if is_flat else output


class ScaleOff(_ChangedOutput):
    summary = "Predictions in validation are multiplied by `factor`, as if they were denormalised twice."
    parameters: ClassVar[dict[str, float]] = {"factor": 5.0}

    def names(self, site: Site) -> tuple[str, ...]:
        return ("",)

    def change(self, module: nn.Module, output: Tensor) -> Tensor:
        return output if module.training else self.values["factor"] * output


class MetricOffBand(_ChangedOutput):
    summary = "Predictions in validation are off by `by`, as if the targets' mean were added twice."
    parameters: ClassVar[dict[str, float]] = {"by": 1.0}

    def names(self, site: Site) -> tuple[str, ...]:
        return ("",)

    def change(self, module: nn.Module, output: Tensor) -> Tensor:
        return output if module.training else output + self.values["by"]


class MetricConstant(Fault):
    summary = "Validation keeps using the weights from before the fault: every metric stays the same."

    def begin(self, site: Site) -> None:
        self._weights: list[Tensor] = list(site.model.parameters())
        self._stale = [weight.detach().clone() for weight in self._weights]
        self._handles = [
            site.model.register_forward_pre_hook(self._lend),
            site.model.register_forward_hook(self._take_back),
        ]

    def end(self, site: Site) -> None:
        for handle in self._handles:
            handle.remove()

    @torch.no_grad()
    def _lend(self, module: nn.Module, inputs: Any) -> None:
        if not module.training:
            self._present = [weight.clone() for weight in self._weights]
            torch._foreach_copy_(self._weights, self._stale)

    @torch.no_grad()
    def _take_back(self, module: nn.Module, inputs: Any, output: Tensor) -> None:
        if not module.training:
            torch._foreach_copy_(self._weights, self._present)
