"""The temporal encoder: from a window of days to the state of the last one.

Shapes: B rows (one stock on one day), T days of window, H hidden, G heads, D = H / G.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.config import ModelConfig
from trainer.model.gated_linear import GatedLinear

CHUNK_ROWS = 256
"""Rows that the recurrent part takes at a time on the CPU. With 2,048 rows of width 256 one call took 1.4 times as long
as eight; calls of 64 rows took 6 % less; measured on a core with a cache of 2 MiB."""


class Recurrent(nn.LSTM):
    """An LSTM that takes a few rows at a time on the CPU, where its caches hold no more.

    Shapes: (B, T, H) -> (B, T, H), and None instead of the last states.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__(hidden, hidden, batch_first=True)

    def forward(self, x_BTH: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        is_split = x_BTH.device.type == "cpu" and not torch.compiler.is_compiling()
        parts = x_BTH.split(CHUNK_ROWS) if is_split else [x_BTH]
        outputs = [super(Recurrent, self).forward(part)[0] for part in parts]
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs), None


class LastDayAttention(nn.MultiheadAttention):
    """Attention of the last day to every day, without a key or a value for each of them.

    A head's scores are q (K x) = (K^T q) x, and its output is the mean of values V x, which is V times the mean of x:
    both maps are applied once to a row instead of once to each of its days. An offset of the keys adds the same to all
    scores of a row, which changes nothing.

    Shapes: query (B, 1, H), keys and values (B, T, H) -> (B, 1, H) and, if asked for, the mean weights (B, 1, T).
    """

    def __init__(self, hidden: int, heads: int, dropout: float) -> None:
        super().__init__(hidden, heads, dropout, batch_first=True)

    def forward(  # type: ignore[override]
        self, query_B1H: Tensor, key_BTH: Tensor, value_BTH: Tensor, need_weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        query_HH, key_HH, value_HH = self.in_proj_weight.chunk(3)
        query_bias, _, value_bias = self.in_proj_bias.chunk(3)
        asked_BGD = functional.linear(query_B1H[:, 0], query_HH, query_bias).unflatten(-1, (self.num_heads, -1))
        key_GDH, value_GDH = (each.unflatten(0, (self.num_heads, -1)) for each in (key_HH, value_HH))
        asked_BGH = torch.einsum("bgd,gdh->bgh", asked_BGD / math.sqrt(self.head_dim), key_GDH)
        weight_BGT = torch.bmm(asked_BGH, key_BTH.transpose(1, 2)).softmax(-1)
        used_BGT = functional.dropout(weight_BGT, self.dropout, self.training)
        mean_BGH = torch.bmm(used_BGT.to(value_BTH.dtype), value_BTH)
        # Dropout leaves weights that no longer sum to 1, and the offset of the values has as much weight as they.
        offset_BGD = used_BGT.sum(-1, keepdim=True) * value_bias.unflatten(0, (self.num_heads, -1))
        found_BGD = torch.einsum("bgh,gdh->bgd", mean_BGH, value_GDH) + offset_BGD
        found_B1H = self.out_proj(found_BGD.flatten(1)).unsqueeze(1)
        return found_B1H, weight_BGT.mean(1, keepdim=True) if need_weights else None


class TemporalEncoder(nn.Module):
    """LSTM, then self-attention with learnt positions, then a feed-forward network; each gated, added and normalised.

    Shapes: (B, T, H) -> (B, H), the state of the last day.
    """

    def __init__(self, window: int, config: ModelConfig) -> None:
        super().__init__()
        hidden = config.hidden
        self.recurrent = Recurrent(hidden)
        self.recurrent_gate = GatedLinear(hidden, hidden)
        self.recurrent_norm = nn.LayerNorm(hidden)
        self.positions = nn.Parameter(torch.randn(window, hidden) / math.sqrt(hidden))
        self.attention = LastDayAttention(hidden, config.temporal_heads, config.dropout)
        self.attention_gate = GatedLinear(hidden, hidden)
        self.attention_norm = nn.LayerNorm(hidden)
        self.feed = nn.Linear(hidden, 2 * hidden)
        self.feed_gate = GatedLinear(2 * hidden, hidden)
        self.feed_norm = nn.LayerNorm(hidden)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x_BTH: Tensor) -> Tensor:
        x_BTH, placed = self._placed(x_BTH)
        # Only the last day leaves the encoder, so only it is a query; every day is a key.
        attended, _ = self.attention(placed[:, -1:], placed, x_BTH)
        x_BH = self.attention_norm(x_BTH[:, -1] + self.attention_gate(attended[:, 0]))
        fed = self.feed_gate(self.dropout(functional.elu(self.feed(x_BH))))
        return self.feed_norm(x_BH + fed)

    def attention_by_day(self, x_BTH: Tensor) -> Tensor:
        """Return how much the last day attends to each day, a mean over heads. Shapes: (B, T, H) -> (B, T)."""
        x_BTH, placed = self._placed(x_BTH)
        _, weight_B1T = self.attention(placed[:, -1:], placed, x_BTH, need_weights=True)
        return weight_B1T[:, 0]

    def _placed(self, x_BTH: Tensor) -> tuple[Tensor, Tensor]:
        """Return the days after the recurrent part, without and with their positions."""
        remembered, _ = self.recurrent(x_BTH)
        x_BTH = self.recurrent_norm(x_BTH + self.recurrent_gate(self.dropout(remembered)))
        return x_BTH, x_BTH + self.positions
