"""What telemetry says is evidence over an interval, tells observed from declared, and covers what is trained."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from monitor import api
from monitor.grammar import (
    ActivationReport,
    BatchReport,
    Floor,
    GradReport,
    GroupGrad,
    Intent,
    Record,
    Train,
    WeightReport,
    parse_line,
)
from tests.trainer.telemetry.harmless import data, net
from tests.trainer.telemetry.test_telemetry import fired
from trainer.telemetry import Telemetry
from trainer.telemetry.looked_steps import LOOKS, looked_steps, next_report


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "own.log"


def records(log: Path, kind: type[Record]) -> list[Any]:
    lines = [parse_line(line) for line in log.read_bytes().splitlines()]
    return [line.record for line in lines if line is not None and isinstance(line.record, kind)]


def groups(log: Path, name: str) -> list[GroupGrad]:
    return [group for report in records(log, GradReport) for group in report.groups if group.group == name]


def train(
    log: Path,
    model: nn.Module,
    optimizer: object,
    loss_of: Callable[[Tensor, Tensor], Tensor],
    *,
    before: Callable[[Telemetry, int], None] = lambda telemetry, step: None,
    epochs: int = 1,
    **options: Any,
) -> None:
    ticks = itertools.count()
    settings = {"train_every": 5, "grad_every": 10, "timer": lambda: next(ticks) / 1000, **options}
    batches = data()
    with Telemetry(model, optimizer, epochs=epochs, batches=len(batches), log=log, **settings) as telemetry:
        for epoch in range(epochs):
            for step, (x, y) in enumerate(batches):
                before(telemetry, epoch * len(batches) + step)
                loss = loss_of(x, y)
                optimizer.zero_grad()  # type: ignore[attr-defined]
                loss.backward()
                optimizer.step()  # type: ignore[attr-defined]
                telemetry.step(loss)
            telemetry.epoch(1.0 / (epoch + 1))


def test_four_steps_of_each_interval_are_looked_at_and_drawn_by_their_number():
    drawn = [looked_steps(report, every=100) for report in range(100, 2100, 100)]
    assert {len(each) for each in drawn} == {LOOKS}
    assert all(max(each) - min(each) < 100 for each in drawn)
    assert [max(each) for each in drawn] == list(range(100, 2100, 100))
    assert len({step % 10 for each in drawn for step in each}) == 10
    assert [next_report(step, every=100, first=0) for step in (0, 3, 4, 100, 101)] == [3, 3, 100, 100, 200]


def test_a_gradient_is_zero_only_if_it_was_in_each_step_looked_at(log: Path):
    class Router(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.common, self.rare, self.never = nn.Linear(8, 1), nn.Linear(8, 1), nn.Linear(8, 1)
            self.passes = 0

        def forward(self, x: Tensor) -> Tensor:
            self.passes += 1
            return self.common(x) + (self.passes % 2) * self.rare(x) + 0 * self.never(x)

    model = Router()
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    train(log, model, optimizer, lambda x, y: functional.mse_loss(model(x), y), grad_every=5)
    assert all(group.norm > 0 for group in groups(log, "rare"))
    assert {group.norm for group in groups(log, "never")} == {0.0}
    assert any(group.zero and group.zero.part for group in groups(log, "rare"))
    assert "GradientZero" in fired(log) and "NoUpdate" not in fired(log)


def test_a_head_that_begins_at_zero_is_no_dead_gradient(log: Path):
    """The weights of LoRA begin so: the first step has no gradient for one of the pair."""

    class Adapted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.base, self.down, self.up = nn.Linear(8, 1), nn.Linear(8, 2, bias=False), nn.Linear(2, 1, bias=False)
            self.base.requires_grad_(False)
            nn.init.zeros_(self.up.weight)

        def forward(self, x: Tensor) -> Tensor:
            return self.base(x) + self.up(self.down(x))

    model = Adapted()
    optimizer = torch.optim.AdamW([*model.down.parameters(), *model.up.parameters()], 1e-2)
    train(log, model, optimizer, lambda x, y: functional.mse_loss(model(x), y))
    assert fired(log) == {"FrozenUndeclared"}  # info
    assert groups(log, "base") == []
    assert groups(log, "down")[0].grad == (1, 1)


def test_frozen_weights_of_a_group_do_not_count_as_missing(log: Path):
    model = nn.Sequential(nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8)), nn.Linear(8, 1))
    model[0][0].requires_grad_(False)
    optimizer = torch.optim.AdamW([each for each in model.parameters() if each.requires_grad], 1e-2)
    train(log, model, optimizer, lambda x, y: functional.mse_loss(model(x), y))
    assert fired(log) == set()
    assert {(group.grad, group.none) for group in groups(log, "0")} == {((2, 2), 0)}


def test_what_is_observed_but_not_declared_is_said_once(log: Path):
    model = net()

    def change(telemetry: Telemetry, step: int) -> None:
        if step == 20:
            telemetry.declare(freeze="3")
        if step in (5, 35):
            model[0].requires_grad_(step == 35)
        if step >= 20:
            model[3].requires_grad_(False)
            model[0].requires_grad_(True)

    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    train(log, model, optimizer, lambda x, y: functional.mse_loss(model(x), y), before=change, epochs=2, grad_every=4)
    text = log.read_text()
    assert text.count("observed_frozen=") == 1 and "observed_frozen=0 " in text
    assert text.count("observed_unfrozen=0") == 1
    assert [record.frozen for record in records(log, Intent) if record.frozen is not None] == [("3",)]


def test_a_train_line_has_the_mean_the_largest_and_the_number_of_its_interval(log: Path):
    model = net()
    losses: list[float] = []

    def loss_of(x: Tensor, y: Tensor) -> Tensor:
        loss = functional.mse_loss(model(x), y)
        losses.append(loss.item())
        return loss

    train(log, model, torch.optim.SGD(model.parameters(), 0.01), loss_of)
    lines = records(log, Train)
    assert [line.num_losses for line in lines] == [5] * 6
    assert [line.loss for line in lines] == losses[4::5]
    assert [line.mean_loss for line in lines] == pytest.approx([sum(losses[i : i + 5]) / 5 for i in range(0, 30, 5)])
    assert [line.max_loss for line in lines] == [max(losses[i : i + 5]) for i in range(0, 30, 5)]


def test_the_rate_of_each_group_is_logged_where_they_differ(log: Path):
    model = net()
    parts = [{"params": model[0].parameters(), "lr": 0.0}, {"params": model[3].parameters(), "lr": 0.01}]
    train(log, model, torch.optim.SGD(parts, 0.1), lambda x, y: functional.mse_loss(model(x), y))
    assert {(line.lr, line.lr_groups) for line in records(log, Train)} == {(0.01, ((0, 0.0), (1, 0.01)))}


def test_a_group_at_a_rate_of_zero_is_not_stuck(log: Path):
    model = net()
    groups = [{"params": model[0].parameters(), "lr": 0.0}, {"params": model[3].parameters(), "lr": 1e-2}]
    train(log, model, torch.optim.SGD(groups), lambda x, y: functional.mse_loss(model(x), y))
    assert fired(log) == set()
    assert "[WEIGHT-MONITOR] group=3" in log.read_text()


def test_declarations_resumes_fits_and_reasons_are_in_the_log(log: Path):
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    telemetry = Telemetry(model, optimizer, epochs=4, batches=10, log=log, start_step=20)
    telemetry.declare(curriculum="long", pause="backup", expected_s=60.0, accumulation=4, expected_missing=["head:1"])
    telemetry.declare(schedule="cosine", base_lr=0.1, total_steps=40)
    telemetry.step(1.0)
    telemetry.epoch(1.0)
    telemetry.fit(epochs=2, batches=5)
    telemetry.step(1.0)
    telemetry.epoch(1.0)
    telemetry.close(reason="early_stop")
    text = log.read_text()
    for words in (
        "resume_from=20",
        "data_change=long",
        "pause=backup expected_s=60.0",
        "accumulate=4",
        "no_grad_expected=head:1",
        "schedule=cosine",
        "name=train epoch=3",
        "reason=next_fit",
        "epochs=1 phase_change=early_stop",
        "status=completed epochs=1",
        "reason=early_stop",
    ):
        assert words in text, words
    assert text.count("[RUN] start") == 2
    assert "EndedEarly" not in fired(log)


def batches_of(make: Callable[[int], tuple[Tensor, Tensor, Tensor]], log: Path) -> Iterator[BatchReport]:
    model = net()
    with Telemetry(
        model, torch.optim.SGD(model.parameters(), 0.1), epochs=1, batches=100, log=log, grad_every=10
    ) as telemetry:
        for step in range(100):
            inputs, targets, outputs = make(step)
            telemetry.look(inputs=inputs, targets=targets, outputs=outputs)
            loss = functional.cross_entropy(outputs, targets) if targets.dtype is torch.long else 0.0
            telemetry._hooks._optimizers.stepped.append(telemetry._hooks._optimizers.all[0])
            telemetry.step(loss)
        telemetry.epoch(1.0)
    return iter(records(log, BatchReport))


def test_batches_show_repeats_constant_features_order_and_the_floor_of_the_loss(log: Path):
    torch.manual_seed(0)

    def make(step: int) -> tuple[Tensor, Tensor, Tensor]:
        x = torch.randn(64, 6)
        x[:, 1], x[:, 2] = 0.0, 3.0
        return x, torch.randint(4, (64,)), torch.randn(64, 4)

    last = list(batches_of(make, log))[-1]
    assert (last.constant, last.zero, last.repeated and last.repeated.part) == ((2, 6), (1, 6), 0)
    assert last.targets == 4 and last.order == pytest.approx(1.0, abs=0.05)
    (floor,) = records(log, Floor)
    assert floor.loss_floor == pytest.approx(1.386, abs=0.03) and ("of", "cross_entropy") in floor.extra


def test_one_batch_for_ever_and_a_sorted_loader_are_seen(log: Path):
    torch.manual_seed(0)
    x, guess = torch.randn(64, 6), torch.randn(64, 4)
    last = list(batches_of(lambda step: (x, torch.full((64,), step // 25), guess), log))[-1]
    assert last.repeated is not None and last.repeated.part == last.repeated.whole >= 5
    assert last.order == pytest.approx(0.0, abs=1e-6)


def test_a_compiled_model_without_graph_breaks_still_trains(log: Path):
    model = net(dropout=0.0)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    train(log, model, optimizer, lambda x, y: functional.mse_loss(compiled(x), y))
    assert "[TELEMETRY] off" not in log.read_text()
    assert fired(log) == set()


@pytest.mark.parametrize("batches", [1, 3, 20])
def test_a_validation_is_no_waiting_for_data(log: Path, batches: int):
    model, seconds = net(), iter(range(10**6))
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    with Telemetry(
        model, optimizer, epochs=4, batches=batches, log=log, timer=lambda: float(next(seconds)) / 100
    ) as telemetry:
        for _ in range(4):
            for _ in range(batches):
                loss = model(torch.randn(4, 8)).square().mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                telemetry.step(loss)
            for _ in range(300):  # a validation of 3 s
                next(seconds)
            telemetry.epoch(1.0)
    assert max(line.load_s or 0.0 for line in records(log, Train)) < 0.05
    assert "LoaderBound" not in fired(log)


def test_a_part_that_no_optimizer_holds_is_not_taken_for_gradients_that_were_not_cleared(log: Path):
    model = net(dropout=0.0)
    train(log, model, torch.optim.SGD(model[3].parameters(), 0.01), lambda x, y: functional.mse_loss(model(x), y))
    found = fired(log)
    assert "NoUpdate" in found and "StaleGradient" not in found


def test_what_is_not_measured_of_a_layer_is_not_reported_as_zero(log: Path):
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    train(log, model, optimizer, lambda x, y: functional.mse_loss(model(x), y))
    reports = records(log, ActivationReport)
    assert reports
    assert {each.saturated for each in reports} == {None}


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
@pytest.mark.parametrize(
    ("change", "is_said"),
    [
        (lambda x: x * 100 + 300, True),
        (lambda x: x / 50, True),
        (lambda x: x * 1.5 + 0.5 * x.std(), False),
        (lambda x: x, False),
    ],
)
def test_inputs_that_are_no_longer_those_of_the_first_batches_are_seen_at_any_scale(
    log: Path, change: Callable[[Tensor], Tensor], is_said: bool, scale: float
):
    torch.manual_seed(0)

    def make(step: int) -> tuple[Tensor, Tensor, Tensor]:
        x = torch.randn(64, 6)
        x[:, 5] = 3.0
        return scale * (change(x) if step >= 40 else x), torch.randn(64, 1), torch.randn(64, 1)

    *_, last = batches_of(make, log)
    assert last.shift is not None and last.scale is not None
    assert (last.shift > 10 or not 0.1 <= last.scale <= 10) == is_said
    assert ("InputsChanged" in fired(log)) == is_said


def test_a_part_that_stops_undeclared_in_mid_run_is_a_warning_and_one_that_never_ran_is_not(log: Path):
    for begins in (0, 20):
        model = net()

        def freeze(telemetry: Telemetry, step: int, model: nn.Module = model, begins: int = begins) -> None:
            if step >= begins:
                model[0].requires_grad_(False)

        optimizer = torch.optim.SGD(model.parameters(), 0.01)
        log.unlink(missing_ok=True)
        train(
            log, model, optimizer, lambda x, y, model=model: functional.mse_loss(model(x), y), before=freeze, epochs=2
        )
        assert ("GroupStopped" in fired(log)) == bool(begins)


def test_a_part_that_stops_in_the_last_of_a_few_short_epochs_is_told(log: Path):
    model = net()

    def freeze(telemetry: Telemetry, step: int) -> None:
        if step >= 2 * len(data()):
            model[0].requires_grad_(False)

    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    settings = {"epochs": 4, "train_every": 10, "grad_every": 100}
    train(log, model, optimizer, lambda x, y: functional.mse_loss(model(x), y), before=freeze, **settings)
    assert "GroupStopped" in fired(log)


@pytest.mark.parametrize(
    ("loss", "floor"),
    [
        ("mse", lambda y: y.var(0, correction=0).mean()),
        ("mae", lambda y: (y - y.median(0).values).abs().mean()),
        ("huber", lambda y: functional.huber_loss(y.mean(0).expand_as(y), y)),
        ("bce", lambda y: functional.binary_cross_entropy((y > 0).float().mean(0).expand_as(y), (y > 0).float())),
    ],
)
def test_the_floor_of_several_columns_is_that_of_the_best_constant_of_each(
    loss: str, floor: Callable[[Tensor], Tensor], log: Path
):
    torch.manual_seed(0)
    x, model = torch.randn(1600, 8), nn.Linear(8, 3)
    y = torch.randn(1600, 3) * torch.tensor([1.0, 2.0, 0.5]) + torch.tensor([0.0, 5.0, -0.5])
    targets = (y > 0).float() if loss == "bce" else y
    compute = {
        "mse": functional.mse_loss,
        "mae": functional.l1_loss,
        "huber": functional.huber_loss,
        "bce": functional.binary_cross_entropy_with_logits,
    }[loss]
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    with Telemetry(model, optimizer, epochs=1, batches=50, log=log, grad_every=10) as telemetry:
        for rows in torch.arange(1600).split(32):
            outputs = model(x[rows])
            found = compute(outputs, targets[rows])
            optimizer.zero_grad()
            found.backward()
            telemetry.look(inputs=x[rows], targets=targets[rows], outputs=outputs)
            optimizer.step()
            telemetry.step(found, samples=32)
    (said,) = records(log, Floor)
    assert said.loss_floor == pytest.approx(float(floor(y)), rel=0.03)
    entropies = {report.entropy for report in records(log, BatchReport)} - {None}
    assert bool(entropies) == (loss == "bce")


@pytest.mark.parametrize(
    "targets",
    [
        torch.tensor(1.0),
        torch.empty(0, 3),
        torch.full((8, 3), float("nan")),
        torch.rand(8, 3) > 0.5,
        torch.randn(8, 3).half(),
        torch.randn(4, 5000),
        torch.randn(1, 3),
    ],
)
def test_targets_of_any_shape_do_no_harm(targets: Tensor, log: Path):
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    with Telemetry(model, optimizer, epochs=1, batches=20, log=log, grad_every=5) as telemetry:
        for _ in range(20):
            optimizer.zero_grad()
            outputs = model(torch.randn(8, 8))
            outputs.square().mean().backward()
            telemetry.look(inputs=torch.randn(8, 8), targets=targets, outputs=outputs)
            optimizer.step()
            telemetry.step(1.0)
    assert "switched off" not in log.read_text() and "Traceback" not in log.read_text()
    assert not [line for line in log.read_text().splitlines() if "[TELEMETRY]" in line]


def test_the_end_of_a_decay_says_nothing_of_weights_that_stay(log: Path):
    """One cycle ends at 4e-6 of its highest rate, where single precision rounds most steps away."""
    model = net()
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=6 * len(data()), final_div_factor=1e4)

    def move(telemetry: Telemetry, step: int) -> None:
        if step:
            schedule.step()

    train(log, model, optimizer, lambda x, y: functional.mse_loss(model(x), y), before=move, epochs=6, grad_every=100)
    reports = records(log, WeightReport)
    last = max(each.step for each in reports)
    assert {each.unchanged for each in reports if each.step == last} == {None}
    assert None not in {each.unchanged for each in reports if each.step < last - 20}
    assert "UpdateUnderflow" not in fired(log)


def test_units_of_other_classes_are_not_dead_in_a_sorted_batch(log: Path):
    torch.manual_seed(0)

    class PerClass(nn.Module):
        """Each unit answers to one class of inputs."""

        def __init__(self) -> None:
            super().__init__()
            self.units, self.head = nn.ReLU(), nn.Linear(8, 1)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.head(self.units(x))
            return out

    model = PerClass()
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    shares = {}
    for name in ("sorted", "dead"):
        log.unlink(missing_ok=True)
        with Telemetry(model, optimizer, epochs=1, batches=40, log=log, grad_every=10, train_every=5) as telemetry:
            for step in range(40):
                x = -torch.rand(32, 8)
                x[:, (0 if name == "dead" or step < 20 else 4) :][:, :4] *= -1
                loss = model(x).square().mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                telemetry.step(loss)
        shares[name] = [each.dead_units.part for each in records(log, ActivationReport) if each.layer == "units"]
    assert set(shares["dead"]) == {4}
    assert 0 in shares["sorted"]


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([0.5, 0.6, 0.7, 0.7, 0.8, 0.8], set()),
        ([0.5, float("nan"), float("nan"), float("nan"), 0.8, 0.8], {"MetricNonfinite"}),
        ([0.0] * 6, {"MetricStuck"}),
    ],
)
def test_metrics_of_an_epoch_are_judged_by_their_names(log: Path, scores: list[float], expected: set[str]):
    model, left = net(), iter(scores)
    with Telemetry(model, torch.optim.Adam(model.parameters(), 1e-3), epochs=6, batches=1, log=log) as telemetry:
        for epoch in range(6):
            telemetry.epoch(1.0 / (epoch + 1), Accuracy=next(left))
    assert {rule for rule in fired(log) if rule.startswith("Metric")} == expected
    series = api.read(log).snapshot.run.attempt.of("metric")
    assert set(series) == {(("name", "accuracy"), ("split", "val"))}


class Slope(nn.Module):
    """The slope of a function, on which the last shift has no effect; or a forgotten layer."""

    def __init__(self, *, forgets: bool) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 1))
        self.net.append(nn.Linear(1, 1)) if forgets else None
        self.forgets = forgets

    def forward(self, x: Tensor) -> Tensor:
        x = x.detach().requires_grad_()
        value = (self.net[:-1] if self.forgets else self.net)(x)
        return torch.autograd.grad(value.sum(), x, create_graph=True)[0]


@pytest.mark.parametrize("forgets", [False, True])
def test_a_shift_that_cancels_out_is_not_missing_but_a_forgotten_layer_is(log: Path, forgets: bool):
    model = Slope(forgets=forgets)
    adam = torch.optim.Adam(model.parameters(), 1e-3)
    train(log, model, adam, lambda x, y: (model(x) - 1).square().mean(), epochs=3, groups={"net": model.net})
    assert ("GradientMissing" in fired(log)) == forgets


@pytest.mark.parametrize(("num_dead", "is_told"), [(0, False), (10, False), (16, True)])
def test_a_layer_within_a_child_is_told_of_once_it_passes_nothing_on(log: Path, num_dead: int, is_told: bool):
    body = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
    model = nn.ModuleDict({"body": body, "head": nn.Linear(1, 1)})
    nn.init.constant_(body[0].bias[:num_dead], -10.0)
    sgd = torch.optim.SGD(model.parameters(), 0.01)
    train(log, model, sgd, lambda x, y: (model["head"](model["body"](x)) - y).square().mean(), epochs=2)
    assert ("DeadUnits" in fired(log)) == is_told
    assert ("body.1" in {line.layer for line in records(log, ActivationReport)}) == is_told
