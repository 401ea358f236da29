"""One training as a person writes it: data, model, loss, optimizers, a step and a validation, each of which can break.

Every part is an attribute of the object, so that a fault replaces one of them, in the first step or later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from trainer.telemetry import Telemetry


class Outcome(NamedTuple):
    """What the forward pass of one batch gives."""

    loss: Tensor
    outputs: Tensor | None = None
    terms: Mapping[str, float] = MappingProxyType({})
    """Terms of the loss, logged by their names."""


class Validation(NamedTuple):
    """What a validation gives."""

    loss: float | None
    """None where the training has none, as with adversaries and policies."""
    metrics: dict[str, float]


@dataclass
class Regime:
    """How a training goes about it; the default is one optimizer step per batch and a constant rate."""

    clip: float = 0.0
    accumulate: int = 1
    schedule: Callable[[torch.optim.Optimizer, int], Any] | None = None
    """From an optimizer and the number of steps to a scheduler that is stepped once per step."""
    per_epoch: Callable[[torch.optim.Optimizer], Any] | None = None
    """From an optimizer to a scheduler that is stepped once per epoch, with the validation loss if it wants one."""
    precision: str = "float32"
    """float32, bfloat16 (autocast) or scaler (autocast and a gradient scaler)."""
    shows_batches: bool = True
    """Whether `look` gets inputs, targets and outputs."""
    intent: dict[str, Any] = field(default_factory=dict)
    """What is declared at the start."""
    stops_after: int = 0
    """The epoch after which the loop stops early and says so; 0 for none."""
    resumes_after: int = 0
    """The epoch after which the process ends and another one goes on from its checkpoint; 0 for none."""
    folds: int = 1
    """Trainings one after the other in the same log."""
    at_epoch: Callable[[Training, int, Telemetry], None] | None = None
    """What is done on purpose at the start of an epoch, counted from 1, with what is declared."""


class Training:
    """A training with one model and one or more optimizers."""

    traits: frozenset[str] = frozenset()
    """What faults ask for: classes, regression, features, tokens, relu ..."""

    def __init__(
        self,
        model: nn.Module,
        optimizers: list[Any],
        *,
        epochs: int = 6,
        batches: int = 40,
        regime: Regime | None = None,
    ) -> None:
        """``batches`` is the number of optimizer steps in an epoch."""
        self.model, self.optimizers, self.regime = model, optimizers, regime or Regime()
        self.epochs, self.batches = epochs, batches
        self.loader: Iterator[tuple[Any, Any]] | None = None
        self.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10) if self.regime.precision == "scaler" else None
        self.schedulers: list[Any] = []
        self.epoch_schedulers: list[Any] = []
        self.grad_norm = float("nan")
        """Norm of the newest gradient, before clipping."""
        self.starts_again = False
        """Whether a fault asks for another process that begins again."""

    def start(self) -> None:
        """Make the schedulers; call it once all optimizers are as they will be."""
        steps, schedule, per_epoch = self.epochs * self.batches, self.regime.schedule, self.regime.per_epoch
        self.schedulers = [schedule(each, steps) for each in self.optimizers] if schedule else []
        self.epoch_schedulers = [per_epoch(each) for each in self.optimizers] if per_epoch else []

    def pairs(self) -> Iterator[tuple[Any, Any]]:
        """Yield the inputs and targets of one epoch."""
        raise NotImplementedError

    def compute(self, inputs: Any, targets: Any) -> Outcome:
        """Run the model on a batch."""
        raise NotImplementedError

    def validate(self) -> Validation:
        """Return the validation's loss and metrics, in evaluation mode."""
        raise NotImplementedError

    def batch(self) -> tuple[Any, Any]:
        """Return the next batch; a new epoch begins by itself."""
        if self.loader is None:
            self.loader = self.pairs()
        found = next(self.loader, None)
        if found is None:
            self.loader = self.pairs()
            found = next(self.loader)
        return found

    def zero_grad(self) -> None:
        """Clear the gradients."""
        for optimizer in self.optimizers:
            optimizer.zero_grad()

    def backward(self, loss: Tensor) -> None:
        """Compute the gradients."""
        (self.scaler.scale(loss) if self.scaler else loss).backward()

    def take_step(self) -> None:
        """Move the weights, and the rate."""
        for optimizer in self.optimizers:
            if self.scaler:
                self.scaler.step(optimizer)
            else:
                optimizer.step()
        if self.scaler:
            self.scaler.update()

    def move_rate(self) -> None:
        """Let the schedulers set the next rate."""
        for scheduler in self.schedulers:
            scheduler.step()

    def autocast(self) -> Any:
        """Return the context of the forward pass."""
        if self.regime.precision == "float32":
            return nullcontext()
        return torch.autocast("cpu", dtype=torch.bfloat16)

    def step(self, telemetry: Telemetry) -> float:
        """Take one optimizer step, tell the telemetry, and return the loss."""
        total, samples = 0.0, 0
        self.zero_grad()
        for _ in range(self.regime.accumulate):
            inputs, targets = self.batch()
            with self.autocast():
                outcome = self.compute(inputs, targets)
            self.backward(outcome.loss / self.regime.accumulate)
            total += float(outcome.loss.detach()) / self.regime.accumulate
            samples += size_of(inputs)
        if self.scaler:
            for optimizer in self.optimizers:
                self.scaler.unscale_(optimizer)
        if self.regime.shows_batches:
            telemetry.look(inputs=inputs, targets=targets, outputs=outcome.outputs)
        else:
            telemetry.look()
        self.clip()
        self.take_step()
        self.move_rate()
        telemetry.step(total, samples=samples, **outcome.terms)
        return total

    def clip(self) -> None:
        """Measure the gradient, and clip it if the regime says so."""
        known = [p for p in self.model.parameters() if p.grad is not None]
        dense = [p for p in known if not p.grad.is_sparse]
        norm = nn.utils.clip_grad_norm_(dense, self.regime.clip or 1e30)
        # Without any gradient the norm is 0, as torch has it.
        self.grad_norm = float(norm) if dense or not known else float("nan")

    def end_epoch(self, validation: Validation) -> None:
        """Let the schedulers of epochs set the next rate."""
        for scheduler in self.epoch_schedulers:
            if isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
                scheduler.step(validation.loss)
            else:
                scheduler.step()

    @property
    def rate(self) -> float:
        """The learning rate of the first parameter group."""
        return float(self.optimizers[0].param_groups[0]["lr"])


