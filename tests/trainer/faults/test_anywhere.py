"""The faults work in any loop over a torch model: each changes what the monitors measure, from its epoch on."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field

import pytest
import torch
from torch import nn

from trainer.faults import FAULTS, FaultPlan, Injection, Places, Site
from trainer.measure.activations import ActivationMonitor
from trainer.measure.gradients import GradientMonitor
from trainer.measure.weights import WeightMonitor

ROWS, DAYS, FEATURES, STEPS = 32, 3, 8, 4
LR = 0.01


class Network(nn.Module):
    """A network of three parts. Shapes: (B, T, F) -> (B, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Flatten(), nn.Linear(DAYS * FEATURES, 16), nn.Tanh())
        self.second = nn.Sequential(nn.Linear(16, 16), nn.ReLU())
        self.head = nn.Linear(16, 1)

    def forward(self, x_BTF: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.head(self.second(self.first(x_BTF)))
        return found


@dataclass
class Epoch:
    """The measurements in the last step of an epoch."""

    grads: dict[str, float] = field(default_factory=dict)
    num_none: dict[str, int] = field(default_factory=dict)
    nonfinite: int = 0
    updates: dict[str, float] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)
    unchanged: float = 0.0
    weights_nonfinite: int = 0
    stale: float = 0.0
    dead_share: float = 0.0
    loss: float = 0.0
    losses: list[float] = field(default_factory=list)
    lr: float = 0.0
    inputs: torch.Tensor = field(default_factory=lambda: torch.zeros(0))
    labels: torch.Tensor = field(default_factory=lambda: torch.zeros(0))
    predictions: torch.Tensor = field(default_factory=lambda: torch.zeros(0))
    valid: torch.Tensor = field(default_factory=lambda: torch.zeros(0))
    slept_s: float = 0.0


