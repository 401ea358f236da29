"""Predictions from a checkpoint equal those that the run validated."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from monitor import grammar
from tests.trainer.runs import Run, fit, make_panel
from trainer.cli import main
from trainer.measure.metrics import score


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_panel(tmp_path_factory.mktemp("panel"))


@pytest.fixture(scope="module")
def run(panel: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("run")
    return fit(folder, panel, checkpoint_dir=str(folder / "c"))


def predict(checkpoint: Path, panel: Path, out: Path) -> tuple[int, str]:
    words = ["predict", "--checkpoint", str(checkpoint), "--data", str(panel), "--out", str(out)]
    result = CliRunner().invoke(main, words)
    return result.exit_code, result.stderr


def test_the_best_checkpoint_has_the_predictions_of_the_best_epoch(run: Run, panel: Path, tmp_path: Path):
    out = tmp_path / "preds.parquet"
    assert predict(run.result.log.parent / "c", panel, out) == (0, f"{12 * (110 - 5 + 1)} rows\n")
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
