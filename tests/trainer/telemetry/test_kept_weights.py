"""Weights that were replaced in mid-run are told, in trainings of several kinds; healthy ones keep theirs."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from monitor import api
from monitor.alert import State
from trainer.telemetry import Telemetry
from trainer.telemetry.kept_weights import KeptWeights

STEPS, BATCH = 310, 16


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.codes, self.inner, self.head = nn.Embedding(9, 16), nn.RNN(16, 24, batch_first=True), nn.Linear(24, 9)

    def forward(self, tokens_BT: Tensor) -> Tensor:
        return self.head(self.inner(self.codes(tokens_BT))[0]).movedim(-1, 1)


def table() -> tuple[nn.Module, torch.optim.Optimizer, Callable[[], tuple[Tensor, Tensor]], Callable[..., Tensor]]:
    model = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))

    def batch() -> tuple[Tensor, Tensor]:
        x_BF = torch.randn(BATCH, 8)
        return x_BF, (2 * x_BF[:, :1]).sin() + x_BF[:, 1:2] * x_BF[:, 2:3]

    return model, torch.optim.SGD(model.parameters(), 0.02, 0.9), batch, functional.mse_loss


def text() -> tuple[nn.Module, torch.optim.Optimizer, Callable[[], tuple[Tensor, Tensor]], Callable[..., Tensor]]:
    model = Recurrent()

    def batch() -> tuple[Tensor, Tensor]:
        tokens_BT = (torch.randint(9, (BATCH, 1)) + torch.arange(6) * torch.randint(1, 3, (BATCH, 1))) % 9
        return tokens_BT[:, :-1], tokens_BT[:, 1:]

    return model, torch.optim.AdamW(model.parameters(), 3e-3), batch, functional.cross_entropy


KINDS = {"table": table, "text": text}


def alerts_of(kind: str, seed: int, folder: Path, change: Callable[[nn.Module], None] | None) -> set[str]:
    torch.manual_seed(seed)
    model, optimizer, batch, loss_of = KINDS[kind]()
    log = folder / "run.log"
    with Telemetry(model, optimizer, epochs=1, batches=STEPS, log=log) as telemetry:
        for step in range(STEPS):
            if step == 220 and change is not None:
                change(model)
            x, y = batch()
            loss = loss_of(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            telemetry.look(inputs=x, targets=y)
            optimizer.step()
            telemetry.step(loss)
    return {each.rule for each in api.read(log).transitions if each.state is State.FIRING}


def set_back(model: nn.Module) -> None:
    for layer in model.modules():
        if hasattr(layer, "reset_parameters"):
            layer.reset_parameters()


def in_another_order(model: nn.Module) -> None:
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(weight.reshape(-1)[torch.randperm(weight.numel())].reshape(weight.shape))


@pytest.mark.parametrize("change", [set_back, in_another_order], ids=lambda each: each.__name__)
@pytest.mark.parametrize("kind", KINDS)
def test_weights_that_were_replaced_are_told(kind: str, change: Callable[[nn.Module], None], tmp_path: Path):
    assert "WeightsReplaced" in alerts_of(kind, 1, tmp_path, change)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_that_are_trained_are_kept(kind: str, tmp_path: Path):
    assert "WeightsReplaced" not in alerts_of(kind, 2, tmp_path, None)


def test_the_cosine_is_that_of_the_matrices():
    kept, layer = KeptWeights(), nn.Linear(40, 50)
    groups = {"inner": dict(layer.named_parameters()), "small": dict(nn.Linear(2, 2).named_parameters())}
    assert kept.compare(groups) == {}
    before = layer.weight.detach().clone()
    with torch.no_grad():
        layer.weight += 0.05 * torch.randn_like(layer.weight)
        layer.bias.fill_(7.0)
    right = functional.cosine_similarity(before.flatten(), layer.weight.flatten(), dim=0).item()
    assert kept.compare(groups) == {"inner": pytest.approx(right, abs=0.02)}
    with torch.no_grad():
        layer.weight.neg_()
    assert kept.compare(groups) == {"inner": pytest.approx(-1.0, abs=1e-3)}


def test_other_weights_of_the_same_name_are_not_compared():
    kept = KeptWeights()
    before, after = nn.Linear(40, 50), nn.Linear(40, 50)
    kept.compare({"inner": dict(before.named_parameters())})
    assert kept.compare({"inner": dict(after.named_parameters())}) == {}
