"""A checkpoint scored again: on a part it gives the figures of the log, on other dates those of other dates."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from monitor import grammar
from tests.trainer.runs import SMALL, Run, fit, make_panel
from trainer.cli import main
from trainer.measure.metrics import Score

HORIZONS = (1, 5, 10, 20)


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_panel(tmp_path_factory.mktemp("panel"), days=150)


@pytest.fixture(scope="module")
def run(panel: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("run")
    return fit(folder, panel, checkpoint_dir=str(folder / "c"), test_share=0.2, cost_bps=5.0, epochs=1)


def evaluate(run: Run, panel: Path, *words: str) -> tuple[dict, str]:
    checkpoint = str(run.result.log.parent / "c")
    found = CliRunner().invoke(main, ["evaluate", "--checkpoint", checkpoint, "--data", str(panel), "--json", *words])
    assert found.exit_code == 0, found.stderr
    return json.loads(found.stdout), found.stderr


def refused(run: Run, panel: Path, *words: str) -> str:
    checkpoint = str(run.result.log.parent / "c")
    found = CliRunner().invoke(main, ["evaluate", "--checkpoint", checkpoint, "--data", str(panel), *words])
    assert (found.exit_code, found.stdout) == (2, "")
    return found.stderr


def test_the_validation_part_has_the_figures_of_the_log(run: Run, panel: Path):
    found, said = evaluate(run, panel, "--part", "valid")
    assert found["dates"] == run.records(grammar.Data)[0].valid
    assert said == ""
    logged = {line.h: line for line in run.records(grammar.HorizonMetrics)}
    for horizon in HORIZONS:
        for name in Score._fields:
            value = found["horizons"][str(horizon)][name]
            if value == "nan":
                assert getattr(logged[horizon], name) is None
            else:
                assert value == pytest.approx(getattr(logged[horizon], name), abs=1e-6), name
    assert found["overall"]["sharpe"] == pytest.approx(run.records(grammar.Metrics)[0].sharpe, abs=1e-6)
    assert found["overall"]["cost_bps"] == run.records(grammar.Metrics)[0].cost_bps == 5.0


def test_by_default_the_test_part_is_scored_with_every_day_in_a_file(run: Run, panel: Path, tmp_path: Path):
    found, _ = evaluate(run, panel, "--out", str(tmp_path / "daily.csv"))
    assert found["dates"] == run.records(grammar.Data)[0].test
    assert found["training_dates"] == 0
    daily = pyarrow.csv.read_csv(tmp_path / "daily.csv")
    one_day = daily.filter(pc.equal(daily["horizon"], 1))
    assert len(one_day) == found["horizons"]["1"]["n_days"]
    assert pc.mean(one_day["rank_ic"]).as_py() == pytest.approx(found["horizons"]["1"]["rank_ic"])


def test_any_dates_can_be_scored_and_training_dates_are_told(run: Run, panel: Path):
    train = run.records(grammar.Data)[0].train
    found, said = evaluate(run, panel, "--dates", train)
    assert found["training_dates"] > 40
    num_dates = found["training_dates"]
    assert said == f"{num_dates} of these dates were trained on: their figures do not show how it forecasts\n"
    first = train.split("..")[1]
    found, _ = evaluate(run, panel, "--dates", f"{first}..")
    assert found["training_dates"] == 1


def test_a_holiday_without_movement_changes_no_other_day(run: Run, panel: Path, tmp_path: Path):
    table = pq.read_table(panel)
    dates = table["date"].to_numpy()
    holiday = np.unique(dates)[-30]
    still = np.where(dates == holiday, 0.0, table["target_1d"].to_numpy())
    place = table.column_names.index("target_1d")
    filled = tmp_path / "filled.parquet"
    pq.write_table(table.set_column(place, "target_1d", pa.array(still, type=table["target_1d"].type)), filled)
    figures = []
    for name, path in (("before", panel), ("after", filled)):
        found, _ = evaluate(run, path, "--dates", f"{np.unique(dates)[-40]}..", "--out", str(tmp_path / name))
        daily = pq.read_table(tmp_path / name)
        figures.append((found, daily.filter(pc.not_equal(daily["date"], pa.scalar(holiday.astype(object))))))
    (_, before), (found, after) = figures
    assert before.equals(after)
    assert found["horizons"]["1"]["n_undefined"] == 1
    assert isinstance(found["horizons"]["1"]["rank_ic"], float)


def test_a_row_per_horizon_is_printed_for_people(run: Run, panel: Path):
    checkpoint = str(run.result.log.parent / "c")
    found = CliRunner().invoke(main, ["evaluate", "--checkpoint", checkpoint, "--data", str(panel)])
    assert found.exit_code == 0
    head, columns, *rows = found.stdout.splitlines()
    assert head.endswith("costs 5 bps")
    assert columns.split()[:3] == ["horizon", "sharpe", "apart"]
    assert [row.split()[0] for row in rows] == [str(horizon) for horizon in HORIZONS]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--dates", "yesterday"), "dates: cannot be used; expected FROM..TO such as 2024-01-01..2024-06-30"),
        (("--dates", "2190-01-01.."), "no date to score; expected dates with a whole window in"),
        (("--exclude", "nothing_*"), "features: not trained on; expected names such as feature_00"),
        (("--exclude", "feature_*"), "exclude: no feature is left; expected at least one, got 0"),
    ],
)
def test_what_cannot_be_scored_is_refused(run: Run, panel: Path, words: tuple[str, ...], message: str):
    assert message in refused(run, panel, *words)


def test_a_training_without_a_test_part_says_so(panel: Path, tmp_path: Path):
    run = fit(tmp_path, panel, checkpoint_dir=str(tmp_path / "c"), epochs=1)
    assert "part: the training had no test part; expected one that it had, or dates" in refused(run, panel)


def test_a_feature_that_is_left_out_counts_as_missing(run: Run, panel: Path, tmp_path: Path):
    lacks = tmp_path / "lacks.parquet"
    pq.write_table(pq.read_table(panel).drop_columns(["feature_03"]), lacks)
    assert "feature_03" in refused(run, lacks)
    with_nan = tmp_path / "nan.parquet"
    table = pq.read_table(panel)
    empty = pa.nulls(len(table), table["feature_03"].type)
    pq.write_table(table.set_column(table.column_names.index("feature_03"), "feature_03", empty), with_nan)
    missing, _ = evaluate(run, with_nan)
    left_out, said = evaluate(run, lacks, "--exclude", "feature_03")
    assert said == "taken for missing: feature_03\n"
    assert left_out["horizons"] == missing["horizons"]
    out = tmp_path / "preds.parquet"
    words = ["predict", "--checkpoint", str(run.result.log.parent / "c"), "--data", str(lacks), "--out", str(out)]
    assert CliRunner().invoke(main, [*words, "--exclude", "feature_03"]).exit_code == 0
    assert pq.read_table(out).num_rows > 0


def test_a_run_learns_from_winsorised_labels_and_says_so(panel: Path, tmp_path: Path):
    plain = fit(tmp_path, panel, epochs=1)
    drawn_in = fit(tmp_path, panel, epochs=1, winsorise=0.05, exclude=("feature_03", "feature_1*"))
    config = {line.key: (line.value, line.source) for line in drawn_in.records(grammar.Config)}
    assert config["winsorise"] == ("0.05", "cli")
    assert config["exclude"] == ("feature_03,feature_1*", "cli")
    assert drawn_in.records(grammar.Data)[0].features == plain.records(grammar.Data)[0].features - 3
    for before, after in zip(plain.records(grammar.Target), drawn_in.records(grammar.Target), strict=True):
        assert 0.5 * before.std < after.std < 0.97 * before.std
    # Validation scores what happened, not what training saw.
    stds = [run.records(grammar.HorizonMetrics)[0].target_std for run in (plain, drawn_in)]
    assert stds[0] == pytest.approx(stds[1], rel=1e-4)


def test_check_takes_the_options_of_fit(panel: Path):
    words = ["check", "--data", str(panel), "--exclude", "feature_1*", "--window", "5"]
    found = CliRunner().invoke(main, words)
    assert "10 features" in found.stdout
    assert SMALL["window"] == 5


def test_a_run_on_a_panel_with_a_filled_holiday_has_figures_for_every_epoch(panel: Path, tmp_path: Path):
    table = pq.read_table(panel)
    dates, codes = np.unique(table["date"].to_numpy()), table["code"].to_pylist()
    before, holiday = dates[-12:-10]
    close = table["close"].to_numpy().copy()
    rows = {(date, code): row for row, (date, code) in enumerate(zip(table["date"].to_numpy(), codes, strict=True))}
    for code in set(codes):
        close[rows[holiday, code]] = close[rows[before, code]]
    filled = tmp_path / "filled.parquet"
    kept = [name for name in table.column_names if not name.startswith("target_")]
    place = kept.index("close")
    pq.write_table(table.select(kept).set_column(place, "close", pa.array(close)), filled)
    run = fit(tmp_path, filled, epochs=2)
    one_day = [line for line in run.records(grammar.HorizonMetrics) if line.h == 1]
    assert [line.n_undefined for line in one_day] == [1, 1]
    assert all(np.isfinite([line.ic, line.rank_ic, line.sharpe, line.hit_rate]).all() for line in one_day)
    problems = [dict(line.extra) for line in run.records(grammar.DataCheck) if line.extra]
    assert [each["problem"] for each in problems] == ["still_days"]
    assert str(holiday) in problems[0]["message"]
