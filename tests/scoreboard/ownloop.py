"""An ordinary training loop around any torch module, which logs with the public telemetry.

In: a job. Out: its log. What telemetry does not write (data, inputs, the guard, metrics, the floor of the loss) the
loop measures with the trainer's own instruments and writes to the same log.
"""

from __future__ import annotations

import math
from contextlib import nullcontext
from pathlib import Path

import torch
from torch import Tensor, nn

from monitor.grammar import Intent
from tests.scoreboard.architectures import OWN, Architecture
from tests.scoreboard.fakeclock import STEP_S, FakeClock
from tests.scoreboard.recipes import Job, Recipe
from tests.scoreboard.task import Task, make_task
from trainer.config import GuardConfig, OptimConfig
from trainer.faults import FaultPlan, Site, parse_injection
from trainer.measure.activations import measure_inputs
from trainer.measure.guard import DegeneracyGuard
from trainer.measure.metrics import overall, score
from trainer.telemetry.eventlog import DataCheck, EventLog, Floor, Share
from trainer.telemetry.telemetry import Telemetry
from trainer.training.schedule import learning_rate

NAMES = tuple(f"f{place}" for place in range(64))


def train_own(job: Job, log: Path) -> None:
    """Train one of the other networks by its recipe."""
    torch.manual_seed(job.seed)
    recipe, architecture = job.recipe, OWN[job.architecture]
    clock, task = FakeClock(), make_task(recipe, job.seed)
    model = architecture.build(recipe)
    if recipe.is_first_frozen:
        dict(model.named_children())[architecture.first].requires_grad_(False)
    optimizer = _optimizer(model, recipe)
    plan = FaultPlan([parse_injection(job.inject)] if job.inject else [])
    site = Site(model, optimizer, nullcontext, clock.sleep, architecture.places)
    # Before telemetry adds its hooks, so that it measures the effect of the fault.
    plan.hook_into(site)
    with Telemetry(
        model,
        optimizer,
        epochs=recipe.epochs,
        batches=recipe.batches,
        log=log,
        name=job.name,
        train_every=recipe.train_every,
        grad_every=recipe.grad_every,
        intent=_intent(recipe),
        clock=clock,
        timer=clock.timer,
    ) as telemetry:
        extra = EventLog(log, clock)
        loop = _Loop(recipe, architecture, task, clock, telemetry, extra, plan, site)
        loop.begin()
        for epoch in range(1, (recipe.stops_after or recipe.epochs) + 1):
            loop.train_epoch(epoch)
            loop.validate(epoch)
    extra.close()


