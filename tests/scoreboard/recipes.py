"""The settings of one real training run of the scoreboard; the defaults are a plain healthy run."""

from __future__ import annotations

from dataclasses import dataclass, field

ARCHITECTURES = ("shipped", "mlp", "gru", "transformer")
TUNED_ON = ("shipped", "mlp", "gru")
"""Architectures used while rules and faults were developed; the last one never was."""


@dataclass(frozen=True)
class Guard:
    """When predictions count as collapsed, for the trainer's guard, which every loop uses."""

    every: int = 2
    decay: float = 0.8
    strikes: int = 3
    min_ratio: float = 0.01
    warmup_steps: int = 10
    recover_within_steps: int = 6


@dataclass(frozen=True)
class Recipe:
    """One run of any loop; each loop's recipes set only fields that it uses."""

    epochs: int = 7
    batches: int = 47
    """Optimizer steps of an epoch; in the shipped loop its panel decides."""
    batch_size: int = 32
    lr: float = 2e-3
    schedule: str = "cosine"
    """cosine, constant, drop (a tenth from the fourth epoch on) or none (constant and undeclared)."""
    warmup_steps: int = 20
    optimizer: str = "adamw"
    weight_decay: float = 0.01
    clip: float = 1.0
    accumulate: int = 1
    dropout: float = 0.0
    norm: str = "none"
    """none, layer or batch."""
    is_first_frozen: bool = False
    is_bf16: bool = False
    loss: str = "mse"
    """mse or huber."""
    label_noise: float = 0.0
    """Share of training labels taken from another row."""
    noise_std: float = 0.5
    """Standard deviation of the unexplained part of the targets; that of the explained part is 1."""
    rows: int = 0
    """Training rows, drawn with replacement; 0 for as many as an epoch needs."""
    has_heavy_tails: bool = False
    scales: float = 1.0
    """Largest spread of a feature; the smallest is its inverse."""
    harder_from: int = 0
    """Epoch from which the training labels have more noise; 0 for never."""
    harder_by: float = 0.7
    """Standard deviation of that noise."""
    is_change_declared: bool = False
    validation_s: float = 2.0
    stops_after: int = 0
    """Epoch after which the loop ends although more are declared; 0 for none."""
    train_every: int = 5
    grad_every: int = 10
    guard: Guard = field(default_factory=Guard)
    settings: tuple[tuple[str, object], ...] = ()
    """Shipped trainer only: its settings by name, which override everything here."""
    is_resumed: bool = False
    """Shipped trainer only: whether it is stopped in the middle of epoch 3 and resumed."""
    env: tuple[tuple[str, str], ...] = ()
    """Shipped trainer only: its environment."""
    panel: str = "market"
    """Shipped trainer only: market, noise (as targets) or changing (its file is replaced in the third epoch)."""


@dataclass(frozen=True)
class Job:
    """One run of the board."""

    kind: str
    """The kind of fault, or the healthy kind."""
    architecture: str
    seed: int
    recipe: Recipe
    inject: str = ""
    """FAULT@EPOCH as `trainer fit` takes it; empty for none."""

    @property
    def name(self) -> str:
        """The unique name of the run."""
        return f"{self.kind}.{self.architecture}.{self.seed}"
