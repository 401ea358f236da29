"""Telemetry in real trainings of Lightning and of the Hugging Face Trainer, each a few seconds on a CPU."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from monitor import api
from tests.trainer.telemetry.test_telemetry import fired, judge

pytestmark = pytest.mark.filterwarnings("ignore")  # of the packages under test
ROWS, STEPS = 32, 24

Spoil = Callable[[int], bool]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "own.log"


def timer() -> Callable[[], float]:
    """Return a timer of a millisecond a call: real steps would depend on the load of the machine."""
    ticks = itertools.count()
    return lambda: next(ticks) / 1000


def data() -> tuple[Tensor, Tensor]:
    torch.manual_seed(3)
    x = torch.randn(STEPS * ROWS, 8)
    return x, x @ torch.randn(8, 1) + 0.3 * torch.randn(len(x), 1)


def body() -> nn.Sequential:
    torch.manual_seed(4)
    return nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 1))


def fit_lightning(log: Path, folder: Path, *, spoil: Spoil = lambda step: False, breaks_at: int | None = None) -> None:
    from lightning.pytorch import LightningModule, Trainer

    from trainer.adapters.lightning import TelemetryCallback

    class Module(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            parts = body()
            self.inner, self.head = parts[:2], parts[2]

        def training_step(self, batch: list[Tensor], index: int) -> Tensor:
            if self.global_step == breaks_at:
                raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB")
            x, y = batch
            loss = (self.head(self.inner(x)) - y).square().mean()
            return loss * float("nan") if spoil(self.global_step) else loss

        def validation_step(self, batch: list[Tensor], index: int) -> None:
            x, y = batch
            self.log("val_loss", (self.head(self.inner(x)) - y).square().mean())

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.AdamW(self.parameters(), lr=3e-3)

    loader = DataLoader(TensorDataset(*data()), batch_size=ROWS)
    Trainer(
        max_epochs=2,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
        gradient_clip_val=1.0,
        callbacks=[TelemetryCallback(log=log, train_every=2, grad_every=6, timer=timer())],
    ).fit(Module(), loader, loader)


def fit_transformers(
    log: Path,
    folder: Path,
    *,
    spoil: Spoil = lambda step: False,
    breaks_at: int | None = None,
    accumulate: int = 1,
    freezes: bool = False,
) -> None:
    from transformers import Trainer, TrainingArguments

    from trainer.adapters.huggingface import TelemetryCallback

    class Module(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            parts = body()
            self.inner, self.head = parts[:2], parts[2]
            self.inner.requires_grad_(not freezes)
            self.passes = 0

        def forward(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
            if self.passes == breaks_at:
                raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB")
            logits = self.head(self.inner(x))
            loss = (logits - labels).square().mean()
            is_spoilt = self.training and spoil(self.passes)
            self.passes += self.training
            return {"loss": loss * float("nan") if is_spoilt else loss, "logits": logits}

    x, y = data()
    rows = [{"x": one, "labels": other} for one, other in zip(x, y, strict=True)]
    settings: dict[str, Any] = {"report_to": [], "disable_tqdm": True, "use_cpu": True, "save_strategy": "no"}
    Trainer(
        model=Module(),
        args=TrainingArguments(
            output_dir=str(folder / "out"),
            num_train_epochs=2,
            per_device_train_batch_size=ROWS,
            gradient_accumulation_steps=accumulate,
            learning_rate=3e-3,
            eval_strategy="epoch",
            **settings,
        ),
        train_dataset=rows,
        eval_dataset=rows,
        callbacks=[TelemetryCallback(log=log, train_every=2, grad_every=6, timer=timer())],
    ).train()


FITS = {"lightning": fit_lightning, "transformers": fit_transformers}


@pytest.fixture(params=FITS)
def fit(request: pytest.FixtureRequest, require: Callable[[str], object]) -> Callable[..., None]:
    require(request.param)
    return FITS[request.param]


def test_a_healthy_fit_is_understood_and_no_rule_fires(fit: Callable[..., None], log: Path, tmp_path: Path):
    fit(log, tmp_path)
    snapshot, changes = judge(log)
    assert [(each.rule, each.reason) for each in changes] == []
    assert snapshot.run.understood == snapshot.run.lines
    attempt = snapshot.run.attempt
    assert (attempt.step, attempt.ended is not None) == (2 * STEPS, True)
    text = log.read_text()
    assert text.count("Train Loss=") == 2 and "[RUN] end status=completed" in text
    assert "[MODEL] group=inner tensors=2" in text and "depth=0" in text


def test_a_nan_loss_is_found(fit: Callable[..., None], log: Path, tmp_path: Path):
    fit(log, tmp_path, spoil=lambda step: step == 13)
    assert "TrainLossNonfinite" in fired(log)
    assert "where=loss count=1 step=14" in log.read_text()


def test_a_failing_lightning_fit_ends_its_log_as_failed(log: Path, tmp_path: Path, require: Callable[[str], object]):
    require("lightning")
    with pytest.raises(RuntimeError, match="out of memory"):
        fit_lightning(log, tmp_path, breaks_at=9)
    assert "[RUN] end status=failed" in log.read_text().splitlines()[-1]
    assert fired(log)


def test_accumulated_batches_are_one_step(log: Path, tmp_path: Path, require: Callable[[str], object]):
    require("transformers")
    fit_transformers(log, tmp_path, accumulate=4)
    snapshot, changes = judge(log)
    assert changes == []
    assert snapshot.run.attempt.step == 2 * STEPS // 4
    assert "accumulate=4" in log.read_text()


def test_a_frozen_base_is_said_once_and_alarms_nobody(log: Path, tmp_path: Path, require: Callable[[str], object]):
    require("transformers")
    fit_transformers(log, tmp_path, freezes=True)
    assert fired(log) == {"FrozenUndeclared"}  # info
    assert not api.read(log).has_fired
    assert log.read_text().count("observed_frozen=inner") == 1


def test_two_optimizers_of_a_lightning_module_are_both_watched(
    log: Path, tmp_path: Path, require: Callable[[str], object]
):
    require("lightning")
    from lightning.pytorch import LightningModule, Trainer

    from trainer.adapters.lightning import TelemetryCallback

    class Pair(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(4)
            self.automatic_optimization = False
            self.generator, self.critic, self.base = nn.Linear(8, 8), nn.Linear(8, 1), nn.Linear(8, 8)
            self.base.requires_grad_(False)

        def training_step(self, batch: list[Tensor], index: int) -> Tensor:
            x, _ = batch
            by_generator, by_critic = self.optimizers()
            for optimizer, sign in ((by_critic, 1.0), (by_generator, -1.0)):
                self.toggle_optimizer(optimizer)
                made = self.generator(self.base(x))
                loss = nn.functional.softplus(sign * self.critic(made)).mean()
                optimizer.zero_grad()
                self.manual_backward(loss)
                optimizer.step()
                self.untoggle_optimizer(optimizer)
            return loss.detach()

        def configure_optimizers(self) -> list[torch.optim.Optimizer]:
            return [torch.optim.Adam(each.parameters(), lr=1e-3) for each in (self.generator, self.critic)]

    Trainer(
        max_epochs=2,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
        callbacks=[TelemetryCallback(log=log, train_every=2, grad_every=6, timer=timer())],
    ).fit(Pair(), DataLoader(TensorDataset(*data()), batch_size=ROWS))
    text = log.read_text()
    assert fired(log) == {"FrozenUndeclared"}  # info
    assert "[TELEMETRY] observed_frozen=base" in text and "observed_unfrozen" not in text
    assert "[TELEMETRY] off" not in text and "[TELEMETRY] ignored" not in text
    assert "[WEIGHT-MONITOR] group=generator" in text and "[WEIGHT-MONITOR] group=critic" in text


def test_a_trainer_that_goes_on_from_a_checkpoint_says_so(log: Path, tmp_path: Path, require: Callable[[str], object]):
    require("transformers")
    from transformers import TrainerControl, TrainerState, TrainingArguments

    from trainer.adapters.huggingface import TelemetryCallback

    model = body()
    args = TrainingArguments(output_dir=str(tmp_path), num_train_epochs=2, report_to=[], use_cpu=True)
    state = TrainerState(global_step=30, epoch=1.25, max_steps=48, is_world_process_zero=True)
    callback = TelemetryCallback(log=log)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    callback.on_train_begin(args, state, TrainerControl(), model=model, optimizer=optimizer)
    state.global_step = 31
    callback.on_step_end(args, state, TrainerControl())
    callback.on_train_end(args, state, TrainerControl(should_training_stop=True))
    text = log.read_text()
    assert "resume_from=30" in text
    assert "reason=early_stop" in text and "phase_change=early_stop" in text
