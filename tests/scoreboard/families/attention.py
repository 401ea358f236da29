"""Families of transformers beyond the plain one: rotary places, experts for tokens, preferences, hidden patches."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import LambdaLR

from tests.scoreboard.families import data
from tests.scoreboard.families.listing import later_family
from tests.scoreboard.families.nets import Block, Gpt, Mlp
from tests.scoreboard.families.optimizers import cosine
from tests.scoreboard.families.sequences import over_places
from tests.scoreboard.families.training import Outcome, Regime, Supervised, Training, accuracy


def _warm_stable_decay(optimizer: torch.optim.Optimizer, steps: int) -> LambdaLR:
    """Warm up, hold the rate, and let it fall in the last fifth."""
    return LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 15, max(0.05, (steps - step) / (0.2 * steps))))


class _Rotary(nn.Module):
    """A block with rotary places, root-mean-square norms and a gated feed-forward part."""

    def __init__(self, width: int, heads: int = 2) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.RMSNorm(width), nn.RMSNorm(width)
        self.wq, self.wk, self.wv, self.wo = (nn.Linear(width, width, bias=False) for _ in range(4))
        self.gate, self.up = nn.Linear(width, 2 * width, bias=False), nn.Linear(width, 2 * width, bias=False)
        self.down = nn.Linear(2 * width, width, bias=False)
        self.heads = heads

    def turned(self, x: Tensor) -> Tensor:
        half = x.shape[-1] // 2
        speed = 100.0 ** (-torch.arange(half) / half)
        angle = torch.arange(x.shape[-2])[:, None] * speed
        first, second = x.chunk(2, -1)
        return torch.cat([first * angle.cos() - second * angle.sin(), first * angle.sin() + second * angle.cos()], -1)

    def forward(self, x: Tensor, *, is_causal: bool) -> Tensor:
        normed = self.norm1(x)
        q, k, v = (w(normed).unflatten(-1, (self.heads, -1)).transpose(1, 2) for w in (self.wq, self.wk, self.wv))
        mixed = functional.scaled_dot_product_attention(self.turned(q), self.turned(k), v, is_causal=is_causal)
        x = x + self.wo(mixed.transpose(1, 2).flatten(2))
        normed = self.norm2(x)
        return x + self.down(functional.silu(self.gate(normed)) * self.up(normed))


@later_family
def rotary_language() -> Training:
    """A transformer with rotary places and gated layers; the rate is held and falls in the last fifth."""

    class Rotary(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tok_embeddings = nn.Embedding(48, 32)
            self.layers = nn.ModuleList(_Rotary(32) for _ in range(2))
            self.norm, self.output = nn.RMSNorm(32), nn.Linear(32, 48, bias=False)
            self.is_causal = True

        def forward(self, tokens: Tensor) -> Tensor:
            x = self.tok_embeddings(tokens)
            for layer in self.layers:
                x = layer(x, is_causal=self.is_causal)
            return self.output(self.norm(x))

    model = Rotary()
    decayed = [w for w in model.parameters() if w.dim() > 1]
    rest = [w for w in model.parameters() if w.dim() == 1]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}]
    return Supervised(
        *data.parted(*data.next_tokens(rows=640, length=32, vocabulary=48), 96),
        model,
        over_places,
        [torch.optim.AdamW(groups, 4e-3, betas=(0.9, 0.95))],
        traits="classes tokens supervised language attention",
        metric=accuracy,
        size=16,
        epochs=7,
        regime=Regime(clip=1.0, schedule=_warm_stable_decay),
    )


@later_family
def token_experts() -> Training:
    """A language model whose feed-forward parts are four experts, one for each token; balance and router terms."""

    class Routed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block, self.router = Block(32), nn.Linear(32, 4, bias=False)
            self.experts = nn.ModuleList(Mlp(32, 64, 32, activation=nn.GELU) for _ in range(4))

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            x = self.block(x, is_causal=True)
            scores = self.router(x)
            share = scores.softmax(-1)
            weight, chosen = share.max(-1)
            out = torch.zeros_like(x)
            for number, expert in enumerate(self.experts):
                mask = chosen == number
                out[mask] = weight[mask][:, None] * expert(x[mask])
            used = functional.one_hot(chosen, 4).float().mean((0, 1))
            return x + out, 4 * (used * share.mean((0, 1))).sum(), scores.logsumexp(-1).square().mean()

    class Language(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.places = nn.Embedding(24, 32), nn.Embedding(24, 32)
            self.layers = nn.ModuleList(Routed() for _ in range(2))
            self.head = nn.Linear(32, 24)

        def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            x = self.embed(tokens) + self.places.weight
            balance = router = torch.zeros(())
            for layer in self.layers:
                x, more, z = layer(x)
                balance, router = balance + more, router + z
            return self.head(x), balance, router

    class Balanced(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            outputs, balance, router = self.model(inputs)
            ce = self.criterion(outputs, targets)
            terms = {"ce": ce.item(), "aux_loss": balance.item(), "z_loss": router.item()}
            return Outcome(ce + 0.02 * balance + 1e-3 * router, outputs, terms)

    model = Language()
    return Balanced(
        *data.parted(*data.next_tokens(rows=560), 80),
        model,
        over_places,
        [torch.optim.AdamW(model.parameters(), 2e-3)],
        traits="classes tokens language",
        metric=accuracy,
        size=16,
        epochs=6,
        regime=Regime(clip=1.0, schedule=cosine(10)),
    )


@later_family
def sorting_by_own_words() -> Training:
    """Digits sorted by an attending decoder that is told its own guesses more and more often (scheduled sampling)."""
    source = torch.randint(1, 11, (1100, 8))
    target = source.sort(1).values

    class Sorter(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(11, 32)
            self.encoder = nn.GRU(32, 32, batch_first=True, bidirectional=True)
            self.cell, self.bridge = nn.GRUCell(96, 64), nn.Linear(64, 64)
            self.out = nn.Linear(128, 11)
            self.told = 1.0

        def forward(self, source: Tensor, truth: Tensor) -> Tensor:
            memory, _ = self.encoder(self.embed(source))
            state, token = torch.tanh(self.bridge(memory.mean(1))), torch.zeros(len(source), dtype=torch.long)
            context, found = memory.mean(1), []
            for place in range(truth.shape[1]):
                state = self.cell(torch.cat([self.embed(token), context], 1), state)
                weight = (memory @ state[..., None] / 8).softmax(1)
                context = (weight * memory).sum(1)
                scores = self.out(torch.cat([state, context], 1))
                found.append(scores)
                is_told = torch.rand(len(source)) < (self.told if self.training else 0.0)
                token = torch.where(is_told, truth[:, place], scores.argmax(1))
            return torch.stack(found, 1)

    class Scheduled(Supervised):
        def move_rate(self) -> None:
            self.model.told = max(0.3, self.model.told - 0.7 / (self.epochs * self.batches))

    model = Sorter()
    return Scheduled(
        *data.parted((source, target), target, 100),
        model,
        over_places,
        [torch.optim.Adam(model.parameters(), 4e-3)],
        traits="supervised",
        metric=accuracy,
        size=25,
        epochs=6,
        regime=Regime(clip=1.0),
    )


@later_family
def preferred_answers() -> Training:
    """Which of two answers is preferred (DPO): a language model against its frozen first state, a very low rate."""
    text = data.next_tokens(rows=512, length=16, vocabulary=20)
    base = Gpt(20, 16)
    trained = torch.optim.Adam(base.parameters(), 4e-3)
    for _ in range(80):
        rows = torch.randint(512, (32,))
        trained.zero_grad()
        over_places(base(text[0][rows]), text[1][rows]).backward()
        trained.step()
    reference = copy.deepcopy(base).requires_grad_(False)
    first, second = torch.randint(20, (900, 16)), torch.randint(20, (900, 16))
    is_liked = ((first % 3 == 0).sum(1) >= (second % 3 == 0).sum(1))[:, None]
    chosen, rejected = torch.where(is_liked, first, second), torch.where(is_liked, second, first)

    def chance(model: nn.Module, tokens: Tensor) -> Tensor:
        scores = model(tokens[:, :-1]).log_softmax(-1)
        return scores.gather(2, tokens[:, 1:, None]).sum((1, 2))

    class Preference(Supervised):
        def compute(self, inputs: tuple[Tensor, Tensor], targets: Tensor) -> Outcome:
            gains = [chance(self.model, each) - chance(reference, each) for each in inputs]
            margin = 0.1 * (gains[0] - gains[1])
            terms = {
                "rewards/chosen": 0.1 * gains[0].mean().item(),
                "rewards/rejected": 0.1 * gains[1].mean().item(),
                "rewards/accuracies": (margin > 0).float().mean().item(),
            }
            return Outcome(-functional.logsigmoid(margin).mean(), margin, terms)

    return Preference(
        *data.parted((chosen, rejected), torch.ones(900), 100),
        base,
        functional.mse_loss,
        [torch.optim.AdamW(base.parameters(), 1e-4)],
        traits="",
        size=16,
        epochs=4,
        regime=Regime(shows_batches=False, clip=1.0, schedule=cosine(10)),
    )


@later_family
def hidden_patches() -> Training:
    """Half of the patches of each picture are hidden and drawn from the rest (MAE), AdamW, warm-up and cosine."""
    _, discs = data.blobs(rows=640)
    pictures = functional.avg_pool2d(discs, 3, 1, 1)
    patches = ((pictures - pictures.mean()) / pictures.std()).unfold(2, 4, 4).unfold(3, 4, 4)
    patches = patches.flatten(4).flatten(2, 3)[:, 0]

    class Hidden(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.enter, self.leave = nn.Linear(16, 32), nn.Linear(32, 16)
            self.places = nn.Parameter(0.02 * torch.randn(16, 32))
            self.encoder, self.decoder = nn.ModuleList([Block(32), Block(32)]), Block(32)
            self.mask_token = nn.Parameter(torch.zeros(32))

        def forward(self, patches: Tensor) -> tuple[Tensor, Tensor]:
            order = torch.rand(patches.shape[:2]).argsort(1)
            kept = order[:, :8]
            x = self.enter(patches) + self.places
            seen = x.gather(1, kept[..., None].expand(-1, -1, 32))
            for block in self.encoder:
                seen = block(seen, is_causal=False)
            whole = (self.mask_token + self.places).expand(len(x), -1, -1)
            whole = whole.scatter(1, kept[..., None].expand(-1, -1, 32), seen)
            is_hidden = torch.ones(patches.shape[:2]).scatter(1, kept, 0.0)
            return self.leave(self.decoder(whole, is_causal=False)), is_hidden

    class Drawn(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            outputs, is_hidden = self.model(inputs)
            error = (outputs - inputs).square().mean(-1)
            return Outcome((error * is_hidden).sum() / is_hidden.sum(), outputs)

    model = Hidden()
    return Drawn(
        *data.parted(patches.contiguous(), torch.zeros(640), 80),
        model,
        functional.mse_loss,
        [torch.optim.AdamW(model.parameters(), 3e-3, betas=(0.9, 0.95), weight_decay=0.05)],
        traits="",
        size=16,
        epochs=8,
        regime=Regime(schedule=cosine()),
    )
