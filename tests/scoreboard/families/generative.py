"""Families that generate: autoencoders, flows, diffusion, adversaries."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.scoreboard.families import data
from tests.scoreboard.families.listing import family
from tests.scoreboard.families.nets import Mlp
from tests.scoreboard.families.training import Outcome, Regime, Supervised, Training, Validation
from trainer.telemetry import Telemetry


@family
def autoencoder() -> Training:
    """Features through a narrow middle, Adam."""
    inputs = data.features() @ torch.randn(16, 16) / 4
    model = nn.Sequential(Mlp(16, 32, 4), Mlp(4, 32, 16))
    return Supervised(
        *data.parted(inputs, inputs.clone()),
        model,
        functional.mse_loss,
        [torch.optim.Adam(model.parameters(), 3e-3)],
        traits="features supervised relu",
        epochs=6,
    )


@family
def autoencoder_images() -> Training:
    """Pictures without their noise, convolutions down and up, Adafactor."""
    clean, _ = data.images(rows=600, noise=0.05)
    noisy = clean + 0.5 * torch.randn_like(clean)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, 2, 1),
        nn.LeakyReLU(0.1),
        nn.Conv2d(16, 16, 3, 1, 1),
        nn.LeakyReLU(0.1),
        nn.ConvTranspose2d(16, 1, 2, 2),
    )
    return Supervised(
        *data.parted(noisy, clean, 120),
        model,
        functional.mse_loss,
        [torch.optim.Adafactor(model.parameters(), 0.02)],
        traits="images supervised",
        size=16,
    )


class _Vae(Supervised):
    """A variational autoencoder; ``warmup`` steps raise the weight of the divergence."""

    warmup = 0
    weight = 1.0

    def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
        mean, log_var = self.model["encoder"](inputs.flatten(1)).chunk(2, 1)
        code = mean + (0.5 * log_var).exp() * torch.randn_like(mean) if self.model.training else mean
        outputs = self.model["decoder"](code)
        picture = self.criterion(outputs, inputs.flatten(1))
        kl = -0.5 * (1 + log_var - mean.square() - log_var.exp()).sum(1).mean()
        if self.model.training:
            self.done = getattr(self, "done", 0) + 1
        share = self.weight * (min(1.0, getattr(self, "done", 0) / self.warmup) if self.warmup else 1.0)
        return Outcome(picture + share * kl, outputs, {"recon": picture.item(), "kl": kl.item()})


def _per_row(outputs: Tensor, truth: Tensor) -> Tensor:
    return 4 * (outputs - truth).square().sum(1).mean()


@family
def vae_features() -> Training:
    """A variational autoencoder of features, reconstruction and divergence logged."""
    inputs = data.features() @ torch.randn(16, 16) / 3
    model = nn.ModuleDict({"encoder": Mlp(16, 32, 8), "decoder": Mlp(4, 32, 16)})
    return _Vae(
        *data.parted(inputs, torch.zeros(len(inputs))),
        model,
        _per_row,
        [torch.optim.Adam(model.parameters(), 2e-3)],
        traits="features vae relu",
        epochs=8,
    )


@family
def vae_annealed() -> Training:
    """A variational autoencoder of pictures whose divergence counts more and more."""
    pictures, _ = data.images(rows=640, noise=0.1)
    model = nn.ModuleDict(
        {"encoder": Mlp(144, 48, 12, activation=nn.SiLU), "decoder": Mlp(6, 48, 144, activation=nn.SiLU)}
    )
    training = _Vae(
        *data.parted(pictures, torch.zeros(640), 128),
        model,
        _per_row,
        [torch.optim.AdamW(model.parameters(), 2e-3)],
        traits="vae",
        size=16,
        epochs=8,
        regime=Regime(clip=50.0),
    )
    training.warmup = 150
    return training


@family
def vae_of_codes() -> Training:
    """An autoencoder with a table of codes and straight-through gradients (VQ-VAE)."""
    inputs = data.features() @ torch.randn(16, 16) / 4

    class Coded(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            found = self.model["encoder"](inputs).unflatten(1, (4, 4))
            table = self.model["codes"].weight
            with torch.no_grad():
                nearest = torch.cdist(found.flatten(0, 1), table).argmin(1).view(found.shape[:2])
            code = self.model["codes"](nearest)
            commit, move = (found - code.detach()).square().mean(), (code - found.detach()).square().mean()
            outputs = self.model["decoder"]((found + (code - found).detach()).flatten(1))
            picture = functional.mse_loss(outputs, inputs)
            return Outcome(picture + move + 0.25 * commit, outputs, {"recon": picture.item(), "commit": commit.item()})

    model = nn.ModuleDict({"encoder": Mlp(16, 32, 16), "codes": nn.Embedding(32, 4), "decoder": Mlp(16, 32, 16)})
    return Coded(
        *data.parted(inputs, torch.zeros(len(inputs))),
        model,
        functional.mse_loss,
        [torch.optim.Adam(model.parameters(), 2e-3)],
        traits="features relu",
    )


@family
def flow_of_points() -> Training:
    """A normalising flow of affine couplings; the likelihood may pass zero."""

    class Flow(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.couplings = nn.ModuleList(Mlp(1, 32, 2, activation=nn.Tanh) for _ in range(6))

        def forward(self, x: Tensor) -> Tensor:
            volume = x.new_zeros(len(x))
            for number, coupling in enumerate(self.couplings):
                fixed, moved = (x[:, :1], x[:, 1:]) if number % 2 else (x[:, 1:], x[:, :1])
                scale, shift = coupling(fixed).chunk(2, 1)
                moved = moved * scale.tanh().exp() + shift
                volume = volume + scale.tanh().squeeze(1)
                x = torch.cat([fixed, moved] if number % 2 else [moved, fixed], 1)
            return (-0.5 * x.square().sum(1) - 1.8379 + volume)[:, None]

    def likelihood(outputs: Tensor, truth: Tensor) -> Tensor:
        return -outputs.mean()

    model = Flow()
    points = data.rings(1792)
    return Supervised(
        *data.parted(points, torch.zeros(1792)),
        model,
        likelihood,
        [torch.optim.Adam(model.parameters(), 3e-3)],
        traits="",
        size=64,
        epochs=8,
    )


@family
def diffusion_of_points() -> Training:
    """Noise predicted at random times (DDPM), AdamW and an average of the weights."""
    return _noise(is_flow=False)


@family
def flow_matching() -> Training:
    """The direction from noise to data at random times (flow matching)."""
    return _noise(is_flow=True)


def _noise(*, is_flow: bool) -> Training:
    class Noise(Supervised):
        def compute(self, inputs: Tensor, targets: Tensor) -> Outcome:
            time, noise = torch.rand(len(inputs), 1), torch.randn_like(inputs)
            if is_flow:
                mixed, truth = (1 - time) * noise + time * inputs, inputs - noise
            else:
                kept = (time * 1.5707).cos()
                mixed, truth = kept * inputs + (1 - kept.square()).sqrt() * noise, noise
            outputs = self.model(torch.cat([mixed, time, (6.28 * time).sin()], 1))
            return Outcome(functional.mse_loss(outputs, truth), outputs)

    points = data.rings(2304)
    model = Mlp(4, 64, 64, 2, activation=nn.SiLU)
    return Noise(
        *data.parted(points, torch.zeros(2304)),
        model,
        functional.mse_loss,
        [torch.optim.AdamW(model.parameters(), 2e-3)],
        traits="",
        size=64,
        epochs=8,
    )


class _Adversaries(Training):
    """A generator against a discriminator, each with its own optimizer; both losses are logged as terms."""

    traits = frozenset({"gan"})
    rounds = 1
    """Steps of the discriminator for each of the generator."""

    def pairs(self) -> Iterator[tuple[Tensor, None]]:
        for _ in range(self.batches):
            yield data.rings(64), None

    def losses(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss of the discriminator, and that of the generator."""
        judge = self.model["discriminator"]
        mine = functional.softplus(-judge(real)).mean() + functional.softplus(judge(fake.detach())).mean()
        return mine, functional.softplus(-judge(fake)).mean()

    def step(self, telemetry: Telemetry) -> float:
        maker, critic = self.optimizers
        for _ in range(self.rounds):
            real, _ = self.batch()
            fake = self.model["generator"](torch.randn(64, 4))
            mine, _ = self.losses(real, fake)
            critic.zero_grad()
            mine.backward()
            critic.step()
        fake = self.model["generator"](torch.randn(64, 4))
        _, its = self.losses(real, fake)
        maker.zero_grad()
        its.backward()
        maker.step()
        total = mine.item() + its.item()
        telemetry.step(total, samples=64, d_loss=mine.item(), g_loss=its.item())
        return total

    def validate(self) -> Validation:
        with torch.no_grad():
            fake, real = self.model["generator"](torch.randn(256, 4)), data.rings(256)
        apart = float((fake.mean(0) - real.mean(0)).norm() + (fake.std(0) - real.std(0)).norm())
        return Validation(None, {"apart": apart})


