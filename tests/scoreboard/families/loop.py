"""The loop around a training: `Telemetry` through its public interface, the fault at its onset, and what is printed."""

from __future__ import annotations

import copy
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from tests.scoreboard.families.printed import Printed
from tests.scoreboard.families.training import Training
from trainer.telemetry import Telemetry

if TYPE_CHECKING:
    from tests.scoreboard.families.faults import Fault
    from tests.scoreboard.families.listing import Family

PRINT_EVERY = 10
"""Steps between two printed reports, as in most trainers' examples."""


class Ended(Exception):
    """Raised by a fault that ends the training's process."""


class Restarted(Exception):
    """Raised where the process is killed and started again from its first step."""


def train(family: Family, seed: int, log: Path, fault: Fault | None = None, *, from_start: bool = True) -> Printed:
    """Train once, writing the log; return what the training printed. A fault begins at the first step or half way."""
    torch.manual_seed(seed)
    training = family.build()
    half = training.epochs * training.batches // 2
    printed = Printed(training.epochs, training.batches, size=getattr(training, "size", 64))
    run = _Run(training, log, printed, fault, onset=0 if from_start else half)
    with suppress(Ended):
        run.all()
    return printed


class _Run:
    """One run with its state."""

    def __init__(self, training: Training, log: Path, printed: Printed, fault: Fault | None, onset: int) -> None:
        self.training, self.log, self.printed = training, log, printed
        self.fault, self.onset, self.done = fault, onset, 0
        self.telemetry: Telemetry

    def all(self) -> None:
        """Run all folds, with an interruption if the regime has one."""
        training, regime = self.training, self.training.regime
        if self.fault is not None and self.onset == 0:
            self.fault.begin(training)
            self.fault = None
        training.start()
        fresh = copy.deepcopy(training.model.state_dict()) if regime.folds > 1 else None
        self._attach()
        try:
            for fold in range(regime.folds):
                if fold and fresh is not None:
                    training.model.load_state_dict(fresh)
                    for optimizer in training.optimizers:
                        optimizer.state.clear()
                    self.telemetry.fit(epochs=training.epochs, batches=training.batches)
                epoch = 0
                while epoch < training.epochs:
                    epoch += 1
                    try:
                        self._epoch(epoch)
                    except Restarted:
                        self._restart()
                        epoch = 0
                        continue
                    if epoch == regime.stops_after:
                        self.telemetry.close(reason="early_stop")
                        self.printed.ends()
                        return
                    if epoch == regime.resumes_after:
                        self._interrupt()
            self.telemetry.close()
            self.printed.ends()
        except Ended as end:
            self.telemetry.close(reason=str(end) or None)
            raise
        except Exception as error:
            self.telemetry.close("failed", error=error)
            self.printed.dies(error)

    def _attach(self, start_step: int = 0) -> None:
        training = self.training
        self.telemetry = Telemetry(
            training.model,
            training.optimizers if len(training.optimizers) > 1 else training.optimizers[0],
            epochs=training.epochs,
            batches=training.batches,
            log=self.log,
            intent=training.regime.intent,
            start_step=start_step,
        )

    def _restart(self) -> None:
        """Begin again from the first step in another process; the one before was killed and wrote nothing more."""
        written = self.log.read_bytes()
        self.telemetry.close()
        self.log.write_bytes(written)
        self._attach()
        self.done = 0

    def _interrupt(self) -> None:
        """End the process on request, and go on in another one from the checkpoint."""
        self.telemetry.close("stopped")
        self._attach(start_step=self.done)

    def _epoch(self, epoch: int) -> None:
        training = self.training
        if training.regime.at_epoch is not None:
            training.regime.at_epoch(training, epoch, self.telemetry)
        losses = []
        for _ in range(training.batches):
            if self.fault is not None and self.done >= self.onset:
                self.printed.own_lines_before = len(self.log.read_bytes().splitlines())
                self.fault.begin(training)
                self.fault = None
                if training.starts_again:
                    raise Restarted
            losses.append(training.step(self.telemetry))
            self.done += 1
            if self.done % PRINT_EVERY == 0:
                recent = losses[-PRINT_EVERY:]
                self.printed.trained(self.done, sum(recent) / len(recent), training.rate, training.grad_norm)
        validation = training.validate()
        self.telemetry.epoch(validation.loss, **validation.metrics)
        self.printed.validated(epoch, self.done, sum(losses) / len(losses), validation, training.rate)
        training.end_epoch(validation)
