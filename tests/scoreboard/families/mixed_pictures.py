"""Families of pictures: boxes, pasted parts, finer pictures, a picture as the weights, separable and dropped layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import ExponentialLR, StepLR

from tests.scoreboard.families import data
from tests.scoreboard.families.listing import fourth_family
from tests.scoreboard.families.optimizers import cosine
from tests.scoreboard.families.training import Outcome, Regime, Supervised, Training, Validation, accuracy


class Lamb(torch.optim.Optimizer):
    """Adam whose step in each layer is as long as the layer's weights ask for (You et al. 2020)."""

    def __init__(self, parameters: Iterable[Any], lr: float = 1e-2, weight_decay: float = 0.01) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> None:
        """Move each layer by the rate times its own length."""
        del closure
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                mean = state.setdefault("mean", torch.zeros_like(weight))
                square = state.setdefault("square", torch.zeros_like(weight))
                state["steps"] = state.get("steps", 0) + 1
                mean.lerp_(weight.grad, 0.1)
                square.lerp_(weight.grad.square(), 0.001)
                move = (mean / (1 - 0.9 ** state["steps"])) / ((square / (1 - 0.999 ** state["steps"])).sqrt() + 1e-6)
                move += group["weight_decay"] * weight
                length, reach = weight.norm(), move.norm()
                trust = float(length / reach) if length > 0 and reach > 0 else 1.0
                weight.add_(move, alpha=-group["lr"] * trust)


@fourth_family
def boxes_of_objects() -> Training:
    """The box around a disc and whether there is one, boxes count only where there is; terms logged."""
    pictures, masks = data.blobs(rows=600)
    places = torch.arange(16).float()
    columns, rows = masks.amax(2)[:, 0], masks.amax(3)[:, 0]

    def ends(line: Tensor) -> list[Tensor]:
        found = line > 0
        return [torch.where(found, places, 16.0).amin(1) / 16, torch.where(found, places, -1.0).amax(1) / 16]

    boxes = torch.stack([*ends(columns), *ends(rows)], 1)
    is_there = (torch.rand(600) < 0.7).float()
    pictures = torch.where(is_there[:, None, None, None] > 0, pictures, -0.5 + 0.7 * torch.randn_like(pictures))
    targets = torch.cat([boxes * is_there[:, None], is_there[:, None]], 1)

    class Detector(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.backbone = nn.Sequential(
                nn.Conv2d(1, 12, 3, 2, 1),
                nn.BatchNorm2d(12),
                nn.ReLU(),
                nn.Conv2d(12, 24, 3, 2, 1),
                nn.ReLU(),
                nn.Flatten(),
            )
            self.box, self.score = nn.Linear(384, 4), nn.Linear(384, 1)

        def forward(self, x: Tensor) -> Tensor:
            codes = self.backbone(x)
            return torch.cat([self.box(codes), self.score(codes)], 1)

    class Detected(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            outputs, there = self.model(inputs), targets[:, 4:]
            box = (functional.smooth_l1_loss(outputs[:, :4], targets[:, :4], reduction="none", beta=0.1) * there).sum()
            box = box / there.sum().clamp(min=1)
            score = functional.binary_cross_entropy_with_logits(outputs[:, 4:], there)
            return Outcome(box + score, outputs, {"box": box.item(), "objectness": score.item()})

    model = Detector()
    return Detected(
        *data.parted(pictures, targets, 100),
        model,
        functional.mse_loss,
        [torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, weight_decay=5e-4)],
        traits="images",
        size=16,
        epochs=6,
        regime=Regime(per_epoch=lambda each: StepLR(each, 4, 0.1)),
    )


def _classifier(*hidden: nn.Module, width: int, num: int = 4) -> nn.Module:
    return nn.Sequential(*hidden, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, num))


