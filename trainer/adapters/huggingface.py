"""A callback for the Hugging Face Trainer: ``Trainer(..., callbacks=[TelemetryCallback(log="run.log")])``."""

from __future__ import annotations

import atexit
import inspect
import math
import sys
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from trainer.adapters.quiet import keeps_quiet
from trainer.telemetry.module_hooks import Hook
from trainer.telemetry.telemetry import Telemetry


class TelemetryCallback(TrainerCallback):
    """Writes the log of every training, in its main process.

    The loss is taken from the model's output, because the Trainer may report a mean instead of a nan. Where there is
    none in it, the loss that the Trainer logs is taken.
    """

    def __init__(self, **options: Any) -> None:
        """``options`` are passed to Telemetry."""
        self._options = options
        self._telemetry: Telemetry | None = None
        self._listener: RemovableHandle | None = None
        self._losses: list[Tensor] = []
        self._logged_loss: float | None = None
        self._adds_up = self._is_epoch_over = False

    @property
    def telemetry(self) -> Telemetry | None:
        """The telemetry of the training in progress, for declarations."""
        return self._telemetry

    @keeps_quiet
    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        model: nn.Module = kwargs["model"]
        if not state.is_world_process_zero:
            return
        self._close("stopped")
        epochs = max(1, math.ceil(args.num_train_epochs))
        batches = max(1, round(state.max_steps / args.num_train_epochs)) if args.num_train_epochs else state.max_steps
        if args.max_steps > 0:
            # The number of epochs is not used then, and the state has the true one.
            epochs = max(1, math.ceil(state.num_train_epochs or 1))
            batches = max(1, math.ceil(state.max_steps / epochs))
        declared = {
            "accumulation": args.gradient_accumulation_steps,
            "clip": args.max_grad_norm or None,
            "base_lr": args.learning_rate,
            "total_steps": state.max_steps,
        }
        self._telemetry = Telemetry(
            model,
            kwargs["optimizer"],
            **{
                "epochs": epochs,
                "batches": batches,
                "start_step": state.global_step,
                "start_epoch": int(state.epoch or 0) + 1,
                **self._options,
                "intent": {**declared, **self._options.get("intent", {})},
            },
        )
        # A model that takes the number of items of all batches of a step returns its share of the step's loss, no mean.
        forward = inspect.signature(model.forward).parameters.values()
        takes_count = getattr(model, "accepts_loss_kwargs", any(each.kind is each.VAR_KEYWORD for each in forward))
        self._adds_up = bool(takes_count)
        self._losses, self._logged_loss, self._is_epoch_over = [], None, False
        self._listener = model.register_forward_hook(_Listener(self._losses))
        atexit.register(self._close_at_exit)

    @keeps_quiet
    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if self._telemetry is None:
            return
        loss: Tensor | float | None = self._logged_loss
        if self._losses:
            losses = torch.stack(self._losses)
            loss = losses.sum() if self._adds_up else losses.mean()
        self._losses.clear()
        self._telemetry.step(loss)

    @keeps_quiet
    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        loss = (logs or {}).get("loss")
        if isinstance(loss, int | float):
            self._logged_loss = float(loss)

    @keeps_quiet
    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._end_epoch({})

    @keeps_quiet
    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._is_epoch_over = True

    @keeps_quiet
    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: Mapping[str, Any],
        **kwargs: Any,
    ) -> None:
        self._end_epoch({name: float(value) for name, value in metrics.items() if isinstance(value, int | float)})

    @keeps_quiet
    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._end_epoch({})
        is_early = control.should_training_stop and state.global_step < state.max_steps
        self._close("completed", reason="early_stop" if is_early else None)

    def _end_epoch(self, metrics: dict[str, float]) -> None:
        """Log the end of the epoch if it is over: the Trainer evaluates after the end of the epoch, or not at all."""
        if self._telemetry is not None and self._is_epoch_over:
            self._is_epoch_over = False
            self._telemetry.epoch(metrics.pop("eval_loss", None), **metrics)

    def _close_at_exit(self) -> None:
        """Close the log if the process exits in the middle of a training. Callbacks are not told why; Python knows."""
        error: BaseException | None = getattr(sys, "last_value", None)
        if error is None or isinstance(error, KeyboardInterrupt | SystemExit):
            self._close("stopped")
        else:
            self._close("failed", error=error)

    def _close(self, status: str, *, reason: str | None = None, error: BaseException | None = None) -> None:
        if self._telemetry is None:
            return
        self._telemetry.close(status, reason=reason, error=error)
        self._telemetry = None
        if self._listener is not None:
            self._listener.remove()
        atexit.unregister(self._close_at_exit)


class _Listener:
    """A forward hook that keeps the losses of training passes; it vanishes from copies of the model."""

    def __init__(self, losses: list[Tensor]) -> None:
        self._losses = losses

    def __call__(self, model: nn.Module, inputs: Any, output: Any) -> None:
        """Keep the loss of this pass."""
        if torch.compiler.is_compiling() or not model.training:
            return
        loss = output.get("loss") if isinstance(output, Mapping) else None
        if isinstance(loss, Tensor) and loss.numel() == 1:
            self._losses.append(loss.detach().reshape(()))

    def __reduce__(self) -> tuple[Any, ...]:
        return Hook.__reduce__(self)  # type: ignore[arg-type]
