"""Hooks on the model and optimizer of any loop, which log what the monitors measure.

In: a model and an optimizer. Out: lines about gradients, weights, activations and the model. The training itself is
not changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from trainer.measure.activations import ActivationMonitor
from trainer.measure.gradients import GradientMonitor
from trainer.measure.model_parts import ForwardOrder, Part, groups_of
from trainer.measure.norms import norm_of
from trainer.measure.weights import WeightMonitor
from trainer.telemetry.eventlog import EventLog

WARN_NORM = 1e-7
"""Gradient norm of a group below which a warning is written: the default of GRAD_MONITOR_WARN_NORM."""


class TrainingHooks:
    """Reports at the steps that are announced as due. Calls `on_forward` before each forward pass of the model."""

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        log: EventLog,
        *,
        parts: Mapping[str, Part],
        layers: Mapping[str, nn.Module],
        on_forward: Callable[[], None],
    ) -> None:
        self._model, self._optimizer, self._log = model, optimizer, log
        self._on_forward = on_forward
        self._groups = groups_of(model, parts)
        self._gradients = GradientMonitor(self._groups, per_feature=frozenset(), warn_norm=WARN_NORM)
        self._weights = WeightMonitor(self._groups)
        self._activations = ActivationMonitor(layers)
        self._order: ForwardOrder | None = ForwardOrder(parts)
        self._is_listening = self._has_measured = False
        self._took_step = self._wants_norm = False
        self._place, self._is_due = (0, 1, 1), True
        self._grad_norm: Tensor | None = None
        self.lr = float("nan")
        """Learning rate of the newest step, from the optimizer's first parameter group."""
        self._handles: list[RemovableHandle] = [
            model.register_forward_pre_hook(self._before_forward),
            optimizer.register_step_pre_hook(self._before_step),
            optimizer.register_step_post_hook(self._after_step),
        ]

    @property
    def frozen(self) -> tuple[str, ...]:
        """The groups without a trained parameter."""
        return tuple(
            name for name, group in self._groups.items() if not any(weight.requires_grad for weight in group.values())
        )

    @property
    def device(self) -> str | None:
        """The device of the model's first parameter now."""
        return next((str(weight.device) for group in self._groups.values() for weight in group.values()), None)

    def expect(self, step: int, *, epoch: int, batch: int, is_due: bool, wants_norm: bool) -> None:
        """Set which step comes next, whether it has a report, and whether to compute the norm of its whole gradient."""
        self._place, self._is_due, self._wants_norm = (step, epoch, batch), is_due, wants_norm
        self._is_listening = self._has_measured = self._took_step = False
        self._grad_norm = None

    def listen(self) -> None:
        """Listen to the activations of this step, if a report is due."""
        if not self._is_listening and self._is_due:
            self._is_listening = True
            self._activations.listen()
            self._weights.expect_backward()

    def measure_gradients(self) -> None:
        """Measure the gradients of this step, once: after they are unscaled and, if possible, before clipping."""
        if self._has_measured:
            return
        self._has_measured = True
        if self._order is not None:
            self._log.model(self._groups, self._order.take())
            self._order = None
        self.lr = float(self._optimizer.param_groups[0]["lr"])
        if self._wants_norm:
            grads = [weight.grad for group in self._groups.values() for weight in group.values()]
            self._grad_norm = norm_of(grads, torch.float32)
        step, epoch, batch = self._place
        if self._is_due:
            self._log.activations(self._activations.measure(), step=step)
            found = self._gradients.measure()
            self._log.gradients(found, step=step, epoch=epoch, batch=batch, warn_norm=WARN_NORM)

    def end_step(self) -> tuple[bool, float | None]:
        """Return whether the optimizer took this step, and the norm of the whole gradient if it was computed.

        Weights are reported for a skipped step too.
        """
        if self._has_measured and not self._took_step and self._is_due:
            self._weights.before_step()
            self._log.weights(self._weights.measure(), step=self._place[0])
        return self._took_step, None if self._grad_norm is None else float(self._grad_norm)

    def measure_remaining(self, step: int, *, epoch: int, batch: int) -> None:
        """Report the gradients that the last step has left, if it had no report; none if they were cleared."""
        grads = [weight.grad for group in self._groups.values() for weight in group.values() if weight.grad is not None]
        # Gradients of exactly zero were cleared rather than computed.
        if not grads or not any(bool(grad.any()) for grad in grads):
            return
        found = self._gradients.measure()
        self._log.gradients(found, step=step, epoch=epoch, batch=batch, warn_norm=WARN_NORM)

    def remove(self) -> None:
        """Remove all hooks from the model and the optimizer."""
        for handle in self._handles:
            handle.remove()
        self._activations.measure()
        self._weights.forget()
        if self._order is not None:
            self._order.take()

    def _before_forward(self, model: nn.Module, inputs: Any) -> None:
        self._on_forward()

    def _before_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        # With a closure, the gradients are computed within the step itself.
        if not (args[1:] or kwargs.get("closure")):
            self.measure_gradients()
        if self._is_due:
            self._weights.before_step()

    def _after_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        self.measure_gradients()
        # Read again: another hook may have changed it, and this is the rate at which the weights moved.
        self.lr = float(optimizer.param_groups[0]["lr"])
        self._took_step = True
        if self._is_due:
            self._log.weights(self._weights.measure(), step=self._place[0])
