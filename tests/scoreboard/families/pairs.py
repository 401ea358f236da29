"""Families that compare things with one another: ranking, contrast, teachers and students."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.scoreboard.families import data
from tests.scoreboard.families.listing import family
from tests.scoreboard.families.nets import Mlp
from tests.scoreboard.families.optimizers import cosine
from tests.scoreboard.families.training import Outcome, Regime, Supervised, Training, accuracy


@family
def ranking_by_pairs() -> Training:
    """Which of two documents is better (RankNet)."""
    inputs, score = data.values(rows=2048, noise=0.2)
    left, right = inputs[:1024], inputs[1024:]
    better = (score[:1024] > score[1024:]).float()

    class Scorer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.score = Mlp(16, 32, 1)

        def forward(self, left: Tensor, right: Tensor) -> Tensor:
            return self.score(left) - self.score(right)

    model = Scorer()
    return Supervised(
        *data.parted((left, right), better),
        model,
        functional.binary_cross_entropy_with_logits,
        [torch.optim.Adam(model.parameters(), 3e-3)],
        traits="supervised binary relu",
        epochs=8,
    )


@family
def siamese_distances() -> Training:
    """Two pictures, the same class or not, by the distance of their codes."""
    pictures, labels = data.images(rows=1024)
    left, right = pictures[:512], pictures[512:]
    same = (labels[:512] == labels[512:]).float()

    class Siamese(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.Sequential(
                nn.Conv2d(1, 8, 3, 2, 1),
                nn.ReLU(),
                nn.Conv2d(8, 16, 3, 2, 1),
                nn.ReLU(),
                nn.Flatten(),
                nn.Linear(144, 16),
            )

        def forward(self, left: Tensor, right: Tensor) -> Tensor:
            return (self.encoder(left) - self.encoder(right)).square().sum(1).add(1e-6).sqrt()

    def contrast(distance: Tensor, same: Tensor) -> Tensor:
        return (same * distance.square() + (1 - same) * functional.relu(1 - distance).square()).mean()

    model = Siamese()
    return Supervised(
        *data.parted((left, right), same, 128),
        model,
        contrast,
        [torch.optim.Adam(model.parameters(), 1e-3)],
        traits="supervised relu",
        size=16,
        epochs=8,
    )


@family
def contrast_of_views() -> Training:
    """Two noisy views of each row find one another (InfoNCE), without labels."""
    inputs = data.features(1536)

    class Views(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            first, second = (
                functional.normalize(self.model(inputs + 0.4 * torch.randn_like(inputs)), dim=1) for _ in range(2)
            )
            scores = first @ second.T / 0.2
            return Outcome(functional.cross_entropy(scores, torch.arange(len(inputs))), scores)

    model = nn.Sequential(*Mlp(16, 64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 16))
    return Views(
        *data.parted(inputs, torch.zeros(1536)),
        model,
        functional.cross_entropy,
        [torch.optim.AdamW(model.parameters(), 2e-3)],
        traits="features relu",
        size=64,
        epochs=8,
    )


@family
def triplets() -> Training:
    """An anchor is nearer to its class than to another one, by a margin."""
    inputs, labels = data.classes(rows=1536, num=4)
    by_class = [(labels == c).nonzero().squeeze(1) for c in range(4)]

    class Triplets(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            near = torch.stack([by_class[c][torch.randint(len(by_class[c]), ())] for c in targets.tolist()])
            far = torch.stack(
                [by_class[(c + 1) % 4][torch.randint(len(by_class[(c + 1) % 4]), ())] for c in targets.tolist()]
            )
            codes = [self.model(each) for each in (inputs, rows[near], rows[far])]
            return Outcome(functional.triplet_margin_loss(*codes, margin=0.5), codes[0])

    rows = inputs
    model = Mlp(16, 32, 8)
    return Triplets(
        *data.parted(inputs, labels),
        model,
        functional.cross_entropy,
        [torch.optim.Adam(model.parameters(), 1e-3)],
        traits="features relu",
    )


@family
def distillation() -> Training:
    """A small student learns the soft outputs of a fixed teacher, and the labels."""
    inputs, labels = data.classes(num=5)
    teacher = Mlp(16, 64, 5)
    trained = torch.optim.Adam(teacher.parameters(), 1e-2)
    for _ in range(60):
        rows = torch.randint(len(labels), (128,))
        trained.zero_grad()
        functional.cross_entropy(teacher(inputs[rows]), labels[rows]).backward()
        trained.step()
    teacher.requires_grad_(False)

    class Student(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            outputs = self.model(inputs)
            soft = functional.softmax(teacher(inputs) / 2, 1)
            kl = functional.kl_div(functional.log_softmax(outputs / 2, 1), soft, reduction="batchmean") * 4
            hard = functional.cross_entropy(outputs, targets)
            return Outcome(0.7 * kl + 0.3 * hard, outputs, {"kl": kl.item(), "ce": hard.item()})

    model = Mlp(16, 16, 5)
    return Student(
        *data.parted(inputs, labels),
        model,
        functional.cross_entropy,
        [torch.optim.Adam(model.parameters(), 3e-3)],
        traits="features supervised relu",
        metric=accuracy,
    )


@family
def own_teacher() -> Training:
    """A network predicts what its own moving average says of another view (BYOL)."""
    inputs = data.features(1536)
    model = nn.ModuleDict({"encoder": Mlp(16, 48, 16), "predictor": Mlp(16, 32, 16)})
    average = copy.deepcopy(model["encoder"]).requires_grad_(False)

    class Byol(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            first = inputs + 0.3 * torch.randn_like(inputs)
            second = inputs + 0.3 * torch.randn_like(inputs)
            guess = functional.normalize(self.model["predictor"](self.model["encoder"](first)), dim=1)
            truth = functional.normalize(average(second), dim=1)
            return Outcome((2 - 2 * (guess * truth).sum(1)).mean(), guess)

        def take_step(self) -> None:
            super().take_step()
            with torch.no_grad():
                for mean, weight in zip(average.parameters(), self.model["encoder"].parameters(), strict=True):
                    mean.lerp_(weight, 0.02)

    optimizer = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=0.01)
    return Byol(
        *data.parted(inputs, torch.zeros(1536)),
        model,
        functional.mse_loss,
        [optimizer],
        traits="features relu",
        size=64,
        epochs=8,
        regime=Regime(schedule=cosine()),
    )
