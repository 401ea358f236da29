"""Families of text: tags, spans, short texts, prompts, biases alone, adapters, one pass over the data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.checkpoint import checkpoint

from tests.scoreboard.families import data
from tests.scoreboard.families.listing import fourth_family
from tests.scoreboard.families.nets import Block, Gpt
from tests.scoreboard.families.training import Outcome, Regime, Supervised, Training, Validation, accuracy
from trainer.telemetry import Telemetry

PAD = -100


def _by_place(outputs: Tensor, truth: Tensor) -> Tensor:
    return functional.cross_entropy(outputs.flatten(0, 1), truth.flatten(), ignore_index=PAD)


def _hits(outputs: Tensor, truth: Tensor) -> float:
    known = truth != PAD
    return float((outputs.argmax(-1)[known] == truth[known]).float().mean())


def _linear_decay(optimizer: torch.optim.Optimizer, steps: int) -> LambdaLR:
    """Warm up for a tenth of the steps, then fall linearly to 0."""
    warm = max(1, steps // 10)
    return LambdaLR(optimizer, lambda step: min((step + 1) / warm, (steps - step) / (steps - warm)))


@fourth_family
def tags_of_words() -> Training:
    """A tag for each word from both sides, padding left out of the loss, mostly the tag 'none' (NER); AdamW."""
    words = torch.randint(2, 60, (900, 16))
    tags = torch.where(words < 8, 1, 0)
    tags[:, 1:] = torch.where((words[:, :-1] < 8) & (words[:, 1:] > 40), 2, tags[:, 1:])
    length = torch.randint(6, 17, (900, 1))
    is_pad = torch.arange(16) >= length
    words, tags = words.masked_fill(is_pad, 0), tags.masked_fill(is_pad, PAD)

    class Tagger(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(60, 24, padding_idx=0)
            self.lstm = nn.LSTM(24, 24, batch_first=True, bidirectional=True)
            self.head = nn.Linear(48, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.lstm(self.embed(x))[0])

    model = Tagger()
    return Supervised(
        *data.parted(words, tags, 150),
        model,
        _by_place,
        [torch.optim.AdamW(model.parameters(), 4e-3)],
        traits="supervised tokens",
        metric=_hits,
        size=25,
        epochs=5,
        regime=Regime(schedule=_linear_decay),
    )


@fourth_family
def answers_by_span() -> Training:
    """Where an answer begins and ends in a text, two losses halved (SQuAD), a transformer from both sides."""
    words = torch.randint(4, 40, (900, 20))
    begin = torch.randint(0, 14, (900,))
    end = begin + torch.randint(1, 6, (900,))
    rows = torch.arange(900)
    words[rows, begin], words[rows, end] = 1, 2
    is_wrong = torch.rand(900) < 0.1
    begin[is_wrong] = torch.randint(0, 14, (int(is_wrong.sum()),))

    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.places = nn.Embedding(40, 24), nn.Parameter(0.1 * torch.randn(20, 24))
            self.blocks = nn.ModuleList(Block(24) for _ in range(2))
            self.head = nn.Linear(24, 2)

        def forward(self, x: Tensor) -> Tensor:
            x = self.embed(x) + self.places
            for block in self.blocks:
                x = block(x, is_causal=False)
            return self.head(x).transpose(1, 2)

    def halves(outputs: Tensor, truth: Tensor) -> Tensor:
        return (
            functional.cross_entropy(outputs[:, 0], truth[:, 0]) + functional.cross_entropy(outputs[:, 1], truth[:, 1])
        ) / 2

    def exact(outputs: Tensor, truth: Tensor) -> float:
        return float((outputs.argmax(2) == truth).all(1).float().mean())

    model = Reader()
    return Supervised(
        *data.parted(words, torch.stack([begin, end], 1), 150),
        model,
        halves,
        [torch.optim.AdamW(model.parameters(), 2e-3)],
        traits="supervised tokens",
        metric=exact,
        metric_name="exact_match",
        size=25,
        epochs=5,
        regime=Regime(schedule=_linear_decay, clip=1.0),
    )


class _Sentences(nn.Module):
    """A transformer from both sides, the mean over places, a head."""

    def __init__(self, num: int = 2, width: int = 24) -> None:
        super().__init__()
        self.embed, self.places = nn.Embedding(50, width), nn.Parameter(0.02 * torch.randn(16, width))
        self.blocks = nn.ModuleList(Block(width) for _ in range(2))
        self.head = nn.Linear(width, num)

    def codes(self, x: Tensor) -> Tensor:
        x = self.embed(x) + self.places
        for block in self.blocks:
            x = block(x, is_causal=False)
        return x.mean(1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.codes(x))


def _sentences(num: int = 2, rows: int = 900) -> tuple[Tensor, Tensor]:
    words, weights = torch.randint(50, (rows, 16)), torch.randn(50, num)
    return words, (weights[words].sum(1) + 0.5 * torch.randn(rows, num)).argmax(1)


@fourth_family
def model_with_its_loss() -> Training:
    """Short texts in three classes; the model returns a dictionary with loss and logits, as in transformers (GLUE)."""

    class WithLoss(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = _Sentences(3)

        def forward(self, input_ids: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
            logits = self.encoder(input_ids)
            found = {"logits": logits}
            if labels is not None:
                found["loss"] = functional.cross_entropy(logits, labels)
            return found

    class Returned(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            found = self.model(input_ids=inputs, labels=targets)
            return Outcome(found["loss"], found["logits"])

    model = WithLoss()
    return Returned(
        *data.parted(*_sentences(3), 150),
        model,
        functional.cross_entropy,
        [torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=0.01)],
        traits="supervised tokens",
        metric=accuracy,
        size=25,
        epochs=5,
        regime=Regime(schedule=_linear_decay, clip=1.0),
    )


@fourth_family
def words_by_characters() -> Training:
    """From which of three languages a word is, by convolutions over its characters and their maximum, Adadelta."""
    chains = [data.text(rows=450, length=10, vocabulary=26, sharpness=2.0) for _ in range(3)]
    order = torch.randperm(1350)
    words, labels = torch.cat(chains)[order], torch.arange(3).repeat_interleave(450)[order]

    class Characters(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(26, 12)
            self.convs = nn.ModuleList(nn.Conv1d(12, 16, width) for width in (2, 3, 4))
            self.head = nn.Linear(48, 3)

        def forward(self, x: Tensor) -> Tensor:
            x = self.embed(x).transpose(1, 2)
            return self.head(torch.cat([conv(x).relu().amax(2) for conv in self.convs], 1))

    model = Characters()
    return Supervised(
        *data.parted(words, labels, 200),
        model,
        functional.cross_entropy,
        [torch.optim.Adadelta(model.parameters(), 1.0)],
        traits="classes tokens supervised",
        metric=accuracy,
        epochs=6,
    )


@fourth_family
def inverse_root() -> Training:
    """A causal transformer whose rate rises for long and then falls by the root of the step (Noam), Adam with 0.98."""
    inputs, targets = data.next_tokens(rows=700)
    model = Gpt(24, 24)
    warm = 60

    def noam(optimizer: torch.optim.Optimizer, steps: int) -> LambdaLR:
        return LambdaLR(optimizer, lambda step: min((step + 1) ** -0.5, (step + 1) * warm**-1.5) * warm**0.5)

    return Supervised(
        *data.parted(inputs, targets, 100),
        model,
        _by_place,
        [torch.optim.Adam(model.parameters(), 3e-3, betas=(0.9, 0.98), eps=1e-9)],
        traits="language tokens supervised",
        metric=_hits,
        size=20,
        epochs=6,
        regime=Regime(schedule=noam),
    )


def _trained_gpt(inputs: Tensor, targets: Tensor) -> Gpt:
    """Return a small language model that has learnt these sequences for a while."""
    model = Gpt(24, 32)
    optimizer = torch.optim.AdamW(model.parameters(), 4e-3)
    for _ in range(60):
        rows = torch.randint(len(inputs), (32,))
        optimizer.zero_grad()
        _by_place(model(inputs[rows]), targets[rows]).backward()
        optimizer.step()
    return model


@fourth_family
def soft_prompt() -> Training:
    """A frozen language model with eight trained codes before each text (prompt tuning), a high rate, declared."""
    inputs, targets = data.next_tokens(rows=800)
    base = _trained_gpt(*data.next_tokens(rows=300)).requires_grad_(False)

    class Prompted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.prompt, self.base = nn.Parameter(0.5 * torch.randn(8, 32)), base

        def forward(self, x: Tensor) -> Tensor:
            x = self.base.tokens(x) + self.base.places.weight[8 : 8 + x.shape[1]]
            x = torch.cat([self.prompt.expand(len(x), -1, -1), x], 1)
            for block in self.base.blocks:
                x = block(x, is_causal=True)
            return self.base.head(self.base.norm(x))[:, 8:]

    model = Prompted()
    return Supervised(
        *data.parted(inputs, targets, 100),
        model,
        _by_place,
        [torch.optim.AdamW([model.prompt], 0.03)],
        traits="",
        metric=_hits,
        size=20,
        epochs=5,
        regime=Regime(intent={"freeze": ["base"]}),
    )


@fourth_family
def biases_only() -> Training:
    """A trained language model on other text: its biases, norms and head are trained (BitFit); nothing declared."""
    inputs, targets = data.next_tokens(rows=800)
    model = _trained_gpt(*data.next_tokens(rows=300))
    for name, weight in model.named_parameters():
        weight.requires_grad_("bias" in name or "norm" in name or name.startswith("head"))
    return Supervised(
        *data.parted(inputs, targets, 100),
        model,
        _by_place,
        [torch.optim.AdamW([w for w in model.parameters() if w.requires_grad], 3e-3)],
        traits="",
        metric=_hits,
        size=20,
        epochs=5,
    )


@fourth_family
def adapters_between() -> Training:
    """Narrow layers that begin at zero between the frozen blocks of a trained model (adapters), classes of texts."""
    base = _Sentences(4)
    old, labels = _sentences(4, 400)
    optimizer = torch.optim.AdamW(base.parameters(), 3e-3)
    for _ in range(40):
        rows = torch.randint(400, (32,))
        optimizer.zero_grad()
        functional.cross_entropy(base(old[rows]), labels[rows]).backward()
        optimizer.step()
    base.requires_grad_(False)

    class Narrow(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner, self.down, self.up = inner, nn.Linear(24, 6), nn.Linear(6, 24)
            nn.init.zeros_(self.up.weight)
            nn.init.zeros_(self.up.bias)

        def forward(self, x: Tensor, *, is_causal: bool) -> Tensor:
            x = self.inner(x, is_causal=is_causal)
            return x + self.up(functional.gelu(self.down(x)))

    base.blocks = nn.ModuleList(Narrow(block) for block in base.blocks)
    base.head = nn.Linear(24, 3)
    return Supervised(
        *data.parted(*_sentences(3), 150),
        base,
        functional.cross_entropy,
        [torch.optim.AdamW([w for w in base.parameters() if w.requires_grad], 4e-3)],
        traits="",
        metric=accuracy,
        size=25,
        epochs=5,
    )


@fourth_family
def one_pass() -> Training:
    """One epoch of 220 steps, no row seen twice, validated once at the end; a language model, warm-up and decay."""
    inputs, targets = data.next_tokens(rows=2300, length=16)
    model = Gpt(24, 16)
    return Supervised(
        *data.parted(inputs, targets, 100),
        model,
        _by_place,
        [torch.optim.AdamW(model.parameters(), 3e-3, betas=(0.9, 0.95), weight_decay=0.1)],
        traits="language tokens supervised",
        metric=_hits,
        size=10,
        epochs=1,
        regime=Regime(schedule=_linear_decay, clip=1.0),
    )


@fourth_family
def blocks_computed_twice() -> Training:
    """Blocks that keep nothing for the backward pass and are computed again in it (checkpointing), bfloat16."""

    class Twice(_Sentences):
        def codes(self, x: Tensor) -> Tensor:
            x = self.embed(x) + self.places
            for block in self.blocks:
                x = checkpoint(block, x, is_causal=False, use_reentrant=False)
            return x.mean(1)

    model = Twice(4)
    return Supervised(
        *data.parted(*_sentences(4), 150),
        model,
        functional.cross_entropy,
        [torch.optim.AdamW(model.parameters(), 2e-3)],
        traits="classes tokens supervised",
        metric=accuracy,
        size=25,
        epochs=4,
        regime=Regime(precision="bfloat16"),
    )


@fourth_family
def returns_as_goals() -> Training:
    """What to do next from the return that is asked for, states and moves before (Decision Transformer)."""
    rows, length = 700, 12
    state, moves = torch.zeros(rows, length, 2), torch.zeros(rows, length, 2)
    place = torch.randn(rows, 2)
    for step in range(length):
        move = -0.3 * place + 0.3 * torch.randn(rows, 1) * torch.randn(rows, 2)
        state[:, step], moves[:, step] = place, move
        place = place + move
    cost = state.square().sum(2)
    ahead = -cost.flip(1).cumsum(1).flip(1)[..., None] / 10
    inputs = torch.cat([ahead, state, torch.cat([torch.zeros(rows, 1, 2), moves[:, :-1]], 1)], 2)

    class Decider(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.enter, self.places = nn.Linear(5, 24), nn.Parameter(0.02 * torch.randn(length, 24))
            self.blocks = nn.ModuleList(Block(24) for _ in range(2))
            self.head = nn.Linear(24, 2)

        def forward(self, x: Tensor) -> Tensor:
            x = self.enter(x) + self.places
            for block in self.blocks:
                x = block(x, is_causal=True)
            return self.head(x).tanh() * 2

    model = Decider()
    return Supervised(
        *data.parted(inputs, moves, 100),
        model,
        functional.mse_loss,
        [torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=1e-4)],
        traits="features supervised values",
        size=20,
        epochs=6,
        regime=Regime(clip=0.25),
    )


@fourth_family
def episodes_of_few() -> Training:
    """Each batch is a task: five rows of each of four classes show where the others belong (prototypes)."""
    centres = torch.randn(40, 16)

    def task(first: int, last: int) -> tuple[Tensor, Tensor]:
        chosen = first + torch.randperm(last - first)[:4]
        return centres[chosen].repeat_interleave(15, 0) + 1.2 * torch.randn(60, 16), torch.arange(4).repeat_interleave(
            15
        )

    held = [task(30, 40) for _ in range(12)]

    class Episodes(Training):
        def pairs(self) -> Iterator[tuple[Any, Any]]:
            for _ in range(self.batches):
                yield task(0, 30)

        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            codes = self.model(inputs).view(4, 15, -1)
            means, asked = codes[:, :5].mean(1), codes[:, 5:].flatten(0, 1)
            outputs = -torch.cdist(asked, means).square()
            return Outcome(functional.cross_entropy(outputs, torch.arange(4).repeat_interleave(10)), outputs)

        def validate(self) -> Validation:
            self.model.eval()
            with torch.no_grad():
                found = [self.compute(*each) for each in held]
            self.model.train()
            truth = torch.arange(4).repeat_interleave(10)
            hits = sum(float((each.outputs.argmax(1) == truth).float().mean()) for each in found) / len(found)
            return Validation(float(sum(each.loss for each in found)) / len(found), {"accuracy": hits})

        def step(self, telemetry: Telemetry) -> float:
            return super().step(telemetry)

    model = nn.Sequential(nn.Linear(16, 48), nn.ReLU(), nn.Linear(48, 16))
    return Episodes(model, [torch.optim.Adam(model.parameters(), 1e-3)], epochs=6, batches=40)
