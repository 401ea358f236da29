"""The network: from a day's stock windows and their graph to quantiles of each horizon's return.

Shapes: B rows (one stock on one day), T days of window, F features, W selection width, H hidden, E edges,
D edge features, K horizons, Q quantiles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.nn import GATv2Conv

from trainer.config import GRADIENT_GROUPS, ModelConfig
from trainer.model.selection import VariableSelection
from trainer.model.temporal import TemporalEncoder

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
MEDIAN = QUANTILES.index(0.5)


class GraphEncoder(nn.Module):
    """Attention over each day's stocks (GATv2, Brody et al. 2022) with edge features, a residual and edge dropout.

    Shapes: (B, H), (2, E), (E, D) -> (B, H).
    """

    def __init__(self, edge_width: int, config: ModelConfig) -> None:
        super().__init__()
        self.attention = GATv2Conv(
            config.hidden, config.hidden // config.graph_heads, config.graph_heads, edge_dim=edge_width
        )
        self.norm = nn.LayerNorm(config.hidden)
        self.edge_dropout = config.edge_dropout

    def forward(self, x_BH: Tensor, edge_index_2E: Tensor, edge_attr_ED: Tensor) -> Tensor:
        if self.training and self.edge_dropout > 0:
            # Drawn on the CPU: a GPU would have to be asked how many edges are left, and the step would wait for it.
            kept_E = (torch.rand(edge_index_2E.shape[1]) >= self.edge_dropout).nonzero().squeeze(1)
            kept_E = kept_E.to(x_BH.device, non_blocking=True)
            edge_index_2E, edge_attr_ED = edge_index_2E[:, kept_E], edge_attr_ED[kept_E]
        # In half precision the scatter softmax fails for stocks with many neighbours.
        with torch.autocast(x_BH.device.type, enabled=False):
            x_BH = x_BH.float()
            return self.norm(x_BH + self.attention(x_BH, edge_index_2E, edge_attr_ED.float()))


class FanSanNorm(nn.Module):
    """Frequency-adaptive, then slice-adaptive normalisation of a series; kept because it destroys gradients.

    Both subtract the series' own mean. The backbone passes a series of one day, which equals its mean, so the output
    is the learnt offset for any input, and every gradient behind it is exactly 0. It is a real fault to test the
    monitor with, not a norm to train with.

    Shapes: (B, H) -> (B, H).
    """

    WINDOWS_DAYS = (5, 10, 20)
    SLICES = 4

    def __init__(self, width: int) -> None:
        super().__init__()
        self.window_logits = nn.Parameter(torch.zeros(len(self.WINDOWS_DAYS)))
        self.slice_scale = nn.Parameter(torch.ones(self.SLICES))
        self.slice_offset = nn.Parameter(torch.zeros(self.SLICES))
        self.width = width

    def forward(self, x_BH: Tensor) -> Tensor:
        series_BLH = x_BH.unsqueeze(1)
        shares = self.window_logits.softmax(0)
        normed = torch.stack([_standardise(series_BLH[:, -days:]) for days in self.WINDOWS_DAYS])
        mixed = torch.einsum("k,kblh->blh", shares, normed)[:, -1]
        slices = torch.chunk(mixed, self.SLICES, dim=-1)
        parts = [
            piece * scale + offset
            for piece, scale, offset in zip(slices, self.slice_scale, self.slice_offset, strict=False)
        ]
        return torch.cat(parts, dim=-1)


class LinearSkip(nn.Module):
    """A linear forecast from the last day's features, passed on to the neighbours too; 0 before training.

    Each horizon's linear forecast is sent along the edges, weighted by their correlations, and added with a learnt
    strength: predict, then propagate (Gasteiger et al. 2019). Neighbours have no weights of their own, because there
    are too few independent groups of stocks to tell such weights from noise.

    Shapes: (B, F), (2, E), (E, D) -> (B, K).
    """

    def __init__(self, num_features: int, num_horizons: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(num_horizons, num_features))
        # Not zero, or neither the weights nor the strength would learn from the neighbours at first.
        self.spill_over = nn.Parameter(torch.full((num_horizons,), 0.3))

    def forward(self, x_BF: Tensor, edge_index_2E: Tensor, edge_attr_ED: Tensor) -> Tensor:
        source_E, target_E = edge_index_2E
        # Sums over many edges lose too much precision in half precision.
        with torch.autocast(x_BF.device.type, enabled=False):
            own_BK = functional.linear(x_BF.float(), self.weight)
            correlation_E = edge_attr_ED[:, 0].float()
            told_BK = torch.zeros_like(own_BK).index_add(0, target_E, correlation_E.unsqueeze(-1) * own_BK[source_E])
            square_B = correlation_E.new_zeros(len(x_BF)).index_add(0, target_E, correlation_E.square())
            # Scaled so that the sum of independent forecasts has the size of one, for any number of neighbours.
            return own_BK + self.spill_over * told_BK / (square_B + 1e-6).sqrt().unsqueeze(-1)


class StockModel(nn.Module):
    """The whole network; its children have the names of the gradient groups.

    Shapes: windows (B, T, F), edge_index (2, E), edge_attr (E, D) -> predictions (B, K, Q) of normalised targets.
    """

    def __init__(
        self, *, num_features: int, window: int, num_horizons: int, edge_width: int, config: ModelConfig
    ) -> None:
        super().__init__()
        hidden = config.hidden
        self.variable_selection = VariableSelection(
            num_features, config.selection_width, hidden, feature_dropout=config.feature_dropout
        )
        self.input_projection = nn.Sequential(nn.Linear(config.selection_width, hidden), nn.LayerNorm(hidden))
        self.temporal_encoder = TemporalEncoder(window, config)
        self.gat = GraphEncoder(edge_width, config)
        self.backbone_projection = nn.Linear(2 * hidden, hidden)
        self.adaptive_norm = _NORMS[config.norm](hidden)
        self.prediction_head_shared = nn.Sequential(
            nn.Linear(hidden, hidden), nn.LayerNorm(hidden), nn.GELU(), nn.Dropout(config.dropout)
        )
        self.prediction_head_heads = nn.ModuleList(_head(hidden) for _ in range(num_horizons))
        self.linear_skip = LinearSkip(num_features, num_horizons) if config.linear_skip else None
        self.use_graph = config.use_graph

    def forward(self, windows_BTF: Tensor, edge_index_2E: Tensor, edge_attr_ED: Tensor) -> Tensor:
        if not self.use_graph:
            edge_index_2E, edge_attr_ED = edge_index_2E[:, :0], edge_attr_ED[:0]
        selected_BTH = self.input_projection(self.variable_selection(windows_BTF))
        temporal_BH = self.temporal_encoder(selected_BTH)
        graph_BH = self.gat(temporal_BH, edge_index_2E, edge_attr_ED)
        projected_BH = self.backbone_projection(torch.cat([temporal_BH, graph_BH], dim=-1))
        shared_BH = self.prediction_head_shared(self.adaptive_norm(projected_BH))
        predictions_BKQ = torch.stack([head(shared_BH) for head in self.prediction_head_heads], dim=1).float()
        if self.linear_skip is None:
            return predictions_BKQ
        return predictions_BKQ + self.linear_skip(windows_BTF[:, -1], edge_index_2E, edge_attr_ED).unsqueeze(-1)

    def explain(self, windows_BTF: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean weight of each feature, and the mean attention to each lag, from 0 days back.

        Shapes: (B, T, F) -> (F), (T).
        """
        share_F = self.variable_selection.shares(windows_BTF).float().mean((0, 1))
        selected_BTH = self.input_projection(self.variable_selection(windows_BTF))
        return share_F, self.temporal_encoder.attention_by_day(selected_BTH).float().mean(0).flip(0)

    def gradient_groups(self) -> Mapping[str, Mapping[str, nn.Parameter]]:
        """Return each group's parameters by full name, in the order of `GRADIENT_GROUPS`.

        The linear skip counts as part of the heads, because it forecasts each horizon.
        """
        groups: dict[str, dict[str, nn.Parameter]] = {group: {} for group in GRADIENT_GROUPS}
        for name, weight in self.named_parameters():
            part = name.split(".")[0]
            groups["prediction_head_heads" if part == "linear_skip" else part][name] = weight
        return groups

    def per_feature_parameters(self) -> frozenset[str]:
        """Return the full names of the parameters that have one slice per feature along their first axis."""
        return frozenset(f"variable_selection.{name}" for name in VariableSelection.PER_FEATURE)


GROUP_DEPTHS: Mapping[str, int] = {
    "variable_selection": 0,
    "input_projection": 1,
    "temporal_encoder": 2,
    "gat": 3,
    "backbone_projection": 4,
    "adaptive_norm": 5,
    "prediction_head_shared": 6,
    "prediction_head_heads": 7,
}
"""Each group's distance from the input."""

_NORMS: Mapping[str, Callable[[int], nn.Module]] = {"layer_norm": nn.LayerNorm, "fan_san": FanSanNorm}


def _head(hidden: int) -> nn.Sequential:
    """One horizon's head. Shapes: (B, H) -> (B, Q)."""
    half = max(hidden // 2, 1)
    return nn.Sequential(nn.Linear(hidden, half), nn.LayerNorm(half), nn.GELU(), nn.Linear(half, len(QUANTILES)))


def _standardise(series_BLH: Tensor) -> Tensor:
    variance, mean = torch.var_mean(series_BLH, dim=1, keepdim=True, correction=0)
    return (series_BLH - mean) / torch.sqrt(variance + 1e-5)
