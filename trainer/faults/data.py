"""Faults of the inputs, the labels and the loss computed from them."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from trainer.faults.fault import Fault, Site


class LossNonfinite(Fault):
    summary = "The first row of every training batch has a feature that is nan, which makes the loss nan."

    def change_windows(self, windows_BTF: Tensor) -> Tensor:
        windows_BTF = windows_BTF.clone()
        windows_BTF[0, -1, 0] = float("nan")
        return windows_BTF


class DeadInputs(Fault):
    summary = "A `share` of the features is 0 in every training row."
    parameters: ClassVar[dict[str, float]] = {"share": 0.25}

    def change_windows(self, windows_BTF: Tensor) -> Tensor:
        windows_BTF = windows_BTF.clone()
        windows_BTF[..., : round(self.values["share"] * windows_BTF.shape[-1])] = 0.0
        return windows_BTF


class InputShift(Fault):
    summary = "Training inputs are off the declared normalisation by `by`."
    parameters: ClassVar[dict[str, float]] = {"by": 1.0}

    def change_windows(self, windows_BTF: Tensor) -> Tensor:
        return windows_BTF + self.values["by"]


class NotLearning(Fault):
    summary = "Labels are shuffled among the rows of their batch, as after a join in the wrong order."

    def change_labels(self, labels_BK: Tensor) -> Tensor:
        return labels_BK[torch.randperm(len(labels_BK))]


class LossSpike(Fault):
    summary = "Labels are `factor` times as large in every second batch."
    parameters: ClassVar[dict[str, float]] = {"factor": 6.0}

    def before_batch(self, site: Site, batch: int) -> None:
        self._is_spoilt = batch % 2 == 0

    def change_labels(self, labels_BK: Tensor) -> Tensor:
        return self.values["factor"] * labels_BK if self._is_spoilt else labels_BK


class LossDiverge(Fault):
    summary = "Labels drown in noise that grows by `by` from batch to batch."
    parameters: ClassVar[dict[str, float]] = {"by": 0.1}

    def begin(self, site: Site) -> None:
        self._noise_std = 0.0

    def before_batch(self, site: Site, batch: int) -> None:
        self._noise_std += self.values["by"]

    def change_labels(self, labels_BK: Tensor) -> Tensor:
        return labels_BK + self._noise_std * torch.randn_like(labels_BK)


class LossZero(Fault):
    summary = "The loss is multiplied by 0, as if no label matched a prediction."

    def change_loss(self, loss: Tensor) -> Tensor:
        return 0.0 * loss
