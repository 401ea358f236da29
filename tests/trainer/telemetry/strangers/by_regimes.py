"""Healthy trainings in regimes of many kinds: schedules, precision, accumulation, freezing, resuming, several fits."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import prune
from torch.utils.checkpoint import checkpoint

from tests.trainer.telemetry.strangers.common import (
    Decoder,
    clusters,
    cosine,
    evaluate,
    fit,
    healthy,
    images,
    mlp,
    next_token_loss,
    points,
    texts,
    watch,
)
from trainer.telemetry import Telemetry


def mse(model: nn.Module) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the loss of a regression."""
    return lambda x, y: functional.mse_loss(model(x), y)


def labels(model: nn.Module) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the loss of a classification."""
    return lambda x, y: functional.cross_entropy(model(x), y)


@healthy
def warm_up_and_cosine(log: Path) -> None:
    """A language model with warm-up, cosine and clipping; nothing declared."""
    torch.manual_seed(1)
    model = Decoder(num_blocks=2)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    schedule = cosine(optimizer, warmup=30, total=4 * 72)
    fit(log, model, optimizer, texts(), next_token_loss(model), clip=1.0, schedule=schedule)


@healthy
def warm_restarts(log: Path) -> None:
    """The rate goes up again at every restart, and the loss with it."""
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    schedule = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 81, eta_min=1e-4)
    fit(log, model, optimizer, points(), mse(model), epochs=5, schedule=schedule)


@healthy
def rate_drops(log: Path) -> None:
    """The rate falls to a tenth twice."""
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [160, 240], gamma=0.1)
    fit(log, model, optimizer, points(), mse(model), schedule=schedule)


@healthy
def accumulation(log: Path) -> None:
    """Four backward passes a step, declared."""
    model, batches = mlp(), points()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    with watch(log, model, optimizer, epochs=6, batches=20, intent={"accumulation": 4}) as telemetry:
        for _ in range(6):
            for index, (x, y) in enumerate(batches[:80]):
                loss = functional.mse_loss(model(x), y)
                (loss / 4).backward()
                if index % 4 == 3:
                    optimizer.step()
                    optimizer.zero_grad()
                    telemetry.step(loss)
            telemetry.epoch(evaluate(model, mse(model), batches[80:]))


@healthy
def half_precision(log: Path) -> None:
    """Autocast to bf16 around single-precision weights."""
    torch.manual_seed(1)
    model = Decoder()

    def loss_of(x: Tensor, y: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(x)
        return functional.cross_entropy(logits.float().flatten(0, 1), y.flatten())

    fit(log, model, torch.optim.AdamW(model.parameters(), 3e-3), texts(), loss_of, clip=1.0)


@healthy
def double_precision(log: Path) -> None:
    """Everything in float64."""
    model = mlp().double()
    fit(
        log,
        model,
        torch.optim.Adam(model.parameters(), 3e-3),
        points(),
        lambda x, y: mse(model)(x.double(), y.double()),
    )


@healthy
def gradient_checkpointing(log: Path) -> None:
    """Activations are computed again in the backward pass, so each layer runs twice."""
    model = nn.Sequential(mlp(out=32), mlp(32, 32, seed=2), mlp(32, 1, seed=3))

    def loss_of(x: Tensor, y: Tensor) -> Tensor:
        for block in model:
            x = checkpoint(block, x, use_reentrant=False)
        return functional.mse_loss(x, y)

    fit(log, model, torch.optim.AdamW(model.parameters(), 3e-3), points(), loss_of)


@healthy
def compiled(log: Path) -> None:
    """A compiled model, whose modules' hooks are not seen."""
    model = mlp()
    fast = torch.compile(model, backend="aot_eager")
    fit(log, model, torch.optim.AdamW(model.parameters(), 3e-3), points(), lambda x, y: functional.mse_loss(fast(x), y))
    torch._dynamo.reset()


