"""Families that learn from another network, from its own guesses, or from something trained before."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.scoreboard.families import data
from tests.scoreboard.families.listing import fifth_family
from tests.scoreboard.families.nets import Gpt, Mlp
from tests.scoreboard.families.sequences import over_places
from tests.scoreboard.families.training import Outcome, Regime, Supervised, Training, accuracy
from trainer.telemetry import Telemetry


def _trained(model: nn.Module, loss_of: Callable[[], Tensor], steps: int, rate: float = 3e-3) -> nn.Module:
    optimizer = torch.optim.Adam(model.parameters(), rate)
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of().backward()
        optimizer.step()
    return model


@fifth_family
def student_of_a_teacher() -> Training:
    """A small network follows the soft answers of a larger one at temperature four, labels a little (distillation)."""
    inputs, labels = data.classes(rows=1700, num=6, noise=0.2)
    teacher = Mlp(16, 96, 96, 6)

    def loss_of() -> Tensor:
        rows = torch.randint(400, 1700, (128,))
        return functional.cross_entropy(teacher(inputs[rows]), labels[rows])

    _trained(teacher, loss_of, 120)

    class Student(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            outputs = self.model(inputs)
            with torch.no_grad():
                soft = (teacher(inputs) / 4).softmax(1)
            followed = 16 * functional.kl_div((outputs / 4).log_softmax(1), soft, reduction="batchmean")
            hard = functional.cross_entropy(outputs, targets)
            return Outcome(0.9 * followed + 0.1 * hard, outputs, {"kd": followed.item(), "ce": hard.item()})

    model = Mlp(16, 24, 6)
    return Student(
        *data.parted(inputs, labels),
        model,
        functional.cross_entropy,
        [torch.optim.SGD(model.parameters(), 0.05, momentum=0.9, weight_decay=5e-4)],
        traits="",
        metric=accuracy,
        epochs=6,
        regime=Regime(per_epoch=lambda each: torch.optim.lr_scheduler.CosineAnnealingLR(each, 6)),
    )


@fifth_family
def agrees_with_its_mean() -> Training:
    """Thirty labelled rows of two moons; on others a network agrees with the mean of its past, more and more so."""
    angle = 3.14 * torch.rand(1400)
    side = torch.randint(2, (1400,))
    flip = 1.0 - 2.0 * side.float()
    points = torch.stack([angle.cos() * flip + side, angle.sin() * flip + 0.5 * side], 1) + 0.1 * torch.randn(1400, 2)
    known = torch.arange(44, 74)
    model = Mlp(2, 64, 64, 2)
    mean = copy.deepcopy(model).requires_grad_(False)

    class MeanTeacher(Supervised):
        done = 0

        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            if not self.model.training:
                outputs = mean(inputs)
                return Outcome(self.criterion(outputs, targets), outputs)
            rows = known[torch.randint(30, (16,))]
            first = self.criterion(self.model(self.inputs[rows]), self.targets[rows])
            outputs = self.model(inputs + 0.1 * torch.randn_like(inputs))
            with torch.no_grad():
                wanted = mean(inputs + 0.1 * torch.randn_like(inputs)).softmax(1)
            apart = (outputs.softmax(1) - wanted).square().mean()
            weight = 10 * min(1.0, self.done / 100)
            return Outcome(first + weight * apart, outputs, {"class_loss": first.item(), "consistency": apart.item()})

        def take_step(self) -> None:
            super().take_step()
            self.done += 1
            with torch.no_grad():
                for slow, fast in zip(mean.parameters(), self.model.parameters(), strict=True):
                    slow.lerp_(fast, 0.05)

    return MeanTeacher(
        *data.parted(points, side),
        model,
        functional.cross_entropy,
        [torch.optim.Adam(model.parameters(), 3e-3, betas=(0.9, 0.99))],
        traits="",
        metric=accuracy,
        epochs=7,
    )


@fifth_family
def two_passes_agree() -> Training:
    """Texts in four classes by a two-way LSTM; passes with other dropout agree (R-Drop), AdamW, linear decay."""
    tokens = torch.cat([data.text(360, 14, 30, 1.6) for _ in range(4)])
    labels = torch.arange(4).repeat_interleave(360)
    order = torch.randperm(1440)

    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.drop = nn.Embedding(30, 32), nn.Dropout(0.3)
            self.rnn = nn.LSTM(32, 24, batch_first=True, bidirectional=True)
            self.head = nn.Linear(48, 4)

        def forward(self, words: Tensor) -> Tensor:
            return self.head(self.drop(self.rnn(self.drop(self.embed(words)))[0].mean(1)))

    class Twice(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            outputs = self.model(inputs)
            loss = self.criterion(outputs, targets)
            if self.model.training:
                other = self.model(inputs)
                left, right = outputs.log_softmax(1), other.log_softmax(1)
                apart = functional.kl_div(left, right, log_target=True, reduction="batchmean")
                back = functional.kl_div(right, left, log_target=True, reduction="batchmean")
                loss = (loss + self.criterion(other, targets)) / 2 + 0.5 * (apart + back)
            return Outcome(loss, outputs)

    model = Reader()
    return Twice(
        *data.parted(tokens[order], labels[order], 240),
        model,
        functional.cross_entropy,
        [torch.optim.AdamW(model.parameters(), 4e-3)],
        traits="tokens classes supervised",
        metric=accuracy,
        epochs=5,
        regime=Regime(schedule=lambda each, steps: torch.optim.lr_scheduler.LinearLR(each, 1.0, 0.05, steps)),
    )


@fifth_family
def thawed_from_the_top() -> Training:
    """A trained reader of texts for new classes: its head first, then a layer more each epoch (ULMFiT); declared."""
    tokens = torch.cat([data.text(330, 12, 24, 1.8) for _ in range(3)])
    labels = torch.arange(3).repeat_interleave(330)
    order = torch.randperm(990)
    tokens, labels = tokens[order], labels[order]

    class Layered(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(24, 24)
            self.low, self.high = (nn.GRU(24, 24, batch_first=True) for _ in range(2))
            self.head = nn.Linear(24, 3)

        def states(self, words: Tensor) -> Tensor:
            return self.high(self.low(self.embed(words))[0])[0]

        def forward(self, words: Tensor) -> Tensor:
            return self.head(self.states(words).amax(1))

    model, next_word = Layered(), nn.Linear(24, 24)

    def loss_of() -> Tensor:
        some = tokens[torch.randint(990, (64,))]
        return functional.cross_entropy(next_word(model.states(some[:, :-1])).flatten(0, 1), some[:, 1:].flatten())

    _trained(model, loss_of, 60)
    parts = {"high": model.high, "low": model.low, "embed": model.embed}
    for part in parts.values():
        part.requires_grad_(False)

    def thaw(training: Training, epoch: int, telemetry: Telemetry) -> None:
        name = {2: "high", 3: "low", 4: "embed"}.get(epoch)
        if name:
            telemetry.declare(unfreeze=[name])
            parts[name].requires_grad_(True)

    groups = [{"params": parts[name].parameters(), "lr": rate} for name, rate in (("high", 2e-3), ("low", 1e-3))]
    groups += [{"params": model.embed.parameters(), "lr": 5e-4}, {"params": model.head.parameters()}]
    return Supervised(
        *data.parted(tokens, labels, 190),
        model,
        functional.cross_entropy,
        [torch.optim.Adam(groups, 5e-3)],
        traits="",
        metric=accuracy,
        epochs=6,
        regime=Regime(intent={"freeze": list(parts)}, at_epoch=thaw),
    )


@fifth_family
def trained_a_little_more() -> Training:
    """A language model goes on where it was good already: the loss hardly moves; AdamW, low rate."""
    tokens, following = data.next_tokens(rows=900, length=16, vocabulary=20)
    model = Gpt(20, 16, depth=1)

    def loss_of() -> Tensor:
        rows = torch.randint(200, 900, (64,))
        return over_places(model(tokens[rows]), following[rows])

    _trained(model, loss_of, 120, 5e-3)
    return Supervised(
        *data.parted(tokens, following, 200),
        model,
        over_places,
        [torch.optim.AdamW(model.parameters(), 1e-4, weight_decay=0.1)],
        traits="language tokens supervised classes attention",
        epochs=6,
        size=20,
        regime=Regime(clip=1.0),
    )


@fifth_family
def averaged_over_clients() -> Training:
    """Five clients each train a little on rows of their own; their mean move is the gradient of the server's Adam."""
    inputs, labels = data.classes(rows=1500, num=4)
    parts = (torch.arange(1244) % 5).sort().indices.reshape(-1)[:1240].reshape(5, 248)

    class Federated(Supervised):
        def pairs(self) -> Iterator[tuple[Any, Any]]:
            for _ in range(self.batches):
                rows = torch.stack([part[torch.randperm(248)[:60]] for part in parts])
                yield self.inputs[rows], self.targets[rows]

        def step(self, telemetry: Telemetry) -> float:
            batches, wanted = self.batch()
            self.zero_grad()
            moves = [torch.zeros_like(w) for w in self.model.parameters()]
            losses = []
            for rows, truth in zip(batches, wanted, strict=True):
                client = copy.deepcopy(self.model)
                descent = torch.optim.SGD(client.parameters(), 0.05)
                for x, y in zip(rows.split(20), truth.split(20), strict=True):
                    descent.zero_grad()
                    loss = functional.cross_entropy(client(x), y)
                    loss.backward()
                    descent.step()
                    losses.append(float(loss))
                for move, before, after in zip(moves, self.model.parameters(), client.parameters(), strict=True):
                    move += (before - after).detach() / 5
            for weight, move in zip(self.model.parameters(), moves, strict=True):
                weight.grad = move
            telemetry.look()
            self.clip()
            self.take_step()
            total = sum(losses) / len(losses)
            telemetry.step(total, samples=300)
            return total

    model = Mlp(16, 40, 4)
    training = Federated(
        *data.parted(inputs, labels),
        model,
        functional.cross_entropy,
        [torch.optim.Adam(model.parameters(), 2e-3)],
        traits="whole own_step",
        metric=accuracy,
        epochs=5,
    )
    training.batches = 16
    return training
