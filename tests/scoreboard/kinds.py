"""The kinds of fault in a training: how each is provoked, which labels are right, and by when it must be detected.

The table follows the numbers of the fault list that the rule pack covers.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from tests.scoreboard.recipes import ARCHITECTURES, Guard, Job, Recipe

ONSETS = (3, 4)
"""Epochs in which a fault begins, alternating over the seeds, so that its distance to the next report varies."""


class Since(StrEnum):
    """The point from which the bound is counted."""

    ONSET = "the first step that the fault touches"
    RESETS = "the 11th reset of an epoch"
    RESET = "the first reset"
    SPIKES = "the third reported spike"
    DOUBLED = "the first interval in which every reported loss is twice the best window's median"
    OVER_BEST = "the third validation in a row above 1.2 times the best"
    END = "the end line"


@dataclass(frozen=True)
class Bound:
    """How soon an alert must come. L, one log interval, is the interval of the lines that the kind's rules read."""

    steps: int = 0
    epochs: int = 0
    since: Since = Since.ONSET
    words: str = "L"
    """The bound in the list of kinds."""

    def allowed(self, steps_an_epoch: int) -> int:
        """Return how many steps may pass."""
        return self.steps + self.epochs * steps_an_epoch


GRAD = Bound(steps=10)
"""One interval of the monitors' reports."""
TRAIN = Bound(steps=5)
"""One interval of the progress lines."""
VALIDATION = Bound(epochs=1)
"""One interval of the validations' lines."""


@dataclass(frozen=True)
class Kind:
    """One kind of fault in a real training run."""

    number: int
    name: str
    provoked: str
    """What is done to the run, in a few words."""
    bound: Bound
    is_injected: bool = True
    """Whether the trainer's fault of this name provokes it; otherwise the recipe alone causes the fault."""
    recipe: dict[str, Any] = field(default_factory=dict)
    """How its runs differ from a plain healthy one."""
    shipped: dict[str, Any] = field(default_factory=dict)
    """Further differences for the shipped model."""
    same_as: frozenset[str] = frozenset()
    """Other labels that are right, because this fault is of those kinds too, in the same step."""
    architectures: tuple[str, ...] = ARCHITECTURES
    from_start: bool = False
    """Whether the run is faulty from its first step, without a healthy start."""
    always_from: int | None = None
    """The epoch in which it begins for every seed; None for the epochs of `ONSETS`."""
    shipped_parameters: str = ""
    """The fault's parameters after `FAULT@EPOCH` for the shipped model."""
    is_on_report: bool = False
    """Whether the fault acts in the step of the monitors' next report, by its parameter `batch`."""
    needs_baseline: bool = False
    """Whether it is judged with a healthy run of the same task as its baseline."""

    @property
    def right(self) -> frozenset[str]:
        """Return all labels that are right."""
        return self.same_as | {self.name}

    def onset_epoch(self, seed: int) -> int:
        """Return the epoch, counted from 1, in which the fault begins."""
        return 1 if self.from_start else self.always_from or ONSETS[seed % len(ONSETS)]

    def onset_batch(self, seed: int, steps_an_epoch: int) -> int:
        """Return the first batch of the onset's epoch that the fault touches, counted from 1."""
        return 1 + -steps_an_epoch * (self.onset_epoch(seed) - 1) % GRAD.steps if self.is_on_report else 1

    def job(self, architecture: str, seed: int) -> Job:
        """Return one of its runs."""
        is_shipped = architecture == "shipped"
        plain = SHIPPED if is_shipped else Recipe()
        recipe = replace(plain, **{**self.recipe, **(self.shipped if is_shipped else {})})
        inject = f"{self.name}@{self.onset_epoch(seed)}" if self.is_injected else ""
        if is_shipped and self.shipped_parameters:
            inject += f":{self.shipped_parameters}"
        if self.is_on_report:
            inject += f":batch={self.onset_batch(seed, SHIPPED_STEPS if is_shipped else recipe.batches)}"
        return Job(self.name, architecture, seed, recipe, inject)


SHIPPED_STEPS = 52
"""Optimizer steps that an epoch of the shipped trainer has on the board's panels."""
SHIPPED = Recipe(lr=4e-3, dropout=0.1, weight_decay=0.05)
"""A plain healthy run of the shipped trainer, small and quick, with a rate at which it learns in so few steps."""

OWN = ("mlp", "gru", "transformer")

