"""One training run, from top to bottom: load, check, normalise, declare, train, validate, end.

In: a resolved configuration; time is an argument, `clock` (seconds since 1970) and `timer` (monotonic seconds).
Out: a log whose last line always shows how the run ended, and a `FitResult`.
"""

from __future__ import annotations

import math
import os
import socket
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import NamedTuple

from trainer.batches.ahead import made_ahead
from trainer.batches.batches import DayBatch
from trainer.checkpoint import (
    CheckpointFolder,
    CheckpointHeld,
    Identity,
    NotWritten,
)
from trainer.config import RunConfig, TrainerError
from trainer.faults import FaultPlan, parse_injection
from trainer.measure.metrics import overall
from trainer.measure.pace import Stopwatch
from trainer.settings import Resolved
from trainer.telemetry.eventlog import (
    CheckpointConflict,
    Epoch,
    Error,
    EventLog,
    Intent,
    Nonfinite,
    RunStart,
    Share,
    default_log_path,
    rank_log_path,
)
from trainer.telemetry.phases import Phases
from trainer.training.declare import write_epoch_data_check
from trainer.training.end_line import EndLine
from trainer.training.explaining import explain_epoch
from trainer.training.prepare import prepare_session
from trainer.training.ranks import Ranks
from trainer.training.resuming import owner_of, settings_in_force
from trainer.training.schedule import learning_rate
from trainer.training.session import Bar, FitProgress, Session
from trainer.training.state import capture
from trainer.training.step import take_step
from trainer.training.stopping import Stopped, StopSwitch
from trainer.training.validation import validate


class FitResult(NamedTuple):
    """How a run ended."""

    status: str  # completed, stopped or failed
    log: Path
    epochs: int
    best_epoch: int
    best_val_loss: float
    rank_ic: dict[int, float]  # by horizon, at the last validation
    num_lost_lines: int  # log lines for which the disk had no space


def train(
    resolved: Resolved,
    *,
    command: str = "",
    ranks: Ranks | None = None,
    stop: StopSwitch | None = None,
    clock: Callable[[], float] = time.time,
    timer: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], None] = time.sleep,
    show: Callable[[Bar], None] = lambda bar: None,
) -> FitResult:
    """Train as configured and write the run's log; the end line is always written.

    `ranks` are the processes that train together, by default only this one; each writes its own log. `stop` is how to
    ask the run to end. Several processes end at the same step, so that none waits for one that has left. Raises
    TrainerError for a user's mistake, after logging it. Any other error ends the run with status `failed` and its
    traceback in the log.
    """
    started_at, ranks, stop = clock(), ranks or Ranks(), stop or StopSwitch()
    resolved, refusal = settings_in_force(resolved)
    config = resolved.config
    faults = FaultPlan([parse_injection(text) for text in config.run.inject])
    path = Path(config.run.log) if config.run.log else default_log_path(config.run.name, started_at)
    path, folder, identity = ranks.agree((path, *_folder(config.run, path)))
    progress, status, failure = FitProgress(), "failed", None
    with closing(EventLog(rank_log_path(path, ranks.rank), clock)) as log:
        end = EndLine(log, progress, clock=clock, started_at=started_at)
        stop.when_stuck = lambda: end.write("stopped" if ranks.world_size == 1 else "failed", error="stuck")
        log.write(
            RunStart(
                run=identity.run,
                pid=os.getpid(),
                host=socket.gethostname(),
                cmd=command,
                attempt=identity.attempt,
                extra=_place(ranks),
            )
        )
        try:
            if refusal is not None:
                raise refusal
            heartbeat_s = config.monitors.heartbeat_s
            checkpoints = CheckpointFolder(folder, identity, keep=config.run.keep_checkpoints)
            with (
                Phases(log, run=identity.run, pid=os.getpid(), heartbeat_s=heartbeat_s, clock=clock) as phases,
            ):
                ranks.join()
                with checkpoints if ranks.is_main else nullcontext():
                    with stop.interrupts() if ranks.world_size == 1 else nullcontext():
                        session = prepare_session(
                            resolved,
                            log,
                            phases,
                            checkpoints,
                            progress,
                            ranks=ranks,
                            stop=stop,
                            faults=faults,
                            timer=timer,
                            sleep=sleep,
                            show=show,
                        )
                    _train(session)
            status = "completed"
        except (Stopped, KeyboardInterrupt):
            status = "stopped"
        except Exception as error:
            failure = type(error).__name__
            if isinstance(error, CheckpointHeld):
                log.write(CheckpointConflict(holder=error.holder, path=str(error.path)))
            log.write(Error(type=failure, message=str(error), step=progress.step))
            if isinstance(error, TrainerError):
                raise
            log.write_text(traceback.format_exc())
        finally:
            end.write(status, error=failure)
    return FitResult(
        status, log.path, progress.epochs, progress.best_epoch, progress.best_val_loss, progress.rank_ic, log.num_lost
    )


def _folder(run: RunConfig, log: Path) -> tuple[Path, Identity]:
    """Return the checkpoint folder and its run and attempt: those of the resumed run, or of a new one."""
    if run.resume:
        return Path(run.resume), owner_of(Path(run.resume))
    folder = Path(run.checkpoint_dir) if run.checkpoint_dir else log.parent / f"{log.stem}.checkpoints"
    return folder, Identity(f"{run.name}-{uuid.uuid4().hex[:12]}", 1)


