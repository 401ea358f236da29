"""Rows arranged by day, so that all days of a batch are computed at once.

Shapes: B rows, C days in the batch, M most rows of a day, K horizons.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class DayGrid:
    """Arrange rows by day, (B, ...) -> (C, M, ...).

    `day_B` counts from 0, in order. On a GPU it should come from the CPU: how many days there are has to be known here,
    for which a step would wait for the device.
    """

    def __init__(self, day_B: Tensor, device: torch.device) -> None:
        _, counts_C = torch.unique_consecutive(day_B, return_counts=True)
        self._num_days, self._most = counts_C.numel(), int(counts_C.max())
        first_C = counts_C.cumsum(0) - counts_C
        day = torch.repeat_interleave(torch.arange(self._num_days, device=day_B.device), counts_C)
        cell_B = day * self._most + torch.arange(day_B.numel(), device=day_B.device) - first_C[day]
        self._cell_B = cell_B.to(device, non_blocking=True)

    def spread(self, rows: Tensor, *, absent: float = 0.0) -> Tensor:
        """Return the rows by day, and `absent` in place of the rows that a shorter day does not have."""
        flat = rows.new_full((self._num_days * self._most, *rows.shape[1:]), absent)
        return flat.index_copy(0, self._cell_B, rows).unflatten(0, (self._num_days, self._most))


class Spread(NamedTuple):
    """The values of a grid around the mean of their day."""

    centred_CMK: Tensor
    """Deviations from the day's mean; 0 in cells without a label."""
    std_C1K: Tensor
    """The day's standard deviation."""


class Cells:
    """The cells of a grid that have a label, and statistics over those of each day. Shapes: mask (C, M, K)."""

    def __init__(self, mask_CMK: Tensor) -> None:
        self.mask, self._without = mask_CMK, ~mask_CMK
        self.num_C1K = mask_CMK.sum(1, keepdim=True)
        self._divisor_C1K = self.num_C1K.clamp(min=1)

    def only(self, values_CMK: Tensor) -> Tensor:
        """Return the values, and 0 in the other cells."""
        return values_CMK.masked_fill(self._without, 0.0)

    def share(self, sums: Tensor) -> Tensor:
        """Return sums divided by the number of their day's cells. Shapes: (C, M, K) or (C, 1, K)."""
        return sums / self._divisor_C1K

    def mean(self, values_CMK: Tensor) -> Tensor:
        """Return each day's mean; 0 for a day without cells. Shapes: -> (C, 1, K)."""
        return self.share(self.only(values_CMK).sum(1, keepdim=True))

    def centre(self, values_CMK: Tensor) -> Tensor:
        """Return the deviations from the day's mean, and 0 in the other cells."""
        return self.only(values_CMK - self.mean(values_CMK))

    def mean_square(self, centred_CMK: Tensor) -> Tensor:
        """Return each day's mean square of values that are 0 in the other cells. Shapes: -> (C, 1, K)."""
        return self.share(centred_CMK.square().sum(1, keepdim=True))

    def spread(self, values_CMK: Tensor) -> Spread:
        """Return the values around their day's mean."""
        centred_CMK = self.centre(values_CMK)
        # The small constant makes the gradient of a constant prediction zero instead of infinite.
        return Spread(centred_CMK, (self.mean_square(centred_CMK) + 1e-12).sqrt())
