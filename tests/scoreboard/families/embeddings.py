"""Families with tables of embeddings: recommenders and word vectors, sparse and dense."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.scoreboard.families import data
from tests.scoreboard.families.listing import family
from tests.scoreboard.families.nets import Mlp
from tests.scoreboard.families.training import Outcome, Supervised, Training, r2


@family
def recommender_sparse() -> Training:
    """Ratings from sparse tables of users and items and a small network, SparseAdam and Adam."""

    class Recommender(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.users, self.items = nn.Embedding(200, 8, sparse=True), nn.Embedding(150, 8, sparse=True)
            self.top = Mlp(24, 32, 1)

        def forward(self, user: Tensor, item: Tensor) -> Tensor:
            left, right = self.users(user), self.items(item)
            return self.top(torch.cat([left, right, left * right], 1)).squeeze(1)

    model = Recommender()
    tables = [model.users.weight, model.items.weight]
    both = [torch.optim.SparseAdam(tables, 0.01), torch.optim.Adam(model.top.parameters(), 2e-3)]
    return Supervised(
        *data.parted(*data.ratings()),
        model,
        functional.mse_loss,
        both,
        traits="regression supervised",
        metric=r2,
        metric_name="r2",
        size=128,
        epochs=6,
    )


@family
def recommender_factors() -> Training:
    """Ratings by the product of two factors, dense tables, plain SGD."""

    class Factors(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.users, self.items = nn.Embedding(200, 8), nn.Embedding(150, 8)
            for table in (self.users, self.items):
                nn.init.normal_(table.weight, std=0.3)

        def forward(self, user: Tensor, item: Tensor) -> Tensor:
            return (self.users(user) * self.items(item)).sum(1)

    model = Factors()
    return Supervised(
        *data.parted(*data.ratings()),
        model,
        functional.mse_loss,
        [torch.optim.SGD(model.parameters(), 0.5, momentum=0.9)],
        traits="regression supervised",
        metric=r2,
        metric_name="r2",
        size=128,
        epochs=8,
    )


@family
def recommender_towers() -> Training:
    """What a user takes rather than something at random (BPR), two towers, sparse SGD."""
    (user, item), liked = data.ratings(rows=8000)
    chosen = liked > 0.3

    class Towers(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.users, self.items = nn.Embedding(200, 8, sparse=True), nn.Embedding(150, 8, sparse=True)

        def forward(self, user: Tensor, item: Tensor) -> Tensor:
            other = torch.randint(150, item.shape)
            return (self.users(user) * (self.items(item) - self.items(other))).sum(1)

    def prefer(outputs: Tensor, truth: Tensor) -> Tensor:
        return functional.softplus(-outputs).mean()

    model = Towers()
    pairs = (user[chosen], item[chosen])
    return Supervised(
        *data.parted(pairs, torch.ones(int(chosen.sum()))),
        model,
        prefer,
        [torch.optim.SGD(model.parameters(), 3.0)],
        traits="",
        size=64,
    )


@family
def word_vectors() -> Training:
    """Words from their neighbours with random others as contrast (word2vec), sparse Adam."""
    text = data.text(rows=400, length=20, vocabulary=60).flatten()
    centre, near = text[:-1], text[1:]

    class Words(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.outer = nn.Embedding(60, 16, sparse=True), nn.Embedding(60, 16, sparse=True)
            nn.init.zeros_(self.outer.weight)

        def forward(self, centre: Tensor, near: Tensor) -> Tensor:
            other = torch.randint(60, (len(near), 5))
            word = self.inner(centre)
            good = (word * self.outer(near)).sum(1, keepdim=True)
            return torch.cat([good, -(word[:, None] * self.outer(other)).sum(2)], 1)

    def contrast(outputs: Tensor, truth: Tensor) -> Tensor:
        return functional.softplus(-outputs).sum(1).mean()

    model = Words()
    return Supervised(
        *data.parted((centre, near), torch.ones(len(near))),
        model,
        contrast,
        [torch.optim.SparseAdam(list(model.parameters()), 0.01)],
        traits="",
        size=128,
    )


@family
def clicks() -> Training:
    """Clicks from categories and numbers: a wide and a deep part, bags of embeddings, Adagrad."""
    codes = torch.stack([(n * torch.rand(4096).square()).long() for n in (80, 50, 30)], 1)
    numbers = torch.randn(4096, 6)
    effect = [torch.randn(n) for n in (80, 50, 30)]
    score = sum(effect[i][codes[:, i]] for i in range(3)) + numbers[:, 0] - 1.5
    clicked = (torch.rand(4096) < score.sigmoid()).float()

    class Wide(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tables = nn.ModuleList(nn.Embedding(n, 8) for n in (80, 50, 30))
            self.wide, self.deep = nn.Linear(6, 1), Mlp(30, 32, 1)

        def forward(self, codes: Tensor, numbers: Tensor) -> Tensor:
            parts = [table(codes[:, i]) for i, table in enumerate(self.tables)]
            return (self.wide(numbers) + self.deep(torch.cat([*parts, numbers], 1))).squeeze(1)

    model = Wide()
    return Supervised(
        *data.parted((codes, numbers), clicked),
        model,
        functional.binary_cross_entropy_with_logits,
        [torch.optim.Adagrad(model.parameters(), 0.05)],
        traits="supervised binary",
        size=64,
        epochs=6,
    )


@family
def next_item() -> Training:
    """The next item of a session by attention over the items before, cross-entropy over all items."""
    sessions = data.text(rows=900, length=9, vocabulary=60)

    class Session(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.items = nn.Embedding(60, 24)
            self.query = nn.Linear(24, 24)

        def forward(self, items: Tensor) -> Tensor:
            found = self.items(items)
            weight = functional.softmax((found * self.query(found[:, -1:])).sum(2) / 5, dim=1)
            return (weight[..., None] * found).sum(1) @ self.items.weight.T

    class Choice(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            outputs = self.model(inputs)
            return Outcome(self.criterion(outputs, targets), outputs)

    model = Session()
    return Choice(
        *data.parted(sessions[:, :-1], sessions[:, -1], 128),
        model,
        functional.cross_entropy,
        [torch.optim.Adam(model.parameters(), 5e-3)],
        traits="classes tokens supervised",
        size=16,
        epochs=6,
    )
