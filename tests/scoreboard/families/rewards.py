"""More families of rewards: soft actors with several optimizers, offline data, groups of answers."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.scoreboard.families.listing import later_family
from tests.scoreboard.families.nets import Mlp
from tests.scoreboard.families.policies import PLACES, walk
from tests.scoreboard.families.training import Outcome, Regime, Training, Validation
from trainer.telemetry import Telemetry


@later_family
def soft_actor() -> Training:
    """A point pushed to the origin by a soft actor, two critics and a temperature, each with its own Adam (SAC)."""

    class Sac(Training):
        traits = frozenset({"policy", "own_step"})
        kept: tuple[Tensor, ...] = ()

        def act(self, state: Tensor) -> tuple[Tensor, Tensor]:
            mean, spread = self.model["actor"](state).chunk(2, 1)
            chosen = torch.distributions.Normal(mean, spread.clamp(-4, 1).exp())
            raw = chosen.rsample()
            action = raw.tanh()
            chance = chosen.log_prob(raw) - (1 - action.square() + 1e-6).log()
            return action, chance.sum(1)

        def pairs(self) -> Iterator[tuple[Tensor, None]]:
            while True:
                yield torch.empty(0), None

        def collect(self) -> float:
            place, total = 2 * torch.randn(16, 2), 0.0
            for _ in range(5):
                with torch.no_grad():
                    action, _ = self.act(place)
                after = place + 0.5 * action + 0.05 * torch.randn(16, 2)
                reward = -after.square().sum(1)
                total += float(reward.mean())
                new = (place, action, reward, after)
                self.kept = (
                    tuple(torch.cat([a, b])[-3000:] for a, b in zip(self.kept, new, strict=True)) if self.kept else new
                )
                place = after
            return total

        def step(self, telemetry: Telemetry) -> float:
            earned = self.collect()
            rows = torch.randint(len(self.kept[0]), (64,))
            state, action, reward, after = (each[rows] for each in self.kept)
            actor, critic, heat = self.optimizers
            weight = self.model["heat"].value.exp().detach()
            with torch.no_grad():
                later, chance = self.act(after)
                worth = torch.minimum(*(late(torch.cat([after, later], 1)) for late in self.late))[:, 0]
                truth = reward + 0.9 * (worth - weight * chance)
            both = [c(torch.cat([state, action], 1))[:, 0] for c in self.model["critics"]]
            critic_loss = sum(functional.mse_loss(each, truth) for each in both)
            critic.zero_grad()
            critic_loss.backward()
            critic.step()
            tried, chance = self.act(state)
            worth = torch.minimum(*(c(torch.cat([state, tried], 1)) for c in self.model["critics"]))[:, 0]
            actor_loss = (weight * chance - worth).mean()
            actor.zero_grad()
            actor_loss.backward()
            actor.step()
            heat_loss = -(self.model["heat"].value.exp() * (chance.detach() - 2)).mean()
            heat.zero_grad()
            heat_loss.backward()
            heat.step()
            with torch.no_grad():
                for late, now in zip(self.late.parameters(), self.model["critics"].parameters(), strict=True):
                    late.lerp_(now, 0.02)
            loss = float(critic_loss.detach())
            telemetry.step(loss, samples=64, critic_loss=loss, actor_loss=actor_loss.item(), reward=earned)
            return loss

        def validate(self) -> Validation:
            kept = self.kept
            earned = sum(self.collect() for _ in range(4)) / 4
            self.kept = kept
            return Validation(None, {"reward": earned})

    class Heat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.value = nn.Parameter(torch.tensor(-1.0))

    critics = nn.ModuleList(Mlp(4, 48, 48, 1) for _ in range(2))
    model = nn.ModuleDict({"actor": Mlp(2, 48, 4), "critics": critics, "heat": Heat()})
    optimizers = [torch.optim.Adam(model[name].parameters(), 3e-3) for name in ("actor", "critics", "heat")]
    training = Sac(model, optimizers, epochs=5, batches=50, regime=Regime(shows_batches=False))
    training.late = copy.deepcopy(critics).requires_grad_(False)
    return training


@later_family
def from_old_walks() -> Training:
    """A policy from walks that others took, good ones weighing more (advantage-weighted regression)."""
    states, actions, rewards = (
        torch.cat(each) for each in zip(*(walk(lambda s: s[:, :2] * 0, 64) for _ in range(8)), strict=True)
    )
    to_come = rewards.flip(1).cumsum(1).flip(1)
    states, actions, to_come = states.flatten(0, 1), actions.flatten(), to_come.flatten()

    class Weighted(Training):
        traits = frozenset({"policy"})

        def pairs(self) -> Iterator[tuple[Tensor, Tensor]]:
            for rows in torch.randperm(len(states)).split(64):
                if len(rows) == 64:
                    yield states[rows], torch.stack([actions[rows].float(), to_come[rows]], 1)

        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            worth = self.model["value"](inputs)[:, 0]
            gain = targets[:, 1] - worth.detach()
            weight = (gain / 0.3).exp().clamp(max=20.0)
            chance = torch.distributions.Categorical(logits=self.model["policy"](inputs)).log_prob(targets[:, 0])
            value, policy = functional.mse_loss(worth, targets[:, 1]), -(weight * chance).mean()
            terms = {"value_loss": value.item(), "policy_loss": policy.item(), "weight": weight.mean().item()}
            return Outcome(policy + 0.5 * value, None, terms)

        def validate(self) -> Validation:
            return Validation(None, {"reward": float(walk(self.model["policy"], 64)[2].sum(1).mean())})

    model = nn.ModuleDict({"policy": Mlp(PLACES, 24, 2), "value": Mlp(PLACES, 24, 1)})
    return Weighted(
        model,
        [torch.optim.Adam(model.parameters(), 3e-3)],
        epochs=5,
        batches=len(states) // 64,
        regime=Regime(shows_batches=False),
    )


@later_family
def groups_of_answers() -> Training:
    """Answers of a small model compared within their group, near to its first state (GRPO); the loss is about zero."""
    wanted = torch.tensor([2, 5, 1, 7])

    class Answers(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.places, self.body, self.head = nn.Embedding(4, 16), nn.GRUCell(24, 24), nn.Linear(24, 8)
            self.tokens = nn.Embedding(9, 8)

        def forward(self, tokens: Tensor) -> Tensor:
            state, found = torch.zeros(len(tokens), 24), []
            before = torch.full((len(tokens),), 8)
            for place in range(4):
                x = torch.cat([self.tokens(before), self.places.weight[place].expand(len(tokens), -1)], 1)
                state = self.body(x, state)
                found.append(self.head(state))
                before = tokens[:, place]
            return torch.stack(found, 1)

    class Groups(Training):
        traits = frozenset({"policy"})

        @torch.no_grad()
        def said(self, rows: int) -> Tensor:
            tokens = torch.zeros(rows, 4, dtype=torch.long)
            for place in range(4):
                tokens[:, place] = torch.distributions.Categorical(logits=self.model(tokens)[:, place]).sample()
            return tokens

        def pairs(self) -> Iterator[tuple[Tensor, Tensor]]:
            while True:
                tokens = self.said(64)
                yield tokens, (tokens == wanted).float().mean(1)

        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            groups = targets.unflatten(0, (8, 8))
            gain = ((groups - groups.mean(1, keepdim=True)) / (groups.std(1, keepdim=True) + 1e-4)).flatten()
            chance = self.model(inputs).log_softmax(-1).gather(2, inputs[..., None])[..., 0]
            with torch.no_grad():
                first = self.first(inputs).log_softmax(-1).gather(2, inputs[..., None])[..., 0]
            kl = ((first - chance).exp() - (first - chance) - 1).mean()
            ratio = (chance - chance.detach()).exp()
            loss = -(ratio * gain[:, None]).mean() + 0.02 * kl
            return Outcome(loss, None, {"reward": float(targets.mean()), "kl": kl.item()})

        def validate(self) -> Validation:
            return Validation(None, {"reward": float((self.said(128) == wanted).float().mean())})

    model = Answers()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    training = Groups(model, [optimizer], epochs=5, batches=40, regime=Regime(clip=1.0, shows_batches=False))
    training.first = copy.deepcopy(model).requires_grad_(False)
    return training
