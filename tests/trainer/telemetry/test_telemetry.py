"""Telemetry in an ordinary training loop: the shipped rules can judge its log."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from monitor import api
from monitor.alert import Alert, State
from monitor.conditions import Outcome
from monitor.engine.step import Engine
from monitor.grammar import parse_line
from monitor.pipeline import Pipeline
from monitor.rules import load_rules
from monitor.rules.choice import rule_files
from monitor.snapshot import Snapshot
from monitor.tail import read_lines
from trainer.telemetry.telemetry import Telemetry

EPOCHS, BATCHES, ROWS = 3, 40, 64
RATE = 1e-3


def network() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(12, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh(), nn.Linear(48, 1))


def batches() -> list[tuple[Tensor, Tensor]]:
    torch.manual_seed(2)
    x, truth = torch.randn((BATCHES + 4) * ROWS, 12), torch.randn(12, 1)
    y = x @ truth + 0.5 * torch.randn(len(x), 1)
    return list(zip(x.split(ROWS), y.split(ROWS), strict=True))


def train(
    log: Path,
    *,
    model: nn.Sequential | None = None,
    change: Callable[[int, Tensor], Tensor] = lambda step, loss: loss,
    takes: Callable[[int], bool] = lambda step: True,
    rate: float = RATE,
    **options: object,
) -> None:
    """Train as people do: zero, backward, clip, step. `change` replaces a step's loss; `takes` decides about a step."""
    model = model or network()
    optimizer = torch.optim.AdamW([weight for weight in model.parameters() if weight.requires_grad], lr=rate)
    data, step = batches(), 0
    ticks = itertools.count()
    settings = {
        "train_every": 2,
        "grad_every": 8,
        "intent": {"base_lr": rate, "schedule": "constant"},
        "timer": lambda: next(ticks) / 1000,  # a step of a millisecond would depend on the load of the machine
        **options,
    }
    with Telemetry(model, optimizer, epochs=EPOCHS, batches=BATCHES, log=log, **settings) as telemetry:
        for _ in range(EPOCHS):
            model.train()
            for x, y in data[:BATCHES]:
                loss = change(step, (model(x) - y).square().mean())
                optimizer.zero_grad()
                loss.backward()
                telemetry.look()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                if takes(step):
                    optimizer.step()
                telemetry.step(loss, samples=ROWS)
                step += 1
            model.eval()
            with torch.no_grad():
                losses = [(model(x) - y).square().mean() for x, y in data[BATCHES:]]
            telemetry.epoch(torch.stack(losses).mean())


def judge(log: Path) -> tuple[Snapshot, list[Alert]]:
    watching = Pipeline(str(log), Engine(load_rules(rule_files(()))))
    with log.open("rb") as stream:
        changes = [change for line in read_lines(stream) for change in watching.take(line)]
    return watching.snapshot(watching.run.now, is_following=False), changes


def fired(log: Path) -> set[str]:
    """Return the rules that fired and are not explained by another rule."""
    return {each.rule for each in judge(log)[1] if each.state is State.FIRING and not each.inhibited_by}


def outcomes(log: Path, rule: str) -> set[Outcome]:
    return {reading.outcome for each, readings in judge(log)[0].readings for reading in readings if each.alert == rule}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "own.log"


def test_in_a_healthy_loop_every_line_is_understood_and_no_rule_fires(log: Path):
    train(log)
    snapshot, changes = judge(log)
    assert [(each.rule, each.reason) for each in changes] == []
    assert snapshot.run.understood == snapshot.run.lines > 100
    assert snapshot.run.attempt.ended is not None
    of_gradients = ("GradientZero", "GroupGradientVanishing", "DeadUnits", "NoUpdate")
    for rule in (*of_gradients, "LossFrozen", "LearningRateOffSchedule"):
        assert outcomes(log, rule) == {Outcome.OK}, rule


def test_a_nan_loss_is_found_at_its_step(log: Path):
    train(log, change=lambda step, loss: loss * float("nan") if step == 51 else loss)
    (first, *_) = (each for each in judge(log)[1] if each.state is State.FIRING)
    assert (first.rule, first.step) == ("TrainLossNonfinite", 52)


def test_a_group_without_gradient_is_found_unless_it_was_frozen_from_the_start(log: Path, tmp_path: Path):
    cut = network()
    cut[2].weight.register_hook(torch.zeros_like)
    cut[2].bias.register_hook(torch.zeros_like)
    train(log, model=cut)
    assert "GradientZero" in fired(log)

    frozen, quiet = network(), tmp_path / "frozen.log"
    frozen[0].requires_grad_(False)
    train(quiet, model=frozen)
    assert fired(quiet) == {"FrozenUndeclared"}
    assert not api.read(quiet).has_fired


def test_steps_that_the_optimizer_does_not_take_count_as_skipped(log: Path):
    train(log, takes=lambda step: step < 60)
    assert "StepsNotMade" in fired(log)
    assert "skips_in_row=60" in log.read_text()


def test_an_exception_ends_the_log_as_failed(log: Path):
    def burst(step: int, loss: Tensor) -> Tensor:
        if step == 30:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        return loss

    with pytest.raises(RuntimeError, match="illegal memory access"):
        train(log, change=burst)
    assert "[RUN] end status=failed" in log.read_text().splitlines()[-1]
    assert fired(log) & {"RunFailed", "Crash"}


def test_an_interrupted_loop_ends_its_log_as_stopped(log: Path):
    def interrupt(step: int, loss: Tensor) -> Tensor:
        if step == 30:
            raise KeyboardInterrupt
        return loss

    with pytest.raises(KeyboardInterrupt):
        train(log, change=interrupt)
    assert "[RUN] end status=stopped" in log.read_text()


def test_the_training_is_the_same_with_and_without_telemetry(log: Path):
    watched, alone = network(), network()
    train(log, model=watched)
    optimizer = torch.optim.AdamW(alone.parameters(), lr=RATE)
    for _ in range(EPOCHS):
        for x, y in batches()[:BATCHES]:
            loss = (alone(x) - y).square().mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(alone.parameters(), 1.0)
            optimizer.step()
    assert all(torch.equal(one, other) for one, other in zip(watched.parameters(), alone.parameters(), strict=True))


def test_no_hook_stays_on_the_model_after_the_end(log: Path):
    model = network()
    train(log, model=model)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_gradients_are_measured_before_clipping(log: Path):
    train(log)
    records = [parse_line(line.encode()).record for line in log.read_text().splitlines() if "[TRAIN]" in line]
    norms = [record.grad_norm for record in records]
    assert len(norms) == EPOCHS * BATCHES // 2
    assert max(norms) > 1.0, "clipped to 1, they could not exceed it"


def test_groups_and_layers_can_be_named(log: Path):
    model = network()
    train(log, model=model, groups={"body": nn.Sequential(model[0], model[2]), "head": model[4]}, layers={})
    text = log.read_text()
    assert "[MODEL] group=body tensors=4" in text and "[MODEL] group=head tensors=2" in text
    assert "ACTIVATION-MONITOR" not in text


def test_a_group_with_parameters_of_another_model_is_refused(log: Path):
    with pytest.raises(ValueError, match="'head': 2 parameters are not the model's"):
        train(log, groups={"head": nn.Linear(3, 1)})