@fourth_family
def cut_and_pasted() -> Training:
    """A part of each picture comes from another one, targets are shares (CutMix), binary cross-entropy, AdamW."""
    pictures, labels = data.images(rows=700)

    class Pasted(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            soft = functional.one_hot(targets, 4).float()
            if self.model.training:
                other, place, side = torch.randperm(len(inputs)), int(torch.randint(6, ())), 6
                inputs = inputs.clone()
                inputs[:, :, place : place + side, place : place + side] = inputs[other][
                    :, :, place : place + side, place : place + side
                ]
                share = side * side / 144
                soft = (1 - share) * soft + share * soft[other]
            outputs = self.model(inputs)
            return Outcome(functional.binary_cross_entropy_with_logits(outputs, soft), outputs)

    body = [
        nn.Conv2d(1, 16, 3, 1, 1),
        nn.BatchNorm2d(16),
        nn.SiLU(),
        nn.Conv2d(16, 32, 3, 2, 1),
        nn.BatchNorm2d(32),
        nn.SiLU(),
    ]
    model = _classifier(*body, width=32)
    return Pasted(
        *data.parted(pictures, labels, 140),
        model,
        functional.cross_entropy,
        [torch.optim.AdamW(model.parameters(), 3e-3, weight_decay=0.05)],
        traits="images",
        metric=accuracy,
        size=20,
        epochs=7,
        regime=Regime(schedule=cosine()),
    )


@fourth_family
def finer_pictures() -> Training:
    """Pictures at twice the size from small ones by rearranged channels (ESPCN), absolute errors, decibels."""
    fine, _ = data.images(rows=520, side=16, noise=0.15)
    coarse = functional.avg_pool2d(fine, 2)
    model = nn.Sequential(
        nn.Conv2d(1, 24, 5, 1, 2),
        nn.Tanh(),
        nn.Conv2d(24, 16, 3, 1, 1),
        nn.Tanh(),
        nn.Conv2d(16, 4, 3, 1, 1),
        nn.PixelShuffle(2),
    )

    def decibels(outputs: Tensor, truth: Tensor) -> float:
        return float(10 * torch.log10(16 / (outputs - truth).square().mean()))

    return Supervised(
        *data.parted(coarse, fine, 80),
        model,
        functional.l1_loss,
        [torch.optim.Adam(model.parameters(), 3e-3)],
        traits="images supervised values",
        metric=decibels,
        metric_name="psnr",
        size=16,
        epochs=6,
    )


@fourth_family
def picture_in_a_style() -> Training:
    """The pixels of one picture are the weights: near to one picture in its codes, to another in their products."""
    eyes = nn.Sequential(nn.Conv2d(1, 12, 3, 1, 1), nn.ReLU(), nn.Conv2d(12, 12, 3, 1, 1), nn.ReLU()).requires_grad_(
        False
    )
    pair, _ = data.images(rows=2, side=24, noise=0.2)

    def products(codes: Tensor) -> Tensor:
        flat = codes.flatten(2)
        return flat @ flat.transpose(1, 2) / flat.shape[2]

    what, how = eyes(pair[:1]), products(eyes(pair[1:]))

    class Picture(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.pixels = nn.Parameter(pair[:1] + 0.5 * torch.randn_like(pair[:1]))

        def forward(self) -> Tensor:
            return self.pixels

    class Styled(Training):
        traits = frozenset({"whole"})

        def pairs(self) -> Iterator[tuple[Any, Any]]:
            for _ in range(self.batches):
                yield pair, pair

        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            codes = eyes(self.model())
            content, style = functional.mse_loss(codes, what), functional.mse_loss(products(codes), how)
            return Outcome(content + 10 * style, None, {"content": content.item(), "style": style.item()})

        def validate(self) -> Validation:
            return Validation(None, {})

    model = Picture()
    return Styled(
        model, [torch.optim.Adam(model.parameters(), 0.03)], epochs=1, batches=220, regime=Regime(shows_batches=False)
    )


@fourth_family
def separable_pictures() -> Training:
    """Layers per channel and then across them, activations cut at six (MobileNet), RMSprop, an exponential rate."""

    def separable(before: int, after: int, stride: int) -> list[nn.Module]:
        return [
            nn.Conv2d(before, before, 3, stride, 1, groups=before, bias=False),
            nn.BatchNorm2d(before),
            nn.ReLU6(),
            nn.Conv2d(before, after, 1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU6(),
        ]

    body = [
        nn.Conv2d(1, 12, 3, 1, 1, bias=False),
        nn.BatchNorm2d(12),
        nn.ReLU6(),
        *separable(12, 24, 2),
        *separable(24, 32, 1),
    ]
    model = _classifier(*body, width=32)
    return Supervised(
        *data.parted(*data.images(rows=720), 140),
        model,
        functional.cross_entropy,
        [torch.optim.RMSprop(model.parameters(), 1e-3, momentum=0.9, weight_decay=1e-5, eps=1e-3)],
        traits="classes images supervised relu",
        metric=accuracy,
        size=20,
        epochs=6,
        regime=Regime(per_epoch=lambda each: ExponentialLR(each, 0.9)),
    )


@fourth_family
def dropped_paths() -> Training:
    """A residual network whose blocks are left out at random (stochastic depth), group norm, LAMB, warm-up, cosine."""

    class Residual(nn.Module):
        def __init__(self, width: int, keep: float) -> None:
            super().__init__()
            self.body = nn.Sequential(
                nn.Conv2d(width, width, 3, 1, 1),
                nn.GroupNorm(4, width),
                nn.ReLU(),
                nn.Conv2d(width, width, 3, 1, 1),
                nn.GroupNorm(4, width),
            )
            self.keep = keep

        def forward(self, x: Tensor) -> Tensor:
            if self.training and float(torch.rand(())) > self.keep:
                return x
            return torch.relu(x + self.body(x) * (1 if self.training else self.keep))

    model = _classifier(nn.Conv2d(1, 16, 3, 2, 1), Residual(16, 0.9), Residual(16, 0.7), Residual(16, 0.5), width=16)
    return Supervised(
        *data.parted(*data.images(rows=700), 140),
        model,
        functional.cross_entropy,
        [Lamb(model.parameters(), 0.02)],
        traits="classes images supervised relu",
        metric=accuracy,
        size=20,
        epochs=6,
        regime=Regime(schedule=cosine()),
    )
