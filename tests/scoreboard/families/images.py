"""Families on images."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import OneCycleLR

from tests.scoreboard.families import data
from tests.scoreboard.families.listing import family
from tests.scoreboard.families.nets import Mixer, Unet, Vit, cnn, resnet
from tests.scoreboard.families.optimizers import Lion, Sam, cosine
from tests.scoreboard.families.training import Outcome, Regime, Supervised, Training, accuracy

CLASSES = "classes images supervised"


def _pictures(model: nn.Module, optimizers: list, traits: str = "", kind: type[Supervised] = Supervised, **more):
    parts = data.parted(*data.images(), 192)
    return kind(
        *parts,
        model,
        functional.cross_entropy,
        optimizers,
        traits=f"{CLASSES} {traits}",
        metric=accuracy,
        size=16,
        **{"epochs": 6, **more},
    )


@family
def images_cnn_sgd() -> Training:
    """A convolutional network with batch norm, SGD with Nesterov momentum, one cycle of the rate."""
    model = cnn(4)
    regime = Regime(schedule=lambda each, steps: OneCycleLR(each, 0.1, total_steps=steps + 1))
    return _pictures(
        model, [torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, nesterov=True)], "relu", regime=regime
    )


@family
def images_resnet_bf16() -> Training:
    """A small residual network, forward pass in bfloat16, AdamW."""
    model = resnet(4)
    return _pictures(model, [torch.optim.AdamW(model.parameters(), 3e-3)], "relu", regime=Regime(precision="bfloat16"))


@family
def images_cnn_scaler() -> Training:
    """A convolutional network with a gradient scaler that overflows now and then, as in half precision."""
    model = cnn(4)
    regime = Regime(precision="scaler", clip=1.0)
    training = _pictures(model, [torch.optim.Adam(model.parameters(), 2e-3)], "relu scaler", regime=regime)
    training.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127, growth_interval=50)
    return training


@family
def images_vit() -> Training:
    """A vision transformer, AdamW, warm-up and cosine, clipped."""
    model = Vit(12, 3, 4)
    return _pictures(
        model,
        [torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=0.05)],
        "attention",
        regime=Regime(clip=1.0, schedule=cosine()),
    )


@family
def images_mixer_lion() -> Training:
    """An MLP-mixer, Lion."""
    model = Mixer(12, 3, 4)
    return _pictures(model, [Lion(model.parameters(), 3e-4, weight_decay=0.1)])


@family
def images_sam() -> Training:
    """A network under sharpness-aware minimisation."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(144, 48), nn.ReLU(), nn.Linear(48, 4))

    class Sharp(Supervised):
        def take_step(self) -> None:
            inputs, targets = self.newest

            def again() -> None:
                self.zero_grad()
                self.compute(inputs, targets).loss.backward()

            self.optimizers[0].step(again)

        def batch(self):
            self.newest = super().batch()
            return self.newest

    optimizer = Sam(torch.optim.SGD(model.parameters(), 0.05, momentum=0.9))
    return _pictures(model, [optimizer], "relu", kind=Sharp)


@family
def images_segments() -> Training:
    """Masks of discs by a U-net, cross-entropy and dice."""

    def both(outputs: Tensor, truth: Tensor) -> Tensor:
        share = outputs.sigmoid()
        dice = 1 - (2 * (share * truth).sum() + 1) / (share.sum() + truth.sum() + 1)
        return functional.binary_cross_entropy_with_logits(outputs, truth) + dice

    def dice_of(outputs: Tensor, truth: Tensor) -> float:
        guess = (outputs > 0).float()
        return float((2 * (guess * truth).sum() + 1) / (guess.sum() + truth.sum() + 1))

    model = Unet()
    return Supervised(
        *data.parted(*data.blobs(rows=400), 80),
        model,
        both,
        [torch.optim.AdamW(model.parameters(), 2e-3)],
        traits="images supervised",
        metric=dice_of,
        metric_name="dice",
        size=8,
        epochs=6,
    )


@family
def images_centres() -> Training:
    """Centres of objects as a heat map, focal loss: nearly every pixel is background."""
    pictures, masks = data.blobs(rows=400)
    y, x = torch.meshgrid(torch.arange(16).float(), torch.arange(16).float(), indexing="ij")
    weight = masks / masks.sum((1, 2, 3), keepdim=True)
    centre = torch.stack([(weight * y).sum((1, 2, 3)), (weight * x).sum((1, 2, 3))], 1)[..., None, None]
    heat = (-((y - centre[:, :1]).square() + (x - centre[:, 1:]).square()) / 2).exp()

    def focal(outputs: Tensor, truth: Tensor) -> Tensor:
        share = outputs.sigmoid()
        return (
            functional.binary_cross_entropy_with_logits(outputs, truth, reduction="none")
            * (truth - share).abs().square()
        ).sum() / len(outputs)

    model = nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.Conv2d(16, 16, 5, padding=2), nn.ReLU(), nn.Conv2d(16, 1, 1)
    )
    nn.init.constant_(model[-1].bias, -3.0)
    return Supervised(
        *data.parted(pictures, heat, 80),
        model,
        focal,
        [torch.optim.Adam(model.parameters(), 2e-3)],
        traits="images supervised relu",
        size=8,
        epochs=6,
    )


@family
def images_attacked() -> Training:
    """Adversarial training: each batch is moved against the model first (FGSM)."""

    class Attacked(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            if self.model.training:
                moved = inputs.detach().clone().requires_grad_()
                slope = torch.autograd.grad(self.criterion(self.model(moved), targets), moved)[0]
                inputs = inputs + 0.1 * slope.sign()
            return super().compute(inputs, targets)

    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, 2), nn.ReLU(), nn.Conv2d(8, 16, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(64, 4)
    )
    return _pictures(model, [torch.optim.Adam(model.parameters(), 3e-3)], "relu", kind=Attacked)


@family
def images_turned() -> Training:
    """By how many quarter turns a picture was turned, without labels, global pooling, dropout."""
    pictures, _ = data.images(rows=768)
    pictures = pictures + torch.linspace(-1, 1, 12)[:, None]
    turns = torch.randint(4, (768,))
    turned = torch.stack([torch.rot90(p, int(k), (1, 2)) for p, k in zip(pictures, turns, strict=True)])
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.GroupNorm(4, 16),
        nn.SiLU(),
        nn.Conv2d(16, 16, 3, 2),
        nn.GroupNorm(4, 16),
        nn.SiLU(),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(400, 4),
    )
    return Supervised(
        *data.parted(turned, turns, 160),
        model,
        functional.cross_entropy,
        [torch.optim.AdamW(model.parameters(), 1e-3)],
        traits=CLASSES,
        metric=accuracy,
        size=16,
    )
