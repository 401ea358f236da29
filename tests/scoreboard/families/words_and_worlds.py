"""Families of texts and small worlds: hidden words, topics, pointers, and what an agent learns from what happens."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.scoreboard.families import data
from tests.scoreboard.families.listing import fifth_family
from tests.scoreboard.families.nets import Gpt, Mlp
from tests.scoreboard.families.optimizers import cosine
from tests.scoreboard.families.sequences import over_places
from tests.scoreboard.families.training import Outcome, Regime, Supervised, Training, Validation
from trainer.telemetry import Telemetry


@fifth_family
def words_out_of_noise() -> Training:
    """A text in which any share of words is hidden, each hidden one worth the more the fewer are (masked diffusion)."""
    tokens = data.text(1100, 16, 20, 2.5)

    class Hidden(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            share = 0.1 + 0.8 * torch.rand(len(inputs), 1)
            hidden = torch.rand(inputs.shape) < share
            outputs = self.model(inputs.masked_fill(hidden, 20))
            each = functional.cross_entropy(outputs.movedim(-1, 1), targets, reduction="none")
            return Outcome((each * hidden / share).mean(), outputs)

    model = Gpt(21, 16, depth=2)
    model.is_causal = False
    return Hidden(
        *data.parted(tokens, tokens.clone(), 140),
        model,
        over_places,
        [torch.optim.AdamW(model.parameters(), 3e-3, betas=(0.9, 0.95), weight_decay=0.1)],
        traits="tokens supervised",
        size=24,
        epochs=4,
        regime=Regime(clip=1.0, schedule=cosine(20)),
    )


@fifth_family
def topics_of_texts() -> Training:
    """Which topics a text is made of, from its counts of words (ProdLDA): a divergence that counts more and more."""
    topics = torch.distributions.Dirichlet(torch.full((80,), 0.08)).sample((6,))
    mix = torch.distributions.Dirichlet(torch.full((6,), 0.3)).sample((1200,))
    counts = torch.distributions.Multinomial(60, mix @ topics).sample()

    class Topics(Supervised):
        done = 0

        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            mean, spread = self.model["encoder"]((inputs + 1).log()).chunk(2, 1)
            spread = spread.clamp(-6, 3)
            code = mean + torch.randn_like(mean) * (spread / 2).exp() if self.model.training else mean
            words = self.model["decoder"](code.softmax(1)).log_softmax(1)
            told = -(inputs * words).sum(1).mean()
            apart = 0.5 * (spread.exp() + mean.square() - 1 - spread).sum(1).mean()
            weight = min(1.0, self.done / 120) if self.model.training else 1.0
            return Outcome(told + weight * apart, None, {"recon": told.item(), "kl": apart.item(), "beta": weight})

        def take_step(self) -> None:
            super().take_step()
            self.done += 1

    decoder = nn.Sequential(nn.Linear(6, 80, bias=False), nn.BatchNorm1d(80, affine=False))
    model = nn.ModuleDict({"encoder": Mlp(80, 50, 12, activation=nn.Softplus), "decoder": decoder})
    return Topics(
        *data.parted(counts, counts),
        model,
        functional.mse_loss,
        [torch.optim.Adam(model.parameters(), 1e-2, betas=(0.95, 0.999))],
        traits="",
        epochs=7,
        size=30,
    )


@fifth_family
def points_in_order() -> Training:
    """Eight numbers in order of size, each step pointing at one of them (a pointer network), told the true ones."""
    numbers = torch.rand(1400, 8, 1) * 2 - 1
    order = numbers[..., 0].argsort(1)

    class Pointer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.GRU(1, 40, batch_first=True, bidirectional=True)
            self.keys, self.asks, self.last = nn.Linear(80, 40), nn.Linear(40, 40), nn.Linear(40, 1)
            self.decoder, self.first = nn.GRUCell(1, 40), nn.Linear(80, 40)

        def forward(self, numbers: Tensor, before: Tensor) -> Tensor:
            seen, _ = self.encoder(numbers)
            keys, state, found = self.keys(seen), torch.tanh(self.first(seen.mean(1))), []
            for place in range(before.shape[1]):
                state = self.decoder(before[:, place], state)
                found.append(self.last(torch.tanh(keys + self.asks(state)[:, None])).squeeze(-1))
            return torch.stack(found, 1)

    told = torch.cat([torch.full((1400, 1, 1), -1.5), numbers.gather(1, order[..., None])[:, :-1]], 1)
    model = Pointer()
    return Supervised(
        *data.parted((numbers, told), order),
        model,
        over_places,
        [torch.optim.Adam(model.parameters(), 8e-3)],
        traits="features supervised",
        metric=lambda out, truth: float((out.argmax(-1) == truth).float().mean()),
        metric_name="place_accuracy",
        size=28,
        epochs=5,
        regime=Regime(clip=2.0),
    )


@fifth_family
def meaning_of_pairs() -> Training:
    """How alike two texts are, by the cosine of their codes against a grade (SBERT); correlation as metric, warm-up."""
    words = torch.randn(40, 6)
    left = torch.randint(40, (1300, 8))
    right = torch.where(torch.rand(1300, 8) < torch.rand(1300, 1), left, torch.randint(40, (1300, 8)))
    grade = functional.cosine_similarity(words[left].mean(1), words[right].mean(1))

    class Twins(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.body = nn.Embedding(40, 24), Mlp(24, 32, 24, activation=nn.GELU)

        def forward(self, left: Tensor, right: Tensor) -> Tensor:
            codes = [self.body(self.embed(each).mean(1)) for each in (left, right)]
            return functional.cosine_similarity(*codes)

    def correlation(outputs: Tensor, targets: Tensor) -> float:
        return float(torch.corrcoef(torch.stack([outputs, targets]))[0, 1])

    model = Twins()
    return Supervised(
        *data.parted((left, right), grade),
        model,
        functional.mse_loss,
        [torch.optim.AdamW(model.parameters(), 3e-3)],
        traits="regression tokens supervised values any_rate",
        metric=correlation,
        metric_name="pearson",
        epochs=6,
        regime=Regime(schedule=lambda each, steps: torch.optim.lr_scheduler.LinearLR(each, 0.1, total_iters=20)),
    )


@fifth_family
def shape_of_energy() -> Training:
    """Low where points are, high where noisy walks downhill end (an energy model); the loss is around 0."""
    points = data.rings(1500)

    class Energy(Training):
        traits = frozenset({"gan", "policy"})

        def pairs(self) -> Iterator[tuple[Tensor, None]]:
            for rows in torch.randperm(1300).split(64)[: self.batches]:
                yield points[rows], None

        def walked(self, number: int) -> Tensor:
            at = 2 * torch.randn(number, 2)
            for _ in range(12):
                at = at.detach().requires_grad_(True)
                slope = torch.autograd.grad(self.model(at).sum(), at)[0]
                at = at - 0.05 * slope + 0.1 * torch.randn_like(at)
            return at.detach()

        def compute(self, inputs: Tensor, targets: Any) -> Outcome:
            real, made = self.model(inputs), self.model(self.walked(len(inputs)))
            size = real.square().mean() + made.square().mean()
            terms = {"energy_real": real.mean().item(), "energy_made": made.mean().item()}
            return Outcome(real.mean() - made.mean() + 0.1 * size, None, terms)

        def validate(self) -> Validation:
            made = self.walked(200)
            return Validation(None, {"nearest": float(torch.cdist(made, points[1300:]).amin(1).mean())})

    model = Mlp(2, 64, 64, 1, activation=nn.SiLU)
    return Energy(
        model,
        [torch.optim.Adam(model.parameters(), 2e-3, betas=(0.0, 0.999))],
        epochs=6,
        batches=20,
        regime=Regime(shows_batches=False, clip=1.0),
    )


def _swing(state: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
    """Return where a pendulum is next, and what that is worth."""
    angle, speed = state[:, :1], state[:, 1:]
    speed = (speed + 0.15 * torch.sin(angle) + 0.2 * action).clamp(-2, 2)
    after = torch.cat([angle + 0.2 * speed, speed], 1)
    return after, torch.cos(after[:, 0]) - 0.05 * speed[:, 0].square()


@fifth_family
def world_in_a_code() -> Training:
    """What comes next and what it is worth from a code with chance in it, seen and foretold (a world model); terms."""
    state, rows = torch.randn(900, 2), []
    for _ in range(8):
        action = 2 * torch.rand(900, 1) - 1
        after, worth = _swing(state, action)
        rows.append(torch.cat([state + 0.05 * torch.randn(900, 2), action, worth[:, None]], 1))
        state = after
    walks = torch.stack(rows, 1)

    class World(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            net = self.model
            memory, loss, apart = torch.zeros(len(inputs), 32), torch.zeros(()), torch.zeros(())
            for moment in range(inputs.shape[1]):
                seen, action, worth = inputs[:, moment, :2], inputs[:, moment, 2:3], inputs[:, moment, 3:]
                prior = net["prior"](memory).chunk(2, 1)
                post = net["post"](torch.cat([memory, seen], 1)).chunk(2, 1)
                chance = [torch.distributions.Normal(m, functional.softplus(s) + 0.1) for m, s in (prior, post)]
                code = chance[1].rsample()
                whole = torch.cat([memory, code], 1)
                loss = loss + functional.mse_loss(net["see"](whole), seen)
                memory = net["memory"](torch.cat([code, action], 1), memory)
                loss = loss + functional.mse_loss(net["worth"](memory), worth)
                apart = apart + torch.distributions.kl_divergence(chance[1], chance[0]).sum(1).mean().clamp(min=0.5)
            terms = {"recon": loss.item(), "kl": apart.item()}
            return Outcome(loss + 0.1 * apart, None, terms)

    model = nn.ModuleDict({
        "prior": Mlp(32, 24, 8, activation=nn.ELU), "post": Mlp(34, 24, 8, activation=nn.ELU),
        "see": Mlp(36, 24, 2, activation=nn.ELU), "worth": Mlp(32, 24, 1, activation=nn.ELU),
        "memory": nn.GRUCell(5, 32),
    })  # fmt: skip
    return World(
        *data.parted(walks, walks, 150),
        model,
        functional.mse_loss,
        [torch.optim.Adam(model.parameters(), 3e-3, eps=1e-5)],
        traits="",
        size=30,
        epochs=6,
        regime=Regime(clip=100.0),
    )


@fifth_family
def near_to_old_moves() -> Training:
    """A policy from old moves, good by two critics and near to what was done; it follows every other step (TD3+BC)."""
    state, action = torch.randn(2000, 2), 2 * torch.rand(2000, 1) - 1
    after, worth = _swing(state, action)
    starts = torch.randn(200, 2)

    class Offline(Training):
        traits = frozenset({"policy", "own_step"})
        done = 0

        def pairs(self) -> Iterator[tuple[Tensor, None]]:
            while True:
                yield torch.randint(2000, (64,)), None

        def step(self, telemetry: Telemetry) -> float:
            rows, _ = self.batch()
            actor, critics, late = self.model["actor"], self.model["critics"], self.late
            self.zero_grad()
            with torch.no_grad():
                noise = (0.2 * torch.randn(64, 1)).clamp(-0.5, 0.5)
                there = (late["actor"](after[rows]).tanh() + noise).clamp(-1, 1)
                best = torch.cat([each(torch.cat([after[rows], there], 1)) for each in late["critics"]], 1).amin(1)
                goal = worth[rows] + 0.9 * best
            pair = torch.cat([state[rows], action[rows]], 1)
            loss = sum(functional.mse_loss(each(pair)[:, 0], goal) for each in critics)
            loss.backward()
            self.optimizers[1].step()
            terms = {"critic_loss": loss.item()}
            if self.done % 2 == 0:
                critics.requires_grad_(False)
                chosen = actor(state[rows]).tanh()
                value = critics[0](torch.cat([state[rows], chosen], 1))
                near = (chosen - action[rows]).square().mean()
                goal_of_actor = near - 8 * (value / value.abs().mean().detach()).mean()
                goal_of_actor.backward()
                critics.requires_grad_(True)
                telemetry.look()
                self.optimizers[0].step()
                terms["actor_loss"] = goal_of_actor.item()
                with torch.no_grad():
                    for slow, fast in zip(late.parameters(), self.model.parameters(), strict=True):
                        slow.lerp_(fast, 0.02)
            self.done += 1
            telemetry.step(loss, samples=64, **terms)
            return float(loss)

        def validate(self) -> Validation:
            place, total = starts, 0.0
            for _ in range(20):
                with torch.no_grad():
                    place, gain = _swing(place, self.model["actor"](place).tanh())
                total += float(gain.mean())
            return Validation(None, {"reward": total})

    model = nn.ModuleDict({"actor": Mlp(2, 32, 1), "critics": nn.ModuleList(Mlp(3, 48, 1) for _ in range(2))})
    optimizers = [torch.optim.Adam(model[part].parameters(), 2e-3) for part in ("actor", "critics")]
    training = Offline(model, optimizers, epochs=5, batches=50, regime=Regime(shows_batches=False))
    training.late = copy.deepcopy(model).requires_grad_(False)
    return training


@fifth_family
def many_tries() -> Training:
    """A policy moved towards the tries that earned more, without any backward pass (evolution strategies)."""

    starts = torch.randn(1, 200, 2)

    class Tries(Training):
        traits = frozenset({"whole", "own_step", "policy"})

        def pairs(self) -> Iterator[tuple[Any, Any]]:
            while True:
                yield torch.empty(0), None

        def earned(self, weights: Tensor, place: Tensor) -> Tensor:
            first, second = weights[:, :24].reshape(-1, 3, 8), weights[:, 24:].reshape(-1, 8, 1)
            total = torch.zeros(len(weights))
            for _ in range(15):
                seen = torch.cat([place, torch.ones_like(place[..., :1])], -1)
                action = torch.tanh(torch.tanh(seen @ first) @ second)
                after, gain = _swing(place.flatten(0, 1), action.flatten(0, 1))
                place, total = after.reshape(place.shape), total + gain.reshape(len(weights), -1).mean(1)
            return total

        @torch.no_grad()
        def step(self, telemetry: Telemetry) -> float:
            self.zero_grad()
            weight = self.model.weights
            noise = torch.randn(16, 32)
            noise = torch.cat([noise, -noise])
            place = torch.randn(1, 24, 2).expand(32, -1, -1)
            gains = self.earned(weight + 0.1 * noise, place)
            rank = gains.argsort().argsort().float() / 31 - 0.5
            weight.grad = -(rank @ noise) / (32 * 0.1)
            telemetry.look()
            self.clip()
            self.take_step()
            loss = -float(gains.mean())
            telemetry.step(loss, samples=32, reward=-loss)
            return loss

        def validate(self) -> Validation:
            with torch.no_grad():
                gain = self.earned(self.model.weights[None], starts)
            return Validation(None, {"reward": float(gain)})

    class Flat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weights = nn.Parameter(0.3 * torch.randn(32))

    model = Flat()
    return Tries(
        model,
        [torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)],
        epochs=5,
        batches=40,
        regime=Regime(shows_batches=False),
    )
