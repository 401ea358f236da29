"""The settings of a run: frozen sections, each checked when it is created.

A setting's name, default, unit and meaning are its field here; `settings` decides where its value comes from.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

GRADIENT_GROUPS = (
    "prediction_head_shared",
    "prediction_head_heads",
    "backbone_projection",
    "adaptive_norm",
    "temporal_encoder",
    "input_projection",
    "variable_selection",
    "gat",
)


class TrainerError(Exception):
    """A user's mistake; the text has the form `where: what; expected ..., got ...`."""


class SettingError(TrainerError):
    """A setting that no run can use."""


def setting(default: Any, what: str, *, unit: str = "", env: str | None = None, key: str | None = None) -> Any:
    """Declare one setting: its default, one sentence on it, its unit, its environment variable, its name in the log.

    Without `env` the variable is `TRAINER_<FIELD NAME>`; without `key` the log uses the field name.
    """
    return field(default=default, metadata={"what": what, "unit": unit, "env": env, "key": key})


@dataclass(frozen=True)
class DataConfig:
    """Which panel is used and how its dates are split."""

    data: str = setting(
        "", "Panel to train on: a parquet, CSV or feather file, a folder, or a pattern; empty means a synthetic panel."
    )
    features: tuple[str, ...] = setting(
        (), "Feature columns, names or patterns such as mom_*; empty means every numeric column without a label's name."
    )
    exclude: tuple[str, ...] = setting((), "Columns to leave out of the features, names or patterns.")
    static_data: str = setting("", "File with one row per code, such as its sector, whose columns join the panel's.")
    categories: tuple[str, ...] = setting(
        (), "Columns of text or whole numbers, such as sector: each value becomes a feature that is 0 or 1."
    )
    features_per_date: str = setting(
        "none", "What a feature is among the stocks of its date: rank or z_score; none leaves it as it is."
    )
    labels_per_date: str = setting(
        "none", "What a label is among the stocks of its date: rank or z_score; none leaves it a return."
    )
    neutral_column: str = setting(
        "", "Column such as sector; labels are then returns less the mean of their group on that date."
    )
    weight_column: str = setting(
        "", "Column with the weight of each row in the loss, of any scale; empty weighs all rows the same."
    )
    since: str = setting("", "First date to read, YYYY-MM-DD; the rows before it are left out.")
    until: str = setting("", "Last date to read, YYYY-MM-DD; the run sees no row and no price after it.")
    codes: int = setting(60, "Stocks in the synthetic panel.")
    days: int = setting(160, "Trading days in the synthetic panel.")
    data_seed: int = setting(1, "Seed of the synthetic panel.")
    date_column: str = setting("date", "Column of the panel that holds the date.")
    code_column: str = setting("code", "Column of the panel that holds the stock's code.")
    price_column: str = setting("close", "Column of the panel that holds the adjusted price; may be absent.")
    target_column: str = setting("target_{horizon}d", "Label columns; {horizon} is replaced by the horizon in days.")
    cache_dir: str = setting("", "Folder for memory-mapped panels and graphs; empty keeps them in memory.")
    normalise: str = setting("mean_std", "Feature scaling fitted on the training part: mean_std or robust.")
    winsorise: float = setting(
        0.0, "Share of the training labels that is drawn in to the next value at each end; 0 leaves them as they are."
    )
    max_missing_days: int = setting(0, "Most days that may be missing from a window.", unit="days")
    graph_days: int = setting(60, "Past days whose returns are correlated for the graph.", unit="days")
    graph_neighbours: int = setting(10, "Most edges that end at one stock.")
    graph_min_correlation: float = setting(0.2, "Smallest absolute correlation of an edge.")
    window: int = setting(20, "Trading days that one sample looks back on.", unit="days")
    horizons: tuple[int, ...] = setting((1, 5, 10, 20), "Forecast horizons.", unit="days")
    embargo_days: int = setting(20, "Days left unused between the parts of the split.", unit="days")
    valid_share: float = setting(0.2, "Share of the dates held out for validation.")
    test_share: float = setting(0.0, "Share of the dates, the latest ones, that training never reads.")

    def __post_init__(self) -> None:
        _check_positive(self, "codes", "days", "window")
        _check(
            bool(self.horizons) and all(h > 0 for h in self.horizons),
            "horizons",
            "positive days",
            self.horizons,
        )
        _check(len(set(self.horizons)) == len(self.horizons), "horizons", "each horizon once", self.horizons)
        longest = max(self.horizons)
        _check(
            self.embargo_days >= longest,
            "embargo_days",
            f"at least the longest horizon {longest}",
            self.embargo_days,
        )
        _check(self.normalise in ("mean_std", "robust"), "normalise", "mean_std or robust", self.normalise)
        for name in ("features_per_date", "labels_per_date"):
            value = getattr(self, name)
            _check(value in ("none", "rank", "z_score"), name, "none, rank or z_score", value)
        for name in ("since", "until"):
            value = getattr(self, name)
            _check(not value or _is_date(value), name, "a date such as 2024-01-31", value)
        _check(not self.since or not self.until or self.since <= self.until, "since", "a date before until", self.since)
        _check(0.0 <= self.winsorise < 0.5, "winsorise", "at least 0 and below 0.5", self.winsorise)
        _check("{horizon}" in self.target_column, "target_column", "a name with {horizon}", self.target_column)
        _check(self.max_missing_days >= 0, "max_missing_days", "at least 0", self.max_missing_days)
        _check_positive(self, "graph_days", "graph_neighbours", "graph_min_correlation")
        _check(0.0 < self.valid_share < 1.0, "valid_share", "a share between 0 and 1", self.valid_share)
        _check(
            0.0 <= self.test_share < 1.0 - self.valid_share,
            "test_share",
            "a share left of 1",
            self.test_share,
        )


