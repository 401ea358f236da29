"""Logs for the tests of the rivals: short ones line by line, and a real run written by the public telemetry."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import torch
from torch import nn

from monitor.grammar import (
    ActivationReport,
    Epoch,
    Gpu,
    GradReport,
    GroupGrad,
    ModelGroup,
    Record,
    Share,
    Train,
    WeightReport,
    format_line,
)
from tests.scoreboard.rivals import Rival
from trainer.telemetry.telemetry import Telemetry

BEGIN = 1.7e9
EPOCHS, BATCHES = 4, 25
NAN = math.nan

Part = Record | float | str
"""A record is a line one second after the last one, a number adds so many seconds, and a text is a line as it is."""


def write(path: Path, parts: Iterable[Part]) -> Path:
    """Write a log."""
    at, lines = BEGIN, []
    for part in parts:
        if isinstance(part, Record):
            at += 1
            lines.append(format_line(at, part))
        elif isinstance(part, str):
            lines.append(part)
        else:
            at += part
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def labels(rival: Rival, path: Path, **until: float) -> list[tuple[int | None, str]]:
    return [(alarm.step, alarm.label) for alarm in rival.judge(path, **until)]


def step(number: int, loss: float | None, **more: Any) -> Train:
    return Train(epoch=Share(1, 4), batch=Share(number, 400), step=number, loss=loss, **more)


def falling(first: int = 1, last: int = 200, every: int = 5, **more: Any) -> list[Train]:
    return [step(number, 2.0 * 0.99**number, **more) for number in range(first, last + 1, every)]


def epoch(number: int, train_loss: float, val_loss: float, total: int = 10, **stated: float) -> Epoch:
    extra = tuple((name, repr(value)) for name, value in stated.items())
    return Epoch(epoch=Share(number, total), train_loss=train_loss, val_loss=val_loss, lr=1e-3, extra=extra)


def gradients(number: int, **norms: float) -> GradReport:
    groups = tuple(
        GroupGrad(group=name, norm=norm, max=norm, grad=Share(2, 2), mean_abs=norm / 100, nonfinite=int(norm != norm))
        for name, norm in norms.items()
    )
    return GradReport(step=number, epoch=1, batch=number + 1, groups=groups)


def weights(number: int, *, update: float = 1e-3, l2: float = 1.0, **more: Any) -> WeightReport:
    return WeightReport(group="body", step=number, l2=l2, update=update, ratio=update / l2, **more)


def units(number: int, dead: int, *, mean: float = 0.1) -> ActivationReport:
    return ActivationReport(layer="body", step=number, mean=mean, std=1.0, dead_units=Share(dead, 100), saturated=0)


def gpu(num_lines: int, *, used: Sequence[float] = (90.0,), memory: float = 20.0) -> list[Part]:
    """Return a line every ten seconds; `used` repeats in a cycle, `memory` is in percent."""
    lines = (Gpu(index=0, util_pct=each, used_mb=memory, total_mb=100.0) for each in cycle(used))
    return [part for line in islice(lines, num_lines) for part in (9.0, line)]


MODEL = [
    ModelGroup(group=name, parameters=size, trainable=size, depth=depth)
    for depth, (name, size) in enumerate({"input": 900, "body": 50, "head": 50}.items())
]


def train(path: Path, *, is_broken: bool = False) -> Path:
    """Train a small network with the public telemetry for four epochs of 25 steps; a broken one gets a nan loss."""
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    x, truth = torch.randn(BATCHES * 32, 8), torch.randn(8, 1)
    ticks = iter(range(10**6))
    telemetry = Telemetry(
        model,
        optimizer,
        epochs=EPOCHS,
        batches=BATCHES,
        log=path,
        train_every=5,
        grad_every=10,
        clock=lambda: BEGIN + next(ticks) / 10,
    )
    with telemetry:
        for number in range(EPOCHS):
            for batch in x.split(32):
                loss = (model(batch) - batch @ truth).square().mean()
                if is_broken and number == 2:
                    loss = loss * math.nan
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                telemetry.step(loss)
            telemetry.epoch(loss.detach(), r2=1 / 3)
    return path
