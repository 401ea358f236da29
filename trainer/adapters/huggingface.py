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

from trainer.telemetry.telemetry import Telemetry


class TelemetryCallback(TrainerCallback):
    """Writes the log of every training, in its main process.

    The loss is taken from the model's output, because the Trainer may report a mean instead of a nan.
    """

    def __init__(self, **options: Any) -> None:
        """``options`` are passed to Telemetry."""
        self._options = options
        self._telemetry: Telemetry | None = None
        self._listener: RemovableHandle | None = None
        self._losses: list[Tensor] = []
        self._adds_up = self._is_epoch_over = False

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        model: nn.Module = kwargs["model"]
        if not state.is_world_process_zero:
            return
        epochs = max(1, math.ceil(args.num_train_epochs))
        declared = {
            "accumulate": args.gradient_accumulation_steps,
            "clip": args.max_grad_norm or None,
            "base_lr": args.learning_rate,
            "total_steps": state.max_steps,
        }
        given = {**self._options, "intent": {**declared, **self._options.get("intent", {})}}
        optimizer = kwargs["optimizer"]
        self._telemetry = Telemetry(
            model,
            getattr(optimizer, "optimizer", optimizer),
            epochs=epochs,
            batches=max(1, round(state.max_steps / args.num_train_epochs)),
            **given,
        )
        # A model that takes the number of items of all batches of a step returns its share of the step's loss, no mean.
        forward = inspect.signature(model.forward).parameters.values()
        takes_count = getattr(model, "accepts_loss_kwargs", any(each.kind is each.VAR_KEYWORD for each in forward))
        self._adds_up = bool(takes_count)
        self._listener = model.register_forward_hook(self._take_loss)
        atexit.register(self._close_at_exit)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if self._telemetry is None:
            return
        if not self._losses:
            raise ValueError("model: no loss in its output; expected a model that gets labels and returns a loss")
        losses = torch.stack(self._losses)
        self._losses = []
        self._telemetry.step(losses.sum() if self._adds_up else losses.mean())

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._end_epoch({})

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._is_epoch_over = True

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: Mapping[str, Any],
        **kwargs: Any,
    ) -> None:
        self._end_epoch({name: float(value) for name, value in metrics.items() if isinstance(value, int | float)})

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._end_epoch({})
        self._close("completed")

    def _take_loss(self, model: nn.Module, inputs: Any, output: Any) -> None:
        loss = output.get("loss") if isinstance(output, Mapping) else None
        if model.training and isinstance(loss, Tensor):
            self._losses.append(loss.detach().reshape(()))

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
            self._close("failed", error)

    def _close(self, status: str, error: BaseException | None = None) -> None:
        if self._telemetry is None:
            return
        self._telemetry.close(status, error=error)
        self._telemetry = None
        if self._listener is not None:
            self._listener.remove()
        atexit.unregister(self._close_at_exit)