KINDS: tuple[Kind, ...] = (
    Kind(1, "loss_nonfinite", "a nan among a batch's features", TRAIN),
    Kind(2, "grad_nonfinite", "an inf in the gradient of the middle part", GRAD),
    Kind(
        3,
        "weight_nonfinite",
        "one nan weight in the middle part, set in the step of a report; one step later the loss would show it first",
        GRAD,
        is_on_report=True,
    ),
    Kind(4, "grad_zero", "the encoder's output detached", GRAD),
    Kind(5, "grad_vanish", "the gradient into the encoder times 1e-10", GRAD),
    Kind(6, "grad_drop", "the gradients of the middle part times 3e-4", GRAD),
    Kind(7, "grad_explode", "every gradient times 1024", GRAD),
    Kind(8, "grad_missing", "a tensor of the middle part frozen, undeclared", GRAD),
    Kind(
        9,
        "dead_inputs",
        "a quarter of the features 0; six of ten for the shipped model, where only gradients show it",
        GRAD,
        shipped_parameters="share=0.6",
    ),
    Kind(10, "stale_grad", "zero_grad never called", GRAD),
    Kind(11, "no_update", "the optimizer lacks the middle part", GRAD),
    Kind(12, "lr_off", "a learning rate of 0 under a declared schedule", TRAIN),
    Kind(
        13,
        "update_ratio",
        "the middle part redrawn in each step",
        Bound(steps=20, words="2L"),
    ),
    Kind(
        14,
        "update_underflow",
        "weights in bfloat16, steps of 3e-5",
        GRAD,
        recipe={"lr": 3e-5, "schedule": "constant", "warmup_steps": 0},
    ),
    Kind(15, "dead_units", "80 % of a layer's units with a bias of -100", GRAD),
    Kind(16, "pred_collapse", "the same prediction for every row", VALIDATION),
    Kind(
        17,
        "resets_excess",
        "flat predictions in every second step, under a guard that resets at once",
        Bound(steps=5, since=Since.RESETS),
        recipe={"guard": Guard(every=1, decay=0.0, strikes=1)},
    ),
    Kind(
        18,
        "reset_failed",
        "predictions keep little of their spread, even after resets",
        Bound(steps=6 + 2, since=Since.RESET, words="as declared"),
        recipe={"guard": Guard(decay=0.0, min_ratio=0.08, warmup_steps=60)},
        shipped_parameters="spread=0.06",
    ),
    Kind(
        19,
        "loss_spike",
        "labels six times as large in every second batch; ten times for the shipped model, whose loss is not squared",
        Bound(steps=5, since=Since.SPIKES),
        shipped_parameters="factor=10",
    ),
    Kind(
        20,
        "loss_diverge",
        "noise on the labels that grows from batch to batch, faster for the shipped model, whose loss is not squared",
        Bound(steps=5, since=Since.DOUBLED),
        shipped_parameters="by=0.15",
    ),
    Kind(
        21,
        "not_learning",
        "labels shuffled at random",
        Bound(epochs=5, words="5 epochs"),
        shipped={"lr": 2e-3, "epochs": 8},
        from_start=True,
    ),
    Kind(
        22,
        "overfit",
        "few rows, mostly noise in the labels",
        Bound(epochs=0, since=Since.OVER_BEST, words="3"),
        recipe={
            "rows": 300,
            "noise_std": 3.0,
            "epochs": 14,
            "batches": 30,
            "lr": 4e-3,
            "schedule": "constant",
            "weight_decay": 0.0,
        },
        architectures=OWN,
        from_start=True,
        is_injected=False,
    ),
    Kind(
        23,
        "metric_constant",
        "validation with the weights of an earlier epoch",
        Bound(epochs=3, words="3 epochs"),
    ),
    Kind(
        24,
        "metric_off_band",
        "predictions off by 1 in validation, with a healthy run as baseline; by 2 for the shipped model",
        Bound(epochs=2, words="2"),
        shipped_parameters="by=2",
        needs_baseline=True,
    ),
    Kind(25, "input_shift", "inputs off their normalisation by 1", GRAD),
    Kind(
        31,
        "throughput_drop",
        "five more seconds before every batch of one second",
        Bound(steps=10, words="2L"),
    ),
    Kind(
        35,
        "loss_zero_or_frozen",
        "the loss times 0",
        TRAIN,
        same_as=frozenset({"grad_zero"}),
    ),
    Kind(
        36,
        "config_ignored",
        "a setting that no code reads",
        Bound(words="start"),
        shipped={"env": (("TRAINER_LOSS_WEIGHT", "3"),)},
        architectures=("shipped",),
        from_start=True,
        is_injected=False,
    ),
    Kind(
        37,
        "stale_source",
        "the panel's file replaced during the training",
        Bound(epochs=1, words="start"),
        shipped={"panel": "changing"},
        architectures=("shipped",),
        always_from=3,
        is_injected=False,
    ),
    Kind(
        38,
        "ended_early",
        "a loop that ends after 7 of its 10 epochs",
        Bound(since=Since.END, words="end"),
        recipe={"epochs": 10, "stops_after": 7},
        architectures=OWN,
        from_start=True,
        is_injected=False,
    ),
    Kind(39, "scale_off", "predictions five times as large in validation", VALIDATION),
)
