"""Looks at a loop that is not ours: sits in hooks on its model and optimizer, and reads the monitors into the log.

In: a model and an optimizer. Out: lines about gradients, weights, activations and the model; nothing that trains is
changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from trainer.measure.gradients import ActivationMonitor, GradientMonitor, WeightMonitor, total_norm
from trainer.measure.model_parts import ForwardOrder, Part, groups_of
from trainer.telemetry.eventlog import EventLog, Model, ModelGroup

WARN_NORM = 1e-7
"""A group's gradient norm below which a warning is written; the default of GRAD_MONITOR_WARN_NORM."""


class TrainingHooks:
    """Reports every `every` steps, from step 0 on; says where it sees the loop through `on_forward`."""

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        log: EventLog,
        *,
        parts: Mapping[str, Part],
        layers: Mapping[str, nn.Module],
        every: int,
        on_forward: Callable[[], None],
    ) -> None:
        self._model, self._optimizer, self._log, self._every = model, optimizer, log, every
        self._on_forward = on_forward
        self._groups = groups_of(model, parts)
        self._gradients = GradientMonitor(self._groups, per_feature=frozenset(), warn_norm=WARN_NORM)
        self._weights = WeightMonitor(self._groups)
        self._activations = ActivationMonitor(layers)
        self._order: ForwardOrder | None = ForwardOrder(parts)
        self._is_listening = self._has_looked = False
        self._took_step = self._wants_norm = False
        self._place = (0, 1, 1)
        self._grad_norm: Tensor | None = None
        self.lr = float("nan")
        """Rate of the newest step, of the optimizer's first group."""
        self._handles: list[RemovableHandle] = [
            model.register_forward_pre_hook(self._before_forward),
            optimizer.register_step_pre_hook(self._before_step),
            optimizer.register_step_post_hook(self._after_step),
        ]

    @property
    def frozen(self) -> tuple[str, ...]:
        """The groups of which nothing is trained."""
        return tuple(name for name, group in self._groups.items() if not _num_trainable(group.values()))

    @property
    def device(self) -> str | None:
        """Where the model's first parameter lies now."""
        return next((str(weight.device) for group in self._groups.values() for weight in group.values()), None)

    def expect(self, step: int, *, epoch: int, batch: int, wants_norm: bool) -> None:
        """Say which step comes next, and whether the norm of its whole gradient is wanted."""
        self._place, self._wants_norm = (step, epoch, batch), wants_norm
        self._is_listening = self._has_looked = self._took_step = False
        self._grad_norm = None

    def listen(self) -> None:
        """Listen to the activations of this step, if it is time to."""
        if not self._is_listening and self._place[0] % self._every == 0:
            self._is_listening = True
            self._activations.listen()
            self._weights.expect_backward()

    def look(self) -> None:
        """Look at the gradients of this step, once: after they are unscaled and, if anyone can, before clipping."""
        if self._has_looked:
            return
        self._has_looked = True
        if self._order is not None:
            self._write_model(self._order.take())
            self._order = None
        self.lr = float(self._optimizer.param_groups[0]["lr"])
        if self._wants_norm:
            self._grad_norm = total_norm([weight.grad for group in self._groups.values() for weight in group.values()])
        step, epoch, batch = self._place
        if step % self._every == 0:
            self._log.activations(self._activations.measure(), step=step)
            found = self._gradients.measure()
            self._log.gradients(found, step=step, epoch=epoch, batch=batch, warn_norm=WARN_NORM)

    def end_step(self) -> tuple[bool, float | None]:
        """Return whether the optimizer took this step, and the norm of the whole gradient where it is known.

        A report is due whether or not it was taken.
        """
        if self._has_looked and not self._took_step and self._place[0] % self._every == 0:
            self._weights.before_step()
            self._log.weights(self._weights.measure(), step=self._place[0])
        return self._took_step, None if self._grad_norm is None else float(self._grad_norm)

    def leave(self) -> None:
        """Let go of the model and the optimizer."""
        for handle in self._handles:
            handle.remove()
        self._activations.measure()
        self._weights.forget()
        if self._order is not None:
            self._order.take()

    def _before_forward(self, model: nn.Module, inputs: Any) -> None:
        self._on_forward()

    def _before_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        # A closure brings the gradients within the step itself.
        if not (args[1:] or kwargs.get("closure")):
            self.look()
        if self._place[0] % self._every == 0:
            self._weights.before_step()

    def _after_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        self.look()
        # Read again: another hook may have changed it, and this is the rate that the weights moved at.
        self.lr = float(optimizer.param_groups[0]["lr"])
        self._took_step = True
        if self._place[0] % self._every == 0:
            self._log.weights(self._weights.measure(), step=self._place[0])

    def _write_model(self, depths: Mapping[str, int]) -> None:
        weights = [weight for group in self._groups.values() for weight in group.values()]
        self._log.write(Model(parameters=_num(weights), tensors=len(weights), trainable=_num_trainable(weights)))
        for name, group in self._groups.items():
            self._log.write(
                ModelGroup(
                    group=name,
                    tensors=len(group),
                    parameters=_num(group.values()),
                    trainable=_num_trainable(group.values()),
                    depth=depths.get(name),
                )
            )


def _num(weights: Iterable[nn.Parameter]) -> int:
    return sum(weight.numel() for weight in weights)


def _num_trainable(weights: Iterable[nn.Parameter]) -> int:
    return _num(weight for weight in weights if weight.requires_grad)
