"""First steps that throw the loss up, and inputs that become noise, are told; a training that learns is not."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from monitor import api
from monitor.alert import State
from trainer.telemetry import Telemetry

EPOCHS, BATCHES, ROWS = 6, 15, 24


def classes(seed: int) -> tuple[nn.Module, Tensor, Tensor, Callable[..., Tensor]]:
    torch.manual_seed(seed)
    x_NF = torch.randn(BATCHES * ROWS, 12)
    model = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 4))
    return model, x_NF, (x_NF[:, :4] + 0.2 * torch.randn(len(x_NF), 4)).argmax(1), functional.cross_entropy


def values(seed: int) -> tuple[nn.Module, Tensor, Tensor, Callable[..., Tensor]]:
    torch.manual_seed(seed)
    x_NF = torch.randn(BATCHES * ROWS, 12)
    model = nn.Sequential(nn.Linear(12, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1))
    return model, x_NF, x_NF[:, :1] + x_NF[:, 1:2].sin(), functional.mse_loss


KINDS = {"classes": classes, "values": values}


def alerts_of(kind: str, seed: int, folder: Path, *, rate: float = 3e-3, noise_from: int | None = None) -> set[str]:
    model, x_NF, y_N, loss_of = KINDS[kind](seed)
    optimizer = torch.optim.Adam(model.parameters(), rate)
    log = folder / "run.log"
    with Telemetry(model, optimizer, epochs=EPOCHS, batches=BATCHES, log=log) as telemetry:
        for epoch in range(EPOCHS):
            for rows in torch.randperm(len(x_NF)).split(ROWS):
                is_noise = noise_from is not None and epoch >= noise_from
                inputs = torch.randn_like(x_NF[rows]) if is_noise else x_NF[rows]
                outputs = model(inputs)
                loss = loss_of(outputs, y_N[rows])
                optimizer.zero_grad()
                loss.backward()
                telemetry.look(inputs=inputs, targets=y_N[rows], outputs=outputs)
                optimizer.step()
                telemetry.step(loss)
            with torch.no_grad():
                telemetry.epoch(loss_of(model(x_NF), y_N))
    return {each.rule for each in api.read(log).transitions if each.state is State.FIRING}


@pytest.mark.parametrize("rate", [1.0, 3.0])
@pytest.mark.parametrize("kind", KINDS)
def test_first_steps_that_are_far_too_long_are_told(kind: str, rate: float, tmp_path: Path):
    assert "LossThrownUp" in alerts_of(kind, 1, tmp_path, rate=rate)


@pytest.mark.parametrize("kind", KINDS)
def test_inputs_that_become_noise_are_told(kind: str, tmp_path: Path):
    assert "BackAtFloor" in alerts_of(kind, 2, tmp_path, noise_from=3)


@pytest.mark.parametrize("rate", [1e-4, 3e-3])
@pytest.mark.parametrize("kind", KINDS)
def test_a_training_that_learns_raises_neither(kind: str, rate: float, tmp_path: Path):
    assert not {"LossThrownUp", "BackAtFloor"} & alerts_of(kind, 3, tmp_path, rate=rate)
