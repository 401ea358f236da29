"""Healthy runs: plain ones, and hard ones, in which something deliberate looks like a fault to naive rules."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from tests.scoreboard.kinds import OWN, SHIPPED
from tests.scoreboard.recipes import ARCHITECTURES, Job, Recipe

PLAIN = "plain"


@dataclass(frozen=True)
class HealthyKind:
    """One way for a run to be healthy."""

    name: str
    what: str
    recipe: dict[str, Any] = field(default_factory=dict)
    shipped: dict[str, Any] = field(default_factory=dict)
    """Further differences for the shipped model."""
    architectures: tuple[str, ...] = ARCHITECTURES

    def job(self, architecture: str, seed: int) -> Job:
        """Return one of its runs."""
        is_shipped = architecture == "shipped"
        plain = SHIPPED if is_shipped else Recipe()
        recipe = replace(plain, **{**self.recipe, **(self.shipped if is_shipped else {})})
        return Job(self.name, architecture, seed, recipe)


HARD: tuple[HealthyKind, ...] = (
    HealthyKind(
        "long_warmup", "a warm-up over a quarter of the run, then a cosine to a fiftieth", {"warmup_steps": 80}
    ),
    HealthyKind("frozen_first", "the part next to the inputs is frozen", {"is_first_frozen": True}, architectures=OWN),
    HealthyKind("accumulate_4", "gradients of four batches in each step", {"accumulate": 4}, {"epochs": 24}),
    HealthyKind(
        "dropout", "half of the units dropped; a third in the shipped model", {"dropout": 0.5}, {"dropout": 0.3}
    ),
    HealthyKind("lr_drop", "a tenth of the rate from epoch 4 on, declared", {"schedule": "drop"}, architectures=OWN),
    HealthyKind(
        "harder_declared",
        "much harder data from epoch 4 on, declared",
        {"harder_from": 4, "is_change_declared": True},
        architectures=OWN,
    ),
    HealthyKind(
        "harder_undeclared",
        "slightly harder data from epoch 4 on, undeclared",
        {"harder_from": 4, "harder_by": 0.35},
        architectures=OWN,
    ),
    HealthyKind(
        "sgd_momentum",
        "SGD with momentum and an undeclared constant rate",
        {"optimizer": "sgd", "lr": 0.02, "schedule": "none", "warmup_steps": 0},
        architectures=OWN,
    ),
    HealthyKind("label_noise", "a fifth of the labels from other rows", {"label_noise": 0.2}, architectures=OWN),
    HealthyKind("small_batch", "four rows in a batch", {"batch_size": 4}, architectures=OWN),
    HealthyKind("large_batch", "256 rows in a batch", {"batch_size": 256}, architectures=OWN),
    HealthyKind("weight_decay", "ten times the usual weight decay", {"weight_decay": 0.2}),
    HealthyKind("bf16", "the forward pass in bfloat16", {"is_bf16": True}),
    HealthyKind("tight_clip", "gradients clipped to a twentieth of the usual norm", {"clip": 0.05}),
    HealthyKind(
        "undeclared_warmup",
        "an undeclared warm-up and rate",
        {"schedule": "none"},
        architectures=OWN,
    ),
    HealthyKind("batch_norm", "batch norm in every block", {"norm": "batch"}, architectures=OWN),
    HealthyKind("layer_norm", "layer norm in every block", {"norm": "layer"}, architectures=OWN),
    HealthyKind("mixed_scales", "features from a half to twice the usual spread", {"scales": 2.0}, architectures=OWN),
    HealthyKind(
        "heavy_tails", "features with outliers (Student's t, 5 degrees)", {"has_heavy_tails": True}, architectures=OWN
    ),
    HealthyKind("long_validation", "280 silent seconds in each validation", {"validation_s": 280.0}, architectures=OWN),
    HealthyKind("huber", "a loss that is linear far from 0", {"loss": "huber"}),
    HealthyKind("high_rate", "three times the usual learning rate", {"lr": 6e-3}, {"lr": 1e-2}),
    HealthyKind("noisy", "targets with a tenth of their variance predictable", {"noise_std": 3.0}, architectures=OWN),
    HealthyKind(
        "long_run",
        "three times as many epochs, down to almost no rate",
        {"epochs": 21, "batch_size": 64, "dropout": 0.2},
    ),
    HealthyKind("resumed", "stopped in epoch 3 and resumed", {}, {"is_resumed": True}, architectures=("shipped",)),
    HealthyKind(
        "average_weights", "validation with averaged weights", {}, {"settings": (("ema_decay", 0.98),)}, ("shipped",)
    ),
    HealthyKind(
        "early_stop",
        "ends when validation no longer improves, declared",
        {},
        {"epochs": 12, "settings": (("patience", 3),)},
        ("shipped",),
    ),
    HealthyKind(
        "linear_skip", "the network plus a linear forecast", {}, {"settings": (("linear_skip", True),)}, ("shipped",)
    ),
)
"""Deliberate changes are declared, unless `what` says they are not."""
EVERY: tuple[HealthyKind, ...] = (HealthyKind(PLAIN, "warm-up, cosine and clip"), *HARD)
