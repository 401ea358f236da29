"""SageMaker Debugger's built-in rules about the loss, reimplemented from their documentation, with its defaults.

They are separate from the tensor rules, because people attach one or the other. The training loss of a step comes from
its TRAIN line; the two losses of an epoch come from its EPOCH line.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from monitor.grammar import Epoch, Train
from tests.scoreboard.rivals.alarms import Alarms
from tests.scoreboard.rivals.observed import observe
from tests.scoreboard.rivals.rival import Rival, RivalAlarm
from tests.scoreboard.rivals.sagemaker_tensors import DOCUMENT

NUM_STEPS = 10
"""LossNotDecreasing: `num_steps`; `diff_percent` is not set by default, so any decrease is enough."""
OVERFIT_RATIO, OVERFIT_PATIENCE = 0.1, 1
"""Overfit: `ratio_threshold` of (validation - training) / training, `patience` in validations."""
PATIENCE_TRAIN, PATIENCE_VALIDATION, DELTA = 5, 10, 0.1
"""Overtraining: `patience_train`, `patience_validation`, `delta`."""


class SageMakerLosses(Rival):
    """LossNotDecreasing, Overfit and Overtraining."""

    name = "SageMaker Debugger loss rules"
    source = f"Amazon SageMaker AI Developer Guide, List of Debugger built-in rules, {DOCUMENT}"
    kinds: ClassVar = {
        "LossNotDecreasing": frozenset({"not_learning", "loss_diverge", "loss_spike", "loss_zero_or_frozen"}),
        "Overfit": frozenset({"overfit"}),
        "Overtraining": frozenset({"overfit", "not_learning"}),
    }
    not_observable: ClassVar = {}

    def judge(self, log: Path, *, until: float | None = None) -> list[RivalAlarm]:
        alarms, decrease = Alarms(), _Decrease()
        training, validation = _Patience(PATIENCE_TRAIN), _Patience(PATIENCE_VALIDATION)
        num_over = 0
        for line in observe(log):
            match line.record:
                case Train(step=step, loss=float(loss)):
                    training.take(loss)
                    if (before := decrease.earlier(step, loss)) is not None:
                        text = f"loss {loss:g}, {before:g} at least {NUM_STEPS} steps before"
                        alarms.note("LossNotDecreasing", "loss", not loss < before, line, text)
                case Epoch(train_loss=float(train_loss), val_loss=float(val_loss)):
                    validation.take(val_loss)
                    excess = (val_loss - train_loss) / train_loss if train_loss else 0.0
                    num_over = num_over + 1 if excess > OVERFIT_RATIO else 0
                    text = f"validation loss {100 * excess:.0f} % above the training loss"
                    alarms.note("Overfit", "losses", num_over >= OVERFIT_PATIENCE, line, text)
                case _:
                    continue
            # The documentation leaves open whether one loss is enough; requiring both gives fewer alarms.
            text = (
                f"no training loss better by {DELTA} in {PATIENCE_TRAIN}, no validation loss in {PATIENCE_VALIDATION}"
            )
            is_over = training.is_over and validation.is_over
            alarms.note("Overtraining", "losses", is_over, line, text)
        return alarms.found


class _Decrease:
    """The loss that a step is compared with: at least NUM_STEPS before it, and compared only every NUM_STEPS."""

    def __init__(self) -> None:
        self._saved: list[tuple[int, float]] = []
        self._checked: int | None = None

    def earlier(self, step: int, loss: float) -> float | None:
        """Store a loss; return the one to compare it with, or None if no comparison is due."""
        self._saved.append((step, loss))
        if self._checked is None:
            self._checked = step
        if step < self._checked + NUM_STEPS:
            return None
        self._checked = step
        return next(before for at, before in reversed(self._saved) if at <= step - NUM_STEPS)


class _Patience:
    """How many losses in a row were not a new best."""

    def __init__(self, patience: int) -> None:
        self._patience, self._best, self._num_waited = patience, float("inf"), 0

    def take(self, loss: float) -> None:
        if loss < self._best - DELTA:
            self._best, self._num_waited = loss, 0
        else:
            self._num_waited += 1

    @property
    def is_over(self) -> bool:
        return self._num_waited >= self._patience