def _place(ranks: Ranks) -> tuple[tuple[str, str], ...]:
    """Return which of several processes this is, as extra keys of the start line."""
    return () if ranks.world_size == 1 else (("rank", str(ranks.rank)), ("world_size", str(ranks.world_size)))


def _train(session: Session) -> None:
    """Run all remaining epochs; save the state when the run is asked to end."""
    try:
        _run_epochs(session)
    except Stopped:
        _save(session, session.progress.epochs + (session.progress.batch > 0))
        raise


def _run_epochs(session: Session) -> None:
    config, progress = session.config, session.progress
    for epoch in range(progress.epochs + 1, config.optim.epochs + 1):
        if 0 < config.optim.patience <= progress.epochs - progress.best_epoch:
            session.log.write(Intent(epochs=progress.epochs, phase_change="early_stop"))
            return
        if epoch > 1:
            write_epoch_data_check(session.log, session.dataset, session.report, config)
        started = session.timer()
        _train_epoch(session, epoch)
        is_best = _validate_epoch(session, epoch, started=started)
        _save(session, epoch, is_best=is_best)
        _stop_if_asked(session)


def _train_epoch(session: Session, epoch: int) -> None:
    """Train on every training date once, or on the remaining ones of a resumed epoch."""
    config, progress, phases = session.config, session.progress, session.phases
    num_batches = len(session.dataset.train)
    _enter_train(session, epoch)
    session.faults.enter_epoch(epoch, session.site)
    session.model.train()
    pace = Stopwatch(session.timer)
    batches = made_ahead(session.dataset.train.epoch(epoch, first_batch=progress.batch), config.optim.prefetch)
    for group in _groups(batches, config.optim.accumulate):
        pace.loaded()
        result = take_step(session, group, epoch=epoch, first_batch=progress.batch + 1)
        progress.add(result, batches=len(group))
        pace.stepped(batches=len(group), rows=result.num_rows)
        phases.moved(done=progress.batch, step=progress.step)
        session.show(Bar(epoch, config.optim.epochs, progress.batch, num_batches, result.loss))
        is_last = progress.batch == num_batches
        if progress.step % config.monitors.train_every == 0 or is_last or not math.isfinite(result.loss):
            session.log.train(
                result,
                pace.lap(),
                epoch=(epoch, config.optim.epochs),
                batch=(progress.batch, num_batches),
                step=progress.step,
                skipped=progress.skipped,
                skips_in_row=progress.skips_in_row,
            )
        if config.run.checkpoint_every and progress.step % config.run.checkpoint_every == 0 and not is_last:
            _save(session, epoch)
            _enter_train(session, epoch)
        _stop_if_asked(session)


def _validate_epoch(session: Session, epoch: int, *, started: float) -> bool:
    """Validate, log the results of the epoch that began at `started`, and return whether it is the best so far."""
    log, progress = session.log, session.progress
    session.phases.enter("validate", epoch=epoch, step=progress.step, total=session.dataset.valid.num_own_days)
    validation = validate(session)
    if not math.isfinite(validation.loss):
        log.write(Nonfinite(where="val_loss", count=1, step=progress.step, action="report"))
    is_best = validation.loss < progress.best_val_loss
    if is_best:
        progress.best_val_loss, progress.best_epoch = validation.loss, epoch
    progress.rank_ic = {horizon: found.rank_ic for horizon, found in validation.scores.items()}
    log.write(
        Epoch(
            epoch=Share(epoch, session.config.optim.epochs),
            train_loss=progress.train_loss,
            val_loss=validation.loss,
            lr=learning_rate(progress.step, session.config.optim, total_steps=session.total_steps),
            seconds=round(session.timer() - started, 3),
            resets=progress.num_resets,
        )
    )
    log.metrics(overall(list(validation.scores.values())), validation.scores, epoch=epoch)
    explain_epoch(session, epoch)
    progress.epochs = epoch
    progress.begin_epoch()
    return is_best


def _enter_train(session: Session, epoch: int) -> None:
    progress, total = session.progress, len(session.dataset.train)
    session.phases.enter("train", epoch=epoch, step=progress.step, done=progress.batch, total=total)


def _save(session: Session, epoch: int, *, is_best: bool = False) -> None:
    """Save the current state of the run."""
    step, started = session.progress.step, session.timer()
    session.phases.enter("checkpoint", epoch=epoch, step=step)
    state = capture(session)
    if session.ranks.is_main:
        try:
            saved = session.checkpoints.save(state, epoch=epoch, step=step, is_best=is_best)
        except NotWritten as error:
            # The training is worth more than this checkpoint; the next one may find room.
            problem = f"{error}; best.ckpt is still that of an earlier epoch, if any" if is_best else str(error)
            session.log.checkpoint_unsaved(problem, newest=next(reversed(session.checkpoints.files()), None))
        else:
            session.log.checkpoint("save", saved, seconds=session.timer() - started)


def _stop_if_asked(session: Session) -> None:
    """Raise Stopped in every process, once one of them has been asked to end: the state is that after a whole step.

    A process that was asked later than the last step's sums were taken learns of it together with the others.
    """
    if session.stop.is_agreed if session.ranks.world_size > 1 else session.stop.is_asked:
        raise Stopped


def _groups(batches: Iterator[DayBatch], size: int) -> Iterator[list[DayBatch]]:
    """Yield the batches of each optimizer step; the last may have fewer."""
    group: list[DayBatch] = []
    for batch in batches:
        group.append(batch)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
