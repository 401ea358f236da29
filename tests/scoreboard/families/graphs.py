"""Families on graphs."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.scoreboard.families import data
from tests.scoreboard.families.listing import family
from tests.scoreboard.families.nets import Convolution
from tests.scoreboard.families.training import Outcome, Regime, Supervised, Training, Validation, accuracy


@family
def graph_nodes() -> Training:
    """Groups of nodes from one graph, all of it in every step, so that an epoch is one step."""
    nodes, edges, group = data.graph()
    trained = torch.rand(len(group)) < 0.5

    class Whole(Training):
        traits = frozenset({"whole", "relu"})

        def pairs(self) -> Iterator[tuple[Tensor, Tensor]]:
            yield nodes, group

        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            outputs = self.model(functional.dropout(inputs, 0.3, training=self.model.training), edges)
            return Outcome(functional.cross_entropy(outputs[trained], targets[trained]), outputs)

        def validate(self) -> Validation:
            self.model.eval()
            with torch.no_grad():
                outputs = self.model(nodes, edges)[~trained]
            self.model.train()
            loss = functional.cross_entropy(outputs, group[~trained])
            return Validation(float(loss), {"accuracy": accuracy(outputs, group[~trained])})

    model = Convolution(12, 4)
    return Whole(model, [torch.optim.Adam(model.parameters(), 0.01, weight_decay=5e-4)], epochs=150, batches=1)


@family
def graph_molecules() -> Training:
    """Small graphs in batches, a class for each, mean over the nodes."""
    size = 10
    dense = torch.randint(2, (900,))
    chance = torch.where(dense == 1, 0.45, 0.25)[:, None, None]
    edges = (torch.rand(900, size, size) < chance).float().triu(1)
    edges = edges + edges.mT + torch.eye(size)
    scale = edges.sum(2).rsqrt()
    degree = edges.sum(2, keepdim=True) / 4
    edges = scale[..., None] * edges * scale[:, None]
    nodes = torch.cat([degree, torch.randn(900, size, 5)], 2)

    class Graphs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mix, self.head = Convolution(6, 16), nn.Linear(16, 2)

        def forward(self, nodes: Tensor, edges: Tensor) -> Tensor:
            return self.head(torch.relu(self.mix(nodes, edges)).mean(1))

    model = Graphs()
    return Supervised(
        *data.parted((nodes, edges), dense, 160),
        model,
        functional.cross_entropy,
        [torch.optim.AdamW(model.parameters(), 4e-3)],
        traits="supervised relu classes",
        metric=accuracy,
        size=16,
        epochs=6,
    )


@family
def graph_links() -> Training:
    """Missing links from the product of two nodes' codes, random pairs as contrast."""
    nodes, edges, _ = data.graph(nodes=160)
    there = (edges > 0).triu(1).nonzero()

    class Links(Training):
        traits = frozenset({"relu"})

        def pairs(self) -> Iterator[tuple[Tensor, Tensor]]:
            for _ in range(self.batches):
                good = there[torch.randint(len(there), (64,))]
                pair = torch.cat([good, torch.randint(len(nodes), (64, 2))])
                yield pair, torch.cat([torch.ones(64), torch.zeros(64)])

        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            code = self.model(nodes, edges)
            score = (code[inputs[:, 0]] * code[inputs[:, 1]]).sum(1)
            return Outcome(functional.binary_cross_entropy_with_logits(score, targets), score)

        def validate(self) -> Validation:
            with torch.no_grad():
                inputs, targets = next(self.pairs())
                return Validation(float(self.compute(inputs, targets).loss), {})

    model = Convolution(12, 12)
    return Links(model, [torch.optim.Adam(model.parameters(), 5e-3)], epochs=6, batches=40, regime=Regime())
