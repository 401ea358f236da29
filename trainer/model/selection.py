"""Variable selection: how the network weighs its features.

Shapes: B rows (one stock on one day), T days of window, N = B x T, F features, W selection width, V = 2 W, H hidden.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.model.gated_linear import GatedLinear

CHUNK_VALUES = 2**20
"""Values that the networks of all features make at a time on the CPU: 4 MiB, which stay in its caches and which the
allocator keeps for the next chunk. Between 2**18 and 2**21 the time is the same within noise."""


class VariableSelection(nn.Module):
    """One small gated residual network per feature, mixed by softmax weights (Lim et al. 2021, section 4.2).

    All features go through the same batched matrix products. Each parameter in `PER_FEATURE` has one slice per feature
    along its first axis. Three of these slices, `value_weight`, `skip_weight` and `score_weight`, multiply the feature
    itself, so exactly these three have a zero gradient if the feature is zero everywhere. The networks have no layer
    norm: over the few values made from one number, it would keep the number's sign and lose its size.

    Shapes: (B, T, F) -> (B, T, W).
    """

    PER_FEATURE = (
        *("value_weight", "value_bias", "skip_weight", "skip_bias", "mix_weight", "mix_bias"),
        *("gate_weight", "gate_bias", "score_weight", "choice_weight", "choice_bias"),
    )

    def __init__(self, num_features: int, width: int, hidden: int, *, feature_dropout: float = 0.0) -> None:
        super().__init__()
        self.feature_dropout = nn.Dropout1d(feature_dropout)
        self.value_weight = nn.Parameter(torch.randn(num_features, width))
        self.value_bias = _small_offsets(num_features, width)
        # Small, or the many uninformative features drown the few informative ones until training suppresses them.
        self.skip_weight = nn.Parameter(0.3 * torch.randn(num_features, width))
        self.skip_bias = _small_offsets(num_features, width)
        self.mix_weight = nn.Parameter(torch.randn(num_features, width, width) / math.sqrt(width))
        self.mix_bias = _small_offsets(num_features, width)
        self.gate_weight = nn.Parameter(torch.randn(num_features, width, 2 * width) / math.sqrt(width))
        self.gate_bias = _small_offsets(num_features, 2 * width)
        self.score_weight = nn.Parameter(torch.randn(num_features, hidden) / math.sqrt(num_features))
        self.score_bias = nn.Parameter(torch.zeros(hidden))
        self.score_gate = GatedLinear(hidden, hidden)
        self.choice_weight = nn.Parameter(torch.randn(num_features, hidden) / math.sqrt(hidden))
        self.choice_bias = nn.Parameter(torch.zeros(num_features))

    def forward(self, x_BTF: Tensor) -> Tensor:
        num_rows, window, num_features = x_BTF.shape
        # A feature is hidden from a row on all days; if hidden on one day only, the days around would give it away.
        x_BTF = self.feature_dropout(x_BTF.transpose(1, 2)).transpose(1, 2)
        x_NF = x_BTF.reshape(-1, num_features)
        share_NF = self._shares(x_NF)
        weight_FVW, bias_FV = self._gated_map()
        # On a GPU the one large product is faster, and a compiler fuses it by itself.
        if x_NF.device.type == "cpu" and not torch.compiler.is_compiling():
            mixed_NW = _mixed_in_chunks(x_NF, share_NF, self.value_weight, self.value_bias, weight_FVW, bias_FV)
        else:
            mixed_NW = _mixed(x_NF, share_NF, self.value_weight, self.value_bias, weight_FVW, bias_FV)
        # A feature's skip is linear, so that the mixture of all features is one product.
        mixed_NW = mixed_NW + (x_NF * share_NF) @ self.skip_weight + share_NF @ self.skip_bias
        return mixed_NW.reshape(num_rows, window, -1)

    def shares(self, x_BTF: Tensor) -> Tensor:
        """Return the weight of each feature, on each day of each row. Shapes: (B, T, F) -> (B, T, F)."""
        return self._shares(x_BTF.reshape(-1, x_BTF.shape[-1])).reshape(x_BTF.shape)

    def _gated_map(self) -> tuple[Tensor, Tensor]:
        """Return two linear maps in a row, multiplied into one before they are applied to the rows."""
        bias_F1V = torch.baddbmm(self.gate_bias.unsqueeze(1), self.mix_bias.unsqueeze(1), self.gate_weight)
        return (self.mix_weight @ self.gate_weight).transpose(1, 2), bias_F1V.squeeze(1)

    def _shares(self, x_NF: Tensor) -> Tensor:
        """Return the weight of each feature; rows sum to 1. Shapes: (N, F) -> (N, F)."""
        scores = self.score_gate(functional.elu(x_NF @ self.score_weight + self.score_bias))
        return functional.linear(scores, self.choice_weight, self.choice_bias).softmax(-1)


def _mixed(
    x_NF: Tensor, share_NF: Tensor, value_FW: Tensor, offset_FW: Tensor, weight_FVW: Tensor, bias_FV: Tensor
) -> Tensor:
    """Return the sum over the features of what each one's network makes of it, without skips, times its share.

    A network is glu(weight elu(value x + offset) + bias). Shapes: -> (N, W).
    """
    x_FN2 = torch.stack([x_NF.t(), torch.ones_like(x_NF.t())], dim=-1)
    hidden_FNW = functional.elu(x_FN2 @ torch.stack([value_FW, offset_FW], dim=1), inplace=True)
    gated_FNW = functional.glu(torch.baddbmm(bias_FV.unsqueeze(1), hidden_FNW, weight_FVW.transpose(1, 2)), dim=-1)
    return (gated_FNW * share_NF.t().unsqueeze(-1)).sum(0)


def _mixed_in_chunks(
    x_NF: Tensor, share_NF: Tensor, value_FW: Tensor, offset_FW: Tensor, weight_FVW: Tensor, bias_FV: Tensor
) -> Tensor:
    """Return the same as `_mixed`, with a few rows at a time, computed again for the gradients instead of kept."""
    if torch.is_autocast_enabled("cpu"):
        # Products in half precision; shares and sums in full.
        half, share_NF = torch.get_autocast_dtype("cpu"), share_NF.float()
        x_NF, value_FW, offset_FW, weight_FVW, bias_FV = (
            each.to(half) for each in (x_NF, value_FW, offset_FW, weight_FVW, bias_FV)
        )
    # Each map has its offset as one more input, which is always 1 and which passes through elu as it is.
    first_FW2 = torch.stack([value_FW, offset_FW], dim=-1)
    always_one = first_FW2.new_tensor([0.0, 1.0]).expand(len(first_FW2), 1, 2)
    second_FVW = torch.cat([weight_FVW, bias_FV.unsqueeze(-1)], dim=-1)
    with torch.autocast("cpu", enabled=False):
        made: Tensor = _ChunkedNetworks.apply(
            x_NF.t().contiguous(), share_NF.t().contiguous(), torch.cat([first_FW2, always_one], dim=1), second_FVW
        )
    return made.t()


class _ChunkedNetworks(torch.autograd.Function):
    """The networks of all features, and the sum of their outputs times their shares.

    Rows are the last axis, so that the two halves of a gated unit lie in blocks. Shapes, with U = W + 1: features
    (F, N), shares (F, N), first map (F, U, 2), second map (F, V, U) -> (W, N).
    """

    @staticmethod
    def forward(ctx: Any, x_FN: Tensor, share_FN: Tensor, first_FU2: Tensor, second_FVU: Tensor) -> Tensor:
        ctx.save_for_backward(x_FN, share_FN, first_FU2, second_FVU)
        width, made = second_FVU.shape[1] // 2, []
        for x_Fn, share_Fn in _chunks(second_FVU, x_FN, share_FN):
            _, _, both_FVn = _run(x_Fn, first_FU2, second_FVU)
            value_FWn = both_FVn[:, :width].mul_(both_FVn[:, width:].sigmoid_())
            made.append((value_FWn * share_Fn.unsqueeze(1)).sum(0))
        return torch.cat(made, dim=1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x_FN, share_FN, first_FU2, second_FVU = ctx.saved_tensors
        width = second_FVU.shape[1] // 2
        grad_first, grad_second = (torch.zeros_like(each, dtype=share_FN.dtype) for each in (first_FU2, second_FVU))
        grad_x, grad_share = [], []
        for x_Fn, share_Fn, grad_Wn in _chunks(second_FVU, x_FN, share_FN, grads[0]):
            x_F2n, hidden_FUn, both_FVn = _run(x_Fn, first_FU2, second_FVU)
            linear_FWn, gate_FWn = both_FVn[:, :width], both_FVn[:, width:].sigmoid_()
            share_F1n, grad_FWn = share_Fn.unsqueeze(1), grad_Wn * gate_FWn
            product_FWn = grad_FWn * linear_FWn
            grad_share.append(product_FWn.sum(1))
            # From here on the two halves hold their gradients.
            linear_FWn.copy_(grad_FWn.mul_(share_F1n))
            gate_FWn.neg_().add_(1).mul_(product_FWn.mul_(share_F1n))
            grad_second += torch.bmm(both_FVn, hidden_FUn.transpose(1, 2))
            # The derivative of elu from its result, which is e^x - 1 below 0.
            grad_FUn = torch.bmm(second_FVU.transpose(1, 2), both_FVn).mul_(hidden_FUn.clamp_(max=0).add_(1))
            grad_first += torch.bmm(grad_FUn, x_F2n.transpose(1, 2))
            if ctx.needs_input_grad[0]:
                grad_x.append(torch.bmm(first_FU2[..., :1].transpose(1, 2), grad_FUn).squeeze(1))
        return (
            torch.cat(grad_x, dim=1) if grad_x else None,
            torch.cat(grad_share, dim=1),
            grad_first.to(first_FU2.dtype),
            grad_second.to(second_FVU.dtype),
        )


def _run(x_Fn: Tensor, first_FU2: Tensor, second_FVU: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the inputs with ones beside them, the hidden units, and both halves of the gated ones."""
    x_F1n = x_Fn.unsqueeze(1)
    x_F2n = torch.cat([x_F1n, torch.ones_like(x_F1n)], dim=1)
    hidden_FUn = functional.elu(torch.bmm(first_FU2, x_F2n), inplace=True)
    return x_F2n, hidden_FUn, torch.bmm(second_FVU, hidden_FUn)


def _chunks(second_FVU: Tensor, *rows: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Yield as many rows at a time, along the last axis, as make CHUNK_VALUES."""
    num_features, both_halves, _ = second_FVU.shape
    size = max(2 * CHUNK_VALUES // (num_features * both_halves), 1)
    return zip(*(each.split(size, dim=-1) for each in rows), strict=True)


def _small_offsets(*shape: int) -> nn.Parameter:
    """Draw biases that are not zero, or a zero feature would blank more slices than its own three."""
    return nn.Parameter(0.1 * torch.randn(shape))