@healthy
def label_smoothing(log: Path) -> None:
    """The loss has a floor well above 0."""
    model = mlp(out=5)
    loss_of = lambda x, y: functional.cross_entropy(model(x), y, label_smoothing=0.2)  # noqa: E731
    fit(log, model, torch.optim.AdamW(model.parameters(), 3e-3), clusters(), loss_of)


@healthy
def mixup(log: Path) -> None:
    """Inputs and targets are mixed in training, so that the training loss stays above that of the validation."""
    model = mlp(out=5)

    def loss_of(x: Tensor, y: Tensor) -> Tensor:
        if not model.training:
            return functional.cross_entropy(model(x), y)
        share, other = float(torch.rand(())), torch.randperm(len(x))
        logits = model(share * x + (1 - share) * x[other])
        return share * functional.cross_entropy(logits, y) + (1 - share) * functional.cross_entropy(logits, y[other])

    fit(log, model, torch.optim.AdamW(model.parameters(), 3e-3), clusters(), loss_of)


@healthy
def heavy_dropout(log: Path) -> None:
    """Most of the inputs and units are dropped in training."""
    torch.manual_seed(1)
    model = nn.Sequential(
        nn.Dropout(0.5), nn.Linear(8, 64), nn.ReLU(), nn.Dropout(0.7), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 5)
    )
    fit(log, model, torch.optim.AdamW(model.parameters(), 2e-3), clusters(), labels(model))


@healthy
def averaged_weights(log: Path) -> None:
    """An exponential average is copied from the model after each step, and validated."""
    model, batches = mlp(), points()
    average = copy.deepcopy(model).requires_grad_(False)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    with watch(log, model, optimizer, epochs=4, batches=80) as telemetry:
        for _ in range(4):
            for x, y in batches[:80]:
                optimizer.zero_grad()
                loss = functional.mse_loss(model(x), y)
                loss.backward()
                optimizer.step()
                with torch.no_grad():
                    for mine, its in zip(average.parameters(), model.parameters(), strict=True):
                        mine.lerp_(its, 0.05)
                telemetry.step(loss)
            telemetry.epoch(evaluate(average, mse(average), batches[80:]))


@healthy
def early_stop(log: Path) -> None:
    """It ends before its planned epochs, on purpose."""
    model, batches = mlp(), points(60)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    telemetry = watch(log, model, optimizer, epochs=50, batches=50)
    for _ in range(4):
        for x, y in batches[:50]:
            optimizer.zero_grad()
            loss = functional.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            telemetry.step(loss)
        telemetry.epoch(evaluate(model, mse(model), batches[50:]))
    telemetry.close(reason="early_stop")


@healthy
def resumed(log: Path) -> None:
    """It goes on from a checkpoint in the same log, some steps of which are done again."""
    model, batches = mlp(), points(60)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    for start, stop in ((0, 120), (100, 250)):
        with watch(log, model, optimizer, epochs=5, batches=50, start_step=start) as telemetry:
            for step in range(start, stop):
                x, y = batches[step % 50]
                optimizer.zero_grad()
                loss = functional.mse_loss(model(x), y)
                loss.backward()
                optimizer.step()
                telemetry.step(loss)
                if step % 50 == 49:
                    telemetry.epoch(evaluate(model, mse(model), batches[50:]))
            if stop == 120:
                telemetry.close("stopped")


@healthy
def five_folds(log: Path) -> None:
    """Five models in one process and one log, each on other parts of the data."""
    batches = points(60)
    telemetry: Telemetry | None = None
    for fold in range(5):
        model = mlp(seed=fold)
        optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
        held_out = batches[fold * 12 : fold * 12 + 12]
        train = batches[: fold * 12] + batches[fold * 12 + 12 :]
        if telemetry is None:
            telemetry = watch(log, model, optimizer, epochs=3, batches=48)
        else:
            telemetry.fit(epochs=3, batches=48, model=model, optimizer=optimizer)
        for _ in range(3):
            for x, y in train:
                optimizer.zero_grad()
                loss = functional.mse_loss(model(x), y)
                loss.backward()
                optimizer.step()
                telemetry.step(loss)
            telemetry.epoch(evaluate(model, mse(model), held_out))
    assert telemetry is not None
    telemetry.close()


