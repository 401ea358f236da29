"""The log lines before the first epoch: intent, data, and the floor of the loss."""

from __future__ import annotations

from datetime import UTC, datetime

import torch

from trainer.batches.dataset import Dataset, graph_settings
from trainer.batches.graph import measure_graph
from trainer.config import TrainerConfig
from trainer.model.losses import WeightedLoss, constant_loss
from trainer.panel.checks import PanelReport
from trainer.panel.file_checks import check_source
from trainer.settings import Ignored, Resolved
from trainer.telemetry.eventlog import Data, DataCheck, EventLog, Floor, Intent, Share, Target

_DIGITS = 16


def write_intent(
    log: EventLog, config: TrainerConfig, *, total_steps: int, device: torch.device, resume_from: int | None
) -> None:
    """Declare what the run does on purpose."""
    optim = config.optim
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
    """Report the requested settings that this panel overrides."""
    data, panel = resolved.config.data, dataset.panel
    asked = {each.key for each in resolved.effective if each.source not in ("default", "checkpoint")}
    if data.data:
        own = {"codes": str(len(panel.codes)), "days": str(len(panel.dates)), "data_seed": "none"}
        log.ignored(Ignored(key, str(getattr(data, key)), used) for key, used in own.items() if key in asked)
    batch_size, largest_day = resolved.config.optim.batch_size, dataset.train.largest_day
    if largest_day > batch_size:
        log.ignored([Ignored("batch_size", str(batch_size), str(largest_day))])


def write_data(log: EventLog, dataset: Dataset, report: PanelReport, config: TrainerConfig) -> None:
    """Describe the panel, its split and the normalisation that is applied."""
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
        log.problem(problem)
    normalisation = dataset.normalisation
    for horizon, mean, std in zip(
        panel.horizons, normalisation.target_mean_H.tolist(), normalisation.target_std_H.tolist(), strict=True
    ):
        log.write(Target(h=horizon, mean=mean, std=std))


def write_epoch_data_check(log: EventLog, dataset: Dataset, report: PanelReport, config: TrainerConfig) -> None:
    """Repeat the data check, and report a change of the panel's file during the run."""
    write_data_check(log, dataset, report, config)
    changed = check_source(dataset.panel)
    if changed is not None:
        log.problem(changed)


def write_data_check(log: EventLog, dataset: Dataset, report: PanelReport, config: TrainerConfig) -> None:
    """Report the health of the training inputs and of the graphs of the training dates."""
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


def write_floor(log: EventLog, dataset: Dataset, weighted_loss: WeightedLoss) -> None:
    """Write the loss on the training days of a model that has learnt nothing."""
    log.write(Floor(loss_floor=constant_loss(weighted_loss, dataset.floor_days(), weights=dataset.floor_weights())))
