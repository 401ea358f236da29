"""The lines before the first epoch: what is deliberate, which data, which model, the floor of its loss."""

from __future__ import annotations

from datetime import UTC, datetime

import torch

from trainer.batches.dataset import Dataset, graph_settings
from trainer.batches.graph import measure_graph
from trainer.config import OptimConfig, TrainerConfig
from trainer.model.losses import WeightedLoss, constant_loss
from trainer.model.network import GROUP_DEPTHS, QUANTILES, StockModel
from trainer.panel.checks import PanelReport
from trainer.panel.file_checks import check_source
from trainer.settings import Ignored, Resolved
from trainer.telemetry.eventlog import Data, DataCheck, EventLog, Floor, Intent, Model, ModelGroup, Share, Target

_DIGITS = 16


def weighted_loss_of(config: TrainerConfig) -> WeightedLoss:
    """Return the loss that the configuration asks for."""
    loss = config.loss
    return WeightedLoss(
        quantiles=QUANTILES,
        point_loss=loss.point_loss,
        huber_delta=loss.huber_delta,
        point_weight=loss.point_weight,
        rank_ic_weight=loss.rank_ic_weight,
        sharpe_weight=loss.sharpe_weight,
        variance_penalty_weight=loss.variance_penalty_weight,
        variance_floor_ratio=loss.variance_floor_ratio,
    )


def write_intent(
    log: EventLog, config: TrainerConfig, *, total_steps: int, device: torch.device, resume_from: int | None
) -> None:
    """Declare what is deliberate."""
    optim: OptimConfig = config.optim
    log.write(
        Intent(
            accumulate=optim.accumulate,
            base_lr=optim.base_lr,
            min_lr=optim.min_lr,
            warmup_start=0.0,
            warmup_steps=optim.warmup_steps,
            schedule="cosine",
            total_steps=total_steps,
            clip=optim.clip,
            epochs=optim.epochs,
            cadence_train=config.monitors.train_every,
            cadence_grad=config.monitors.grad_monitor_every,
            resume_from=resume_from,
            device=str(device),
        )
    )


def write_overruled(log: EventLog, resolved: Resolved, dataset: Dataset) -> None:
    """Name the settings that were asked for and cannot be honoured with this panel."""
    data, panel = resolved.config.data, dataset.panel
    asked = {each.key for each in resolved.effective if each.source != "default"}
    if data.data:
        own = {"codes": str(len(panel.codes)), "days": str(len(panel.dates)), "data_seed": "none"}
        log.ignored(Ignored(key, str(getattr(data, key)), used) for key, used in own.items() if key in asked)
    batch_size, largest_day = resolved.config.optim.batch_size, dataset.train.largest_day
    if largest_day > batch_size:
        log.ignored([Ignored("batch_size", str(batch_size), str(largest_day))])


def write_data(log: EventLog, dataset: Dataset, report: PanelReport, config: TrainerConfig) -> None:
    """Describe the panel, its division and the normalisation that is really applied."""
    panel, splits = dataset.panel, dataset.splits
    log.write(
        Data(
            rows_used=dataset.train.rows.used + dataset.valid.rows.used,
            rows_available=panel.facts.rows_available,
            dates=len(panel.dates),
            codes=len(panel.codes),
            features=len(panel.feature_names),
            targets=tuple(config.data.target_column.format(horizon=horizon) for horizon in panel.horizons),
            train=splits.train.describe(panel.dates),
            valid=splits.valid.describe(panel.dates),
            test=splits.test.describe(panel.dates),
            embargo_days=splits.embargo_days,
            batch_size=config.optim.batch_size,
            workers=0,
            persistent=False,
            precision=config.optim.precision,
            source=str(panel.source),
            source_mtime=f"{datetime.fromtimestamp(panel.source_mtime_s, UTC):%Y-%m-%dT%H:%M:%SZ}",
            fingerprint=panel.fingerprint[:_DIGITS],
        )
    )
    write_data_check(log, dataset, report, config)
    for problem in report.problems:
        log.problem(problem.kind, problem.message, columns=problem.columns, count=problem.count)
    normalisation = dataset.normalisation
    for horizon, mean, std in zip(
        panel.horizons, normalisation.target_mean_H.tolist(), normalisation.target_std_H.tolist(), strict=True
    ):
        log.write(Target(h=horizon, mean=mean, std=std))


def write_epoch_data_check(log: EventLog, dataset: Dataset, report: PanelReport, config: TrainerConfig) -> None:
    """Say again what the data is like, and whether its file changed under the run."""
    write_data_check(log, dataset, report, config)
    changed = check_source(dataset.panel)
    if changed is not None:
        log.problem(changed.kind, changed.message, columns=changed.columns, count=changed.count)


def write_data_check(log: EventLog, dataset: Dataset, report: PanelReport, config: TrainerConfig) -> None:
    """Say how healthy the training inputs and the graphs of the training dates are."""
    facts = measure_graph(dataset.train.graphs(dataset.train.days), graph_settings(config.data))
    log.write(
        DataCheck(
            features_dead=Share(len(report.features_dead), len(dataset.panel.feature_names)),
            names=report.features_dead or None,
            nonfinite_share=report.nonfinite_share,
            label_coverage=report.label_coverage,
            graph_nodes=facts.nodes,
            graph_edges=facts.edges,
            graph_mean_degree=facts.mean_degree,
            graph_index_share=facts.index_share,
        )
    )


def write_model(log: EventLog, model: StockModel) -> None:
    """Count the model's parameters, in all and by gradient group."""
    groups = model.gradient_groups()
    weights = [weight for group in groups.values() for weight in group.values()]
    log.write(
        Model(
            parameters=sum(weight.numel() for weight in weights),
            tensors=len(weights),
            trainable=sum(weight.numel() for weight in weights if weight.requires_grad),
        )
    )
    for name, group in groups.items():
        log.write(
            ModelGroup(
                group=name,
                tensors=len(group),
                parameters=sum(weight.numel() for weight in group.values()),
                trainable=sum(weight.numel() for weight in group.values() if weight.requires_grad),
                depth=GROUP_DEPTHS[name],
            )
        )


def write_floor(log: EventLog, dataset: Dataset, weighted_loss: WeightedLoss) -> None:
    """Write what a model that has learnt nothing would lose on the training days."""
    log.write(Floor(loss_floor=constant_loss(weighted_loss, dataset.floor_days())))
