"""Small networks, each as people write it."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional


class Mlp(nn.Sequential):
    """Linear layers with an activation between them."""

    def __init__(self, *widths: int, activation: type[nn.Module] = nn.ReLU, dropout: float = 0.0) -> None:
        """``widths`` are those of inputs, hidden layers and outputs."""
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), activation()]
            layers += [nn.Dropout(dropout)] if dropout else []
        super().__init__(*layers[: -2 if dropout else -1])


class TwoPart(nn.Module):
    """An encoder, and a head on top of it."""

    def __init__(self, encoder: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head

    def forward(self, *inputs: Tensor) -> Tensor:
        """Run both."""
        return self.head(self.encoder(*inputs))


class Tokens(nn.Module):
    """Embedded tokens, a recurrent network, and scores of the next token at each place."""

    def __init__(self, vocabulary: int, width: int = 32, cell: type[nn.Module] = nn.GRU) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocabulary, width)
        self.rnn = cell(width, width, batch_first=True)
        self.head = nn.Linear(width, vocabulary)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return scores of shape rows, places, vocabulary."""
        return self.head(self.rnn(self.embed(tokens))[0])


class Block(nn.Module):
    """A transformer block that normalises first."""

    def __init__(self, width: int, heads: int = 2) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.heads = heads

    def forward(self, x: Tensor, *, is_causal: bool) -> Tensor:
        """Mix places, then features."""
        q, k, v = (
            each.unflatten(-1, (self.heads, -1)).transpose(1, 2) for each in self.qkv(self.norm1(x)).chunk(3, -1)
        )
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=is_causal)
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        return x + self.mlp(self.norm2(x))


class Gpt(nn.Module):
    """A small causal transformer."""

    def __init__(self, vocabulary: int, length: int, width: int = 32, depth: int = 2, *, is_tied: bool = False) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
        nn.init.normal_(self.tokens.weight, std=0.02)
        nn.init.normal_(self.places.weight, std=0.02)
        self.blocks = nn.ModuleList(Block(width) for _ in range(depth))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)
        if is_tied:
            self.head.weight = self.tokens.weight
        self.is_causal = True

    def forward(self, tokens: Tensor) -> Tensor:
        """Return scores of shape rows, places, vocabulary."""
        x = self.tokens(tokens) + self.places.weight[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x, is_causal=self.is_causal)
        return self.head(self.norm(x))


class Vit(nn.Module):
    """A transformer on patches of an image."""

    def __init__(self, side: int, patch: int, num: int, width: int = 32, depth: int = 2) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, width, patch, patch)
        self.places = nn.Parameter(0.02 * torch.randn((side // patch) ** 2, width))
        self.blocks = nn.ModuleList(Block(width) for _ in range(depth))
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, num))

    def forward(self, images: Tensor) -> Tensor:
        """Return scores of the classes."""
        x = self.patches(images).flatten(2).transpose(1, 2) + self.places
        for block in self.blocks:
            x = block(x, is_causal=False)
        return self.head(x.mean(1))


class Mixer(nn.Module):
    """An MLP-mixer on patches."""

    def __init__(self, side: int, patch: int, num: int, width: int = 32) -> None:
        super().__init__()
        places = (side // patch) ** 2
        self.patches = nn.Conv2d(1, width, patch, patch)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.across = nn.Sequential(nn.Linear(places, 2 * places), nn.GELU(), nn.Linear(2 * places, places))
        self.along = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.head = nn.Linear(width, num)

    def forward(self, images: Tensor) -> Tensor:
        """Return scores of the classes."""
        x = self.patches(images).flatten(2).transpose(1, 2)
        x = x + self.across(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        x = x + self.along(self.norm2(x))
        return self.head(x.mean(1))


class Residual(nn.Module):
    """Two convolutions with batch norm and a way around them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Add to the input."""
        return torch.relu(x + self.second(torch.relu(self.first(x))))


def cnn(num: int, channels: int = 8, side: int = 12) -> nn.Sequential:
    """Return a plain convolutional network with batch norm."""
    return nn.Sequential(
        nn.Conv2d(1, channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(channels, 2 * channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(2 * channels),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(2 * channels * (side // 4) ** 2, num),
    )


def resnet(num: int, channels: int = 8) -> nn.Sequential:
    """Return a small residual network."""
    return nn.Sequential(
        nn.Conv2d(1, channels, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        Residual(channels),
        Residual(channels),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(4 * channels, num),
    )


class Unet(nn.Module):
    """Down, up, and a way across."""

    def __init__(self, channels: int = 8) -> None:
        super().__init__()
        self.enter = nn.Sequential(nn.Conv2d(1, channels, 3, padding=1), nn.ReLU())
        self.down = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(channels, 2 * channels, 3, padding=1), nn.ReLU())
        self.up = nn.ConvTranspose2d(2 * channels, channels, 2, 2)
        self.leave = nn.Conv2d(2 * channels, 1, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        """Return a score for each pixel."""
        top = self.enter(images)
        return self.leave(torch.cat([top, self.up(self.down(top))], 1))


class Experts(nn.Module):
    """A mixture of experts of which each row is given to the best one or two; keeps the balance of the last batch."""

    def __init__(self, inputs: int, outputs: int, experts: int = 8, best: int = 1, width: int = 24) -> None:
        super().__init__()
        self.gate = nn.Linear(inputs, experts)
        self.experts = nn.ModuleList(Mlp(inputs, width, outputs, activation=nn.GELU) for _ in range(experts))
        self.best = best
        self.balance = torch.zeros(())

    def forward(self, x: Tensor) -> Tensor:
        """Return the weighted outputs of the chosen experts."""
        share = functional.softmax(self.gate(x), dim=-1)
        weight, chosen = share.topk(self.best, dim=-1)
        out = x.new_zeros(len(x), self.experts[0][-1].out_features)
        for number, expert in enumerate(self.experts):
            rows, place = (chosen == number).nonzero(as_tuple=True)
            if len(rows):
                out = out.index_add(0, rows, weight[rows, place, None] * expert(x[rows]))
        used = functional.one_hot(chosen, len(self.experts)).float().sum(1).mean(0) / self.best
        self.balance = len(self.experts) * (used * share.mean(0)).sum()
        return out


class Adapter(nn.Module):
    """A frozen linear layer and a trained change of low rank that begins at zero (LoRA)."""

    def __init__(self, base: nn.Linear, rank: int = 4) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.a = nn.Parameter(torch.randn(rank, base.in_features) / base.in_features**0.5)
        self.b = nn.Parameter(torch.zeros(base.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        """Return both together."""
        return self.base(x) + x @ self.a.T @ self.b.T


class Convolution(nn.Module):
    """A graph network: two mixings over the edges."""

    def __init__(self, inputs: int, outputs: int, width: int = 24) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(inputs, width), nn.Linear(width, outputs)

    def forward(self, nodes: Tensor, edges: Tensor) -> Tensor:
        """Return the outputs of each node; graphs may be stacked in front."""
        return self.second(edges @ torch.relu(self.first(edges @ nodes)))