def two_epochs(fault: str, *, lr: float = LR) -> tuple[Epoch, Epoch]:
    """Train one epoch without the fault and one with it; return the measurements of each."""
    torch.manual_seed(1)
    model, slept = Network(), []
    groups = {name: dict(part.named_parameters()) for name, part in model.named_children()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    places = Places(encoding="second", middle="second", outputs=("second",), units="second.0.bias")
    site = Site(model, optimizer, nullcontext, slept.append, places)
    plan = FaultPlan([Injection(fault, 2, None)])
    plan.hook_into(site)
    x_BTF, weights_F = torch.randn(ROWS, DAYS, FEATURES), torch.randn(FEATURES)
    y_B1, epochs = (x_BTF[:, -1] @ weights_F).unsqueeze(1), []
    gradients = GradientMonitor(groups, per_feature=frozenset(), warn_norm=1e-7)
    weights, activations = WeightMonitor(groups), ActivationMonitor({"second": model.second})
    for epoch in (1, 2):
        model.train()
        plan.enter_epoch(epoch, site)
        seen = Epoch()
        for batch in range(1, STEPS + 1):
            for group in optimizer.param_groups:
                group["lr"] = lr
            plan.before_batch(site, batch)
            seen.inputs, seen.labels = plan.change_windows(x_BTF), plan.change_labels(y_B1)
            weights.before_backward()
            activations.listen()
            seen.predictions = model(seen.inputs)
            loss = plan.change_loss(nn.functional.mse_loss(seen.predictions, seen.labels))
            loss.backward()
            seen.losses.append(float(loss.detach()))
            (found,) = activations.measure()
            seen.dead_share = found.num_dead / found.num_units
            report = gradients.measure()
            weights.before_step()
            if not any(each.num_nonfinite for each in report):
                optimizer.step()
            moved = weights.measure()
            optimizer.zero_grad()
        seen.grads = {each.group: each.norm for each in report}
        seen.num_none = {each.group: each.num_none for each in report}
        seen.nonfinite = sum(each.num_nonfinite for each in report)
        seen.updates = {each.group: each.update for each in moved}
        seen.ratios = {each.group: each.ratio for each in moved}
        seen.unchanged = max(each.unchanged for each in moved)
        seen.weights_nonfinite = sum(each.num_nonfinite for each in moved)
        seen.stale = max(each.stale_grad or 0.0 for each in moved)
        seen.loss, seen.lr, seen.slept_s = seen.losses[-1], optimizer.param_groups[0]["lr"], sum(slept)
        with torch.no_grad():
            seen.valid = model.eval()(x_BTF)
        epochs.append(seen)
    return epochs[0], epochs[1]


MEASURED: dict[str, Callable[[Epoch, Epoch], bool]] = {
    "dead_inputs": lambda before, after: bool((after.inputs.std((0, 1)) == 0).sum() == FEATURES // 4),
    "dead_units": lambda before, after: before.dead_share < 0.5 <= after.dead_share,
    "grad_drop": lambda before, after: 0 < after.grads["second"] < 1e-3 * before.grads["second"],
    "grad_explode": lambda before, after: after.grads["head"] > 50 * before.grads["head"],
    "grad_missing": lambda before, after: (before.num_none["second"], after.num_none["second"]) == (0, 1),
    "grad_nonfinite": lambda before, after: after.nonfinite == 2 and math.isfinite(after.losses[0]),
    "grad_vanish": lambda before, after: 0 < after.grads["first"] < 1e-7 and after.grads["head"] > 1e-3,
    "grad_zero": lambda before, after: after.grads["first"] == after.grads["second"] == 0 < after.grads["head"],
    "input_shift": lambda before, after: bool((after.inputs - before.inputs).allclose(torch.ones(1))),
    "loss_diverge": lambda before, after: bool((after.labels != before.labels).all()),
    "loss_nonfinite": lambda before, after: math.isnan(after.losses[0]) and math.isfinite(before.loss),
    "loss_spike": lambda before, after: min(after.losses[1::2]) > 10 * max(after.losses[0::2]),
    "loss_zero_or_frozen": lambda before, after: after.loss == 0 < before.loss and after.grads["head"] == 0,
    "lr_off": lambda before, after: (before.lr, after.lr) == (LR, 0.0),
    "metric_constant": lambda before, after: bool((after.valid == before.valid).all()),
    "metric_off_band": lambda before, after: float(after.valid.mean() - before.valid.mean()) > 0.5,
    "no_update": lambda before, after: after.updates["second"] == 0 < after.grads["second"],
    "not_learning": lambda before, after: (
        bool(after.labels.sort(0).values.equal(before.labels.sort(0).values)) and not after.labels.equal(before.labels)
    ),
    "pred_collapse": lambda before, after: float(after.predictions.detach().std()) < 1e-6,
    "reset_failed": lambda before, after: (
        0 < float(after.predictions.detach().std()) < 0.2 * float(before.predictions.detach().std())
    ),
    "resets_excess": lambda before, after: float(after.predictions.detach().std()) < 1e-6 < float(after.valid.std()),
    "scale_off": lambda before, after: float(after.valid.std()) > 3 * float(before.valid.std()),
    "stale_grad": lambda before, after: before.stale == 0 < after.stale,
    "stall_silent": lambda before, after: after.slept_s == 0.0,
    "throughput_drop": lambda before, after: (before.slept_s, after.slept_s) == (0.0, 5.0 * STEPS),
    "update_ratio": lambda before, after: after.ratios["second"] > 1 > before.ratios["second"],
    "update_underflow": lambda before, after: before.unchanged < 0.5 < after.unchanged,
    "weight_nonfinite": lambda before, after: (before.weights_nonfinite, after.weights_nonfinite > 0) == (0, True),
}
"""By fault: what only the second epoch measures. The silent stall would need a fifth batch, so it does not act here."""


def test_every_fault_has_a_measure():
    assert MEASURED.keys() == FAULTS.keys()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_changes_what_is_measured(fault: str):
    before, after = two_epochs(fault, lr=1e-5 if fault == "update_underflow" else LR)
    assert MEASURED[fault](before, after)


def test_a_leftover_gradient_is_also_found_at_the_start_of_the_backward_pass():
    """Telemetry measures it there, because a loop may clear gradients as late as that."""
    weight = nn.Parameter(torch.ones(3))
    monitor = WeightMonitor({"all": {"weight": weight}})
    optimizer = torch.optim.SGD([weight], lr=0.1)
    seen = []
    for is_cleared in (True, True, False):
        monitor.expect_backward()
        loss = (weight * 2).sum()
        if is_cleared:
            optimizer.zero_grad()
        loss.backward()
        monitor.before_step()
        optimizer.step()
        seen.append(monitor.measure()[0].stale_grad)
    assert seen == [0.0, 0.0, pytest.approx(12**0.5)]
