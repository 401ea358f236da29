"""The list of all faults, and the plan of one run: which faults act in an epoch, and how they change a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from trainer.faults.data import DeadInputs, InputShift, LossDiverge, LossNonfinite, LossSpike, LossZero, NotLearning
from trainer.faults.fault import Fault, Site
from trainer.faults.gradients import GradDrop, GradExplode, GradMissing, GradNonfinite, StaleGrad
from trainer.faults.outputs import (
    GradVanish,
    GradZero,
    MetricConstant,
    MetricOffBand,
    PredictionCollapse,
    ResetFailed,
    ResetsExcess,
    ScaleOff,
)
from trainer.faults.pace import StallSilent, ThroughputDrop
from trainer.faults.weights import (
    DeadUnits,
    LearningRateOff,
    NoUpdate,
    UpdateRatio,
    UpdateUnderflow,
    WeightNonfinite,
)

FAULTS: dict[str, type[Fault]] = {
    "dead_inputs": DeadInputs,
    "dead_units": DeadUnits,
    "grad_drop": GradDrop,
    "grad_explode": GradExplode,
    "grad_missing": GradMissing,
    "grad_nonfinite": GradNonfinite,
    "grad_vanish": GradVanish,
    "grad_zero": GradZero,
    "input_shift": InputShift,
    "loss_diverge": LossDiverge,
    "loss_nonfinite": LossNonfinite,
    "loss_spike": LossSpike,
    "loss_zero_or_frozen": LossZero,
    "lr_off": LearningRateOff,
    "metric_constant": MetricConstant,
    "metric_off_band": MetricOffBand,
    "no_update": NoUpdate,
    "not_learning": NotLearning,
    "pred_collapse": PredictionCollapse,
    "reset_failed": ResetFailed,
    "resets_excess": ResetsExcess,
    "scale_off": ScaleOff,
    "stale_grad": StaleGrad,
    "stall_silent": StallSilent,
    "throughput_drop": ThroughputDrop,
    "update_ratio": UpdateRatio,
    "update_underflow": UpdateUnderflow,
    "weight_nonfinite": WeightNonfinite,
}
"""Every fault, by the name of its kind in the rule pack."""


@dataclass(frozen=True)
class Injection:
    """One planned fault."""

    fault: str
    first_epoch: int
    last_epoch: int | None  # None: until the run ends
    parameters: dict[str, float] = field(default_factory=dict)


class FaultPlan:
    """The faults of one run, each begun and ended with its epochs. The loop calls it at the places of `Fault`."""

    def __init__(self, injections: Sequence[Injection]) -> None:
        self._planned = [(each, FAULTS[each.fault](**each.parameters)) for each in injections]
        self._acting: list[tuple[Injection, Fault]] = []

    def hook_into(self, site: Site) -> None:
        """Hook the faults into the optimizer's steps. Call this before hooks that measure are added."""

        def before(*args: Any) -> None:
            for fault in self.acting():
                fault.before_step(site)

        def after(*args: Any) -> None:
            for fault in self.acting():
                fault.after_step(site)

        if self._planned:
            site.optimizer.register_step_pre_hook(before)
            site.optimizer.register_step_post_hook(after)

    def enter_epoch(self, epoch: int, site: Site) -> None:
        """Begin and end the faults that are due at the start of `epoch`, counted from 1."""
        due = [
            (each, fault)
            for each, fault in self._planned
            if each.first_epoch <= epoch <= (epoch if each.last_epoch is None else each.last_epoch)
        ]
        for each, fault in self._acting:
            if (each, fault) not in due:
                fault.end(site)
        for each, fault in due:
            if (each, fault) not in self._acting:
                fault.begin(site)
        self._acting = due

    def acting(self) -> list[Fault]:
        """Return the faults of the current epoch."""
        return [fault for _, fault in self._acting]

    def before_batch(self, site: Site, batch: int) -> None:
        """Act before training batch `batch`, counted from 1 in its epoch."""
        for fault in self.acting():
            fault.before_batch(site, batch)

    def change_windows(self, windows_BTF: Tensor) -> Tensor:
        """Return the training inputs to use. Shapes: (B, T, F) -> (B, T, F)."""
        for fault in self.acting():
            windows_BTF = fault.change_windows(windows_BTF)
        return windows_BTF

    def change_labels(self, labels_BK: Tensor) -> Tensor:
        """Return the training labels to use. Shapes: (B, K) -> (B, K)."""
        for fault in self.acting():
            labels_BK = fault.change_labels(labels_BK)
        return labels_BK

    def change_loss(self, loss: Tensor) -> Tensor:
        """Return the loss to report and to call backward on."""
        for fault in self.acting():
            loss = fault.change_loss(loss)
        return loss