SYNTHETIC = ("codes", "days", "data_seed")
"""Settings of the synthetic panel, without effect where `data` names another."""


@dataclass(frozen=True)
class ModelConfig:
    """The width of every part of the network."""

    hidden: int = setting(64, "Width of the encoders and the heads.", unit="units")
    selection_width: int = setting(16, "Width of each feature's gated network.", unit="units")
    temporal_heads: int = setting(4, "Attention heads of the temporal encoder.")
    graph_heads: int = setting(4, "Attention heads of the graph attention.")
    dropout: float = setting(0.3, "Share of activations dropped in training.")
    feature_dropout: float = setting(0.0, "Share of the features hidden from each row in training.")
    edge_dropout: float = setting(0.1, "Share of graph edges dropped in training.")
    linear_skip: bool = setting(
        False,
        "Whether to add a linear forecast from the last day's features, the neighbours' too, to the network's.",
    )
    norm: str = setting("layer_norm", "Adaptive norm: layer_norm, or fan_san, which attenuates gradients.")
    use_graph: bool = setting(True, "Whether to use the graph's edges; without them each stock sees only itself.")

    def __post_init__(self) -> None:
        _check_positive(self, "hidden", "selection_width", "temporal_heads", "graph_heads")
        for heads in ("temporal_heads", "graph_heads"):
            _check(
                self.hidden % getattr(self, heads) == 0,
                heads,
                f"a divisor of hidden={self.hidden}",
                getattr(self, heads),
            )
        _check(0.0 <= self.dropout < 1.0, "dropout", "a share below 1", self.dropout)
        _check(0.0 <= self.feature_dropout < 1.0, "feature_dropout", "a share below 1", self.feature_dropout)
        _check(0.0 <= self.edge_dropout < 1.0, "edge_dropout", "a share below 1", self.edge_dropout)
        _check(self.norm in ("layer_norm", "fan_san"), "norm", "layer_norm or fan_san", self.norm)


@dataclass(frozen=True)
class LossConfig:
    """The terms of the loss; a weight of 0 turns its term off."""

    point_loss: str = setting("quantile", "Base loss: quantile (all five quantiles) or huber (the median only).")
    point_weight: float = setting(1.0, "Weight of the base loss.")
    huber_delta: float = setting(1.0, "Where the Huber loss turns linear.", unit="target standard deviations")
    rank_ic_weight: float = setting(0.2, "Weight of 1 - soft RankIC.")
    sharpe_weight: float = setting(0.05, "Weight of minus the daily long-short ratio.")
    variance_penalty_weight: float = setting(
        0.01,
        "Weight of the penalty on predictions that, without dropout, vary too little.",
        env="VARIANCE_PENALTY_WEIGHT",
        key="VARIANCE_PENALTY_WEIGHT",
    )
    variance_floor_ratio: float = setting(0.1, "Prediction std / target std below which the penalty acts.")

    def __post_init__(self) -> None:
        _check(self.point_loss in ("quantile", "huber"), "point_loss", "quantile or huber", self.point_loss)
        weights = ("point_weight", "rank_ic_weight", "sharpe_weight", "variance_penalty_weight")
        for name in weights:
            _check(getattr(self, name) >= 0.0, name, "a weight of at least 0", getattr(self, name))
        _check(
            any(getattr(self, name) > 0.0 for name in weights),
            "loss weights",
            "at least one above 0",
            "all 0",
        )
        _check_positive(self, "huber_delta", "variance_floor_ratio")


