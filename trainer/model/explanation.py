"""What a model looks at: how it weighs its features, and how far back it attends.

Shapes: B rows, T days of window, F features.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.model.network import StockModel


class Explanation(NamedTuple):
    """Means over rows."""

    share_F: NDArray[np.float64]
    """Weight of each feature in the selection network, over all days of the window; they sum to 1."""
    attention_T: NDArray[np.float64]
    """Attention of the last day to each day of the window, by lag: first the last day itself; they sum to 1."""


@torch.no_grad()
def explain(model: StockModel, windows: Iterable[Tensor]) -> Explanation:
    """Return the means over all rows of some batches of windows, each (B, T, F); the model is in eval mode."""
    num_rows, total_F, total_T = 0, None, None
    for windows_BTF in windows:
        share_F, attention_T = model.explain(windows_BTF)
        rows = len(windows_BTF)
        # In double precision: thousands of days are added up.
        share_F, attention_T = rows * share_F.double().cpu(), rows * attention_T.double().cpu()
        total_F = share_F if total_F is None else total_F + share_F
        total_T = attention_T if total_T is None else total_T + attention_T
        num_rows += rows
    assert total_F is not None
    assert total_T is not None
    return Explanation((total_F / num_rows).numpy(), (total_T / num_rows).numpy())
