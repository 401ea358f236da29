"""A Lightning callback: ``Trainer(callbacks=[TelemetryCallback(log="run.log")])``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from trainer.telemetry.telemetry import Telemetry


class TelemetryCallback(Callback):
    """Writes the log of every fit, in its main process."""

    def __init__(self, *, val_loss: str = "val_loss", **options: Any) -> None:
        """``val_loss`` is the name under which the module logs its validation loss; Telemetry gets ``options``."""
        self._val_loss, self._options = val_loss, options
        self._telemetry: Telemetry | None = None
        self._losses: list[Tensor] = []
        self._steps = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        accumulate = trainer.accumulate_grad_batches
        steps = trainer.estimated_stepping_batches
        epochs = trainer.max_epochs if trainer.max_epochs and trainer.max_epochs > 0 else 1
        declared = {
            "accumulate": accumulate,
            "clip": trainer.gradient_clip_val,
            "base_lr": trainer.optimizers[0].param_groups[0].get("initial_lr", trainer.optimizers[0].defaults["lr"]),
            "total_steps": int(steps) if math.isfinite(steps) else None,
        }
        given = {**self._options, "intent": {**declared, **self._options.get("intent", {})}}
        self._telemetry = Telemetry(
            pl_module,
            trainer.optimizers[0],
            epochs=epochs,
            batches=math.ceil(int(trainer.num_training_batches) / accumulate),
            **given,
        )
        self._losses, self._steps = [], trainer.global_step

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if self._telemetry is not None:
            self._telemetry.forward(is_training=True)

    def on_validation_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        if self._telemetry is not None:
            self._telemetry.forward(is_training=False)

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Any) -> None:
        if self._telemetry is not None:
            self._telemetry.look()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._telemetry is None:
            return
        loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        if isinstance(loss, Tensor):
            self._losses.append(loss.detach())
        if trainer.global_step > self._steps and self._losses:
            self._telemetry.step(torch.stack(self._losses).mean())
            self._losses = []
        self._steps = trainer.global_step

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._telemetry is not None:
            metrics = {name.replace(" ", "_"): float(value) for name, value in trainer.callback_metrics.items()}
            self._telemetry.epoch(metrics.pop(self._val_loss, None), **metrics)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._close("stopped" if trainer.interrupted else "completed")

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        if isinstance(exception, KeyboardInterrupt):
            self._close("stopped")
        else:
            self._close("failed", exception)

    def _close(self, status: str, error: BaseException | None = None) -> None:
        if self._telemetry is not None:
            self._telemetry.close(status, error=error)
            self._telemetry = None
