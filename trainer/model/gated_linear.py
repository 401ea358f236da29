"""A linear map with a gate, which several parts of the network use."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class GatedLinear(nn.Module):
    """A linear map with a sigmoid gate (Dauphin et al. 2017, gated linear units).

    Shapes: (..., in) -> (..., out).
    """

    def __init__(self, in_width: int, out_width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(in_width, 2 * out_width)

    def forward(self, x: Tensor) -> Tensor:
        return functional.glu(self.linear(x), dim=-1)
