"""Predictions from a checkpoint equal those that the run validated."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from monitor import grammar
from tests.trainer.runs import Run, fit, make_panel
from trainer.cli import main
from trainer.measure.metrics import Score, score


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_panel(tmp_path_factory.mktemp("panel"))


@pytest.fixture(scope="module")
def run(panel: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("run")
    return fit(folder, panel, checkpoint_dir=str(folder / "c"))


def predict(checkpoint: Path, panel: Path, out: Path, *more: str) -> tuple[int, str]:
    words = ["predict", "--checkpoint", str(checkpoint), "--data", str(panel), "--out", str(out), "--device", "cpu"]
    words += more
    result = CliRunner().invoke(main, words)
    return result.exit_code, result.stderr


def test_the_best_checkpoint_has_the_predictions_of_the_best_epoch(run: Run, panel: Path, tmp_path: Path):
    out = tmp_path / "preds.parquet"
    code, err = predict(run.result.log.parent / "c", panel, out)
    assert (code, err.splitlines()[-1]) == (0, f"{12 * (110 - 5 + 1)} rows")
    truth = pq.read_table(panel).select(["date", "code", "target_1d"])
    joined = pq.read_table(out).join(truth, ["date", "code"]).sort_by([("date", "ascending"), ("code", "ascending")])
    dates = joined["date"].to_numpy()
    is_valid = dates >= np.datetime64(run.records(grammar.Data)[0].valid.split("..")[0])
    days = np.unique(dates[is_valid], return_inverse=True)[1]
    points, returns = (joined[name].to_numpy().astype(float)[is_valid] for name in ("pred_1d", "target_1d"))
    found = score(points, returns, days, horizon_days=1)
    logged = [line for line in run.records(grammar.HorizonMetrics) if line.epoch == run.result.best_epoch]
    one_day = next(line for line in logged if line.h == 1)
    assert found.rank_ic == pytest.approx(one_day.rank_ic, abs=1e-6)
    assert found.pred_std == pytest.approx(one_day.pred_std, rel=1e-4)


def test_every_horizon_has_its_median_and_four_quantiles(run: Run, panel: Path, tmp_path: Path):
    out = tmp_path / "preds.parquet"
    predict(run.result.log.parent / "c", panel, out)
    expected = [
        f"pred_{horizon}d{quantile}" for horizon in (1, 5, 10, 20) for quantile in ("", "_q10", "_q25", "_q75", "_q90")
    ]
    assert pq.read_schema(out).names == ["date", "code", *expected]


def test_the_order_of_columns_and_extra_columns_do_not_matter(run: Run, panel: Path, tmp_path: Path):
    table = pq.read_table(panel)
    shuffled = table.select(list(reversed(table.column_names))).append_column("extra", table["feature_00"])
    other = tmp_path / "other.parquet"
    pq.write_table(shuffled, other)
    for name, source in (("a", panel), ("b", other)):
        assert predict(run.result.log.parent / "c", source, tmp_path / name)[0] == 0
    assert pq.read_table(tmp_path / "a").equals(pq.read_table(tmp_path / "b"))


def test_a_panel_that_lacks_a_trained_feature_is_refused(run: Run, panel: Path, tmp_path: Path):
    other = tmp_path / "other.parquet"
    pq.write_table(pq.read_table(panel).drop_columns(["feature_03"]), other)
    code, err = predict(run.result.log.parent / "c", other, tmp_path / "out")
    assert code == 2
    assert "feature_03" in err
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_not_a_checkpoint_is_refused(panel: Path, tmp_path: Path):
    code, err = predict(panel, panel, tmp_path / "out")
    assert (code, err.startswith(f"trainer: {panel}: not a checkpoint; expected")) == (2, True)


def daily_scores(out: Path, panel: Path, run: Run) -> dict[int, Score]:
    """Score the predictions of a file on the run's validation days, by horizon."""
    horizons = (1, 5, 10, 20)
    truth = pq.read_table(panel).select(["date", "code", *(f"target_{horizon}d" for horizon in horizons)])
    joined = pq.read_table(out).join(truth, ["date", "code"]).sort_by([("date", "ascending"), ("code", "ascending")])
    dates = joined["date"].to_numpy()
    is_valid = dates >= np.datetime64(run.records(grammar.Data)[0].valid.split("..")[0])
    days = np.unique(dates[is_valid], return_inverse=True)[1]
    columns = {name: joined[name].to_numpy().astype(float)[is_valid] for name in joined.column_names[2:]}
    return {
        horizon: score(columns[f"pred_{horizon}d"], columns[f"target_{horizon}d"], days, horizon_days=horizon)
        for horizon in horizons
    }


