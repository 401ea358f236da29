"""Three small networks unrelated to the shipped one, and where faults act in them.

Shapes: B rows, T days, F features, H units; each network (B, T, F) -> (B, 1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from tests.scoreboard.recipes import Recipe
from trainer.faults import Places

DAYS, FEATURES, WIDTH = 6, 12, 16


class Architecture(NamedTuple):
    """One network."""

    build: Callable[[Recipe], nn.Module]
    places: Places
    first: str
    """The part next to the inputs."""


class Mlp(nn.Module):
    """Three hidden layers over all days at once."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Flatten(), *_block(DAYS * FEATURES, 2 * WIDTH, recipe))
        self.second = nn.Sequential(*_block(2 * WIDTH, 2 * WIDTH, recipe))
        self.third = nn.Sequential(*_block(2 * WIDTH, WIDTH, recipe))
        self.head = nn.Linear(WIDTH, 1)

    def forward(self, x_BTF: Tensor) -> Tensor:
        predictions: Tensor = self.head(self.third(self.second(self.first(x_BTF))))
        return predictions


class LastState(nn.Module):
    """The state of a GRU after the last day. Shapes: (B, T, H) -> (B, H)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gru = nn.GRU(width, width, batch_first=True)

    def forward(self, x_BTH: Tensor) -> Tensor:
        states_BTH, _ = self.gru(x_BTH)
        last_BH: Tensor = states_BTH[:, -1]
        return last_BH


class Gru(nn.Module):
    """A recurrent network over the days."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.projection = nn.Sequential(nn.Linear(FEATURES, WIDTH), nn.Tanh())
        self.recurrent = LastState(WIDTH)
        self.shared = nn.Sequential(*_block(WIDTH, WIDTH, recipe))
        self.head = nn.Linear(WIDTH, 1)

    def forward(self, x_BTF: Tensor) -> Tensor:
        predictions: Tensor = self.head(self.shared(self.recurrent(self.projection(x_BTF))))
        return predictions


class Embedding(nn.Module):
    """Embeds each day's features and its position in the window. Shapes: (B, T, F) -> (B, T, H)."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(FEATURES, WIDTH)
        self.positions = nn.Parameter(0.1 * torch.randn(DAYS, WIDTH))

    def forward(self, x_BTF: Tensor) -> Tensor:
        placed_BTH: Tensor = self.linear(x_BTF) + self.positions
        return placed_BTH


class Transformer(nn.Module):
    """Two encoder layers over the days; the last day's state is read."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.embedding = Embedding()
        self.encoder_1, self.encoder_2 = (
            nn.TransformerEncoderLayer(WIDTH, 2, 2 * WIDTH, recipe.dropout, batch_first=True, norm_first=True)
            for _ in range(2)
        )
        self.shared = nn.Sequential(*_block(WIDTH, WIDTH, recipe))
        self.head = nn.Linear(WIDTH, 1)

    def forward(self, x_BTF: Tensor) -> Tensor:
        encoded_BTH = self.encoder_2(self.encoder_1(self.embedding(x_BTF)))
        predictions: Tensor = self.head(self.shared(encoded_BTH[:, -1]))
        return predictions


def _block(width_in: int, width_out: int, recipe: Recipe) -> list[nn.Module]:
    """Return a linear layer, its norm if any, its activation function and its dropout."""
    norms: dict[str, list[nn.Module]] = {
        "none": [],
        "layer": [nn.LayerNorm(width_out)],
        "batch": [nn.BatchNorm1d(width_out)],
    }
    return [nn.Linear(width_in, width_out), *norms[recipe.norm], nn.ReLU(), nn.Dropout(recipe.dropout)]


OWN: dict[str, Architecture] = {
    "mlp": Architecture(Mlp, Places("third", "second", ("third",), "second.0.bias"), "first"),
    "gru": Architecture(Gru, Places("recurrent", "recurrent", ("shared",), "shared.0.bias"), "projection"),
    "transformer": Architecture(
        Transformer, Places("encoder_2", "encoder_1", ("shared",), "shared.0.bias"), "embedding"
    ),
}
"""By their names on the scoreboard."""
