"""Tensors of any layout as plain numbers that few fused operations can reduce; nothing of the training is changed.

In: gradients and weights, sparse, complex or not contiguous. Out: views or small copies.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

SAMPLE = 2**16
"""Most elements of one tensor that are copied or sampled. Chosen by hand, 2026-11: 256 KiB in single precision."""


def values_of(tensor: Tensor) -> Tensor:
    """Return all numbers of a tensor that may differ from 0."""
    tensor = tensor.detach()
    if tensor.layout is torch.sparse_coo:
        tensor = tensor.coalesce().values()
    elif tensor.layout is not torch.strided:
        tensor = tensor.values()
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor)
    return tensor if tensor.numel() else tensor.new_zeros(1)


def flat_of(tensor: Tensor) -> Tensor:
    """Return the numbers of a dense tensor in one row, as they are in memory if that spares a copy."""
    tensor = tensor.detach()
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor)
    if tensor.is_contiguous():
        return tensor.view(-1)
    if torch.ops.aten.is_non_overlapping_and_dense(tensor):
        return tensor.as_strided((tensor.numel(),), (1,))
    return tensor.reshape(-1)


def sample_of(tensor: Tensor) -> Tensor:
    """Return at most some SAMPLE elements of a dense tensor, evenly spread, as a view where that is possible."""
    flat = flat_of(tensor)
    if flat.numel() <= SAMPLE:
        return flat
    # An odd distance does not always hit the same columns of a matrix.
    return flat[:: (flat.numel() // SAMPLE) | 1]


def share_of(tensor: Tensor, sample: Tensor) -> float:
    """Return how many elements of the tensor one of the sample represents."""
    return tensor.numel() * (2 if tensor.is_complex() else 1) / max(1, sample.numel())


def norms_of(tensors: Sequence[Tensor], order: float = 2.0) -> Tensor:
    """Return the norm of each tensor in single precision, on the first one's device."""
    found = torch._foreach_norm(list(tensors), order, dtype=torch.float32)
    device = found[0].device
    return torch.stack([each if each.device == device else each.to(device) for each in found])
