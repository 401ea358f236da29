"""Seven kinds of model with their optimizers, on which the cost of telemetry is measured."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class Training(NamedTuple):
    """A model that computes the loss of a batch, its optimizers and the batch."""

    model: nn.Module
    optimizers: list[torch.optim.Optimizer]
    batch: tuple[Tensor, ...]
    loss_of: Callable[..., Tensor]
    """Called with the model's output and the last tensor of the batch, the targets."""

    def loss(self) -> Tensor:
        """Return the loss of one step."""
        *inputs, targets = self.batch
        return self.loss_of(self.model(*inputs), targets)


class LanguageModel(nn.Module):
    """Transformer blocks over a vocabulary of 1,000."""

    def __init__(self, width: int, num_blocks: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(1000, width)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(width, 4, 4 * width, 0.0, batch_first=True) for _ in range(num_blocks)
        )
        self.head = nn.Linear(width, 1000)

    def forward(self, tokens_BT: Tensor) -> Tensor:
        """Return logits by class in the second dimension. Shapes: (B, T) -> (B, 1000, T)."""
        inner = self.embedding(tokens_BT)
        for block in self.blocks:
            inner = block(inner)
        return self.head(inner).movedim(-1, 1)


class Mixture(nn.Module):
    """Eight experts, of which each row uses one."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.gate, self.head = nn.Linear(64, 128), nn.Linear(128, 8), nn.Linear(128, 10)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(128, 256), nn.ReLU(), nn.Linear(256, 128)) for _ in range(8)
        )

    def forward(self, x_BF: Tensor) -> Tensor:
        """Return logits. Shapes: (B, 64) -> (B, 10)."""
        inner = self.inner(x_BF).relu()
        share, chosen = self.gate(inner).softmax(-1).max(-1)
        mixed = torch.zeros_like(inner)
        for index, expert in enumerate(self.experts):
            rows = (chosen == index).nonzero()[:, 0]
            mixed = mixed.index_add(0, rows, expert(inner[rows]) * share[rows, None])
        return self.head(inner + mixed)


class Recommender(nn.Module):
    """Two tables with sparse gradients and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.users, self.items = nn.Embedding(50_000, 32, sparse=True), nn.Embedding(20_000, 32, sparse=True)
        self.head = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))

    def forward(self, user_B: Tensor, item_B: Tensor) -> Tensor:
        """Return scores. Shapes: (B,), (B,) -> (B, 1)."""
        return self.head(torch.cat([self.users(user_B), self.items(item_B)], 1))


def mlp() -> Training:
    """A network whose step takes some 0.6 ms."""
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 1))
    batch = torch.randn(128, 64), torch.randn(128, 1)
    return Training(model, [torch.optim.AdamW(model.parameters(), 1e-3)], batch, functional.mse_loss)


def wide_mlp() -> Training:
    """Three layers of 512."""
    sizes = (512, 512, 512, 512)
    layers = [layer for pair in pairwise(sizes) for layer in (nn.Linear(*pair), nn.ReLU())]
    model = nn.Sequential(*layers, nn.Linear(512, 10))
    batch = torch.randn(128, 512), torch.randint(10, (128,))
    return Training(model, [torch.optim.AdamW(model.parameters(), 1e-3)], batch, functional.cross_entropy)


def cnn() -> Training:
    """Three convolutions over small images."""
    layers = [(nn.Conv2d(i, o, 3, 2, 1), nn.BatchNorm2d(o), nn.ReLU()) for i, o in ((3, 16), (16, 32), (32, 64))]
    body = [layer for block in layers for layer in block]
    model = nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    batch = torch.randn(32, 3, 32, 32), torch.randint(10, (32,))
    sgd = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)
    return Training(model, [sgd], batch, functional.cross_entropy)


def language_model(width: int, num_blocks: int, length: int) -> Training:
    """A language model over eight sequences of this length."""
    model, tokens = LanguageModel(width, num_blocks), torch.randint(1000, (8, length + 1))
    adam = torch.optim.AdamW(model.parameters(), 1e-3)
    return Training(model, [adam], (tokens[:, :-1], tokens[:, 1:]), functional.cross_entropy)


def mixture() -> Training:
    """A mixture of experts."""
    model = Mixture()
    batch = torch.randn(128, 64), torch.randint(10, (128,))
    return Training(model, [torch.optim.AdamW(model.parameters(), 1e-3)], batch, functional.cross_entropy)


def recommender() -> Training:
    """A recommender with two optimizers."""
    model = Recommender()
    batch = torch.randint(50_000, (256,)), torch.randint(20_000, (256,)), torch.rand(256, 1)
    tables = torch.optim.SparseAdam([*model.users.parameters(), *model.items.parameters()], 1e-3)
    head = torch.optim.Adam(model.head.parameters(), 1e-3)
    return Training(model, [tables, head], batch, functional.mse_loss)


KINDS: dict[str, Callable[[], Training]] = {
    "MLP": mlp,
    "MLP-512": wide_mlp,
    "CNN": cnn,
    "small LM": lambda: language_model(64, 2, 64),
    "larger LM": lambda: language_model(256, 4, 64),
    "mixture of experts": mixture,
    "recommender, sparse": recommender,
}
"""Every kind by name."""