class _Loop:
    """One run in progress."""

    def __init__(
        self,
        recipe: Recipe,
        architecture: Architecture,
        task: Task,
        clock: FakeClock,
        telemetry: Telemetry,
        extra: EventLog,
        plan: FaultPlan,
        site: Site,
    ) -> None:
        self._recipe, self._task, self._clock = recipe, task, clock
        self._telemetry, self._extra, self._plan, self._site = telemetry, extra, plan, site
        self._model, self._optimizer = site.model, site.optimizer
        self._step, self._order = 0, torch.Generator().manual_seed(1)
        self._train_x, self._train_y = task.train_x_BTF, task.train_y_B1
        guard = recipe.guard
        self._guard = DegeneracyGuard(
            [self._model.get_submodule("head")],
            [1],
            GuardConfig(
                guard_every=guard.every,
                guard_decay=guard.decay,
                guard_strikes=guard.strikes,
                guard_min_ratio=guard.min_ratio,
                guard_warmup_steps=guard.warmup_steps,
                recover_within_steps=guard.recover_within_steps,
            ),
            torch.Generator().manual_seed(1),
        )
        self._optim = OptimConfig(
            base_lr=recipe.lr, min_lr=recipe.lr / 50, warmup_steps=recipe.warmup_steps, epochs=recipe.epochs
        )

    def begin(self) -> None:
        """Log the loss of a constant prediction."""
        constant_B1 = self._train_y.mean(0, keepdim=True).expand_as(self._train_y)
        self._extra.write(Floor(loss_floor=float(self._loss(constant_B1, self._train_y))))

    def train_epoch(self, epoch: int) -> None:
        """Take an epoch's steps."""
        recipe = self._recipe
        self._telemetry.phase("train", total=recipe.batches)
        self._declare(epoch)
        self._plan.enter_epoch(epoch, self._site)
        self._check_data()
        self._model.train()
        num_rows = recipe.batches * recipe.batch_size * recipe.accumulate
        if recipe.rows:
            order = torch.randint(len(self._train_x), (num_rows,), generator=self._order)
        else:
            order = torch.randperm(num_rows, generator=self._order)
        for batch, rows in enumerate(order.chunk(recipe.batches), start=1):
            self._take_step(rows, epoch=epoch, batch=batch)

    def validate(self, epoch: int) -> None:
        """Score the validation rows and end the epoch."""
        self._model.eval()
        task = self._task
        with torch.no_grad(), self._autocast():
            predictions_B1 = self._model(task.valid_x_BTF).float()
        self._clock.advance(self._recipe.validation_s)
        self._telemetry.epoch(self._loss(predictions_B1, task.valid_y_B1))
        figures = score(
            predictions_B1[:, 0].double().numpy(),
            task.valid_y_B1[:, 0].double().numpy(),
            task.valid_day_B.numpy(),
            horizon_days=1,
        )
        self._extra.metrics(overall([figures]), {1: figures}, epoch=epoch)

    def _take_step(self, rows: Tensor, *, epoch: int, batch: int) -> None:
        recipe, losses = self._recipe, []
        self._set_rate(epoch)
        is_due = self._step % recipe.grad_every == 0
        for part, some in enumerate(rows.chunk(recipe.accumulate)):
            self._plan.before_batch(self._site, batch)
            x_BTF = self._plan.change_windows(self._train_x[some])
            y_B1 = self._plan.change_labels(self._train_y[some])
            if is_due and part == 0:
                self._extra.inputs(measure_inputs(x_BTF), step=self._step, features=NAMES)
            with self._autocast():
                predictions_B1 = self._model(x_BTF).float()
            loss = self._plan.change_loss(self._loss(predictions_B1, y_B1))
            (loss / recipe.accumulate).backward()
            losses.append(loss.detach())
        mean_loss = torch.stack(losses).mean()
        self._telemetry.look()
        norm = nn.utils.clip_grad_norm_(self._model.parameters(), recipe.clip)
        if math.isfinite(float(mean_loss)) and math.isfinite(float(norm)):
            self._optimizer.step()
        self._optimizer.zero_grad()
        self._clock.advance(STEP_S)
        self._step += 1
        self._telemetry.step(mean_loss, samples=len(rows))
        self._guard.observe(predictions_B1, y_B1, torch.zeros(len(y_B1), dtype=torch.long))
        findings = self._guard.check(self._step)
        self._extra.guard(findings, step=self._step, epoch=epoch, strikes=recipe.guard.strikes)

    def _loss(self, predictions_B1: Tensor, y_B1: Tensor) -> Tensor:
        if self._recipe.loss == "huber":
            return nn.functional.huber_loss(predictions_B1, y_B1)
        return nn.functional.mse_loss(predictions_B1, y_B1)

    def _set_rate(self, epoch: int) -> None:
        recipe, step = self._recipe, self._step + 1
        rate = recipe.lr * min(1.0, step / recipe.warmup_steps) if recipe.warmup_steps else recipe.lr
        if recipe.schedule == "cosine":
            rate = learning_rate(step, self._optim, total_steps=recipe.epochs * recipe.batches)
        if recipe.schedule == "drop" and epoch >= 4:
            rate = recipe.lr / 10
        for group in self._optimizer.param_groups:
            group["lr"] = rate

    def _declare(self, epoch: int) -> None:
        """Declare what is about to change on purpose, and change it."""
        recipe = self._recipe
        if recipe.schedule == "drop" and epoch == 4:
            self._extra.write(Intent(base_lr=recipe.lr / 10, phase_change="lr_drop"))
        if recipe.harder_from and epoch == recipe.harder_from:
            if recipe.is_change_declared:
                self._extra.write(Intent(data_change="harder"))
            noise_B1 = torch.randn(self._train_y.shape, generator=self._order)
            self._train_y = self._train_y + recipe.harder_by * noise_B1

    def _check_data(self) -> None:
        """Log how many features of the training inputs are constant."""
        spread_F = self._plan.change_windows(self._train_x).flatten(0, 1).std(0)
        dead = (spread_F == 0).nonzero().flatten().tolist()
        names = tuple(NAMES[place] for place in dead)
        self._extra.write(DataCheck(features_dead=Share(len(dead), len(spread_F)), names=names or None))

    def _autocast(self) -> torch.autocast:
        return torch.autocast("cpu", torch.bfloat16, enabled=self._recipe.is_bf16)


def _optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(weights, lr=recipe.lr, momentum=0.9, weight_decay=recipe.weight_decay)
    return torch.optim.AdamW(weights, lr=recipe.lr, weight_decay=recipe.weight_decay)


def _intent(recipe: Recipe) -> dict[str, object]:
    """Return what the run declares at its start, apart from what telemetry knows."""
    rates: dict[str, object] = {
        "base_lr": recipe.lr,
        "min_lr": recipe.lr / 50 if recipe.schedule == "cosine" else None,
        "warmup_steps": recipe.warmup_steps,
        "warmup_start": 0.0,
        "schedule": "cosine" if recipe.schedule == "cosine" else "constant",
        "total_steps": recipe.epochs * recipe.batches,
    }
    return {
        **({} if recipe.schedule == "none" else rates),
        "clip": recipe.clip,
        "accumulate": recipe.accumulate,
        "not_logged": ("CONFIG", "DATA", "ENCODER-GRAD"),
    }
