"""The public way to log from your own training loop: any torch model, one call per step and one per epoch.

In: a model, its optimizers and facts about the run. Out: a log in the native grammar, like the log of our own trainer.
No error leaves a call: what fails is switched off or left out, and the log says so.
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
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from torch import Tensor, nn

from trainer.measure.model_parts import Part
from trainer.measure.pace import Lap, Stopwatch
from trainer.measure.report_steps import is_report_due
from trainer.telemetry.batch_signals import RUN, BatchSignals
from trainer.telemetry.declarations import Declarations, Names
from trainer.telemetry.eventlog import (
    Epoch,
    Error,
    EventLog,
    Floor,
    Intent,
    Nonfinite,
    RunEnd,
    RunStart,
    Share,
    Train,
    default_log_path,
    extra_fields,
)
from trainer.telemetry.hooks import AT_REST, Plan, TrainingHooks
from trainer.telemetry.looked_steps import LOOKS, looked_steps, next_report
from trainer.telemetry.loss_interval import Losses
from trainer.telemetry.phases import Phases
from trainer.telemetry.switches import Switches

NOT_LOGGED = ("CONFIG", "DATA", "DATA-CHECK", "DEGENERACY-GUARD", "ENCODER-GRAD", "FLOOR", "INPUT-MONITOR", "METRICS")
"""Lines about settings, panel and guard that only our own trainer writes: their rules do not apply."""

STATUSES = ("completed", "stopped", "failed")
EARLY_STOP = "early_stop"
"""The change of phase by which the log declares that the run ends before its planned epochs."""


class Telemetry:
    """Writes the log of one training. Use it as a context manager, so that the log shows how the training ended.

    If several processes train together, create it in the main one only. Do not use it from several threads. After the
    constructor no call raises an error, and none changes the training.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: object,
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
        start_step: int = 0,
        start_epoch: int | None = None,
        heartbeat_s: float = 30.0,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Start the log and add hooks to the model.

        ``optimizer`` is one, or a list of all that train the model; wrappers such as SAM, Lookahead and Accelerate's
        are opened. ``batches`` is the number of optimizer steps in an epoch. There is a TRAIN line every
        ``train_every`` steps, and a report of gradients, weights and ``layers`` every ``grad_every`` steps, at the
        fourth step of the run, and at the last step of the first epoch and of each epoch that has fewer than two.
        ``groups`` are modules or parameters by their names in reports; the default is the model's children. The same
        goes for ``layers``; ``{}`` turns them off. ``intent`` has what is deliberate from the start, in the words of
        `declare`. A run that goes on from a checkpoint gives the steps done before as ``start_step``; ``start_epoch``
        is the number of its first epoch, from 1, if that does not follow from ``batches``. Raises LogWriteError if the
        log cannot be written, ValueError for a group with parameters of another model.
        """
        self._name, self._train_every, self._grad_every = name, max(1, train_every), max(1, grad_every)
        self._groups, self._layers, self._heartbeat_s, self._clock, self._timer = (
            groups,
            layers,
            heartbeat_s,
            clock,
            timer,
        )
        self.path = Path(log) if log is not None else default_log_path(name, clock())
        """The path of the log."""
        self._log = EventLog(self.path, clock, is_lenient=True)
        self._switches = Switches(self._log)
        self._is_closed = False
        self._begin(model, optimizer, epochs, batches, intent or {}, start_step=start_step, start_epoch=start_epoch)

    def _begin(
        self,
        model: nn.Module,
        optimizer: object,
        epochs: int,
        batches: int,
        intent: Mapping[str, Any],
        *,
        start_step: int = 0,
        start_epoch: int | None = None,
    ) -> None:
        self._model, self._optimizer = model, optimizer
        self._epochs, self._batches, self._first = epochs, max(1, batches), start_step
        self._started_at = self._clock()
        done, self._batch = divmod(start_step, self._batches)
        self._epoch, self._step = done + 1 if start_epoch is None else start_epoch, start_step
        self._ended_epochs = self._epoch - 1
        self._skipped = self._skips_in_row = 0
        self._best = (float("inf"), 0)
        self._losses, self._batch_signals, self._declared = Losses(), BatchSignals(), Declarations()
        self._is_waiting, self._owes_report = True, False
        self._next_report, self._looked, self._plan = -1, frozenset[int](), AT_REST
        self._rests = 0
        self._phase, self._forwards = "", 0
        self._pace = Stopwatch(self._timer)
        self._hooks = TrainingHooks(
            model,
            optimizer,
            self._log,
            self._switches,
            parts=self._groups,
            layers=self._layers,
            on_forward=self._before_forward,
        )
        run, pid = f"{self._name}-{uuid.uuid4().hex[:12]}", os.getpid()
        self._switches.run(
            "log",
            self._log.write,
            RunStart(run=run, pid=pid, host=socket.gethostname(), cmd=shlex.join(sys.argv), attempt=1),
        )
        self._not_logged: tuple[str, ...] = NOT_LOGGED
        facts = {
            "epochs": epochs,
            "cadence_train": self._train_every,
            "cadence_grad": self._grad_every,
            "device": self._hooks.device,
            "not_logged": NOT_LOGGED,
            "resume_from": start_step or None,
        }
        try:
            self._write_intent({**facts, **intent})
        except (TypeError, ValueError, AttributeError) as error:
            self._switches.ignore("intent", error)
            self._write_intent(facts)
        self._phases = Phases(
            self._log, run=run, pid=pid, heartbeat_s=self._heartbeat_s, clock=self._clock, switches=self._switches
        )
        self._phases.__enter__()
        self._enter("load")
        self._expect_step()

    def step(self, loss: Tensor | float | None = None, *, samples: int = 0, **terms: Tensor | float) -> None:
        """Log one optimizer step, after it: its loss, its number of samples, and the terms of the loss if any.

        A step that the optimizer did not take, for example because a gradient scaler skipped it, counts as skipped.
        With several optimizers call it once after all of them.
        """
        if self._is_closed:
            return
        try:
            if not (self._rests and self._end_rest(loss, samples)):
                self._end_step(loss, samples, terms)
        except Exception as error:
            self._switches.ignore("step", error)

    def look(self, *, inputs: object = None, targets: object = None, outputs: object = None) -> None:
        """Call this after the backward pass if you clip or change gradients, so that they are measured before.

        With the batch's ``inputs``, ``targets`` and the model's ``outputs`` (tensors, or what contains one first) the
        log also has repeated batches, constant features, the order of the targets, the spread of the predictions, and
        the floor of the loss if the loss is a common one.
        """
        if self._is_closed:
            return
        try:
            self._hooks.look()
            if inputs is not None or targets is not None:
                self._switches.run("batches", self._look_at_batch, inputs, targets, outputs)
        except Exception as error:
            self._switches.ignore("look", error)

    def forward(self, *, is_training: bool) -> None:
        """Call this before a forward pass of a step or of the validation, unless the model is called as a whole, which
        the hooks notice by themselves.
        """
        if self._is_closed:
            return
        try:
            self._note_forward(is_training=is_training)
        except Exception as error:
            self._switches.ignore("forward", error)

    def phase(self, name: str, *, total: int | None = None) -> None:
        """Start a phase: load, train, validate or checkpoint. Forward passes start train and validate by themselves."""
        if not self._is_closed:
            self._switches.run("phases", self._enter, name, total=total)

    def epoch(self, val_loss: Tensor | float | None = None, **metrics: Tensor | float) -> None:
        """Log the end of an epoch, after its validation; further metrics are added to its line by their names.

        Without a validation loss no line is written, because the line requires one.
        """
        if self._is_closed:
            return
        try:
            self._end_epoch(val_loss, metrics)
        except Exception as error:
            self._switches.ignore("epoch", error)

    def declare(
        self,
        *,
        freeze: Names = (),
        unfreeze: Names = (),
        curriculum: str | None = None,
        pause: str | None = None,
        accumulation: int | None = None,
        schedule: str | None = None,
        expected_missing: Names | None = None,
        **further: Any,
    ) -> None:
        """Declare what you are about to do on purpose, so that it is not reported as a fault.

        ``freeze`` and ``unfreeze`` name groups; ``curriculum`` names a change of the data; ``pause`` says why nothing
        will happen, for ``expected_s`` seconds; ``accumulation`` is the number of backward passes per step;
        ``schedule`` is constant, linear or cosine, with ``base_lr``, ``min_lr``, ``warmup_steps``, ``total_steps``;
        ``expected_missing`` names groups that may have no gradient, ``head:2`` for two tensors of one. All other fields
        of the INTENT line can be given by their names, such as ``clip`` and ``phase_change``.
        """
        if self._is_closed:
            return
        given: dict[str, Any] = {
            "freeze": freeze,
            "unfreeze": unfreeze,
            "curriculum": curriculum,
            "pause": pause,
            "accumulation": accumulation,
            "schedule": schedule,
            "expected_missing": expected_missing,
        }
        try:
            self._write_intent({**given, **further})
        except Exception as error:
            self._switches.ignore("declare", error)

    def fit(
        self,
        *,
        epochs: int,
        batches: int,
        model: nn.Module | None = None,
        optimizer: object = None,
        intent: Mapping[str, Any] | None = None,
    ) -> None:
        """Begin another training in the same log, which owes nothing to the one before: a fold, or fine-tuning.

        ``model`` and ``optimizer`` are those of before unless they are given.
        """
        if self._is_closed:
            return
        try:
            self._end("completed", reason="next_fit" if self._ended_epochs < self._epochs else None)
            self._begin(model or self._model, optimizer or self._optimizer, epochs, batches, intent or {})
        except Exception as error:
            self._switches.ignore("fit", error)

    def close(
        self, status: str = "completed", *, reason: str | None = None, error: BaseException | None = None
    ) -> None:
        """Log how the training ended (completed, stopped or failed) and remove the hooks. May be called twice.

        A ``reason`` such as ``early_stop`` declares that it ends before its planned epochs on purpose.
        """
        if self._is_closed:
            return
        self._is_closed = True
        if status not in STATUSES:
            status, reason = "completed", reason or status
        try:
            self._end(status, reason=reason, error=error)
        except Exception as problem:
            self._switches.ignore("close", problem)
        self._switches.run("log", self._log.close)

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

    def _end_rest(self, loss: Tensor | float | None, samples: int) -> bool:
        """End a step in which nothing is looked at; return False, with nothing done, if there is anything to tell."""
        if not self._hooks.has_rested() or self._phase != "train" or not self._losses.add_plain(loss):
            return False
        self._batch += 1
        self._step += 1
        self._switches.step = self._step
        self._skips_in_row = 0
        self._pace.stepped(batches=1, rows=samples)
        self._phases.moved(done=self._batch, step=self._step)
        self._rests -= 1
        if self._rests:
            self._is_waiting = True
            self._hooks.rest_again()
        else:
            self._expect_step()
        return True

    def _end_step(self, loss: Tensor | float | None, samples: int, terms: Mapping[str, Tensor | float]) -> None:
        self._batch += 1
        self._step += 1
        self._switches.step = self._step
        if self._phase != "train":
            self._switches.run("phases", self._enter, "train", total=self._batches)
        end = self._hooks.end_step()
        if end.was_taken:
            self._skips_in_row = 0
        else:
            self._skipped += 1
            self._skips_in_row += 1
        is_finite = loss is None or self._take_loss(loss)
        self._pace.stepped(batches=1, rows=samples)
        self._phases.moved(done=self._batch, step=self._step)
        # Reading a number from another device waits for that device, so it is done only when a line is due.
        if self._plan.wants_norm or not is_finite:
            self._read_losses()
            self._write_train(end.grad_norm, with_rate=samples > 0, terms=terms)
        if self._plan.is_due:
            self._owes_report = not end.was_reported
            if end.was_reported:
                self._switches.run("batches", self._report_batches)
        self._expect_step()

    def _take_loss(self, loss: Tensor | float) -> bool:
        """Add the newest loss; return False if it is known not to be finite."""
        try:
            is_finite = self._losses.add(loss)
        except (TypeError, ValueError, RuntimeError) as error:
            self._switches.ignore("loss", error)
            return True
        if not is_finite:
            self._log.write(Nonfinite(where="loss", count=1, step=self._step, action="report"))
        if self._batch_signals.waits_for_loss:
            self._read_losses()
            if self._losses.newest is not None:
                self._switches.run("batches", self._batch_signals.note_loss, self._losses.newest)
        return is_finite

    def _read_losses(self) -> None:
        """Read the losses that are still on another device."""
        for ago in self._losses.read():
            self._log.write(Nonfinite(where="loss", count=1, step=self._step - ago, action="report"))

    def _before_forward(self, model: nn.Module, inputs: object) -> None:
        if self._rests and model.training and self._phase == "train":
            if self._is_waiting:
                self._is_waiting = False
                self._pace.loaded()
            return
        self._hooks.sees_forward = True
        self._note_forward(is_training=model.training)

    def _note_forward(self, *, is_training: bool) -> None:
        name = "train" if is_training else "validate"
        if name != self._phase:
            if self._phase in ("validate", "checkpoint"):
                self._pace.resume()
            self._enter(name, total=self._batches if is_training else None)
        if is_training:
            if self._plan.is_due:
                self._hooks.listen()
            if self._is_waiting:
                self._is_waiting = False
                self._pace.loaded()
        else:
            self._forwards += 1
            self._phases.moved(done=self._forwards)

    def _enter(self, name: str, *, total: int | None = None) -> None:
        self._phase, self._forwards = name, 0
        done = self._batch if name == "train" else 0
        epoch = None if name == "load" else self._epoch
        self._phases.enter(name, epoch=epoch, step=self._step, done=done, total=total)

    def _expect_step(self) -> None:
        self._is_waiting = True
        step, batch = self._step, self._batch + 1
        if step > self._next_report:
            self._plan_interval()
        is_last = batch == self._batches
        is_looked = step in self._looked
        wants_norm = is_last or (step + 1) % self._train_every == 0
        is_due = self._owes_report or step == self._next_report or (is_last and self._is_report_due(step, batch))
        if is_looked or wants_norm or is_due:
            self._plan = Plan(step, self._epoch, batch, is_due, is_looked, wants_norm)
            self._hooks.expect(self._plan)
            self._rests = 0
        else:
            self._plan = AT_REST
            self._hooks.rest()
            every = self._train_every
            line, last = (step // every + 1) * every - 1, step + self._batches - batch
            looked = (each for each in self._looked if each > step)
            self._rests = min(line, last if last > step else line, self._next_report, *looked) - step

    def _plan_interval(self) -> None:
        """Plan the next report, and the steps that are looked at for it."""
        every, first = self._grad_every, self._first
        self._next_report = next_report(self._step, every=every, first=first)
        is_first = self._step < first + LOOKS
        self._looked = (
            frozenset(range(first, self._next_report + 1)) if is_first else looked_steps(self._next_report, every=every)
        )

    def _is_report_due(self, step: int, batch: int) -> bool:
        """Return whether a step has a report, the last one of an epoch included."""
        early = next_report(self._first, every=self._grad_every, first=self._first)
        if step <= early and batch != self._batches:
            return step == early
        return is_report_due(step, every=self._grad_every, batch=batch, batches=self._batches, epoch=self._epoch)

    def _look_at_batch(self, inputs: object, targets: object, outputs: object) -> None:
        # From the step after a report on, so that a report has a whole row of batches.
        # Where an epoch is one batch, repeats say nothing.
        if self._batches > 1 and (self._step - 1) % max(self._grad_every, RUN + 1) < RUN:
            self._batch_signals.fingerprint(inputs)
        self._batch_signals.note_targets(targets)
        if self._plan.is_due or self._plan.is_looked:
            self._batch_signals.look(inputs, targets, outputs)

    def _report_batches(self) -> None:
        report = self._batch_signals.report(step=self._plan.step)
        if report is None:
            return
        self._log.write(report)
        floor = self._batch_signals.floor(is_epoch_over=self._epoch > 1 or self._batch >= self._batches)
        if floor is not None:
            self._not_logged = tuple(each for each in self._not_logged if each != Floor.TAG)
            self._log.write(Intent(not_logged=self._not_logged))
            losses = self._losses
            self._log.write(
                Floor(
                    loss_floor=floor.value,
                    untrained=losses.untrained,
                    start=losses.start,
                    extra=(("of", floor.loss),),
                )
            )

    def _write_intent(self, given: Mapping[str, Any]) -> None:
        fields = self._declared.fields(**given)
        self._not_logged = fields.get("not_logged", self._not_logged)
        self._hooks.declared.update(self._declared.moved)
        self._log.write(Intent(**fields))

    def _write_train(self, grad_norm: float | None, *, with_rate: bool, terms: Mapping[str, Tensor | float]) -> None:
        interval = self._losses.end_interval()
        if interval is None:
            return
        if not self._hooks.rates:
            self._hooks.read_rates()
        lap: Lap = self._pace.lap()
        rates = self._hooks.rates
        self._log.write(
            Train(
                epoch=Share(self._epoch, self._epochs),
                batch=Share(self._batch, self._batches),
                step=self._step,
                loss=interval.newest,
                lr=self._hooks.lr,
                s_per_batch=round(lap.s_per_batch, 6),
                load_s=round(lap.load_s, 6),
                run_delay_s=None if lap.run_delay_s is None else round(lap.run_delay_s, 6),
                samples_per_s=round(lap.samples_per_s, 3) if with_rate else None,
                grad_norm=grad_norm,
                skipped=self._skipped,
                skips_in_row=self._skips_in_row,
                mean_loss=interval.mean,
                max_loss=interval.largest,
                num_losses=interval.num,
                lr_groups=tuple(enumerate(rates)) if len(set(rates)) > 1 else None,
                extra=extra_fields(Train, terms, prefix="loss_"),
            )
        )

    def _end_epoch(self, val_loss: Tensor | float | None, metrics: Mapping[str, Tensor | float]) -> None:
        self._read_losses()
        train_loss = self._losses.end_epoch()
        try:
            if val_loss is not None:
                value = val_loss.detach() if isinstance(val_loss, Tensor) else val_loss
                self._write_epoch(float(value), train_loss, metrics)
        finally:
            self._ended_epochs = self._epoch
            self._epoch, self._batch = self._epoch + 1, 0
            self._phase = ""
            self._pace.resume()
            self._expect_step()

    def _write_epoch(self, val_loss: float, train_loss: float, metrics: Mapping[str, Tensor | float]) -> None:
        if not math.isfinite(val_loss):
            self._log.write(Nonfinite(where="val_loss", count=1, step=self._step, action="report"))
        if val_loss < self._best[0]:
            self._best = (val_loss, self._epoch)
        self._log.write(
            Epoch(
                epoch=Share(self._epoch, self._epochs),
                train_loss=train_loss,
                val_loss=val_loss,
                lr=self._hooks.lr,
                extra=extra_fields(Epoch, metrics),
            )
        )

    def _report_rest(self) -> None:
        """Report the gradients of the last step if it had no report because it was not known to be the last."""
        step = self._step - 1
        if self._batch and not self._skips_in_row and not self._is_report_due(step, self._batch):
            self._hooks.report_remaining(Plan(step, self._epoch, self._batch))

    def _end(self, status: str, *, reason: str | None = None, error: BaseException | None = None) -> None:
        """End the training in the log, as far as it can still be written."""
        run = self._switches.run
        if status == "completed":
            run("gradients", self._report_rest)
        run("hooks", self._hooks.remove)
        run("phases", self._phases.__exit__, None, None, None)
        run("losses", self._read_losses)
        if error is not None:
            run("log", self._log.write, Error(type=type(error).__name__, message=_message(error), step=self._step))
            run("log", self._log.write_text, "".join(traceback.format_exception(error)))
        if reason is not None and status == "completed" and self._ended_epochs < self._epochs:
            self._log.write(Intent(epochs=self._ended_epochs, phase_change=EARLY_STOP))
        run(
            "log",
            self._log.write,
            RunEnd(
                status=status,
                epochs=self._ended_epochs,
                best_epoch=self._best[1],
                best_val_loss=self._best[0],
                seconds=round(self._clock() - self._started_at, 3),
                error=type(error).__name__ if error is not None else None,
                reason=reason,
            ),
        )


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return ""
