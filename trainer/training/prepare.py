"""What happens between the start line and the first epoch: load, check, normalise, build, resume, declare."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from trainer.batches.dataset import panel_path, prepare, read_panel, split_settings
from trainer.batches.graph import EDGE_ATTRIBUTES
from trainer.checkpoint import CheckpointError, CheckpointFolder, LatestCheckpoint
from trainer.device import device_of, set_tf32
from trainer.faults import FaultPlan, Site
from trainer.measure.guard import DegeneracyGuard
from trainer.model.compiling import compiled
from trainer.model.losses import WeightedLoss
from trainer.model.network import GROUP_DEPTHS, QUANTILES, StockModel
from trainer.model.weight_average import WeightAverage
from trainer.panel.checks import check_panel
from trainer.settings import Resolved
from trainer.telemetry.eventlog import EventLog
from trainer.telemetry.instruments import Instruments
from trainer.telemetry.phases import Phases
from trainer.telemetry.tensorboard import TensorBoard
from trainer.training.declare import write_data, write_floor, write_intent, write_overruled
from trainer.training.ranks import Ranks
from trainer.training.session import Bar, FitProgress, Session
from trainer.training.spread import PROBE_ROWS
from trainer.training.state import check_same_run, restore
from trainer.training.stopping import StopSwitch


def prepare_session(
    resolved: Resolved,
    log: EventLog,
    phases: Phases,
    checkpoints: CheckpointFolder,
    progress: FitProgress,
    *,
    ranks: Ranks,
    stop: StopSwitch,
    faults: FaultPlan,
    timer: Callable[[], float],
    sleep: Callable[[float], None],
    show: Callable[[Bar], None],
) -> Session:
    """Load, check and normalise the panel, build the model and what trains it, and declare all of it in the log."""
    config = resolved.config
    log.settings(resolved)
    if config.monitors.tensorboard and ranks.is_main:
        log.also = TensorBoard(Path(config.monitors.tensorboard))
    device = device_of(config.optim.device, local_rank=ranks.local_rank, world_size=ranks.world_size)
    set_tf32(config.optim.tf32)
    torch.manual_seed(config.optim.seed)
    if config.optim.threads:
        torch.set_num_threads(config.optim.threads)
    if ranks.is_main and checkpoints.files() and not config.run.resume:
        raise CheckpointError(
            f"{checkpoints.path}: has checkpoints of another run; expected an empty folder or --resume, "
            f"got {len(checkpoints.files())} files"
        )

    phases.enter("load")
    found = ranks.from_main(checkpoints.latest) if config.run.resume else None
    with ranks.main_first():
        panel = read_panel(panel_path(config.data), config.data)
    report = check_panel(panel, split_settings(config.data), max_missing_days=config.data.max_missing_days)
    report.raise_if_refused()
    assert report.splits is not None

    phases.enter("fit_scaler")
    with ranks.main_first():
        dataset = prepare(panel, report.splits, config, rank=ranks.rank, world_size=ranks.world_size)
    steps_per_epoch = -(-len(dataset.train) // config.optim.accumulate)
    total_steps = steps_per_epoch * config.optim.epochs
    model = StockModel(
        num_features=len(panel.feature_names),
        window=config.data.window,
        num_horizons=len(panel.horizons),
        edge_width=len(EDGE_ATTRIBUTES),
        config=config.model,
    ).to(device)
    network = ranks.shared(model)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.optim.base_lr, weight_decay=config.optim.weight_decay, fused=True
    )
    site = Site(model, optimizer, log.hold, _interruptible(sleep, stop, ranks))
    faults.hook_into(site)
    session = Session(
        config=config,
        log=log,
        phases=phases,
        checkpoints=checkpoints,
        ranks=ranks,
        stop=stop,
        dataset=dataset,
        report=report,
        model=model,
        network=network,
        compiled=compiled(network, device) if config.optim.compile else network,
        optimizer=optimizer,
        average=WeightAverage(model, config.optim.ema_decay) if config.optim.ema_decay else None,
        weighted_loss=WeightedLoss(quantiles=QUANTILES, **vars(config.loss)),
        guard=DegeneracyGuard(
            list(model.prediction_head_heads),
            panel.horizons,
            config.guard,
            torch.Generator().manual_seed(config.optim.seed),
            over_ranks=ranks.sum,
            target_std_K=torch.from_numpy(dataset.train.target_std_H()),
        ),
        probe=dataset.train.probe(max(config.optim.batch_size, PROBE_ROWS)).to(device),
        instruments=Instruments(
            model, config.monitors, log, feature_names=panel.feature_names, steps_per_epoch=steps_per_epoch
        ),
        faults=faults,
        site=site,
        progress=progress,
        device=device,
        total_steps=total_steps,
        timer=timer,
        show=show,
    )
    # From here on each process drops different units; before, all have drawn the same weights.
    torch.manual_seed(config.optim.seed + ranks.rank)
    if found is not None:
        _resume(session, found)
    write_intent(log, config, total_steps=total_steps, device=device, resume_from=progress.step or None)
    write_overruled(log, resolved, dataset)
    write_data(log, dataset, report, config)
    log.model(model.gradient_groups(), GROUP_DEPTHS)
    write_floor(log, dataset, session.weighted_loss)
    return session


def _resume(session: Session, found: LatestCheckpoint) -> None:
    """Continue from the checkpoint."""
    started = session.timer()
    check_same_run(found, session.dataset, world_size=session.ranks.world_size)
    restore(session, found.state)
    for problem in found.broken:
        session.log.checkpoint_broken(problem)
    session.log.checkpoint("load", found.file, seconds=session.timer() - started)


def _interruptible(sleep: Callable[[float], None], stop: StopSwitch, ranks: Ranks) -> Callable[[float], None]:
    """Return `sleep` such that a request to end interrupts it; not among several processes, which end together."""

    def wait(seconds: float) -> None:
        with stop.interrupts():
            sleep(seconds)

    return wait if ranks.world_size == 1 else sleep
