"""Families of pictures and sounds whose answers are places, distances, moves or pictures again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import permutations
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.scoreboard.families import data
from tests.scoreboard.families.listing import fifth_family
from tests.scoreboard.families.nets import Mlp, Unet, cnn
from tests.scoreboard.families.optimizers import cosine
from tests.scoreboard.families.training import Outcome, Regime, Supervised, Training, accuracy


class _AdaBelief(torch.optim.Optimizer):
    """Adam with the spread of gradients around their mean in place of their size (Zhuang et al. 2020)."""

    def __init__(self, parameters: Iterable[Any], lr: float, weight_decay: float = 1e-2) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> None:
        """Move each weight."""
        del closure
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                mean = state.setdefault("mean", torch.zeros_like(weight))
                spread = state.setdefault("spread", torch.zeros_like(weight))
                state["step"] = count = state.get("step", 0) + 1
                mean.lerp_(weight.grad, 0.1)
                spread.mul_(0.99).addcmul_(weight.grad - mean, weight.grad - mean, value=0.01).add_(1e-12)
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                move = (mean / (1 - 0.9**count)) / ((spread / (1 - 0.99**count)).sqrt() + 1e-8)
                weight.add_(move, alpha=-group["lr"])


@fifth_family
def joints_of_a_figure() -> Training:
    """Three joints of a stick figure as maps of heat, squared errors; how many are within two pixels as metric."""
    centre, angle = 5 + 6 * torch.rand(700, 2), 6.28 * torch.rand(700, 2)
    arms = [centre + 3.5 * torch.stack([angle[:, n].cos(), angle[:, n].sin()], 1) for n in range(2)]
    joints = torch.stack([centre, *arms], 1).clamp(0, 15)
    y, x = torch.meshgrid(torch.arange(16).float(), torch.arange(16).float(), indexing="ij")
    heat = torch.exp(-((x - joints[..., 0, None, None]).square() + (y - joints[..., 1, None, None]).square()) / 3)
    share = torch.linspace(0, 1, 7)
    lines = torch.cat(
        [joints[:, :1] + share[None, :, None] * (joints[:, n : n + 1] - joints[:, :1]) for n in (1, 2)], 1
    )
    near = (x - lines[..., 0, None, None]).square() + (y - lines[..., 1, None, None]).square()
    mark = 1.5 * torch.exp(-(x - centre[:, 0, None, None]).square() - (y - centre[:, 1, None, None]).square())
    pictures = (torch.exp(-near.amin(1)) + mark)[:, None] * 2 - 0.7 + 0.2 * torch.randn(700, 1, 16, 16)

    def within(outputs: Tensor, targets: Tensor) -> float:
        best = [each.flatten(2).argmax(2) for each in (outputs, targets)]
        off = (best[0] % 16 - best[1] % 16).square() + (best[0] // 16 - best[1] // 16).square()
        return float((off <= 4).float().mean())

    model = nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 16, 5, padding=2),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 3, 1),
    )
    return Supervised(
        *data.parted(pictures, heat, 120),
        model,
        functional.mse_loss,
        [torch.optim.Adam(model.parameters(), 4e-3)],
        traits="images supervised regression relu values",
        metric=within,
        metric_name="pck",
        size=20,
        epochs=6,
    )


@fifth_family
def depth_without_scale() -> Training:
    """How far each pixel is, known but for its scale: logarithms whose mean error hardly counts (SILog), AdamW."""
    y, x = torch.meshgrid(torch.linspace(0, 1, 12), torch.linspace(0, 1, 12), indexing="ij")
    slope = 2 * torch.rand(640, 2, 1, 1)
    depth = 1 + slope[:, 0] * y + slope[:, 1] * x + 0.8 * torch.rand(640, 1, 1)
    ripple = torch.sin(14 * x / depth) + torch.sin(14 * y / depth)
    pictures = (ripple + 0.15 * torch.randn(640, 12, 12))[:, None]

    def silog(outputs: Tensor, targets: Tensor) -> Tensor:
        off = outputs - targets.log()
        return 10 * (off.square().mean() - 0.85 * off.mean().square() + 1e-6).sqrt()

    model = Unet(10)
    return Supervised(
        *data.parted(pictures, depth[:, None], 128),
        model,
        silog,
        [torch.optim.AdamW(model.parameters(), 3e-3)],
        traits="images supervised",
        metric=lambda out, truth: float((out.exp() / truth - 1).abs().mean()),
        metric_name="abs_rel",
        size=16,
        epochs=6,
        regime=Regime(schedule=cosine(20)),
    )


@fifth_family
def moved_onto_another() -> Training:
    """How one picture is bent into another, told by what comes of it and by smoothness alone; terms logged, clipped."""
    before, _ = data.images(rows=620, noise=0.1)
    corner = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    change = corner + torch.cat([0.05 * torch.randn(620, 2, 2), 0.15 * torch.randn(620, 2, 1)], 2)
    grid = functional.affine_grid(change, [620, 1, 12, 12], align_corners=False)
    after = functional.grid_sample(before, grid, padding_mode="border", align_corners=False)
    still = functional.affine_grid(corner[None], [1, 1, 12, 12], align_corners=False)

    class Bent(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            flow = 0.3 * torch.tanh(self.model(inputs)).movedim(1, -1)
            made = functional.grid_sample(inputs[:, :1], still + flow, padding_mode="border", align_corners=False)
            same = (made - targets).abs().mean()
            rough = flow.diff(dim=1).square().mean() + flow.diff(dim=2).square().mean()
            return Outcome(same + 2 * rough, made, {"photometric": same.item(), "smooth": rough.item()})

    model = nn.Sequential(
        nn.Conv2d(2, 16, 5, padding=2), nn.LeakyReLU(), nn.Conv2d(16, 16, 5, padding=2), nn.LeakyReLU(),
        nn.AdaptiveAvgPool2d(3), nn.Conv2d(16, 2, 1), nn.Upsample((12, 12), mode="bilinear"),
    )  # fmt: skip
    return Bent(
        *data.parted(torch.cat([before, after], 1), after, 120),
        model,
        functional.l1_loss,
        [torch.optim.Adam(model.parameters(), 3e-3)],
        traits="images supervised",
        size=20,
        epochs=6,
        regime=Regime(clip=1.0),
    )


@fifth_family
def clean_from_noisy() -> Training:
    """Pictures without their noise, learnt from other noisy ones of the same: most of the loss is noise and stays."""
    clean, _ = data.images(rows=700, noise=0.0)
    noisy = [clean + 0.9 * torch.randn_like(clean) for _ in range(2)]

    def decibels(outputs: Tensor, targets: Tensor) -> float:
        return -10 * float((outputs - targets).square().mean().log10())

    model = nn.Sequential(
        nn.Conv2d(1, 20, 5, padding=2), nn.ReLU(), nn.Conv2d(20, 20, 5, padding=2), nn.ReLU(), nn.Conv2d(20, 1, 1)
    )
    return Supervised(
        *data.parted(noisy[0], noisy[1], 130),
        model,
        functional.mse_loss,
        [torch.optim.RAdam(model.parameters(), 5e-3)],
        traits="images supervised regression relu values",
        metric=decibels,
        metric_name="psnr",
        size=19,
        epochs=6,
    )


@fifth_family
def sets_of_discs() -> Training:
    """Three points of a cloud's parts in any order, matched with those found at least cost (DETR), L1, GELU."""
    wanted = torch.rand(1100, 3, 2) * 4 - 2
    cloud = wanted.repeat_interleave(6, 1) + 0.15 * torch.randn(1100, 18, 2)
    cloud = torch.stack([each[torch.randperm(18)] for each in cloud])
    orders = torch.tensor(list(permutations(range(3))))

    def matched(outputs: Tensor, targets: Tensor) -> Tensor:
        found = outputs.unflatten(1, (3, 2))
        cost = torch.stack([(found - targets[:, order]).abs().mean((1, 2)) for order in orders], 1)
        return cost.amin(1).mean()

    class Cloud(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.point, self.asks = nn.Linear(2, 32), nn.Parameter(torch.randn(3, 32))
            self.mix = nn.TransformerEncoderLayer(32, 2, 64, 0.0, "gelu", batch_first=True, norm_first=True)
            self.read = nn.MultiheadAttention(32, 2, batch_first=True)
            self.place = Mlp(32, 32, 2, activation=nn.GELU)

        def forward(self, cloud: Tensor) -> Tensor:
            seen = self.mix(self.point(cloud))
            asks = self.asks.expand(len(cloud), -1, -1)
            return self.place(asks + self.read(asks, seen, seen, need_weights=False)[0]).flatten(1)

    model = Cloud()
    return Supervised(
        *data.parted(cloud, wanted, 200),
        model,
        matched,
        [torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=1e-2)],
        traits="supervised",
        size=30,
        epochs=6,
        regime=Regime(clip=0.1, schedule=cosine(15)),
    )


