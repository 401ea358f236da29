"""Injected faults are real: the run's own measurements show them from their epoch on, and not before."""

import math
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from monitor import grammar
from tests.trainer.runs import Run, fit, make_panel
from trainer.faults import FAULTS, FaultError, FaultPlan, Injection, Site, parse_injection
from trainer.telemetry.eventlog import EventLog, Floor

CUT_OFF = {"backbone_projection", "temporal_encoder", "input_projection", "variable_selection", "gat"}
QUICK_GUARD = {"guard_warmup_steps": 2, "guard_every": 1, "recover_within_steps": 2, "guard_decay": 0.0}


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_panel(tmp_path_factory.mktemp("panel"))


def idle_optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.zeros(1)], lr=0.1)


def reports_of(run: Run, epoch: int) -> list[grammar.GradReport]:
    return [report for report in run.records(grammar.GradReport) if report.epoch == epoch]


@pytest.mark.parametrize("linear_skip", [False, True])
def test_grad_zero_zeroes_the_encoders_gradients_and_no_others_from_its_epoch_on(
    panel: Path, tmp_path: Path, linear_skip: bool
):
    run = fit(tmp_path, panel, inject=("grad_zero@2",), linear_skip=linear_skip)
    assert all(group.norm > 0 for report in reports_of(run, 1) for group in report.groups)
    for report in reports_of(run, 2):
        assert {group.group for group in report.groups if group.norm == 0.0} == CUT_OFF
        for group in report.groups:
            assert group.none == 0
            assert group.small == (group.grad.part if group.group in CUT_OFF else 0)
    first_step = reports_of(run, 2)[0].step
    projected = [each for each in run.records(grammar.EncoderGrad) if each.tensor == "projected_features"]
    assert {each.norm == 0.0 for each in projected if each.step >= first_step} == {True}
    assert {each.norm == 0.0 for each in projected if each.step < first_step} == {False}
    normalized = [each for each in run.records(grammar.EncoderGrad) if each.tensor == "normalized_features"]
    assert all(each.norm > 0 for each in normalized)


def test_grad_zero_is_warned_about_once_per_group_and_report(panel: Path, tmp_path: Path):
    run = fit(tmp_path, panel, inject=("grad_zero@2",))
    warned = Counter(each.step for each in run.records(grammar.GradBelow))
    assert warned == {report.step: len(CUT_OFF) for report in reports_of(run, 2)}
    assert b" WARNING [GRAD-MONITOR] backbone_projection: norm 0.00e+00 < 1e-07 step=" in b"\n".join(run.lines)


def test_a_fault_that_has_ended_leaves_no_trace(panel: Path, tmp_path: Path):
    run = fit(tmp_path, panel, inject=("grad_zero@1-1",))
    assert all(group.norm > 0 for report in reports_of(run, 2) for group in report.groups)
    assert any(group.norm == 0 for report in reports_of(run, 1) for group in report.groups)


def test_pred_collapse_resets_each_head_repeatedly_and_none_recovers(panel: Path, tmp_path: Path):
    run = fit(tmp_path, panel, inject=("pred_collapse@2",), epochs=3, batch_size=36, **QUICK_GUARD)
    resets = Counter(reset.epoch for reset in run.records(grammar.GuardReset))
    assert resets[1] == 0
    assert resets[2] > 10
    assert {epoch.epoch.part: epoch.resets for epoch in run.records(grammar.Epoch)} == {
        epoch: resets[epoch] for epoch in (1, 2, 3)
    }
    assert {reset.h for reset in run.records(grammar.GuardReset)} == {1, 5, 10, 20}
    assert run.records(grammar.GuardRecovered) == []
    assert len(run.records(grammar.GuardFailed)) > 0


@pytest.mark.parametrize("linear_skip", [False, True])
def test_pred_collapse_makes_rank_and_portfolio_metrics_undefined(panel: Path, tmp_path: Path, linear_skip: bool):
    run = fit(tmp_path, panel, inject=("pred_collapse@2",), linear_skip=linear_skip)
    before, after = run.records(grammar.Metrics)
    assert not math.isnan(before.rank_ic)
    assert all(math.isnan(value) for value in (after.sharpe, after.ic, after.rank_ic, after.hit_rate))
    collapsed = [line for line in run.records(grammar.HorizonMetrics) if line.epoch == 2]
    assert all(math.isnan(line.rank_ic) and line.ratio < 1e-6 for line in collapsed)


def test_the_grep_commands_of_the_seed_page_count_each_thing_once(panel: Path, tmp_path: Path):
    settings = {"epochs": 3, "batch_size": 36, **QUICK_GUARD}
    run = fit(tmp_path, panel, inject=("pred_collapse@2", "grad_zero@3"), **settings)

    def count(pattern: bytes) -> int:
        return sum(re.search(pattern, line) is not None for line in run.lines)

    assert count(rb"Epoch.*Train Loss") == 3
    assert count(rb"Sharpe Ratio:") == 3
    assert count(rb"Epoch|Val Loss|Sharpe") == 6
    assert count(rb"DEGENERACY-GUARD.*reset applied") == len(run.records(grammar.GuardReset)) > 10
    assert count(rb"ENCODER-GRAD") == len(run.records(grammar.EncoderGrad))
    kinds = (grammar.GradReport, grammar.GradBelow)
    assert count(rb"GRAD-MONITOR") == sum(len(run.records(kind)) for kind in kinds)


