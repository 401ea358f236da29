"""The log of a training that is really healthy, written by `Telemetry`: what the tests of the verdict break."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from trainer.telemetry import Telemetry

EPOCHS, BATCHES = 20, 40
TRAIN_EVERY, GRAD_EVERY = 4, 10


def write_green_log(path: Path, *, epochs: int = EPOCHS, batches: int = BATCHES, **options: int) -> bytes:
    """Train a small network for as long as it gets better, by a clock that goes two seconds a step."""
    torch.manual_seed(5)
    now = [1_761_867_651.0]
    truth = torch.randn(8, 1)
    model = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    with Telemetry(
        model,
        optimizer,
        epochs=epochs,
        batches=batches,
        log=path,
        intent={"base_lr": 0.05, "schedule": "constant"},
        heartbeat_s=1e9,
        clock=lambda: now[0],
        timer=lambda: now[0],
        **options,
    ) as telemetry:
        for _ in range(epochs):
            for _ in range(batches):
                x = torch.randn(64, 8)
                now[0] += 0.1
                loss = nn.functional.mse_loss(model(x), x @ truth + 0.3 * torch.randn(64, 1))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                now[0] += 1.9
                telemetry.step(loss)
            model.eval()
            with torch.no_grad():
                x = torch.randn(1_024, 8)
                val_loss = nn.functional.mse_loss(model(x), x @ truth + 0.3 * torch.randn(1_024, 1))
            model.train()
            now[0] += 3
            telemetry.epoch(val_loss)
    return path.read_bytes()
