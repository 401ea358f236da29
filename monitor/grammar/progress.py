"""Log lines about progress: phases, steps, epochs, metrics."""

from __future__ import annotations

from monitor.grammar.fields import PerHorizon, Share
from monitor.grammar.record import Record, line


@line("PHASE")
class Phase(Record):
    """A change of phase, or a heartbeat within one, which comes from a side thread and only proves that it lives."""

    name: str
    epoch: int | None = None
    step: int | None = None
    beat: int | None = None
    done: int | None = None
    total: int | None = None
    main_idle_s: float | None = None
    run: str | None = None
    pid: int | None = None


@line("TRAIN")
class Train(Record):
    """Progress within an epoch; each loss term is an extra key.

    ``loss`` is that of the newest step. ``mean_loss``, ``max_loss`` and ``num_losses`` are over the steps since the
    last such line; the first two leave out what is not finite. ``lr_groups`` has the rate of each parameter group, by
    its number from 0, where they differ. ``run_delay_s`` is the part of ``s_per_batch`` in which the training was ready
    to run and waited for a processor core.
    """

    epoch: Share
    batch: Share
    step: int
    loss: float | None
    """None only on another trainer's line, which may report a step without a loss."""
    lr: float | None = None
    s_per_batch: float | None = None
    load_s: float | None = None
    samples_per_s: float | None = None
    grad_norm: float | None = None
    skipped: int | None = None
    skips_in_row: int | None = None
    mean_loss: float | None = None
    max_loss: float | None = None
    num_losses: int | None = None
    lr_groups: PerHorizon | None = None
    run_delay_s: float | None = None


@line("FLOOR")
class Floor(Record):
    """The loss of a constant prediction, with the current loss weights.

    ``untrained`` is the loss of the first step, before any weight has moved; ``start`` the mean of the first ten.
    """

    loss_floor: float
    untrained: float | None = None
    start: float | None = None


@line(
    "EPOCH",
    "Epoch {epoch}: Train Loss={train_loss:.4f}, Val Loss={val_loss:.4f}, LR={lr:.2e}",
)
class Epoch(Record):
    """The end of an epoch."""

    epoch: Share
    train_loss: float | None
    val_loss: float | None
    lr: float | None
    seconds: float | None = None
    resets: int | None = None


@line("SELECTION")
class SelectionShare(Record):
    """The weight of one feature in the network that selects among them, in the validation of an epoch.

    ``relative`` is its multiple of an even share, 1 / number of features; ``highest`` is its highest so far.
    """

    epoch: int
    feature: str
    share: float | None = None
    relative: float | None = None
    highest: float | None = None


@line("ATTENTION")
class AttentionLags(Record):
    """How far back the last day of a window attends, in the validation of an epoch.

    ``lags`` has the share of each lag in days, 0 being the last day itself; ``older`` is the sum of those left out.
    """

    epoch: int
    mean_lag: float | None = None
    lags: PerHorizon | None = None
    older: float | None = None


@line("METRICS", "Sharpe Ratio: {sharpe:.4f}")
class Metrics(Record):
    """Validation metrics over all horizons at the end of an epoch."""

    epoch: int
    sharpe: float
    ic: float | None = None
    rank_ic: float | None = None
    hit_rate: float | None = None
    n_days: int | None = None
    definition: str | None = None
    n_undefined: int | None = None
    """Days without spread, which the figures leave out."""
    sharpe_apart: float | None = None
    """Sharpe ratio over days that are a horizon apart, so that no return counts twice."""
    sharpe_net: float | None = None
    """The same after ``cost_bps`` for each value that is bought or sold."""
    turnover: float | None = None
    cost_bps: float | None = None
    coverage_80: float | None = None
    """Share of returns between the predicted 10 and 90 % quantiles."""
    coverage_50: float | None = None


@line("METRICS")
class HorizonMetrics(Record):
    """Validation metrics of one horizon; ``ratio`` is pred_std / target_std.

    ``_se`` is a standard error, ``_ir`` mean / std over days, ``_t`` mean / standard error; the rest as in `Metrics`.
    """

    epoch: int
    h: int
    sharpe: float | None = None
    ic: float | None = None
    rank_ic: float | None = None
    hit_rate: float | None = None
    pred_std: float | None = None
    target_std: float | None = None
    ratio: float | None = None
    r2: float | None = None
    n_days: int | None = None
    n_undefined: int | None = None
    sharpe_se: float | None = None
    ic_se: float | None = None
    ic_ir: float | None = None
    ic_t: float | None = None
    rank_ic_se: float | None = None
    rank_ic_ir: float | None = None
    rank_ic_t: float | None = None
    sharpe_apart: float | None = None
    sharpe_net: float | None = None
    turnover: float | None = None
    cost_bps: float | None = None
    coverage_80: float | None = None
    coverage_50: float | None = None