def _adversaries() -> nn.ModuleDict:
    return nn.ModuleDict(
        {"generator": Mlp(4, 32, 32, 2), "discriminator": Mlp(2, 32, 32, 1, activation=lambda: nn.LeakyReLU(0.2))}
    )


@family
def gan() -> Training:
    """A generator and a discriminator, two Adams."""
    model = _adversaries()
    both = [torch.optim.Adam(model[name].parameters(), 1e-3, betas=(0.5, 0.999)) for name in model]
    return _Adversaries(model, both, epochs=6, batches=50)


@family
def gan_critic() -> Training:
    """A critic with a gradient penalty, three steps for each of the generator, RMSprop."""

    class Critic(_Adversaries):
        rounds = 3

        def losses(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
            judge = self.model["discriminator"]
            middle = (real + torch.rand(len(real), 1) * (fake.detach() - real)).requires_grad_()
            slope = torch.autograd.grad(judge(middle).sum(), middle, create_graph=True)[0]
            penalty = (slope.norm(dim=1) - 1).square().mean()
            return judge(fake.detach()).mean() - judge(real).mean() + 10 * penalty, -judge(fake).mean()

    model = _adversaries()
    both = [torch.optim.RMSprop(model[name].parameters(), 5e-4) for name in model]
    return Critic(model, both, epochs=6, batches=40)
