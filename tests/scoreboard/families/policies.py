"""Families of reinforcement learning and imitation, on tiny worlds of their own."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.scoreboard.families import data
from tests.scoreboard.families.listing import family
from tests.scoreboard.families.nets import Mlp
from tests.scoreboard.families.training import Outcome, Regime, Supervised, Training, Validation

PLACES = 8


def walk(policy: Callable[[Tensor], Tensor], rounds: int = 32, steps: int = 10) -> tuple[Tensor, Tensor, Tensor]:
    """Walk on a line towards its right end, often pushed aside; return states, actions and rewards, rounds first."""
    place = torch.randint(PLACES - 2, (rounds,))
    states, actions, rewards = [], [], []
    for _ in range(steps):
        state = functional.one_hot(place, PLACES).float()
        with torch.no_grad():
            action = torch.distributions.Categorical(logits=policy(state)).sample()
        pushed = torch.rand(rounds) < 0.2
        move = torch.where(pushed, torch.randint(2, (rounds,)), action) * 2 - 1
        place = (place + move).clamp(0, PLACES - 1)
        states.append(state)
        actions.append(action)
        rewards.append((place == PLACES - 1).float())
    return torch.stack(states, 1), torch.stack(actions, 1), torch.stack(rewards, 1)


class _Walker(Training):
    """A policy that walks; the mean reward is its metric."""

    traits = frozenset({"policy"})

    def validate(self) -> Validation:
        _, _, rewards = walk(self.policy, rounds=64)
        return Validation(None, {"reward": float(rewards.sum(1).mean())})

    @property
    def policy(self) -> nn.Module:
        return self.model["policy"]

    def pairs(self) -> Iterator[tuple[Tensor, Tensor]]:
        for _ in range(self.batches):
            states, actions, rewards = walk(self.policy)
            to_come = rewards.flip(1).cumsum(1).flip(1)
            yield states, torch.stack([actions.float(), to_come], -1)


@family
def policy_reinforce() -> Training:
    """The plain policy gradient with the mean as baseline; the loss says nothing and goes both ways."""

    class Reinforce(_Walker):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            action, to_come = targets[..., 0], targets[..., 1]
            gain = (to_come - to_come.mean(0)) / (to_come.std() + 1e-6)
            chosen = torch.distributions.Categorical(logits=self.policy(inputs))
            loss = -(chosen.log_prob(action) * gain).mean() - 0.01 * chosen.entropy().mean()
            terms = {"entropy": float(chosen.entropy().mean()), "reward": float(to_come[:, 0].mean())}
            return Outcome(loss, None, terms)

    model = nn.ModuleDict({"policy": Mlp(PLACES, 16, 2, activation=nn.Tanh)})
    return Reinforce(
        model, [torch.optim.Adam(model.parameters(), 3e-3)], epochs=6, batches=30, regime=Regime(shows_batches=False)
    )


@family
def policy_actor_critic() -> Training:
    """A policy and a value of states, clipped ratios (PPO), two passes over each walk."""

    class Ppo(_Walker):
        def pairs(self) -> Iterator[tuple[Tensor, Tensor]]:
            while True:
                states, actions, rewards = walk(self.policy)
                with torch.no_grad():
                    before = torch.distributions.Categorical(logits=self.policy(states)).log_prob(actions)
                to_come = rewards.flip(1).cumsum(1).flip(1)
                for _ in range(2):
                    yield states, torch.stack([actions.float(), to_come, before], -1)

        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            action, to_come, before = targets.unbind(-1)
            value = self.model["value"](inputs).squeeze(-1)
            gain = to_come - value.detach()
            gain = (gain - gain.mean()) / (gain.std() + 1e-6)
            chosen = torch.distributions.Categorical(logits=self.policy(inputs))
            ratio = (chosen.log_prob(action) - before).exp()
            policy = -torch.minimum(ratio * gain, ratio.clamp(0.8, 1.2) * gain).mean()
            worth = functional.mse_loss(value, to_come)
            entropy = chosen.entropy().mean()
            loss = policy + 0.5 * worth - 0.01 * entropy
            kl = float((before - chosen.log_prob(action)).mean())
            terms = {
                "policy_loss": policy.item(),
                "value_loss": worth.item(),
                "entropy": entropy.item(),
                "approx_kl": kl,
                "reward": float(to_come[:, 0].mean()),
            }
            return Outcome(loss, None, terms)

    model = nn.ModuleDict({"policy": Mlp(PLACES, 16, 2, activation=nn.Tanh), "value": Mlp(PLACES, 16, 1)})
    return Ppo(
        model,
        [torch.optim.Adam(model.parameters(), 3e-3)],
        epochs=6,
        batches=40,
        regime=Regime(clip=0.5, shows_batches=False),
    )


@family
def policy_values() -> Training:
    """Values of actions from remembered moves and a copy of the network that follows late (DQN)."""

    class Dqn(_Walker):
        def pairs(self) -> Iterator[tuple[Tensor, Tensor]]:
            kept: list[tuple[Tensor, ...]] = []
            while True:
                states, actions, rewards = walk(lambda state: 5 * self.policy(state), rounds=8)
                follow = torch.cat([states[:, 1:], states[:, -1:]], 1)
                kept = [*kept[-20:], (states, actions, rewards, follow)]
                all_of = [torch.cat(each).flatten(0, 1) for each in zip(*kept, strict=True)]
                rows = torch.randint(len(all_of[0]), (64,))
                s, a, r, f = (each[rows] for each in all_of)
                with torch.no_grad():
                    truth = r + 0.9 * self.late(f).max(1).values
                yield s, torch.stack([a.float(), truth], 1)

        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            worth = self.policy(inputs).gather(1, targets[:, :1].long()).squeeze(1)
            loss = functional.smooth_l1_loss(worth, targets[:, 1])
            return Outcome(loss)

        def take_step(self) -> None:
            super().take_step()
            with torch.no_grad():
                for late, weight in zip(self.late.parameters(), self.policy.parameters(), strict=True):
                    late.lerp_(weight, 0.05)

    model = nn.ModuleDict({"policy": Mlp(PLACES, 32, 2)})
    training = Dqn(
        model, [torch.optim.Adam(model.parameters(), 2e-3)], epochs=6, batches=40, regime=Regime(shows_batches=False)
    )
    training.late = copy.deepcopy(model["policy"])
    return training


@family
def policy_imitated() -> Training:
    """What an expert does in each state, actions with a spread of their own."""
    inputs, targets = data.values(outputs=2, noise=0.2)
    model = Mlp(16, 48, 48, 4, activation=nn.Tanh)

    def likelihood(outputs: Tensor, truth: Tensor) -> Tensor:
        mean, spread = outputs.chunk(2, 1)
        return -torch.distributions.Normal(mean, functional.softplus(spread) + 1e-3).log_prob(truth).mean()

    return Supervised(
        *data.parted(inputs, targets),
        model,
        likelihood,
        [torch.optim.AdamW(model.parameters(), 2e-3)],
        traits="features supervised values",
        regime=Regime(clip=1.0),
    )
