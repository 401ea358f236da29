"""Families without labels, or with what is near: classes that attract, queues of keys, variance kept, translations."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.scoreboard.families import data
from tests.scoreboard.families.listing import fourth_family
from tests.scoreboard.families.nets import Mlp, TwoPart
from tests.scoreboard.families.optimizers import cosine
from tests.scoreboard.families.training import Outcome, Regime, Supervised, Training, Validation
from trainer.telemetry import Telemetry


@fourth_family
def same_class_near() -> Training:
    """Rows of a class are near to one another on a sphere and far from others (supervised contrast), SGD, cosine."""

    class Near(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            codes = functional.normalize(self.model(inputs), dim=1)
            alike = codes @ codes.T / 0.2 - 1e9 * torch.eye(len(codes))
            same = (targets[:, None] == targets[None, :]).float() - torch.eye(len(codes))
            logs = alike.log_softmax(1)
            loss = -((logs * same).sum(1) / same.sum(1).clamp(min=1))[same.sum(1) > 0].mean()
            return Outcome(loss, codes)

    model = TwoPart(nn.Sequential(nn.Linear(16, 48), nn.ReLU()), nn.Linear(48, 12))
    return Near(
        *data.parted(*data.classes(rows=1600, num=5)),
        model,
        functional.cross_entropy,
        [torch.optim.SGD(model.parameters(), 0.2, momentum=0.9)],
        traits="features",
        size=48,
        epochs=7,
        regime=Regime(schedule=cosine()),
    )


@fourth_family
def queue_of_keys() -> Training:
    """A view finds its other one among 256 older codes of a network that follows slowly (MoCo); nothing validated."""
    rows = data.features(1500)

    class Queued(Training):
        queue = functional.normalize(torch.randn(256, 12), dim=1)
        slow: nn.Module

        def pairs(self) -> Any:
            for part in torch.randperm(len(rows)).split(32):
                if len(part) == 32:
                    yield rows[part], part

        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            with torch.no_grad():
                for late, now in zip(self.slow.parameters(), self.model.parameters(), strict=True):
                    late.lerp_(now, 0.02)
                keys = functional.normalize(self.slow(inputs + 0.3 * torch.randn_like(inputs)), dim=1)
            asked = functional.normalize(self.model(inputs + 0.3 * torch.randn_like(inputs)), dim=1)
            outputs = torch.cat([(asked * keys).sum(1, keepdim=True), asked @ self.queue.T], 1) / 0.2
            self.queue = torch.cat([keys, self.queue])[:256]
            return Outcome(functional.cross_entropy(outputs, torch.zeros(len(keys), dtype=torch.long)), outputs)

        def validate(self) -> Validation:
            return Validation(None, {})

    model = Mlp(16, 48, 12)
    training = Queued(
        model,
        [torch.optim.SGD(model.parameters(), 0.05, momentum=0.9, weight_decay=1e-4)],
        epochs=6,
        batches=46,
        regime=Regime(shows_batches=False),
    )
    training.slow = copy.deepcopy(model).requires_grad_(False)
    return training


@fourth_family
def variance_kept() -> Training:
    """Two views alike, each number with a spread, numbers independent (VICReg); a loss of some tens, terms logged."""

    class Kept(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            one, two = (self.model(inputs + 0.3 * torch.randn_like(inputs)) for _ in range(2))
            alike = functional.mse_loss(one, two)
            spread = sum((1 - (each.var(0) + 1e-4).sqrt()).relu().mean() for each in (one, two))
            apart = torch.zeros(())
            for each in (one, two):
                centred = each - each.mean(0)
                shared = (centred.T @ centred / (len(each) - 1)).square()
                apart = apart + (shared.sum() - shared.diagonal().sum()) / each.shape[1]
            terms = {"invariance": alike.item(), "variance": float(spread), "covariance": apart.item()}
            return Outcome(25 * alike + 25 * spread + apart, one, terms)

    model = TwoPart(nn.Sequential(nn.Linear(16, 48), nn.BatchNorm1d(48), nn.ReLU()), nn.Linear(48, 24))
    rows = data.features(1600)
    return Kept(
        *data.parted(rows, torch.zeros(1600)),
        model,
        functional.mse_loss,
        [torch.optim.AdamW(model.parameters(), 2e-3)],
        traits="features",
        size=64,
        epochs=10,
    )


@fourth_family
def translated_both_ways() -> Training:
    """Points of one kind into another and back again, two makers and two judges (CycleGAN), squared losses."""

    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.there, self.back = Mlp(2, 32, 2), Mlp(2, 32, 2)
            self.judge_here, self.judge_there = Mlp(2, 32, 1), Mlp(2, 32, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.there(x)

    model = Both()
    makers = torch.optim.Adam([*model.there.parameters(), *model.back.parameters()], 1e-3, betas=(0.5, 0.999))
    judges = torch.optim.Adam(
        [*model.judge_here.parameters(), *model.judge_there.parameters()], 1e-3, betas=(0.5, 0.999)
    )

    class Cycle(Training):
        traits = frozenset({"gan", "own_step"})

        def pairs(self) -> Any:
            for _ in range(self.batches):
                yield data.rings(64), data.rings(64) * 0.5 + 1.0

        def step(self, telemetry: Telemetry) -> float:
            here, there = self.batch()
            made_there, made_here = model.there(here), model.back(there)
            again = (model.back(made_there) - here).abs().mean() + (model.there(made_here) - there).abs().mean()
            fooled = (model.judge_there(made_there) - 1).square().mean() + (
                model.judge_here(made_here) - 1
            ).square().mean()
            makers.zero_grad()
            (fooled + 5 * again).backward()
            makers.step()
            judges.zero_grad()
            told = sum(
                ((judge(real) - 1).square() + judge(made.detach()).square()).mean()
                for judge, real, made in ((model.judge_there, there, made_there), (model.judge_here, here, made_here))
            )
            told.backward()
            judges.step()
            loss = (fooled + 5 * again).item()
            telemetry.step(loss, samples=64, cycle=again.item(), judges=told.item())
            return loss

        def validate(self) -> Validation:
            return Validation(None, {})

    return Cycle(model, [makers, judges], epochs=5, batches=40, regime=Regime(shows_batches=False))


@fourth_family
def arms_of_a_bandit() -> Training:
    """Which of five offers to make, rewards of the chosen one only, weighted by its chance; entropy as a bonus."""
    truth = torch.randn(8, 5)

    class Bandit(Training):
        traits = frozenset({"policy", "own_step"})

        def step(self, telemetry: Telemetry) -> float:
            context = torch.randn(64, 8)
            chances = torch.distributions.Categorical(logits=self.model(context))
            chosen = chances.sample()
            reward = (context @ truth).tanh().gather(1, chosen[:, None])[:, 0] + 0.1 * torch.randn(64)
            loss = -((reward - reward.mean()) * chances.log_prob(chosen)).mean() - 0.01 * chances.entropy().mean()
            self.zero_grad()
            loss.backward()
            telemetry.look()
            self.clip()
            self.take_step()
            telemetry.step(
                loss.item(), samples=64, reward=reward.mean().item(), entropy=chances.entropy().mean().item()
            )
            return loss.item()

        def validate(self) -> Validation:
            return Validation(None, {})

    model = Mlp(8, 32, 5, activation=nn.Tanh)
    return Bandit(model, [torch.optim.Adam(model.parameters(), 5e-3)], epochs=5, batches=50, regime=Regime(clip=0.5))
