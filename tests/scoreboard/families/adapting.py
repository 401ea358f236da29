"""Families that start from something trained: adapters, probes, slow thawing."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from tests.scoreboard.families import data
from tests.scoreboard.families.listing import family
from tests.scoreboard.families.nets import Adapter, Mlp, TwoPart
from tests.scoreboard.families.training import Regime, Supervised, Training, accuracy
from trainer.telemetry import Telemetry


def _trained_encoder() -> nn.Sequential:
    """Return an encoder that was trained on other classes of like features."""
    inputs, labels = data.classes(rows=512, num=6)
    encoder, head = Mlp(16, 48, 48), nn.Linear(48, 6)
    optimizer = torch.optim.Adam([*encoder.parameters(), *head.parameters()], 5e-3)
    for _ in range(40):
        rows = torch.randint(512, (64,))
        optimizer.zero_grad()
        functional.cross_entropy(head(torch.relu(encoder(inputs[rows]))), labels[rows]).backward()
        optimizer.step()
    return encoder


def _classes(model: nn.Module, optimizers: list, traits: str = "", **more) -> Training:
    parts = data.parted(*data.classes(num=4))
    return Supervised(
        *parts,
        model,
        functional.cross_entropy,
        optimizers,
        traits=f"classes features supervised {traits}",
        metric=accuracy,
        **more,
    )


@family
def lora() -> Training:
    """A frozen network with trained changes of low rank that begin at zero; nothing declared."""
    encoder = _trained_encoder()
    adapted = nn.Sequential(Adapter(encoder[0]), nn.ReLU(), Adapter(encoder[2]), nn.ReLU())
    model = TwoPart(adapted, nn.Linear(48, 4))
    trained = [w for w in model.parameters() if w.requires_grad]
    return _classes(model, [torch.optim.AdamW(trained, 3e-3)])


@family
def probe() -> Training:
    """A head on a frozen encoder, declared frozen."""
    model = TwoPart(_trained_encoder().requires_grad_(False), nn.Sequential(nn.ReLU(), nn.Linear(48, 4)))
    optimizer = torch.optim.SGD(model.head.parameters(), 0.1, momentum=0.9)
    return _classes(model, [optimizer], regime=Regime(intent={"freeze": ["encoder"]}))


@family
def probe_unsaid() -> Training:
    """A head on a frozen encoder, the optimizer given all weights, nothing declared."""
    model = TwoPart(_trained_encoder().requires_grad_(False), nn.Sequential(nn.ReLU(), nn.Linear(48, 4)))
    return _classes(model, [torch.optim.AdamW(model.parameters(), 5e-3)])


@family
def thawing() -> Training:
    """A head first, the encoder from the third epoch on, at a tenth of the rate; both declared."""
    model = TwoPart(_trained_encoder().requires_grad_(False), nn.Sequential(nn.ReLU(), nn.Linear(48, 4)))
    groups = [{"params": model.encoder.parameters(), "lr": 3e-4}, {"params": model.head.parameters()}]

    def thaw(training: Training, epoch: int, telemetry: Telemetry) -> None:
        if epoch == 3:
            training.model.encoder.requires_grad_(True)
            telemetry.declare(unfreeze=["encoder"])

    regime = Regime(intent={"freeze": ["encoder"]}, at_epoch=thaw)
    return _classes(model, [torch.optim.AdamW(groups, 3e-3)], regime=regime)


@family
def frozen_later() -> Training:
    """The encoder is frozen after the third epoch, declared then."""
    model = TwoPart(Mlp(16, 48, 48), nn.Sequential(nn.ReLU(), nn.Linear(48, 4)))

    def freeze(training: Training, epoch: int, telemetry: Telemetry) -> None:
        if epoch == 4:
            telemetry.declare(freeze=["encoder"])
            training.model.encoder.requires_grad_(False)

    return _classes(model, [torch.optim.Adam(model.parameters(), 3e-3)], "relu", regime=Regime(at_epoch=freeze))


@family
def layered_rates() -> Training:
    """Fine-tuning of all weights, lower layers at lower rates, a new head that begins at zero."""
    model = TwoPart(_trained_encoder(), nn.Sequential(nn.ReLU(), nn.Linear(48, 4)))
    nn.init.zeros_(model.head[1].weight)
    groups = [
        {"params": model.encoder[0].parameters(), "lr": 1e-5},
        {"params": model.encoder[2].parameters(), "lr": 1e-4},
        {"params": model.head.parameters()},
    ]
    return _classes(model, [torch.optim.AdamW(groups, 2e-3)])
