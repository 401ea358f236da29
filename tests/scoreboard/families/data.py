"""Made-up data with something to learn, of each kind that the families need. Rows come first; seeds are torch's own."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from tests.scoreboard.families.training import taken

Pair = tuple[Tensor, Tensor]


def parted(inputs: object, targets: Tensor, held: int = 256) -> tuple[tuple, tuple]:
    """Return the samples to train on, and the held ones."""
    rows = torch.arange(len(targets))
    return (taken(inputs, rows[held:]), targets[held:]), (taken(inputs, rows[:held]), targets[:held])


def features(rows: int = 1536, width: int = 16) -> Tensor:
    """Return standardised features, somewhat correlated."""
    return torch.randn(rows, width) @ (torch.eye(width) + 0.2 * torch.randn(width, width) / math.sqrt(width))


def teacher(inputs: Tensor, outputs: int, width: int = 24) -> Tensor:
    """Return what a random network says of each row, standardised."""
    hidden = torch.tanh(inputs @ torch.randn(inputs.shape[-1], width) / math.sqrt(inputs.shape[-1]) * 1.5)
    found = hidden @ torch.randn(width, outputs)
    return (found - found.mean(0)) / found.std(0)


def classes(rows: int = 1536, width: int = 16, num: int = 5, noise: float = 0.3) -> Pair:
    """Return features and the class that a random network gives them, with noise before the choice."""
    inputs = features(rows, width)
    scores = teacher(inputs, num)
    return inputs, (scores + noise * torch.randn_like(scores)).argmax(1)


def values(rows: int = 1536, width: int = 16, outputs: int = 1, noise: float = 0.5) -> Pair:
    """Return features and noisy values with mean 0; the explained part has variance 1."""
    inputs = features(rows, width)
    found = teacher(inputs, outputs)
    return inputs, found + noise * torch.randn_like(found)


def images(rows: int = 768, num: int = 4, side: int = 12, channels: int = 1, noise: float = 0.6) -> Pair:
    """Return noisy images of stripes in ``num`` directions, standardised."""
    labels = torch.randint(num, (rows,))
    angle = labels.float() * math.pi / num + 0.1 * torch.randn(rows)
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    phase = torch.rand(rows, 1, 1) * 2 * math.pi
    along = x * torch.cos(angle)[:, None, None] + y * torch.sin(angle)[:, None, None]
    picture = torch.sin(along * 1.2 + phase)[:, None].expand(-1, channels, -1, -1)
    noisy = picture + noise * torch.randn(rows, channels, side, side)
    return noisy / noisy.std(), labels


def blobs(rows: int = 512, side: int = 16) -> tuple[Tensor, Tensor]:
    """Return images of discs on noise, and the masks of the discs (float, one channel)."""
    y, x = torch.meshgrid(torch.arange(side).float(), torch.arange(side).float(), indexing="ij")
    centre = 3 + torch.rand(rows, 2, 1, 1) * (side - 6)
    radius = 2 + torch.rand(rows, 1, 1) * 3
    mask = ((y - centre[:, 0]).square() + (x - centre[:, 1]).square() < radius.square()).float()[:, None]
    return mask * 1.5 - 0.5 + 0.7 * torch.randn(rows, 1, side, side), mask


def text(rows: int = 768, length: int = 24, vocabulary: int = 24, sharpness: float = 2.0) -> Tensor:
    """Return sequences of tokens from a random Markov chain of order 1."""
    chances = functional.softmax(sharpness * torch.randn(vocabulary, vocabulary), dim=1)
    found = torch.empty(rows, length, dtype=torch.long)
    found[:, 0] = torch.randint(vocabulary, (rows,))
    for place in range(1, length):
        found[:, place] = torch.multinomial(chances[found[:, place - 1]], 1).squeeze(1)
    return found


def next_tokens(rows: int = 768, length: int = 24, vocabulary: int = 24) -> Pair:
    """Return sequences, and the same ones moved by one place."""
    found = text(rows, length + 1, vocabulary)
    return found[:, :-1].contiguous(), found[:, 1:].contiguous()


def waves(rows: int = 768, length: int = 32, channels: int = 1) -> Pair:
    """Return noisy sums of two waves, and the value that comes next."""
    time = torch.arange(length + 1).float()
    speed = 0.2 + torch.rand(rows, channels, 2, 1)
    parts = torch.sin(time * speed + 6.3 * torch.rand(rows, channels, 2, 1))
    whole = parts.sum(2) + 0.1 * torch.randn(rows, channels, length + 1)
    return whole[..., :-1].transpose(1, 2).contiguous(), whole[:, :1, -1].contiguous()


def ratings(users: int = 200, items: int = 150, rows: int = 6000) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """Return pairs of user and item, long-tailed, and how much the user likes the item."""
    left, right = torch.randn(users, 4), torch.randn(items, 4)
    user = (users * torch.rand(rows).square()).long()
    item = (items * torch.rand(rows).square()).long()
    liked = (left[user] * right[item]).sum(1) / 2 + 0.3 * torch.randn(rows)
    return (user, item), liked


def graph(nodes: int = 240, groups: int = 4, width: int = 12) -> tuple[Tensor, Tensor, Tensor]:
    """Return the features of nodes, a normalised dense adjacency with more edges within groups, and the groups."""
    group = torch.randint(groups, (nodes,))
    chance = torch.where(group[:, None] == group[None, :], 0.08, 0.01)
    edges = (torch.rand(nodes, nodes) < chance).float().triu(1)
    edges = edges + edges.T + torch.eye(nodes)
    scale = edges.sum(1).rsqrt()
    inputs = torch.randn(nodes, width) + 0.6 * torch.randn(groups, width)[group]
    return inputs, scale[:, None] * edges * scale[None, :], group


def rings(rows: int) -> Tensor:
    """Return points of the plane around eight centres."""
    angle = torch.randint(8, (rows,)).float() * math.pi / 4
    return torch.stack([angle.cos(), angle.sin()], 1) * 1.4 + 0.15 * torch.randn(rows, 2)
