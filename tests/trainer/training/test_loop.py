"""What the log of a real training run shows."""

import math
import os
import signal
from collections import Counter
from pathlib import Path

import pytest
import torch

from monitor import grammar
from monitor.grammar import format_line, parse_line
from tests.trainer.runs import EPOCHS, SMALL, Run, fit, make_panel, same_weights
from trainer.checkpoint import read_checkpoint
from trainer.config import GRADIENT_GROUPS, OptimConfig, TrainerError
from trainer.device import set_tf32
from trainer.settings import resolve
from trainer.training import loop
from trainer.training.schedule import learning_rate
from trainer.training.stopping import stop_on_signals

BATCHES = 11
STEPS = EPOCHS * BATCHES


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_panel(tmp_path_factory.mktemp("panel"))


@pytest.fixture(scope="module")
def run(panel: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return fit(tmp_path_factory.mktemp("run"), panel)


def test_the_first_line_is_the_start_and_the_last_the_end_as_completed(run: Run):
    lines = run.parsed()
    assert isinstance(lines[0].record, grammar.RunStart)
    assert (lines[0].record.pid, lines[0].record.attempt) == (os.getpid(), 1)
    assert isinstance(lines[-1].record, grammar.RunEnd)
    assert (lines[-1].record.status, lines[-1].record.epochs, lines[-1].record.error) == (
        "completed",
        EPOCHS,
        None,
    )


def test_every_line_is_in_the_grammar_and_formats_to_the_same_bytes_again(run: Run):
    assert run.unknown() == []
    for line in run.lines:
        read = parse_line(line)
        assert read is not None
        assert format_line(read.at, read.record, level=read.level).encode() == line


def test_batches_made_ahead_train_the_same_weights_and_tf32_is_set_and_logged(run: Run, panel: Path, tmp_path: Path):
    try:
        other = fit(tmp_path, panel, prefetch=3, tf32=True)
        assert (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32) == (True, True)
    finally:
        set_tf32(False)
    assert {"tf32": "1", "prefetch": "3"}.items() <= {
        line.key: line.value for line in other.records(grammar.Config)
    }.items()
    left, right = (read_checkpoint(each.result.log.with_suffix(".checkpoints")) for each in (run, other))
    assert same_weights(left["model"], right["model"])


def test_a_healthy_run_writes_every_tag(run: Run):
    tags = {line.record.TAG for line in run.parsed()}
    expected = {
        *("RUN", "CONFIG", "INTENT", "DATA", "DATA-CHECK", "TARGET", "MODEL", "PHASE", "TRAIN", "FLOOR"),
        *("ENCODER-GRAD", "GRAD-MONITOR", "WEIGHT-MONITOR", "ACTIVATION-MONITOR", "INPUT-MONITOR"),
        *("DEGENERACY-GUARD", "EPOCH", "METRICS", "SELECTION", "ATTENTION", "CHECKPOINT", "PROC"),
    }
    assert tags == expected


def test_gradient_reports_start_at_step_zero_and_keep_their_cadence(run: Run):
    reports = run.records(grammar.GradReport)
    assert [report.step for report in reports] == sorted(
        {*range(0, STEPS, SMALL["grad_monitor_every"]), STEPS // EPOCHS - 1}
    )
    assert (reports[0].step, reports[0].epoch, reports[0].batch) == (0, 1, 1)
    assert tuple(group.group for group in reports[0].groups) == GRADIENT_GROUPS


def test_no_gradient_of_a_healthy_run_is_zero_missing_or_non_finite(run: Run):
    for report in run.records(grammar.GradReport):
        for group in report.groups:
            assert group.norm > 1e-7
            assert (group.small, group.none, group.nonfinite) == (0, 0, 0)


def test_both_encoder_tensors_are_in_every_report(run: Run):
    steps = Counter(report.step for report in run.records(grammar.EncoderGrad))
    assert steps == {report.step: 2 for report in run.records(grammar.GradReport)}
    assert {report.tensor for report in run.records(grammar.EncoderGrad)} == {
        "normalized_features",
        "projected_features",
    }


def test_every_step_of_a_healthy_run_moves_every_group_with_no_gradient_left_over(run: Run):
    reports = run.records(grammar.WeightReport)
    assert {report.group for report in reports} == set(GRADIENT_GROUPS)
    assert all(report.update > 0 and report.stale_grad == 0 and report.nonfinite == 0 for report in reports)


def test_the_learning_rate_follows_the_declared_schedule(run: Run):
    (intent,) = run.records(grammar.Intent)
    declared = OptimConfig(base_lr=intent.base_lr, min_lr=intent.min_lr, warmup_steps=intent.warmup_steps)
    lines = run.records(grammar.Train)
    assert intent.total_steps == STEPS
    assert [line.lr for line in lines] == [
        learning_rate(line.step, declared, total_steps=intent.total_steps) for line in lines
    ]
    assert lines[-1].lr == pytest.approx(intent.min_lr)


def test_train_lines_keep_their_cadence_and_end_each_epoch(run: Run):
    steps = [line.step for line in run.records(grammar.Train)]
    assert steps == [*range(2, BATCHES, 2), BATCHES, *range(BATCHES + 1, STEPS + 1, 2)]
    assert run.records(grammar.Train)[-1].batch == (BATCHES, BATCHES)


def test_the_terms_add_up_to_the_loss(run: Run):
    for line in run.records(grammar.Train):
        terms = {name: float(value) for name, value in line.extra if name.startswith("loss_")}
        assert set(terms) == {"loss_quantile", "loss_rank_ic", "loss_sharpe", "loss_variance"}
        assert sum(terms.values()) == pytest.approx(line.loss, rel=1e-5)


def test_every_epoch_has_one_epoch_line_and_metrics_of_every_horizon(run: Run):
    epochs = run.records(grammar.Epoch)
    assert [line.epoch for line in epochs] == [(1, EPOCHS), (2, EPOCHS)]
    assert [line.epoch for line in run.records(grammar.Metrics)] == [1, 2]
    assert [(line.epoch, line.h) for line in run.records(grammar.HorizonMetrics)] == [
        (epoch, horizon) for epoch in (1, 2) for horizon in (1, 5, 10, 20)
    ]


def test_the_result_agrees_with_the_log(run: Run):
    best = min(run.records(grammar.Epoch), key=lambda line: line.val_loss)
    end = run.records(grammar.RunEnd)[-1]
    assert (run.result.best_epoch, run.result.best_val_loss) == (best.epoch.part, best.val_loss)
    assert (end.best_epoch, end.best_val_loss) == (best.epoch.part, best.val_loss)


def test_phases_come_in_order(run: Run):
    changes = [(line.name, line.epoch) for line in run.records(grammar.Phase) if line.beat is None]
    assert changes == [
        *(("load", None), ("fit_scaler", None)),
        *((name, epoch) for epoch in (1, 2) for name in ("train", "validate", "checkpoint")),
    ]
    assert {line.run for line in run.records(grammar.Phase)} == {run.records(grammar.RunStart)[0].run}


def test_the_logged_normalisation_is_that_of_the_training_part_only(run: Run, panel: Path):
    from trainer.batches.dataset import read_panel
    from trainer.config import DataConfig

    data = run.records(grammar.Data)[0]
    config = DataConfig(data=str(panel), window=5)
    loaded = read_panel(panel, config)
    first, last = (str(date) for date in data.train.split(".."))
    dates = [str(date) for date in loaded.dates]
    labels = loaded.targets_DCH[dates.index(first) : dates.index(last) + 1, :, 0].astype(float)
    one_day = next(line for line in run.records(grammar.Target) if line.h == 1)
    assert one_day.mean == pytest.approx(labels.mean(), abs=1e-6)
    assert one_day.std == pytest.approx(labels.std(), abs=1e-6)


def test_two_runs_have_the_same_losses_with_the_same_seed_only(run: Run, panel: Path, tmp_path: Path):
    again, other = fit(tmp_path, panel), fit(tmp_path, panel, seed=2)
    losses = [[line.loss for line in each.records(grammar.Train)] for each in (run, again, other)]
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


def test_half_precision_has_nearly_the_same_first_loss(run: Run, panel: Path, tmp_path: Path):
    mixed = fit(tmp_path, panel, precision="bf16-mixed", epochs=1, dropout=0.0, edge_dropout=0.0)
    full = fit(tmp_path, panel, epochs=1, dropout=0.0, edge_dropout=0.0)
    first = [each.records(grammar.Train)[0].loss for each in (mixed, full)]
    assert first[0] == pytest.approx(first[1], rel=0.05)
    assert first[0] != first[1]
    assert mixed.records(grammar.Data)[0].precision == "bf16-mixed"


def test_accumulated_batches_are_one_step_and_leave_no_stale_gradient(panel: Path, tmp_path: Path):
    run = fit(tmp_path, panel, accumulate=3, epochs=1, train_every=1)
    lines = run.records(grammar.Train)
    assert [(line.step, line.batch.part) for line in lines] == [(1, 3), (2, 6), (3, 9), (4, 11)]
    assert run.records(grammar.Intent)[0].accumulate == 3
    assert all(report.stale_grad == 0 for report in run.records(grammar.WeightReport))


def test_three_accumulated_batches_have_the_loss_of_one_batch_three_times_as_large(panel: Path, tmp_path: Path):
    settings = {"epochs": 1, "train_every": 1, "dropout": 0.0, "edge_dropout": 0.0}
    small = fit(tmp_path, panel, batch_size=24, accumulate=3, **settings).records(grammar.Train)[0]
    large = fit(tmp_path, panel, batch_size=72, **settings).records(grammar.Train)[0]
    assert small.loss == pytest.approx(large.loss, rel=1e-5)
    assert small.grad_norm == pytest.approx(large.grad_norm, rel=1e-4)


def test_early_stopping_is_declared(panel: Path, tmp_path: Path):
    # A rate that moves nothing: no validation is better than the first.
    run = fit(tmp_path, panel, epochs=6, patience=1, base_lr=1e-30, min_lr=1e-30, warmup_steps=0)
    declared = run.records(grammar.Intent)[-1]
    assert run.result.epochs < 6
    assert (declared.epochs, declared.phase_change) == (run.result.epochs, "early_stop")
    assert run.result.status == "completed"


def test_a_stop_signal_ends_the_log_as_stopped(panel: Path, tmp_path: Path):
    with stop_on_signals() as stop:
        hooks = {"show": lambda bar: os.kill(os.getpid(), signal.SIGTERM), "stop": stop}
        run = fit(tmp_path, panel, hooks=hooks)
    end = run.parsed()[-1].record
    assert isinstance(end, grammar.RunEnd)
    assert (end.status, end.epochs, run.result.status) == ("stopped", 0, "stopped")


def test_an_unexpected_error_is_logged_with_its_traceback_before_the_end_line(
    panel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("the disk fell out")

    monkeypatch.setattr(loop, "take_step", fail)
    run = fit(tmp_path, panel)
    (error,) = run.records(grammar.Error)
    end = run.parsed()[-1].record
    assert (error.type, error.message) == ("RuntimeError", "the disk fell out")
    assert b"Traceback (most recent call last):" in run.lines
    assert isinstance(end, grammar.RunEnd)
    assert (end.status, end.error, run.result.status) == ("failed", "RuntimeError", "failed")


def test_an_unusable_panel_is_raised_and_ends_the_log_as_failed(tmp_path: Path):
    missing = tmp_path / "missing.parquet"
    with pytest.raises(TrainerError, match=r"missing\.parquet.*expected"):
        fit(tmp_path, missing)
    lines = [parse_line(line) for line in (tmp_path / "run-0.log").read_bytes().splitlines()]
    end = lines[-1].record
    assert isinstance(end, grammar.RunEnd)
    assert end.status == "failed"
    assert isinstance(lines[-2].record, grammar.Error)


def test_a_panel_with_mostly_dead_features_is_refused(tmp_path: Path):
    import pyarrow.parquet as pq

    panel = make_panel(tmp_path)
    table = pq.read_table(panel)
    for name in [f"feature_{number:02d}" for number in range(6)]:
        place = table.column_names.index(name)
        table = table.set_column(place, name, [[1.0] * len(table)])
    pq.write_table(table, panel)
    with pytest.raises(TrainerError, match="constant"):
        fit(tmp_path, panel)


def test_one_dead_feature_is_warned_about_and_blanks_three_slices_of_the_selection(tmp_path: Path):
    import pyarrow.parquet as pq

    panel = make_panel(tmp_path)
    table = pq.read_table(panel)
    place = table.column_names.index("feature_03")
    pq.write_table(table.set_column(place, "feature_03", [[1.0] * len(table)]), panel)
    run = fit(tmp_path, panel)
    first = run.records(grammar.DataCheck)[0]
    assert (first.features_dead, first.names) == ((1, 12), ("feature_03",))
    warned = [line.record for line in run.parsed() if line.level == "WARNING"]
    assert [dict(record.extra)["problem"] for record in warned if isinstance(record, grammar.DataCheck)] == [
        "dead_features"
    ]
    for report in run.records(grammar.GradReport):
        selection = next(group for group in report.groups if group.group == "variable_selection")
        assert selection.small == 3


def test_a_panel_file_that_changes_during_the_run_is_warned_about_at_the_next_epoch(tmp_path: Path):
    panel = make_panel(tmp_path)
    run = fit(tmp_path, panel, hooks={"show": lambda bar: os.utime(panel, (0, 0))})
    warned = [line.record for line in run.parsed() if line.level == "WARNING"]
    assert [dict(record.extra)["problem"] for record in warned if isinstance(record, grammar.DataCheck)] == [
        "stale_source"
    ]


def test_without_a_log_path_the_log_is_named_after_run_and_time(
    panel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    resolved = resolve(cli={**SMALL, "data": str(panel), "name": "first", "epochs": 1})
    result = loop.train(resolved, clock=lambda: 1761867651.0)
    assert result.log == Path("_logs/training/first_20251030_234051.log")
    assert result.log.is_file()


def test_the_floor_is_the_loss_of_a_constant_prediction(run: Run):
    (floor,) = run.records(grammar.Floor)
    # 0.2 from the rank term, 0.01 from the penalty, and the quantile loss of a constant in units of the deviation.
    assert 0.21 < floor.loss_floor < 0.21 + 0.5
    assert math.isfinite(floor.loss_floor)