@fifth_family
def spectra_with_stripes() -> Training:
    """Words in small spectra of which stripes are hidden (SpecAugment), AdaBelief, a gradient scaler in bfloat16."""
    pictures, labels = data.images(rows=760, num=4, noise=0.5)

    class Striped(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            if self.model.training:
                inputs = inputs.clone()
                start = int(torch.randint(10, (1,)))
                inputs[:, :, start : start + 2] = 0
                inputs[:, :, :, (start * 7) % 10 : (start * 7) % 10 + 2] = 0
            return super().compute(inputs, targets)

    model = cnn(4, 10)
    return Striped(
        *data.parted(pictures, labels, 160),
        model,
        functional.cross_entropy,
        [_AdaBelief(model.parameters(), 2e-3)],
        traits="classes images supervised relu scaler",
        metric=accuracy,
        size=20,
        epochs=6,
        regime=Regime(precision="scaler"),
    )


@fifth_family
def windows_rebuilt() -> Training:
    """Windows of two sensors rebuilt from a code by two LSTMs; how far they are off tells what is unusual; AUC."""
    windows, _ = data.waves(rows=1000, length=20, channels=2)
    odd = torch.rand(1000) < 0.3
    odd[200:] = False
    spoilt = torch.where(odd[:, None, None], windows + torch.randn_like(windows), windows)

    class Rebuilt(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.decoder = nn.LSTM(2, 40, batch_first=True), nn.LSTM(40, 40, batch_first=True)
            self.head = nn.Linear(40, 2)

        def forward(self, x: Tensor) -> Tensor:
            code = self.encoder(x)[1][0][-1]
            return self.head(self.decoder(code[:, None].expand(-1, x.shape[1], -1))[0]).flip(1)

    def auc(outputs: Tensor, targets: Tensor) -> float:
        off = (outputs - targets).square().mean((1, 2))
        return float((off[odd[:200]][:, None] > off[~odd[:200]][None]).float().mean())

    model = Rebuilt()
    return Supervised(
        *data.parted(spoilt, spoilt, 200),
        model,
        functional.mse_loss,
        [torch.optim.Adam(model.parameters(), 8e-3)],
        traits="",
        metric=auc,
        metric_name="auc",
        size=25,
        epochs=6,
        regime=Regime(clip=1.0),
    )
