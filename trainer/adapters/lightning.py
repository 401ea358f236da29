"""A Lightning callback: ``Trainer(callbacks=[TelemetryCallback(log="run.log")])``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from trainer.adapters.quiet import keeps_quiet
from trainer.telemetry.telemetry import Telemetry


class TelemetryCallback(Callback):
    """Writes the log of every fit, in its main process."""

    def __init__(self, *, val_loss: str = "val_loss", **options: Any) -> None:
        """``val_loss`` is the name under which the module logs its validation loss; Telemetry gets ``options``."""
        self._val_loss, self._options = val_loss, options
        self._telemetry: Telemetry | None = None
        self._losses: list[Tensor] = []
        self._steps = 0

    @property
    def telemetry(self) -> Telemetry | None:
        """The telemetry of the fit in progress, for declarations."""
        return self._telemetry

    @keeps_quiet
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        self._close("stopped")
        accumulate = trainer.accumulate_grad_batches
        steps = trainer.estimated_stepping_batches
        epochs = trainer.max_epochs if trainer.max_epochs and trainer.max_epochs > 0 else 1
        batches = float(trainer.num_training_batches)
        # Lightning counts the steps of each optimizer; here a step is one batch, or those that are accumulated.
        num_steps = math.ceil(batches / accumulate) if math.isfinite(batches) else max(1, trainer.max_steps)
        done = trainer.fit_loop.epoch_loop.total_batch_idx + 1 if trainer.global_step else 0
        self._telemetry = Telemetry(
            pl_module,
            trainer.optimizers,
            **{
                "epochs": epochs,
                "batches": num_steps,
                "start_step": done // accumulate,
                "start_epoch": trainer.current_epoch + 1,
                **self._options,
                "intent": {**self._declared(trainer, steps), **self._options.get("intent", {})},
            },
        )
        self._losses, self._steps = [], trainer.global_step

    @keeps_quiet
    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if self._telemetry is not None:
            self._telemetry.forward(is_training=True)

    @keeps_quiet
    def on_validation_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        if self._telemetry is not None and not trainer.sanity_checking:
            self._telemetry.forward(is_training=False)

    @keeps_quiet
    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Any) -> None:
        if self._telemetry is not None:
            self._telemetry.look()

    @keeps_quiet
    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._telemetry is None:
            return
        loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        if isinstance(loss, Tensor) and loss.numel() == 1:
            self._losses.append(loss.detach().reshape(()))
        if trainer.global_step > self._steps:
            # A module that steps its optimizers itself may return no loss; what it logs under that name is taken.
            logged = trainer.callback_metrics.get("loss", trainer.callback_metrics.get("train_loss"))
            self._telemetry.step(torch.stack(self._losses).mean() if self._losses else logged)
            self._losses = []
        self._steps = trainer.global_step

    @keeps_quiet
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._telemetry is not None:
            metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
            self._telemetry.epoch(metrics.pop(self._val_loss, None), **metrics)

    @keeps_quiet
    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        is_early = trainer.should_stop and not trainer.interrupted
        self._close("stopped" if trainer.interrupted else "completed", reason="early_stop" if is_early else None)

    @keeps_quiet
    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        if isinstance(exception, KeyboardInterrupt):
            self._close("stopped")
        else:
            self._close("failed", error=exception)

    def _declared(self, trainer: Trainer, steps: float) -> dict[str, Any]:
        rates = [group.get("initial_lr", group.get("lr")) for each in trainer.optimizers for group in each.param_groups]
        is_one_rate = len(set(rates)) == 1
        return {
            "accumulation": trainer.accumulate_grad_batches,
            "clip": trainer.gradient_clip_val,
            "base_lr": rates[0] if is_one_rate else None,
            "total_steps": int(steps) if math.isfinite(steps) and len(trainer.optimizers) == 1 else None,
        }

    def _close(self, status: str, *, reason: str | None = None, error: BaseException | None = None) -> None:
        if self._telemetry is not None:
            self._telemetry.close(status, reason=reason, error=error)
            self._telemetry = None
