"""Faults of the weights, and of how the optimizer moves them."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from trainer.faults.fault import Fault, Site


class WeightNonfinite(Fault):
    summary = "Once, after batch `batch`, one weight of the model's middle part becomes nan."
    parameters: ClassVar[dict[str, float]] = {"batch": 1.0}

    def begin(self, site: Site) -> None:
        self._is_armed = self._is_done = False

    def before_batch(self, site: Site, batch: int) -> None:
        self._is_armed = batch >= self.values["batch"] and not self._is_done

    @torch.no_grad()
    def after_step(self, site: Site) -> None:
        if self._is_armed:
            site.middle()[0].view(-1)[0] = float("nan")
            self._is_armed, self._is_done = False, True


class NoUpdate(Fault):
    summary = "The optimizer does not have the model's middle part: it gets gradients, but its weights do not move."

    def before_step(self, site: Site) -> None:
        for weight in site.middle():
            weight.grad = None


class LearningRateOff(Fault):
    summary = "The learning rate of every step is the scheduled one times `factor`."
    parameters: ClassVar[dict[str, float]] = {"factor": 0.0}

    def before_step(self, site: Site) -> None:
        for group in site.optimizer.param_groups:
            group["lr"] *= self.values["factor"]


class UpdateRatio(Fault):
    summary = "The matrices of the model's middle part are redrawn in every step, as if it were built again."

    @torch.no_grad()
    def after_step(self, site: Site) -> None:
        for weight in site.middle():
            # Norms and biases start at a constant; random ones would be another fault.
            if weight.dim() > 1:
                weight.copy_(weight.std() * torch.randn_like(weight))


class UpdateUnderflow(Fault):
    summary = "Weights are rounded to bfloat16: steps smaller than its spacing are lost."

    def begin(self, site: Site) -> None:
        self.after_step(site)

    @torch.no_grad()
    def after_step(self, site: Site) -> None:
        for weight in site.model.parameters():
            weight.copy_(weight.to(torch.bfloat16))


class DeadUnits(Fault):
    summary = "A `share` of a layer's units gets a bias so low that the activation function is 0 for every input."
    parameters: ClassVar[dict[str, float]] = {"share": 0.8}

    @torch.no_grad()
    def begin(self, site: Site) -> None:
        offsets = self._offsets(site)
        self._before = offsets.clone()
        offsets[: round(self.values["share"] * len(offsets))] = -100.0

    @torch.no_grad()
    def end(self, site: Site) -> None:
        self._offsets(site).copy_(self._before)

    def _offsets(self, site: Site) -> Tensor:
        return dict(site.model.named_parameters())[site.places.units]
