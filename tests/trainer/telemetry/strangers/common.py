"""What these healthy trainings share: data of several kinds, the usual loop, and a telemetry on a fake clock.

Each training is a function of the path of its log. It learns something, and nothing is wrong with it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.telemetry import Telemetry

Batch = tuple[Tensor, ...]
Training = Callable[[Path], None]
TRAININGS: dict[str, Training] = {}
"""Every training by name."""


def healthy(training: Training) -> Training:
    """Add a training to the list."""
    TRAININGS[training.__name__] = training
    return training


def watch(log: Path, model: nn.Module, optimizer: object, *, epochs: int, batches: int, **options: Any) -> Telemetry:
    """Attach telemetry at its default cadence. Each look at the clock takes 20 ms, so that steps take some 50 ms."""
    ticks, laps = itertools.count(), itertools.count()
    settings = {"clock": lambda: 1.8e9 + next(ticks) / 50, "timer": lambda: next(laps) / 1000, "heartbeat_s": 3600.0}
    return Telemetry(model, optimizer, epochs=epochs, batches=batches, log=log, **{**settings, **options})


def fit(
    log: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    batches: Sequence[Batch],
    loss_of: Callable[..., Tensor],
    *,
    epochs: int = 4,
    clip: float | None = None,
    schedule: torch.optim.lr_scheduler.LRScheduler | None = None,
    before_epoch: Callable[[Telemetry, int], None] = lambda telemetry, epoch: None,
    after_step: Callable[[], None] = lambda: None,
    **options: Any,
) -> None:
    """Train as people do; the last tenth of the batches is for validation. ``loss_of`` gets the batch's tensors."""
    num = max(1, len(batches) // 10)
    train, held_out = batches[:-num], batches[-num:]
    with watch(log, model, optimizer, epochs=epochs, batches=len(train), **options) as telemetry:
        for epoch in range(epochs):
            before_epoch(telemetry, epoch)
            model.train()
            for batch in train:
                optimizer.zero_grad()
                loss = loss_of(*batch)
                loss.backward()
                if clip is not None:
                    telemetry.look()
                    nn.utils.clip_grad_norm_(model.parameters(), clip)
                optimizer.step()
                if schedule is not None:
                    schedule.step()
                after_step()
                telemetry.step(loss, samples=len(batch[0]))
            telemetry.epoch(evaluate(model, loss_of, held_out))


def evaluate(model: nn.Module, loss_of: Callable[..., Tensor], batches: Sequence[Batch]) -> float:
    """Return the mean loss over some batches."""
    model.eval()
    with torch.no_grad():
        found = sum(float(loss_of(*batch)) for batch in batches) / len(batches)
    model.train()
    return found


def points(num: int = 90, rows: int = 32, *, seed: int = 0, width: int = 8, noise: float = 0.3) -> list[Batch]:
    """Return batches of a regression. Shapes: (B, width), (B, 1)."""
    torch.manual_seed(seed)
    teacher = nn.Sequential(nn.Linear(width, 16), nn.Tanh(), nn.Linear(16, 1))
    x = torch.randn(num * rows, width)
    with torch.no_grad():
        y = teacher(x)
    y = (y - y.mean()) / y.std() + noise * torch.randn(len(x), 1)
    return list(zip(x.split(rows), y.split(rows), strict=True))


def clusters(num: int = 90, rows: int = 32, *, classes: int = 5, width: int = 8, seed: int = 0) -> list[Batch]:
    """Return batches of a classification in which some clusters touch. Shapes: (B, width), (B,)."""
    torch.manual_seed(seed)
    centers = 1.2 * torch.randn(classes, width)
    y = torch.randint(classes, (num * rows,))
    x = centers[y] + torch.randn(len(y), width)
    return list(zip(x.split(rows), y.split(rows), strict=True))


def images(num: int = 60, rows: int = 16, *, classes: int = 4, size: int = 12, seed: int = 0) -> list[Batch]:
    """Return batches of noisy patterns. Shapes: (B, 1, size, size), (B,)."""
    torch.manual_seed(seed)
    patterns = torch.randn(classes, 1, size, size)
    y = torch.randint(classes, (num * rows,))
    x = patterns[y] + 1.5 * torch.randn(len(y), 1, size, size)
    return list(zip(x.split(rows), y.split(rows), strict=True))


def texts(num: int = 80, rows: int = 8, *, length: int = 16, words: int = 40, seed: int = 0) -> list[Batch]:
    """Return batches of a Markov chain whose words have very different frequencies. Shapes: (B, T), (B, T)."""
    torch.manual_seed(seed)
    rare = -torch.arange(1, words + 1).float().log()
    chance = (rare + 1.5 * torch.randn(words, words)).softmax(-1)
    tokens = torch.randint(words, (num * rows, length + 1))
    for place in range(length):
        tokens[:, place + 1] = torch.multinomial(chance[tokens[:, place]], 1)[:, 0]
    return [(each[:, :-1].contiguous(), each[:, 1:].contiguous()) for each in tokens.split(rows)]


def mlp(width: int = 8, out: int = 1, *, hidden: int = 32, seed: int = 1) -> nn.Sequential:
    """Return a network with one hidden layer."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(width, hidden), nn.Tanh(), nn.Linear(hidden, out))


class Decoder(nn.Module):
    """A causal transformer. Shapes: (B, T) -> (B, T, words)."""

    def __init__(self, words: int = 40, width: int = 32, *, num_blocks: int = 1, is_tied: bool = False) -> None:
        super().__init__()
        self.embedding, self.places = nn.Embedding(words, width), nn.Embedding(64, width)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(width, 2, 2 * width, 0.0, batch_first=True, norm_first=True)
            for _ in range(num_blocks)
        )
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, words, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.1)
        if is_tied:
            self.head.weight = self.embedding.weight

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits of the next token."""
        length = tokens.shape[1]
        inner = self.embedding(tokens) + self.places(torch.arange(length))
        mask = nn.Transformer.generate_square_subsequent_mask(length)
        for block in self.blocks:
            inner = block(inner, src_mask=mask, is_causal=True)
        return self.head(self.norm(inner))


def next_token_loss(model: nn.Module) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the loss of a language model."""
    return lambda x, y: functional.cross_entropy(model(x).flatten(0, 1), y.flatten())


def cosine(optimizer: torch.optim.Optimizer, *, warmup: int, total: int) -> torch.optim.lr_scheduler.LambdaLR:
    """Return the usual schedule of a language model, down to a tenth."""

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        return 0.1 + 0.45 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / (total - warmup))))

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
