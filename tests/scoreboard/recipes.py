"""What one real training run of the scoreboard is asked to do; every default is a plain healthy run."""

from __future__ import annotations

from dataclasses import dataclass, field

ARCHITECTURES = ("shipped", "mlp", "gru", "transformer")
TUNED_ON = ("shipped", "mlp", "gru")
"""Architectures that were looked at while rules and faults were made; the last one never was."""


@dataclass(frozen=True)
class Guard:
    """When predictions count as collapsed; the trainer's own guard judges, in every loop."""

    every: int = 2
    decay: float = 0.8
    strikes: int = 3
    min_ratio: float = 0.01
    warmup_steps: int = 10
    recover_within_steps: int = 6


@dataclass(frozen=True)
class Recipe:
    """One run, for whichever loop trains it; a field that a loop has no use for does not stand in its recipes."""

    epochs: int = 7
    batches: int = 47
    """Optimizer steps of an epoch; of the shipped loop it is what its panel gives."""
    batch_size: int = 32
    lr: float = 2e-3
    schedule: str = "cosine"
    """cosine, constant, drop (a tenth from the fourth epoch on) or none (constant, and nothing of it declared)."""
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
    """Share of training labels that are another row's."""
    noise_std: float = 0.5
    """Standard deviation of what no input explains; that of what they explain is 1."""
    rows: int = 0
    """Training rows; 0 for as many as an epoch's batches hold, else they are drawn with replacement."""
    has_heavy_tails: bool = False
    scales: float = 1.0
    """Largest spread of a feature; the smallest is 1 over it."""
    harder_from: int = 0
    """Epoch from which there is more noise on the training labels; 0 for never."""
    harder_by: float = 0.7
    """Its standard deviation."""
    is_change_declared: bool = False
    validation_s: float = 2.0
    stops_after: int = 0
    """Epoch after which the loop ends though more are declared; 0 for none."""
    train_every: int = 5
    grad_every: int = 10
    guard: Guard = field(default_factory=Guard)
    settings: tuple[tuple[str, object], ...] = ()
    """Of the shipped trainer alone: its settings by name, above all that is here."""
    is_resumed: bool = False
    """Of the shipped trainer alone: whether it is killed in the middle of epoch 3 and goes on."""
    env: tuple[tuple[str, str], ...] = ()
    """Of the shipped trainer alone: the environment that it is started in."""
    panel: str = "market"
    """Of the shipped trainer alone: market, noise (its targets are) or changing (its file is, in the third epoch)."""


@dataclass(frozen=True)
class Job:
    """One run of the board."""

    kind: str
    """The fault's kind, or the healthy kind."""
    architecture: str
    seed: int
    recipe: Recipe
    inject: str = ""
    """FAULT@EPOCH as `trainer fit` takes it; empty for none."""

    @property
    def name(self) -> str:
        """Return what tells it from every other run."""
        return f"{self.kind}.{self.architecture}.{self.seed}"
