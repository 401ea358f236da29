"""Ranks within a day: soft ones of predictions, which have a gradient, and exact ones of targets.

A rank is the share of the day's labelled rows below a row, half of those equal to it, itself among them.
Shapes: C days in the batch, M most rows of a day, K horizons, m some rows, P pairs (day, horizon).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from trainer.model.day_grid import Cells

CHUNK_PAIRS = {"cpu": 2**20, "cuda": 2**27}
"""Most pairs of rows that are compared at a time, by kind of device: on the CPU as many as its caches hold (4 MiB),
on a GPU as many as its memory should (512 MiB). Chosen by hand."""


def soft_ranks(centred_CMK: Tensor, cells: Cells, scale_C1K: Tensor) -> Tensor:
    """Return the ranks, where j counts as below i by sigmoid((p_i - p_j) / scale) (Qin et al. 2010).

    `scale_C1K` has no gradient. Shapes: (C, M, K) -> (C, M, K).
    """
    ratio_PM = _by_pair(centred_CMK / scale_C1K)
    sums_PM: Tensor = _SumsOfSigmoids.apply(ratio_PM, _by_pair(cells.mask.to(ratio_PM.dtype)))
    return cells.share(_by_day(sums_PM, centred_CMK))


@torch.no_grad()
def target_ranks(targets_CMK: Tensor, cells: Cells) -> Tensor:
    """Return the ranks of labels; any number for other cells. Shapes: (C, M, K) -> (C, M, K)."""
    # Sorted instead of compared pair by pair. Rows without a label come last and are below none.
    target_PM = _by_pair(targets_CMK.masked_fill(~cells.mask, float("inf")))
    sorted_PM = target_PM.sort(dim=1).values
    below_PM = torch.searchsorted(sorted_PM, target_PM) + torch.searchsorted(sorted_PM, target_PM, right=True)
    return cells.share(_by_day(0.5 * below_PM.to(targets_CMK.dtype), targets_CMK))


class _SumsOfSigmoids(torch.autograd.Function):
    """The sum over the labelled j of sigmoid(r_i - r_j), some rows i at a time. Shapes: twice (P, M) -> (P, M)."""

    @staticmethod
    def forward(ctx: Any, ratio_PM: Tensor, label_PM: Tensor) -> Tensor:
        ctx.save_for_backward(ratio_PM, label_PM)
        label_PM1 = label_PM.unsqueeze(-1)
        sums = [torch.bmm(below_PmM, label_PM1).squeeze(-1) for below_PmM in _below(ratio_PM)]
        return torch.cat(sums, dim=1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        ratio_PM, label_PM = ctx.saved_tensors
        grad_PM = grads[0]
        both_PM2 = torch.stack([label_PM, grad_PM], dim=-1)
        # The derivative is the same for (i, j) and (j, i), so that one product of it has both directions.
        sums = [torch.bmm(torch.addcmul(each, each, each, value=-1), both_PM2) for each in _below(ratio_PM)]
        own_PM, others_PM = torch.cat(sums, dim=1).unbind(-1)
        return grad_PM * own_PM - label_PM * others_PM, None


def _below(ratio_PM: Tensor) -> Iterator[Tensor]:
    """Yield sigmoid(r_i - r_j) for some rows i at a time. Shapes: (P, M) -> (P, m, M)."""
    num_pairs, most = ratio_PM.shape
    size = max(CHUNK_PAIRS.get(ratio_PM.device.type, 2**20) // (num_pairs * most), 1)
    for rows_Pm in ratio_PM.split(size, dim=1):
        yield (rows_Pm.unsqueeze(-1) - ratio_PM.unsqueeze(1)).sigmoid_()


def _by_pair(values_CMK: Tensor) -> Tensor:
    return values_CMK.transpose(1, 2).flatten(0, 1).contiguous()


def _by_day(values_PM: Tensor, like_CMK: Tensor) -> Tensor:
    return values_PM.unflatten(0, (like_CMK.shape[0], like_CMK.shape[2])).transpose(1, 2)