def test_loss_nonfinite_skips_and_reports_every_step_of_its_epoch(panel: Path, tmp_path: Path):
    run = fit(tmp_path, panel, inject=("loss_nonfinite@2",))
    first, second = run.records(grammar.Epoch)
    assert math.isfinite(first.train_loss)
    assert math.isnan(second.train_loss)
    lines = [line for line in run.records(grammar.Train) if line.epoch.part == 2]
    assert all(math.isnan(line.loss) for line in lines)
    assert [line.skips_in_row for line in lines] == list(range(1, len(lines) + 1))
    found = run.records(grammar.Nonfinite)
    assert {(each.where, each.action) for each in found} == {("loss", "skip_step")}
    assert len(found) == len(lines)


def test_a_nan_gradient_is_warned_about_as_nan_and_never_as_zero(panel: Path, tmp_path: Path):
    run = fit(tmp_path, panel, inject=("loss_nonfinite@2",))
    reports = reports_of(run, 2)
    assert all(math.isnan(group.norm) and group.nonfinite > 0 for report in reports for group in report.groups)
    warned = Counter(each.step for each in run.records(grammar.GradNonfinite))
    assert warned == {report.step: len(report.groups) for report in reports}
    assert b" WARNING [GRAD-MONITOR] gat: norm nan step=" in b"\n".join(run.lines)
    assert run.records(grammar.GradBelow) == []


def test_a_skipped_step_moves_no_weight(panel: Path, tmp_path: Path):
    run = fit(tmp_path, panel, inject=("loss_nonfinite@2",))
    first_step = reports_of(run, 2)[0].step
    weights = run.records(grammar.WeightReport)
    assert all(each.update == 0.0 and each.nonfinite == 0 for each in weights if each.step >= first_step)
    assert all(each.update > 0.0 for each in weights if each.step < first_step)


def test_stall_silent_sleeps_while_no_other_thread_can_write(tmp_path: Path):
    log = EventLog(tmp_path / "run.log", clock=lambda: 0.0)
    seen: list[object] = []

    def sleep(seconds: float) -> None:
        heartbeat = threading.Thread(target=lambda: log.write(Floor(loss_floor=1.0)), daemon=True)
        heartbeat.start()
        heartbeat.join(timeout=0.05)
        seen.extend([seconds, heartbeat.is_alive(), log.path.read_bytes()])
        threads.append(heartbeat)

    threads: list[threading.Thread] = []
    stall = FAULTS["stall_silent"](seconds=400)
    site = Site(torch.nn.Identity(), idle_optimizer(), log.hold, sleep)
    stall.before_batch(site, 4)
    assert seen == []
    stall.before_batch(site, 5)
    threads[0].join()
    assert seen == [400, True, b""]
    assert log.path.read_bytes().count(b"[FLOOR]") == 1
    log.close()


def test_stall_silent_stops_a_real_run_for_longer_than_the_rules_five_minutes(panel: Path, tmp_path: Path):
    slept: list[float] = []
    run = fit(tmp_path, panel, inject=("stall_silent@2",), hooks={"sleep": slept.append})
    assert slept == [420.0]
    assert run.result.status == "completed"


def test_every_fault_has_a_summary():
    assert all(fault.summary.endswith(".") for fault in FAULTS.values())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("grad_zero@3", Injection("grad_zero", 3, None)),
        ("grad_zero@3-", Injection("grad_zero", 3, None)),
        ("grad_zero@3-4", Injection("grad_zero", 3, 4)),
        (
            "stall_silent@2:seconds=9,batch=1",
            Injection("stall_silent", 2, None, {"seconds": 9.0, "batch": 1.0}),
        ),
    ],
)
def test_an_injection_names_fault_epochs_and_parameters(text: str, expected: Injection):
    assert parse_injection(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("grad_zero", "not a fault; expected FAULT@EPOCH, got 'grad_zero'"),
        ("grad_none@1", "unknown fault; expected one of .*grad_zero, .* got grad_none"),
        ("grad_zero@0", "impossible epochs; expected 1 or later"),
        ("grad_zero@3-2", "impossible epochs; .* in order, got 3-2"),
        ("grad_zero@3:seconds=4", "unknown parameter; expected no parameter, got seconds"),
        ("stall_silent@3:seconds=long", "unusable seconds; expected a number, got 'long'"),
    ],
)
def test_an_injection_that_cannot_be_read_is_refused(text: str, message: str):
    with pytest.raises(FaultError, match=message):
        parse_injection(text)


def test_a_fault_is_begun_once_and_ended_once():
    calls: list[str] = []

    @contextmanager
    def hold() -> Iterator[None]:
        yield

    class Recorder(FAULTS["grad_zero"]):  # type: ignore[misc]
        def begin(self, site: Site) -> None:
            calls.append("begin")

        def end(self, site: Site) -> None:
            calls.append("end")

    plan = FaultPlan([Injection("grad_zero", 2, 3)])
    plan._planned = [(plan._planned[0][0], Recorder())]
    site = Site(torch.nn.Identity(), idle_optimizer(), hold, lambda seconds: None)
    acting = []
    for epoch in (1, 2, 3, 4):
        plan.enter_epoch(epoch, site)
        acting.append(len(plan.acting()))
    assert (calls, acting) == (["begin", "end"], [0, 1, 1, 0])
