"""The monitors of our own loop: what they measure in which step, written to the log."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from trainer.config import MonitorConfig
from trainer.measure.activations import ActivationMonitor, measure_inputs
from trainer.measure.gradients import EncoderGradientHooks, GradientMonitor
from trainer.measure.report_steps import is_report_due
from trainer.measure.weights import WeightMonitor
from trainer.model.network import StockModel
from trainer.telemetry.eventlog import EventLog


class Instruments:
    """The monitors of one model. The loop calls them at three points of each step; they act when a report is due."""

    def __init__(
        self,
        model: StockModel,
        config: MonitorConfig,
        log: EventLog,
        *,
        feature_names: Sequence[str],
        steps_per_epoch: int,
    ) -> None:
        self._config, self._log, self._feature_names = config, log, feature_names
        self._steps_per_epoch = steps_per_epoch
        groups = model.gradient_groups()
        self._gradients = GradientMonitor(
            groups, per_feature=model.per_feature_parameters(), warn_norm=config.grad_warn_norm
        )
        self._weights = WeightMonitor(groups)
        layers = {
            "input_projection": model.input_projection,
            "temporal_encoder.recurrent": model.temporal_encoder.recurrent,
            "temporal_encoder": model.temporal_encoder,
            "gat": model.gat,
            "backbone_projection": model.backbone_projection,
            "adaptive_norm": model.adaptive_norm,
            "prediction_head_shared": model.prediction_head_shared,
        }
        self._activations = ActivationMonitor(layers, bounds={"temporal_encoder.recurrent": 1.0})
        encoder = {
            "normalized_features": model.adaptive_norm,
            "projected_features": model.backbone_projection,
        }
        self._encoder = EncoderGradientHooks(encoder) if config.encoder_grad_hooks else None

    def before_forward(self, step: int, windows_BTF: Tensor) -> None:
        """Record leftover gradients, listen to gradients and activations, and report the inputs."""
        if self._encoder is not None and self.is_due(step):
            self._encoder.listen()
        if self._monitors(step):
            self._weights.before_backward()
            self._activations.listen()
            self._log.inputs(measure_inputs(windows_BTF), step=step, features=self._feature_names)

    def after_backward(self, step: int, *, epoch: int, batch: int) -> None:
        """Report activations and gradients, after unscaling and before clipping."""
        if self._encoder is not None and self.is_due(step):
            self._log.encoder_gradients(self._encoder.measure(), step=step)
        if self._monitors(step):
            self._log.activations(self._activations.measure(), step=step)
            self._log.gradients(
                self._gradients.measure(),
                step=step,
                epoch=epoch,
                batch=batch,
                warn_norm=self._config.grad_warn_norm,
            )
            self._weights.before_step()

    def after_step(self, step: int) -> None:
        """Report how far the optimizer moved the weights."""
        if self._monitors(step):
            self._log.weights(self._weights.measure(), step=step)

    def is_due(self, step: int) -> bool:
        """Return whether this step has a report, for which hooks are on the model."""
        epoch, place = divmod(step, self._steps_per_epoch)
        return is_report_due(
            step,
            every=self._config.grad_monitor_every,
            batch=place + 1,
            batches=self._steps_per_epoch,
            epoch=epoch + 1,
        )

    def _monitors(self, step: int) -> bool:
        return self._config.grad_monitor and self.is_due(step)
