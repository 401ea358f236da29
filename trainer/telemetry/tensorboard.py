"""The figures of the log as TensorBoard events, for those who look at runs there; the log stays the record of a run."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from trainer.config import SettingError
from trainer.telemetry.eventlog import Epoch, GradReport, HorizonMetrics, Metrics, Train

_PLACES = ("epoch", "batch", "step", "h", "n_days")
"""Fields that say where a figure belongs."""


class TensorBoard:
    """Write the figures of some kinds of records to a folder: by step in training, by epoch otherwise.

    A folder that can no longer be written ends the events, never the training. Raises SettingError without the package.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise SettingError(
                f"tensorboard: cannot be used; expected the package, as in trainwarden[tensorboard], got {error}"
            ) from error
        try:
            self._writer: Any = SummaryWriter(str(folder))
        except OSError as error:
            raise SettingError(f"tensorboard: {folder}; expected a folder to write to, got {error.strerror}") from error

    def __call__(self, record: object) -> None:
        """Write a record's figures, if it is one of those with figures."""
        if self._writer is None:
            return
        try:
            for tag, value, at in _scalars(record):
                self._writer.add_scalar(tag, value, at)
        except OSError:
            self._writer = None

    def close(self) -> None:
        """Write what is left."""
        if self._writer is not None:
            with suppress(OSError):
                self._writer.close()


def _scalars(record: object) -> list[tuple[str, float, int]]:
    """Return each figure as tag, value and step or epoch."""
    if isinstance(record, GradReport):
        return [(f"gradients/{group.group}", group.norm, record.step) for group in record.groups]
    if isinstance(record, Train):
        extra = {name: _number(text) for name, text in record.extra}
        named = [(f"train/{name}", value, record.step) for name, value in extra.items() if value is not None]
        return _figures(record, "train", record.step) + named
    if isinstance(record, Epoch):
        return _figures(record, "epoch", record.epoch.part)
    if isinstance(record, Metrics):
        return _figures(record, "metrics", record.epoch)
    if isinstance(record, HorizonMetrics):
        return _figures(record, f"metrics_{record.h}d", record.epoch)
    return []


def _figures(record: Any, prefix: str, at: int) -> list[tuple[str, float, int]]:
    values = {name: getattr(record, name) for name in record.field_names() if name not in _PLACES}
    return [(f"{prefix}/{name}", value, at) for name, value in values.items() if isinstance(value, int | float)]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
