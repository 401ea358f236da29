"""The public way to log from your own training loop: any torch model, one call per step and one per epoch.

In: a model, its optimizer and facts about the run. Out: a log in the native grammar, like the log of our own trainer.
"""

from __future__ import annotations

import math
import os
import shlex
import socket
import sys
import time
import traceback
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from trainer.measure.model_parts import Part, children_of, layers_of
from trainer.measure.pace import Lap, Stopwatch
from trainer.measure.report_steps import is_report_due
from trainer.telemetry.eventlog import (
    Epoch,
    Error,
    EventLog,
    Intent,
    Nonfinite,
    RunEnd,
    RunStart,
    Share,
    Train,
    default_log_path,
)
from trainer.telemetry.hooks import TrainingHooks
from trainer.telemetry.phases import Phases

NOT_LOGGED = ("CONFIG", "DATA", "DATA-CHECK", "DEGENERACY-GUARD", "ENCODER-GRAD", "FLOOR", "INPUT-MONITOR", "METRICS")
"""Lines about settings, panel and guard that only our own trainer writes: their rules do not apply."""


class Telemetry:
    """Writes the log of one training. Use it as a context manager, so that the log shows how the training ended.

    If several processes train together, create it in the main one only. Do not use it from several threads.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        *,
        epochs: int,
        batches: int,
        log: Path | str | None = None,
        name: str = "run",
        train_every: int = 10,
        grad_every: int = 100,
        groups: Mapping[str, Part] | None = None,
        layers: Mapping[str, nn.Module] | None = None,
        intent: Mapping[str, Any] | None = None,
        heartbeat_s: float = 30.0,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Start the log and add hooks to the model.

        ``batches`` is the number of optimizer steps in an epoch. There is a TRAIN line every ``train_every`` steps, and
        a report of gradients, weights and ``layers`` every ``grad_every`` steps, and at the last step of the first
        epoch and of each epoch that has fewer than two. ``groups`` are modules or parameters by their names in reports;
        the default is the model's children. The same goes for ``layers``; ``{}`` turns them off, which suits a compiled
        model. ``intent`` has further keys of the INTENT line, such as ``base_lr``, ``warmup_steps`` and ``schedule``:
        what you declare there is not reported as a fault. Raises LogWriteError if the log cannot be written, ValueError
        for a group with parameters of another model.
        """
        self._epochs, self._batches, self._train_every, self._grad_every = epochs, batches, train_every, grad_every
        self._clock, self._started_at = clock, clock()
        self.path = Path(log) if log is not None else default_log_path(name, self._started_at)
        """The path of the log."""
        self._epoch, self._batch, self._step = 1, 0, 0
        self._skipped = self._skips_in_row = 0
        self._loss, self._sum_loss, self._num_losses, self._ended_epochs = 0.0, 0.0, 0, 0
        self._best = (float("inf"), 0)
        self._unread: list[Tensor] = []
        self._is_waiting = True
        self._phase, self._forwards, self._is_closed = "", 0, False
        self._pace = Stopwatch(timer)
        self._log = EventLog(self.path, clock)
        self._hooks = TrainingHooks(
            model,
            optimizer,
            self._log,
            parts=children_of(model) if groups is None else groups,
            layers=layers_of(model) if layers is None else layers,
            on_forward=lambda: self.forward(is_training=model.training),
        )
        run, pid = f"{name}-{uuid.uuid4().hex[:12]}", os.getpid()
        self._log.write(RunStart(run=run, pid=pid, host=socket.gethostname(), cmd=shlex.join(sys.argv), attempt=1))
        declared = {
            "epochs": epochs,
            "cadence_train": train_every,
            "cadence_grad": grad_every,
            "device": self._hooks.device,
            "frozen": self._hooks.frozen or None,
            "not_logged": NOT_LOGGED,
        }
        self._log.write(Intent(**{**declared, **(intent or {})}))
        self._phases = Phases(self._log, run=run, pid=pid, heartbeat_s=heartbeat_s, clock=clock)
        self._phases.__enter__()
        self.phase("load")
        self._expect_step()

    def step(self, loss: Tensor | float, *, samples: int = 0, **terms: float) -> None:
        """Log one optimizer step, after it: its loss, its number of samples, and the terms of the loss if any.

        A step that the optimizer did not take, for example because a gradient scaler skipped it, counts as skipped.
        """
        self._batch, self._step = self._batch + 1, self._step + 1
        took_step, grad_norm = self._hooks.end_step()
        self._skipped += not took_step
        self._skips_in_row = 0 if took_step else self._skips_in_row + 1
        if isinstance(loss, Tensor) and loss.device.type != "cpu":
            self._unread.append(loss.detach().reshape(()))
        else:
            self._take_losses([float(loss.detach() if isinstance(loss, Tensor) else loss)])
        self._pace.stepped(batches=1, rows=samples)
        self._phases.moved(done=self._batch, step=self._step)
        is_due = self._is_train_due(self._batch, self._step)
        # Reading a number from another device waits for that device, so it is done only when a line is due.
        if is_due:
            self._read_losses()
        if is_due or not math.isfinite(self._loss):
            self._write_train(grad_norm, self._pace.lap(), with_rate=samples > 0, terms=terms)
        self._expect_step()

    def forward(self, *, is_training: bool) -> None:
        """Call this before a forward pass of a step or of the validation, unless the model is called as a whole, which
        the hooks notice by themselves.
        """
        name = "train" if is_training else "validate"
        if name != self._phase:
            self.phase(name, total=self._batches if is_training else None)
        if is_training:
            self._hooks.listen()
            if self._is_waiting:
                self._is_waiting = False
                self._pace.loaded()
        else:
            self._forwards += 1
            self._phases.moved(done=self._forwards)

    def look(self) -> None:
        """Measure the gradients now, if a report is due. If you clip, call it after backward (and unscaling) and before
        clipping; otherwise the gradients are measured when the optimizer uses them.
        """
        self._hooks.measure_gradients()

    def phase(self, name: str, *, total: int | None = None) -> None:
        """Start a phase: load, train, validate or checkpoint. Forward passes start train and validate by themselves."""
        self._phase, self._forwards = name, 0
        done = self._batch if name == "train" else 0
        epoch = None if name == "load" else self._epoch
        self._phases.enter(name, epoch=epoch, step=self._step, done=done, total=total)

    def epoch(self, val_loss: Tensor | float | None = None, **metrics: float) -> None:
        """Log the end of an epoch, after its validation; further metrics are added to its line by their names.

        Without a validation loss no line is written, because the line requires one.
        """
        self._read_losses()
        if val_loss is not None:
            self._write_epoch(float(val_loss), metrics)
        self._ended_epochs = self._epoch
        self._epoch, self._batch = self._epoch + 1, 0
        self._sum_loss, self._num_losses = 0.0, 0
        self._phase = ""
        self._expect_step()

    def close(self, status: str = "completed", *, error: BaseException | None = None) -> None:
        """Log how the training ended (completed, stopped or failed) and remove the hooks. May be called twice."""
        if self._is_closed:
            return
        self._is_closed = True
        if status == "completed":
            self._report_rest()
        self._hooks.remove()
        self._phases.__exit__(None, None, None)
        self._read_losses()
        if error is not None:
            self._log.write(Error(type=type(error).__name__, message=str(error), step=self._step))
            self._log.write_text("".join(traceback.format_exception(error)))
        self._log.write(
            RunEnd(
                status=status,
                epochs=self._ended_epochs,
                best_epoch=self._best[1],
                best_val_loss=self._best[0],
                seconds=round(self._clock() - self._started_at, 3),
                error=type(error).__name__ if error is not None else None,
            )
        )
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        elif isinstance(error, KeyboardInterrupt | SystemExit):
            self.close("stopped")
        else:
            self.close("failed", error=error)

    def _expect_step(self) -> None:
        self._is_waiting = True
        batch, step = self._batch + 1, self._step + 1
        self._hooks.expect(
            self._step,
            epoch=self._epoch,
            batch=batch,
            is_due=self._is_report_due(self._step, batch),
            wants_norm=self._is_train_due(batch, step),
        )

    def _is_report_due(self, step: int, batch: int) -> bool:
        return is_report_due(step, every=self._grad_every, batch=batch, batches=self._batches, epoch=self._epoch)

    def _report_rest(self) -> None:
        """Report the gradients of the last step if it had no report because it was not known to be the last."""
        step = self._step - 1
        if self._batch and not self._skips_in_row and not self._is_report_due(step, self._batch):
            self._hooks.measure_remaining(step, epoch=self._epoch, batch=self._batch)

    def _is_train_due(self, batch: int, step: int) -> bool:
        return step % self._train_every == 0 or batch == self._batches

    def _read_losses(self) -> None:
        """Wait for the losses that are still on another device."""
        if self._unread:
            losses, self._unread = torch.stack(self._unread).tolist(), []
            self._take_losses(losses)

    def _take_losses(self, losses: Sequence[float]) -> None:
        """Add the losses of the newest steps, and report those that are not finite."""
        for step, loss in enumerate(losses, self._step - len(losses) + 1):
            if not math.isfinite(loss):
                self._log.write(Nonfinite(where="loss", count=1, step=step, action="report"))
            self._sum_loss += loss
        self._num_losses += len(losses)
        self._loss = losses[-1]

    def _write_train(self, grad_norm: float | None, lap: Lap, *, with_rate: bool, terms: Mapping[str, float]) -> None:
        self._log.write(
            Train(
                epoch=Share(self._epoch, self._epochs),
                batch=Share(self._batch, self._batches),
                step=self._step,
                loss=self._loss,
                lr=self._hooks.lr,
                s_per_batch=round(lap.s_per_batch, 6),
                load_s=round(lap.load_s, 6),
                samples_per_s=round(lap.samples_per_s, 3) if with_rate else None,
                grad_norm=grad_norm,
                skipped=self._skipped,
                skips_in_row=self._skips_in_row,
                extra=tuple((f"loss_{name}", repr(float(value))) for name, value in terms.items()),
            )
        )

    def _write_epoch(self, val_loss: float, metrics: Mapping[str, float]) -> None:
        if not math.isfinite(val_loss):
            self._log.write(Nonfinite(where="val_loss", count=1, step=self._step, action="report"))
        if val_loss < self._best[0]:
            self._best = (val_loss, self._epoch)
        self._log.write(
            Epoch(
                epoch=Share(self._epoch, self._epochs),
                train_loss=self._sum_loss / self._num_losses if self._num_losses else float("nan"),
                val_loss=val_loss,
                lr=self._hooks.lr,
                extra=tuple((name, repr(float(value))) for name, value in metrics.items()),
            )
        )
