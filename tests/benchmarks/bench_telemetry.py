"""The cost of telemetry in ordinary loops, at its default cadence and with its reports: four kinds of model on a CPU.

Intervals with telemetry and without alternate, always the same steps of a run. Of each step the fastest of all rounds
counts, so that other processes hardly disturb the figure; one thread.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from figures import print_row
from torch import Tensor, nn
from torch.nn import functional

from trainer.telemetry.telemetry import Telemetry

FIRST, INTERVAL = 5, 100
"""The interval begins after the first report; it has one report, ten TRAIN lines, and three looks beside."""
BAR, BAR_MICROSECONDS, LONG_STEP_S = 0.02, 50.0, 2e-3
ROUNDS = 15


class Kind(NamedTuple):
    """A model, its optimizers, and the loss of one step."""

    name: str
    model: nn.Module
    optimizers: list[torch.optim.Optimizer]
    loss: Callable[[], Tensor]


class SmallLanguageModel(nn.Module):
    """Two transformer blocks over a vocabulary of 1,000."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(1000, 64)
        self.blocks = nn.ModuleList(nn.TransformerEncoderLayer(64, 4, 256, 0.0, batch_first=True) for _ in range(2))
        self.head = nn.Linear(64, 1000)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits. Shapes: (B, T) -> (B, T, 1000)."""
        inner = self.embedding(tokens)
        for block in self.blocks:
            inner = block(inner)
        return self.head(inner)


class Recommender(nn.Module):
    """Two tables with sparse gradients and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.users, self.items = nn.Embedding(50_000, 32, sparse=True), nn.Embedding(20_000, 32, sparse=True)
        self.head = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        """Return scores. Shapes: (B,), (B,) -> (B, 1)."""
        return self.head(torch.cat([self.users(user), self.items(item)], 1))


def mlp() -> Kind:
    """A network whose step takes some 0.6 ms."""
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 1))
    x, y = torch.randn(128, 64), torch.randn(128, 1)
    return Kind("MLP", model, [torch.optim.AdamW(model.parameters(), 1e-3)], lambda: functional.mse_loss(model(x), y))


def cnn() -> Kind:
    """Three convolutions over small images."""
    layers = [(nn.Conv2d(i, o, 3, 2, 1), nn.BatchNorm2d(o), nn.ReLU()) for i, o in ((3, 16), (16, 32), (32, 64))]
    body = [layer for block in layers for layer in block]
    model = nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    x, y = torch.randn(32, 3, 32, 32), torch.randint(10, (32,))
    sgd = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)
    return Kind("CNN", model, [sgd], lambda: functional.cross_entropy(model(x), y))


def language_model() -> Kind:
    """A small language model."""
    model, tokens = SmallLanguageModel(), torch.randint(1000, (8, 65))
    loss = lambda: functional.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())  # noqa: E731
    return Kind("small LM", model, [torch.optim.AdamW(model.parameters(), 1e-3)], loss)


def recommender() -> Kind:
    """A recommender with two optimizers."""
    model = Recommender()
    user, item, y = torch.randint(50_000, (256,)), torch.randint(20_000, (256,)), torch.rand(256, 1)
    tables = torch.optim.SparseAdam([*model.users.parameters(), *model.items.parameters()], 1e-3)
    head = torch.optim.Adam(model.head.parameters(), 1e-3)
    return Kind("recommender, sparse", model, [tables, head], lambda: functional.mse_loss(model(user, item), y))


def step_times(kind: Kind, telemetry: Telemetry | None) -> list[float]:
    """Return the seconds of each step."""
    times = []
    for _ in range(FIRST + INTERVAL):
        began = time.perf_counter()
        loss = kind.loss()
        for each in kind.optimizers:
            each.zero_grad()
        loss.backward()
        for each in kind.optimizers:
            each.step()
        if telemetry is not None:
            telemetry.step(loss, samples=1)
        times.append(time.perf_counter() - began)
    return times[FIRST:]


def measure(kind: Kind, folder: Path) -> tuple[float, float]:
    """Return the seconds of a step, and those that telemetry adds to it, both as means over an interval."""
    alone, watched = [], []
    step_times(kind, None)
    for _ in range(ROUNDS):
        with Telemetry(kind.model, kind.optimizers, epochs=1, batches=10**6, log=folder / "run.log") as telemetry:
            watched.append(step_times(kind, telemetry))
        alone.append(step_times(kind, None))
    step_s, watched_s = (statistics.mean(map(min, zip(*rounds, strict=True))) for rounds in (alone, watched))
    return step_s, watched_s - step_s


def main() -> None:
    """Print a row for each kind of model."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    for make in (mlp, cnn, language_model, recommender):
        kind = make()
        with tempfile.TemporaryDirectory() as folder:
            step_s, added_s = measure(kind, Path(folder))
        is_long = step_s >= LONG_STEP_S
        print_row(
            f"telemetry, {kind.name}, steps of {step_s * 1e3:.2f} ms: added to a step, reports included",
            f"{added_s * 1e6:.0f} µs ({added_s / step_s * 100:.1f} %)",
            f"≤ {BAR * 100:.0f} %" if is_long else f"≤ {BAR_MICROSECONDS:.0f} µs",
            added_s / step_s <= BAR if is_long else added_s * 1e6 <= BAR_MICROSECONDS,
        )


if __name__ == "__main__":
    main()