@healthy
def curriculum(log: Path) -> None:
    """From the third epoch on the data is harder, as declared."""
    model, easy, hard = mlp(), points(noise=0.1), points(noise=1.0)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    with watch(log, model, optimizer, epochs=4, batches=80) as telemetry:
        for epoch in range(4):
            if epoch == 2:
                telemetry.declare(curriculum="noisy targets")
            batches = hard if epoch >= 2 else easy
            for x, y in batches[:80]:
                optimizer.zero_grad()
                loss = functional.mse_loss(model(x), y)
                loss.backward()
                optimizer.step()
                telemetry.step(loss)
            telemetry.epoch(evaluate(model, mse(model), batches[80:]))


@healthy
def gradual_unfreezing(log: Path) -> None:
    """First the head alone, then the body too, as declared."""
    model = mlp(out=5)
    model[0].requires_grad_(False)

    def thaw(telemetry: Telemetry, epoch: int) -> None:
        if epoch == 2:
            model[0].requires_grad_(True)
            telemetry.declare(unfreeze=["0"])

    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    fit(log, model, optimizer, clusters(), labels(model), before_epoch=thaw, intent={"freeze": ["0"]})


@healthy
def frozen_later(log: Path) -> None:
    """The body is frozen half-way, as declared."""
    model = mlp(out=5)

    def freeze(telemetry: Telemetry, epoch: int) -> None:
        if epoch == 2:
            model[0].requires_grad_(False)
            telemetry.declare(freeze=["0"])

    fit(log, model, torch.optim.AdamW(model.parameters(), 3e-3), clusters(), labels(model), before_epoch=freeze)


@healthy
def one_short_epoch(log: Path) -> None:
    """Twelve steps and no more."""
    model = mlp()
    fit(log, model, torch.optim.AdamW(model.parameters(), 1e-2), points(14), mse(model), epochs=1)


@healthy
def many_short_epochs(log: Path) -> None:
    """Forty epochs of four steps."""
    model = mlp()
    fit(log, model, torch.optim.AdamW(model.parameters(), 5e-3), points(5, 128), mse(model), epochs=40)


@healthy
def tiny_targets(log: Path) -> None:
    """Targets of 1e-4, so that losses and gradients are tiny from the start."""
    model = mlp()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    fit(log, model, optimizer, points(noise=0.1), lambda x, y: functional.mse_loss(1e-4 * model(x), 1e-4 * y))


@healthy
def huge_targets(log: Path) -> None:
    """Targets of 10,000, as prices of houses."""
    model = mlp()
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    fit(log, model, optimizer, points(noise=0.1), lambda x, y: functional.mse_loss(1e4 * model(x), 1e4 * y))


@healthy
def solved(log: Path) -> None:
    """A task without noise, which is solved to the last digits."""
    torch.manual_seed(1)
    model = nn.Linear(8, 1)
    torch.manual_seed(2)
    truth = torch.randn(8, 1)
    batches = [(x, x @ truth) for x in torch.randn(90, 32, 8)]
    fit(log, nn.Sequential(model), torch.optim.SGD(model.parameters(), 0.1), batches, mse(model))


@healthy
def spectral_and_weight_norm(log: Path) -> None:
    """Weights that are computed from other weights."""
    torch.manual_seed(1)
    parametrize = nn.utils.parametrizations
    model = nn.Sequential(
        parametrize.spectral_norm(nn.Linear(8, 32)), nn.ReLU(), parametrize.weight_norm(nn.Linear(32, 5))
    )
    fit(log, model, torch.optim.AdamW(model.parameters(), 3e-3), clusters(), labels(model))


