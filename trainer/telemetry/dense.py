"""Tensors of any layout as plain numbers that few fused operations can reduce; nothing of the training is changed.

In: gradients and weights, sparse, complex or not contiguous. Out: views or small copies.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

SAMPLE = 2**14
"""Most elements of one tensor that are copied or sampled. Chosen by hand, 2026-11: 64 KiB in single precision. The norm
of so many numbers drawn from a normal distribution is within 1 % of that of all.
"""


def values_of(tensor: Tensor) -> Tensor:
    """Return all numbers of a tensor that may differ from 0."""
    if tensor.layout is torch.strided and not tensor.is_complex():
        return tensor
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
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor.detach())
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


def share_of(tensor: Tensor, size: int) -> float:
    """Return how many elements of the tensor one of a sample of this size represents."""
    return tensor.numel() * (2 if tensor.is_complex() else 1) / max(1, size)


def norms_of(tensors: Sequence[Tensor], order: float = 2.0) -> Tensor:
    """Return the norm of each tensor in single precision, on the first one's device."""
    return packed(each_norm(tensors, order)).float()


def each_norm(tensors: Sequence[Tensor], order: float = 2.0) -> Sequence[Tensor]:
    """Return the norm of each tensor, on its device: in single precision, or in double if a tensor has it."""
    wide = any(tensor.dtype is torch.float64 for tensor in tensors)
    return torch._foreach_norm(list(tensors), order, dtype=torch.float64 if wide else torch.float32)


def largest_of(tensors: Sequence[Tensor]) -> Tensor:
    """Return the largest absolute value in each tensor in single precision, on the first one's device; nan if any is.

    On a CPU this is ten times as fast as the infinity norm.
    """
    ranges = packed([end.float() for tensor in tensors for end in torch.aminmax(tensor)])
    return ranges.abs().view(-1, 2).amax(1)


def packed(numbers: Sequence[Tensor]) -> Tensor:
    """Return single numbers in a row, on the first one's device."""
    try:
        return torch.stack(list(numbers))
    except RuntimeError:  # of several devices
        return torch.stack([each.to(numbers[0].device) for each in numbers])