def size_of(inputs: Any) -> int:
    """Return the number of samples of a batch."""
    first = inputs[0] if isinstance(inputs, tuple) else inputs
    return len(first)


Criterion = Callable[[Tensor, Tensor], Tensor]


class Supervised(Training):
    """Inputs, targets, a model from one to the other, and a loss between its outputs and the targets."""

    def __init__(
        self,
        data: tuple[Any, Tensor],
        held: tuple[Any, Tensor],
        model: nn.Module,
        criterion: Criterion,
        optimizers: list[Any],
        *,
        traits: str = "",
        size: int = 32,
        epochs: int = 6,
        metric: Callable[[Tensor, Tensor], float] | None = None,
        metric_name: str = "accuracy",
        is_shuffled: bool = True,
        regime: Regime | None = None,
    ) -> None:
        """``data`` and ``held`` are inputs and targets: a tensor, or a tuple of tensors, with a row for each sample."""
        accumulate = regime.accumulate if regime else 1
        super().__init__(
            model, optimizers, epochs=epochs, batches=max(1, len(data[1]) // size // accumulate), regime=regime
        )
        self.inputs, self.targets = data
        self.held = held
        self.criterion, self.size = criterion, size
        self.metric, self.metric_name, self.is_shuffled = metric, metric_name, is_shuffled
        self.traits = frozenset(traits.split())

    def order(self) -> Tensor:
        """Return the order of the samples in this epoch."""
        return torch.randperm(len(self.targets)) if self.is_shuffled else torch.arange(len(self.targets))

    def pairs(self) -> Iterator[tuple[Any, Any]]:
        """Yield the batches of one epoch."""
        for rows in self.order().split(self.size):
            if len(rows) == self.size:
                yield taken(self.inputs, rows), self.targets[rows]

    def compute(self, inputs: Any, targets: Any) -> Outcome:
        """Run the model and the loss."""
        outputs = self.model(*inputs) if isinstance(inputs, tuple) else self.model(inputs)
        return Outcome(self.criterion(outputs, targets), outputs)

    def validate(self) -> Validation:
        """Return loss and metric on the held samples."""
        inputs, targets = self.held
        self.model.eval()
        with torch.no_grad():
            outcome = self.compute(inputs, targets)
        self.model.train()
        metrics = {}
        if self.metric is not None and outcome.outputs is not None:
            metrics[self.metric_name] = self.metric(outcome.outputs, targets)
        return Validation(float(outcome.loss), metrics)


def taken(inputs: Any, rows: Tensor) -> Any:
    """Return some rows of inputs."""
    return tuple(each[rows] for each in inputs) if isinstance(inputs, tuple) else inputs[rows]


def accuracy(outputs: Tensor, targets: Tensor) -> float:
    """Return the share of rows, or places, whose largest output is the target."""
    return float(
        (outputs.argmax(1 if outputs.dim() == targets.dim() + 1 and outputs.dim() != 3 else -1) == targets)
        .float()
        .mean()
    )


def binary_accuracy(outputs: Tensor, targets: Tensor) -> float:
    """Return the share of outputs on the right side of 0."""
    return float(((outputs > 0) == (targets > 0.5)).float().mean())


def r2(outputs: Tensor, targets: Tensor) -> float:
    """Return the share of the targets' variance that the outputs explain."""
    outputs = outputs.reshape(targets.shape)
    return 1 - float((outputs - targets).square().mean() / targets.var(correction=0))
