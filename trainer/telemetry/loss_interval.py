"""The losses since the last TRAIN line: the newest, their mean, largest and number; those that are not finite apart."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

FIRST_STEPS = 10
"""So many of the first losses show what the first steps did to that of the untrained model. Chosen by hand, 2026-11."""


class Interval(NamedTuple):
    """The losses of an interval."""

    newest: float
    mean: float | None
    """Over the finite ones; None without any."""
    largest: float | None
    num: int


class Losses:
    """Losses as they come. One on another device is read only when a line is due, because reading waits for it."""

    def __init__(self) -> None:
        self._unread: list[Tensor] = []
        self.newest: float | None = None
        """The last loss that was read."""
        self._interval_sum, self._largest, self._num_finite, self._num_all = 0.0, -math.inf, 0, 0
        self._sum, self._num = 0.0, 0
        self._first: list[float] = []

    @property
    def untrained(self) -> float | None:
        """The first loss; None before ten losses have come, all finite."""
        return self._first[0] if self.start is not None else None

    @property
    def start(self) -> float | None:
        """The mean of the first ten losses."""
        return sum(self._first) / FIRST_STEPS if len(self._first) == FIRST_STEPS else None

    def add(self, loss: Tensor | float) -> bool:
        """Add the loss of a step; return False for one that is not finite. One on another device is not read yet.

        Raises TypeError or ValueError for what is not one number.
        """
        if isinstance(loss, Tensor):
            if not loss.is_cpu:
                self._unread.append(loss.detach().reshape(()))
                return True
            loss = loss.item()
        return self._take(float(loss))

    def add_plain(self, loss: object) -> bool:
        """Add the loss of a step if it is None or one finite number that can be read at once; else return False."""
        if isinstance(loss, Tensor):
            if not loss.is_cpu or loss.numel() != 1 or loss.is_complex():
                return False
            loss = loss.item()
        if type(loss) is not float:
            return loss is None
        if not math.isfinite(loss):
            return False
        self._take(loss)
        return True

    def read(self) -> Iterator[int]:
        """Read the losses that are still on another device; yield how many steps ago each that is not finite was."""
        if not self._unread:
            return
        unread, self._unread = self._unread, []
        losses = torch.stack([each.float() for each in unread]).tolist()
        for ago, loss in zip(range(len(losses) - 1, -1, -1), losses, strict=True):
            if not self._take(loss):
                yield ago

    def end_interval(self) -> Interval | None:
        """Return the interval and start a new one; None without a loss."""
        if self.newest is None:
            return None
        mean = self._interval_sum / self._num_finite if self._num_finite else None
        largest = self._largest if self._num_finite else None
        found = Interval(self.newest, mean, largest, self._num_all)
        self._interval_sum, self._largest, self._num_finite, self._num_all = 0.0, -math.inf, 0, 0
        return found

    def end_epoch(self) -> float:
        """Return the mean since the last call; nan without a loss."""
        mean = self._sum / self._num if self._num else math.nan
        self._sum, self._num = 0.0, 0
        return mean

    def _take(self, loss: float) -> bool:
        self.newest = loss
        if len(self._first) < FIRST_STEPS:
            self._first.append(loss)
        self._sum += loss
        self._num += 1
        self._num_all += 1
        if not math.isfinite(loss):
            return False
        self._num_finite += 1
        self._interval_sum += loss
        self._largest = max(self._largest, loss)
        return True