@healthy
def pruned(log: Path) -> None:
    """Half of the weights are masked for good."""
    model = mlp(out=5)
    prune.l1_unstructured(model[0], "weight", amount=0.5)
    fit(log, model, torch.optim.SGD(model.parameters(), 0.1), clusters(), labels(model))


class FakeQuantized(nn.Module):
    """A layer with weights of 4 bits in the forward pass; gradients go straight through (Bengio et al. 2013)."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.inner = nn.Linear(width, out)

    def forward(self, x: Tensor) -> Tensor:
        """Use rounded weights."""
        weight = self.inner.weight
        scale = weight.detach().abs().max() / 7
        rounded = (weight / scale).round().clamp(-8, 7) * scale
        return functional.linear(x, weight + (rounded - weight).detach(), self.inner.bias)


@healthy
def quantization_aware(log: Path) -> None:
    """Rounded weights in the forward pass."""
    torch.manual_seed(1)
    model = nn.Sequential(FakeQuantized(8, 32), nn.ReLU(), FakeQuantized(32, 5))
    fit(log, model, torch.optim.AdamW(model.parameters(), 3e-3), clusters(), labels(model))


@healthy
def stochastic_depth(log: Path) -> None:
    """Each block is skipped in half of the steps."""

    class Deep(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(8, 32)
            self.blocks = nn.ModuleList(mlp(32, 32, seed=seed) for seed in range(4))
            self.head = nn.Linear(32, 5)

        def forward(self, x: Tensor) -> Tensor:
            x = self.inner(x)
            for block in self.blocks:
                if not self.training or torch.rand(()) < 0.5:
                    x = x + block(x)
            return self.head(x)

    torch.manual_seed(1)
    model = Deep()
    groups = {f"block{index}": block for index, block in enumerate(model.blocks)}
    fit(log, model, torch.optim.AdamW(model.parameters(), 2e-3), clusters(), labels(model), groups=groups)


@healthy
def adversarial_training(log: Path) -> None:
    """The gradient of the inputs is taken first, then the step is made on the inputs that it gives."""
    model = mlp(out=5)

    def loss_of(x: Tensor, y: Tensor) -> Tensor:
        if not model.training:
            return functional.cross_entropy(model(x), y)
        x = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(functional.cross_entropy(model(x), y), x)
        return functional.cross_entropy(model((x + 0.2 * slope.sign()).detach()), y)

    fit(log, model, torch.optim.AdamW(model.parameters(), 3e-3), clusters(), loss_of)


def train_rank(rank: int, log: Path) -> None:
    """Train one of two processes; the first one writes the log."""
    torch.distributed.init_process_group("gloo", init_method=f"file://{log}.meet", rank=rank, world_size=2)
    model = nn.parallel.DistributedDataParallel(mlp())
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    batches = points(100, seed=rank)
    telemetry = watch(log, model, optimizer, epochs=3, batches=90) if rank == 0 else None
    for _ in range(3):
        for x, y in batches[:90]:
            optimizer.zero_grad()
            loss = functional.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            if telemetry:
                telemetry.step(loss, samples=2 * len(x))
        if telemetry:
            telemetry.epoch(evaluate(model.module, mse(model.module), batches[90:]))
    if telemetry:
        telemetry.close()
    torch.distributed.destroy_process_group()


@healthy
def two_processes(log: Path) -> None:
    """Distributed data parallel on the CPU."""
    torch.multiprocessing.spawn(train_rank, args=(log,), nprocs=2)


@healthy
def lazy_layers(log: Path) -> None:
    """Weights that are made by the first forward pass."""
    torch.manual_seed(1)
    model = nn.Sequential(nn.LazyConv2d(8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.LazyLinear(4))
    model(images(1)[0][0])
    fit(log, model, torch.optim.AdamW(model.parameters(), 3e-3), images(), labels(model))
