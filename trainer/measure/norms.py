"""Norms of many tensors in a few kernel launches: in single precision, or in double where single would be wrong."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

SINGLE_RANGE = (1e-12, 1e15)
"""Norms that single precision gets right, several times as fast as double. Below, the squares of elements vanish;
above, they overflow (for one element that happens at 1e-19 and at 1e19).
"""


def norm_of(tensors: Sequence[Tensor | None], dtype: torch.dtype = torch.float64) -> Tensor:
    """Return the norm of all tensors together, not read from the device yet; without any tensor 0."""
    present = [tensor for tensor in tensors if tensor is not None]
    if not present:
        return torch.zeros((), dtype=torch.float64)
    return torch.stack(torch._foreach_norm(present, 2, dtype=dtype)).norm()


def is_single_exact(norms: Sequence[float]) -> bool:
    """Return whether single precision got these norms right. 0 and nan are left to double precision."""
    low, high = SINGLE_RANGE
    return all(low < norm < high for norm in norms)


def num_nonfinite(tensors: Iterable[Tensor], norm: float) -> int:
    """Count the nan and infinite elements; there are none if the norm in double precision is finite."""
    return 0 if math.isfinite(norm) else int(torch.stack([(~each.isfinite()).sum() for each in tensors]).sum())