@dataclass(frozen=True)
class OptimConfig:
    """How the weights are optimized."""

    epochs: int = setting(6, "Passes over the training dates.", unit="epochs")
    batch_size: int = setting(128, "Most rows in a batch; batches are made of whole days.", unit="rows")
    base_lr: float = setting(5e-4, "Highest learning rate.")
    min_lr: float = setting(1e-5, "Learning rate at the end of the cosine.")
    warmup_steps: int = setting(20, "Optimizer steps of linear warm-up.", unit="steps")
    weight_decay: float = setting(0.05, "AdamW weight decay.")
    clip: float = setting(1.0, "Largest global gradient norm.")
    accumulate: int = setting(1, "Batches whose gradients are summed for one optimizer step.", unit="batches")
    precision: str = setting("fp32", "fp32 or bf16-mixed.")
    ema_decay: float = setting(
        0.0, "Decay of the moving average of the weights that validation and predict use; 0 uses the last weights."
    )
    compile: bool = setting(False, "Whether to run the network through torch.compile.")
    patience: int = setting(0, "Epochs without a better validation loss before stopping; 0 never stops early.")
    device: str = setting("auto", "cpu, cuda, cuda:N, or auto: cuda if there is a GPU.")
    threads: int = setting(0, "CPU threads for the computation; 0 uses one per core.")
    prefetch: int = setting(0, "Batches made ahead in a thread while a step runs; 0 makes each when it is needed.")
    tf32: bool = setting(False, "Whether a GPU may round the factors of fp32 products to TF32, with 10 bits each.")
    seed: int = setting(1, "Seed of the weights, the order of the batches and dropout.")

    def __post_init__(self) -> None:
        _check_positive(self, "epochs", "batch_size", "base_lr", "clip", "accumulate")
        _check(0.0 <= self.ema_decay < 1.0, "ema_decay", "at least 0 and below 1", self.ema_decay)
        _check(0.0 <= self.min_lr <= self.base_lr, "min_lr", f"between 0 and base_lr={self.base_lr}", self.min_lr)
        for name in ("warmup_steps", "weight_decay", "patience", "threads", "prefetch", "seed"):
            _check(getattr(self, name) >= 0, name, "at least 0", getattr(self, name))
        is_device = re.fullmatch(r"auto|cpu|cuda(:\d+)?", self.device) is not None
        _check(is_device, "device", "auto, cpu, cuda or cuda:N", self.device)
        _check(self.precision in ("fp32", "bf16-mixed"), "precision", "fp32 or bf16-mixed", self.precision)


@dataclass(frozen=True)
class MonitorConfig:
    """What the run measures about itself, and how often."""

    grad_monitor: bool = setting(
        True,
        "Whether to monitor gradients, weights, activations and inputs.",
        env="ENABLE_GRAD_MONITOR",
        key="ENABLE_GRAD_MONITOR",
    )
    grad_monitor_every: int = setting(
        10,
        "Optimizer steps from one monitor report to the next.",
        unit="steps",
        env="GRAD_MONITOR_EVERY",
        key="GRAD_MONITOR_EVERY",
    )
    grad_warn_norm: float = setting(
        1e-7,
        "Gradient norm below which a tensor counts as small and a group gets a warning.",
        env="GRAD_MONITOR_WARN_NORM",
        key="GRAD_MONITOR_WARN_NORM",
    )
    encoder_grad_hooks: bool = setting(
        True,
        "Whether to hook and report the encoder's gradients.",
        env="ENABLE_ENCODER_GRAD_HOOKS",
        key="ENABLE_ENCODER_GRAD_HOOKS",
    )
    train_every: int = setting(5, "Batches from one TRAIN line to the next.", unit="batches")
    heartbeat_s: float = setting(20.0, "Seconds from one PHASE heartbeat to the next.", unit="s")
    explain_days: int = setting(
        16, "Validation days from which an epoch's weights of features and attention are computed; 0 computes none."
    )
    tensorboard: str = setting(
        "", "Folder for the figures as TensorBoard events, beside the log; empty writes none. Needs that package."
    )
    cost_bps: float = setting(10.0, "Cost of each value bought or sold, for the net Sharpe ratio.", unit="basis points")

    def __post_init__(self) -> None:
        _check_positive(self, "grad_monitor_every", "train_every", "heartbeat_s")
        _check(self.grad_warn_norm >= 0.0, "GRAD_MONITOR_WARN_NORM", "at least 0", self.grad_warn_norm)
        _check(self.explain_days >= 0, "explain_days", "at least 0", self.explain_days)
        _check(self.cost_bps >= 0.0, "cost_bps", "at least 0", self.cost_bps)
        _check(self.heartbeat_s <= 30.0, "heartbeat_s", "at most the 30 s the log promises", self.heartbeat_s)