@pytest.mark.parametrize("precision", ["fp32", pytest.param("bf16-mixed", marks=pytest.mark.slow)])
def test_the_sharpe_of_the_log_and_of_the_file_agree_in_the_runs_own_precision(tmp_path: Path, precision: str):
    panel = make_panel(tmp_path, days=190)
    run = fit(tmp_path, panel, checkpoint_dir=str(tmp_path / "c"), precision=precision, device="cpu", batch_size=60)
    out = tmp_path / "preds.parquet"
    assert predict(tmp_path / "c", panel, out)[0] == 0
    logged = {line.h: line for line in run.records(grammar.HorizonMetrics) if line.epoch == run.result.best_epoch}
    for horizon, found in daily_scores(out, panel, run).items():
        assert found.sharpe == pytest.approx(logged[horizon].sharpe, abs=1e-6)
        assert found.rank_ic == pytest.approx(logged[horizon].rank_ic, abs=1e-6)


def test_another_precision_can_be_asked_for_and_gives_other_predictions(run: Run, panel: Path, tmp_path: Path):
    for name, more in (("a", ()), ("b", ("--precision", "fp32")), ("c", ("--precision", "bf16-mixed"))):
        assert predict(run.result.log.parent / "c", panel, tmp_path / name, *more)[0] == 0
    own, fp32, bf16 = (pq.read_table(tmp_path / name) for name in "abc")
    assert own.equals(fp32)
    assert not own.equals(bf16)


def test_since_leaves_out_earlier_dates_and_changes_no_other_number(run: Run, panel: Path, tmp_path: Path):
    since = pq.read_table(panel)["date"].to_numpy()[12 * 80]
    assert predict(run.result.log.parent / "c", panel, tmp_path / "all")[0] == 0
    code, err = predict(run.result.log.parent / "c", panel, tmp_path / "late", "--since", str(since))
    assert (code, err) == (0, f"{12 * 30} rows\n")
    whole = pq.read_table(tmp_path / "all")
    assert pq.read_table(tmp_path / "late").equals(
        whole.filter(pc.field("date") >= pa.scalar(since.item(), pa.date32()))
    )


def test_too_short_a_history_is_refused_or_warned_about(run: Run, panel: Path, tmp_path: Path):
    table, checkpoint = pq.read_table(panel), run.result.log.parent / "c"
    dates = np.unique(table["date"].to_numpy())
    late = tmp_path / "late.parquet"
    pq.write_table(table.filter(pc.field("date") >= pa.scalar(dates[-10].item(), pa.date32())), late)
    code, err = predict(checkpoint, late, tmp_path / "out", "--since", str(dates[-8]))
    assert (code, err) == (
        2,
        f"trainer: --since {dates[-8]}: history too short; expected 4 dates before it in the panel, got 2\n",
    )
    code, err = predict(checkpoint, late, tmp_path / "out", "--since", "2100-01-01")
    assert (code, "after the panel; expected" in err) == (2, True)
    code, err = predict(checkpoint, late, tmp_path / "out")
    assert code == 0
    assert f"warning: {late}: the graphs of 6 dates, {dates[-6]} to {dates[-1]}, are built from fewer than 60" in err
    pq.write_table(table.filter(pc.field("date") >= pa.scalar(dates[-3].item(), pa.date32())), late)
    code, err = predict(checkpoint, late, tmp_path / "out")
    assert (code, "history too short; expected at least the window of 5 dates, got 3" in err) == (2, True)
