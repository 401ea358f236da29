"""Reports → what is known of the run at its end: the last step, losses, rates, metrics, epochs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.reader.report import Read
    from monitor.reader.state import ReadState

MOST_METRICS = 400
"""Metrics that are kept, each with its splits; more names are counted."""


@dataclass
class Facts:
    """The last value of everything that was read."""

    loss: float | None = None
    val_loss: float | None = None
    test_loss: float | None = None
    lr: float | None = None
    grad_norm: float | None = None
    step: int | None = None
    is_step_lost: bool = False
    """Whether the last training report had no sure step."""
    checkpoints: int = 0
    lines: int = 0
    understood: int = 0
    surplus: int = 0
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)

    def take(self, read: Read) -> None:
        """Take what a line says."""
        self.lines += 1
        self.understood += read.is_understood
        for report in read.reports:
            self.checkpoints += report.kind == "checkpoint"
            if report.kind == "epoch":
                if report.place.step is not None and report.place.step != self.step:
                    self.step, self.is_step_lost = report.place.step, False
            elif report.kind in ("report", "validation") and report.place.step is not None:
                self.step, self.is_step_lost = report.place.step, False
            elif report.kind == "report" and (
                (report.place.batch is not None and report.place.batches is None)
                or any(value.quantity == "loss" for value in report.values)
            ):
                self.is_step_lost = True
            for value in report.values:
                self.note(value.quantity, value.name, value.split, value.number)

    def note(self, quantity: str, name: str, split: str, number: float) -> None:
        """Note a number that a line reports."""
        if quantity == "loss":
            if split == "val":
                self.val_loss = number
            elif split == "test":
                self.test_loss = number
            else:
                self.loss = number
        elif quantity == "lr" and split in ("", "train"):
            self.lr = number
        elif quantity == "grad_norm" and split in ("", "train"):
            self.grad_norm = number
        elif quantity == "metric" and name:
            if name not in self.metrics and len(self.metrics) >= MOST_METRICS:
                self.surplus += 1
                return
            self.metrics.setdefault(name, {})[split] = number

    def said(self, state: ReadState) -> dict[str, object]:
        """Return the facts by the names of ``monitor check --json``; what was not read is absent."""
        place = state.place
        val_loss = self.val_loss if self.val_loss is not None else self.test_loss
        said: dict[str, object] = {
            "step": None if self.is_step_lost else self.step, "steps": place.steps, "epoch": place.epoch,
            "epochs_done": place.epochs_done, "epochs": place.epochs, "loss": self.loss, "val_loss": val_loss,
            "lr": self.lr, "grad_norm": self.grad_norm, "metrics": self.metrics or None,
        }  # fmt: skip
        return {name: value for name, value in said.items() if value is not None}