@dataclass(frozen=True)
class GuardConfig:
    """When a horizon's predictions count as collapsed, and how its head is reset."""

    guard_every: int = setting(10, "Optimizer steps from one check to the next.", unit="steps")
    guard_min_ratio: float = setting(0.01, "Prediction std / target std below which a check is a strike.")
    guard_decay: float = setting(0.0, "Decay per check of the moving average of the prediction std; 0: no average.")
    guard_strikes: int = setting(3, "Strikes in a row before a head is reset.")
    guard_warmup_steps: int = setting(10, "Steps before the first check.", unit="steps")
    recover_within_steps: int = setting(20, "Steps within which a reset head must regain variance.", unit="steps")
    reset_scale: float = setting(
        0.05,
        "Noise added to a head by a reset, in standard deviations of a fresh initialisation.",
        env="DEGENERACY_RESET_SCALE",
        key="DEGENERACY_RESET_SCALE",
    )

    def __post_init__(self) -> None:
        _check_positive(self, "guard_every", "guard_min_ratio", "guard_strikes", "recover_within_steps", "reset_scale")
        _check(0.0 <= self.guard_decay < 1.0, "guard_decay", "at least 0 and below 1", self.guard_decay)
        _check(self.guard_warmup_steps >= 0, "guard_warmup_steps", "at least 0", self.guard_warmup_steps)


@dataclass(frozen=True)
class RunConfig:
    """The run's name, files and injected faults."""

    name: str = setting("fit", "Name of the run; its log's file name starts with it.")
    log: str = setting("", "Log file; empty means _logs/training/<name>_<YYYYMMDD_HHMMSS>.log (UTC).")
    checkpoint_dir: str = setting("", "Checkpoint folder; empty means NAME.checkpoints next to the log.")
    checkpoint_every: int = setting(0, "Optimizer steps between checkpoints; 0 saves at epoch ends.", unit="steps")
    keep_checkpoints: int = setting(3, "How many of the newest checkpoints to keep, in addition to the best.")
    resume: str = setting("", "Checkpoint folder of the run to resume, with the settings in its newest checkpoint.")
    allow_change: tuple[str, ...] = setting((), "Settings that a resumed run may change, by name.")
    inject: tuple[str, ...] = setting((), "Faults to inject, each FAULT@EPOCH.")

    def __post_init__(self) -> None:
        _check(bool(self.name) and "/" not in self.name, "name", "a file name without /", self.name)
        _check(self.checkpoint_every >= 0, "checkpoint_every", "at least 0", self.checkpoint_every)
        _check_positive(self, "keep_checkpoints")
        is_one = not (self.resume and self.checkpoint_dir)
        _check(is_one, "checkpoint_dir", "no value, because resume names the folder", self.checkpoint_dir)


@dataclass(frozen=True)
class TrainerConfig:
    """All settings of one run, by section."""

    run: RunConfig = field(default_factory=RunConfig)
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    monitors: MonitorConfig = field(default_factory=MonitorConfig)
    guard: GuardConfig = field(default_factory=GuardConfig)

    @classmethod
    def from_dict(cls, sections: Mapping[str, Mapping[str, Any]]) -> TrainerConfig:
        """Return the configuration that `dataclasses.asdict` turned into `sections`; TypeError for unknown names."""
        return cls(**{name: section_type(**sections[name]) for name, section_type in SECTIONS.items()})


SECTIONS: dict[str, Any] = {entry.name: entry.default_factory for entry in fields(TrainerConfig)}
"""Each section's class by its name in `TrainerConfig` and in a settings file."""


def as_text(value: Any) -> str:
    """Return a setting's value as a user would write it."""
    return ",".join(str(part) for part in value) if isinstance(value, tuple) else str(value)


def _check(is_right: bool, name: str, expected: str, got: Any) -> None:
    if not is_right:
        raise SettingError(f"{name}: cannot be used; expected {expected}, got {as_text(got)}")


def _is_date(text: str) -> bool:
    try:
        return len(text) == len("2024-01-31") and bool(datetime.date.fromisoformat(text))
    except ValueError:
        return False


def _check_positive(section: Any, *names: str) -> None:
    for name in names:
        _check(getattr(section, name) > 0, name, "more than 0", getattr(section, name))
