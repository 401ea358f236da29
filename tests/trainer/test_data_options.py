"""Every form of a panel and every option of its columns, through the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from monitor import grammar
from tests.trainer.panels import same_arrays, table
from tests.trainer.runs import Run, fit
from trainer.batches.dataset import prepare, read_panel, split_settings
from trainer.checkpoint import read_checkpoint
from trainer.cli import main
from trainer.config import DataConfig, TrainerConfig
from trainer.panel.panel import PanelError
from trainer.panel.splits import split_dates

SECTORS = np.array(["Energy", "Tech", "Tech", "Energy", "Health & Co", None], dtype=object)


def columns(days: int = 110) -> dict[str, np.ndarray]:
    """Return a panel with a sector, an exchange that changes, and weights."""
    found = table(days=days)
    code_N = np.arange(len(found["date"])) % 12
    found["sector"] = SECTORS[code_N % 6]
    found["exchange"] = np.where(np.arange(len(code_N)) % 7 < 3, 1, 2)
    found["liquidity"] = 1.0 + code_N
    return found


def as_table(values: dict[str, np.ndarray]) -> pa.Table:
    return pa.table({name: pa.array(each) for name, each in values.items()})


def invoke(*words: object) -> str:
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert done.exit_code == 0, done.output + (done.stderr or "")
    return done.stdout


def write_forms(folder: Path, whole: pa.Table) -> dict[str, Path]:
    """Write the same rows in every form."""
    halves = [whole.slice(0, len(whole) // 2), whole.slice(len(whole) // 2)]
    for name in ("folder", "pattern"):
        (folder / name).mkdir()
        for number, half in enumerate(halves):
            pq.write_table(half, folder / name / f"{number}.parquet")
    pq.write_table(whole, folder / "one.parquet")
    pyarrow.csv.write_csv(whole, folder / "one.csv")
    for form, compression in (("one.feather", "zstd"), ("one.arrow", "uncompressed")):
        pyarrow.feather.write_feather(whole, folder / form, compression=compression)
    by_code = pyarrow.dataset.partitioning(pa.schema([("code", pa.string())]), flavor="hive")
    pyarrow.dataset.write_dataset(whole, folder / "by_code", format="parquet", partitioning=by_code)
    months = np.array([str(date)[:7] for date in whole["date"].to_numpy()])
    by_month = pyarrow.dataset.partitioning(pa.schema([("month", pa.string()), ("code", pa.string())]), flavor="hive")
    with_month = whole.append_column("month", pa.array(months))
    pyarrow.dataset.write_dataset(with_month, folder / "by_month", format="parquet", partitioning=by_month)
    return {
        **{name: folder / name for name in ("one.parquet", "one.csv", "one.feather", "one.arrow", "folder", "by_code")},
        "pattern": folder / "pattern" / "*.parquet",
        "by_month": folder / "by_month",
        "partitions by pattern": folder / "by_month" / "month=*" / "code=*" / "*.parquet",
    }


def test_every_form_of_a_panel_is_the_same_panel(tmp_path: Path):
    values = columns(60)
    values["code"] = np.array([f"{int(code[1:]):06d}" for code in values["code"]], dtype=object)
    forms = write_forms(tmp_path, as_table(values))
    options = ("--horizons", "1,5", "--window", "5", "--categories", "sector")
    config = DataConfig(horizons=(1, 5), window=5, categories=("sector",))
    first = None
    for form, path in forms.items():
        said = invoke("check", "--data", path, *options)
        assert said.splitlines()[-1].endswith("0 dead: usable"), (form, said)
        panel = read_panel(path, config)
        assert panel.codes[1] == "000001", form
        order = np.argsort(panel.feature_names)
        first = first or (panel, order)
        assert [panel.feature_names[at] for at in order] == [first[0].feature_names[at] for at in first[1]], form
        assert np.array_equal(panel.features_CDF[..., order], first[0].features_CDF[..., first[1]], equal_nan=True)
        assert np.array_equal(panel.targets_DCH, first[0].targets_DCH, equal_nan=True), form


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: (folder / "a" / "x=1").mkdir(parents=True), "no such file"),
        (lambda folder: _two_partitions(folder), "partitions differ; expected the same columns for each file"),
        (lambda folder: _partition_and_column(folder), "code is a column and a partition"),
        (lambda folder: _bad_feather(folder), "not a readable feather file"),
    ],
)
def test_files_that_do_not_fit_together_are_refused(tmp_path: Path, make: Any, message: str):
    make(tmp_path)
    path = tmp_path / "panel" if (tmp_path / "panel").exists() else tmp_path / "panel.feather"
    done = CliRunner().invoke(main, ["check", "--data", str(path)])
    assert done.exit_code == 2
    assert message in done.stderr


def _two_partitions(folder: Path) -> None:
    for part in ("year=2024", "month=1"):
        (folder / "panel" / part).mkdir(parents=True)
        pq.write_table(as_table(table(days=30)), folder / "panel" / part / "a.parquet")


def _partition_and_column(folder: Path) -> None:
    (folder / "panel" / "code=A").mkdir(parents=True)
    pq.write_table(as_table(table(days=30)), folder / "panel" / "code=A" / "a.parquet")


def _bad_feather(folder: Path) -> None:
    (folder / "panel.feather").write_bytes(b"not a feather file")


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("panel") / "panel.parquet"
    pq.write_table(as_table(columns()), path)
    return path


@pytest.fixture(scope="module")
def static(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("static") / "static.csv"
    lines = ["code,country,listed"] + [f"c{code:03d},{'CH' if code % 2 else 'US'},{1990 + code}" for code in range(11)]
    path.write_text("\n".join(lines) + "\n")
    return path


ALL = {
    "categories": ("sector", "exchange", "country"),
    "features_per_date": "z_score",
    "labels_per_date": "rank",
    "neutral_column": "sector",
    "weight_column": "liquidity",
}


@pytest.fixture(scope="module")
def run(panel: Path, static: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("run")
    more = {"test_share": 0.2, "checkpoint_dir": str(folder / "c"), "epochs": 1, "horizons": (1, 5)}
    return fit(folder, panel, static_data=str(static), **more, **ALL)


def test_a_run_with_every_option_trains_logs_and_is_scored(run: Run, panel: Path, tmp_path: Path):
    assert run.result.status == "completed"
    assert run.unknown() == []
    checkpoint = run.result.log.parent / "c"
    names = read_checkpoint(checkpoint)["feature_names"]
    assert {"sector=Energy", "sector=Health & Co", "exchange=1", "country=CH", "listed", "alpha"} <= set(names)
    assert not {"liquidity", "sector", "exchange"} & set(names)
    invoke("predict", "--checkpoint", checkpoint, "--data", panel, "--out", tmp_path / "p.parquet")
    predicted = pq.read_table(tmp_path / "p.parquet")
    # Ranks lie between -1 and 1.
    assert np.abs(predicted["pred_1d"].to_numpy()).max() < 1.5
    found = json.loads(invoke("evaluate", "--checkpoint", checkpoint, "--data", panel, "--part", "valid", "--json"))
    logged = {line.h: line for line in run.records(grammar.HorizonMetrics)}
    for name in ("rank_ic", "sharpe", "target_std", "r2", "coverage_80"):
        assert found["horizons"]["5"][name] == pytest.approx(getattr(logged[5], name), abs=1e-6), name
    # Ranks from -1 to 1 spread by about 1 / sqrt(3); returns of these prices by 0.01.
    assert 0.4 < logged[1].target_std < 0.7


def test_predict_needs_neither_weights_nor_groups_and_takes_unknown_values(run: Run, panel: Path, tmp_path: Path):
    values = columns()
    del values["liquidity"]
    values["exchange"] = np.where(values["exchange"] == 1, 1, 9)
    pq.write_table(as_table(values), tmp_path / "new.parquet")
    checkpoint = run.result.log.parent / "c"
    invoke("predict", "--checkpoint", checkpoint, "--data", tmp_path / "new.parquet", "--out", tmp_path / "p.parquet")
    assert pq.read_table(tmp_path / "p.parquet").num_rows > 0


def test_each_option_changes_the_arrays_that_it_is_about(panel: Path, static: Path):
    plain = read_panel(panel, DataConfig(horizons=(1, 5)))
    ranked = read_panel(panel, DataConfig(horizons=(1, 5), features_per_date="rank"))
    assert (np.abs(ranked.features_CDF) < 1).all()
    assert np.allclose(np.nanmean(ranked.features_CDF, axis=0), 0, atol=1e-6)
    assert same_arrays(plain, read_panel(panel, DataConfig(horizons=(1, 5), labels_per_date="rank")))
    neutral = read_panel(panel, DataConfig(horizons=(1, 5), neutral_column="sector"))
    tech = [code for code in range(12) if SECTORS[code % 6] == "Tech"]
    assert np.allclose(np.nanmean(neutral.labels_DCH[:-5, tech], axis=1), 0, atol=1e-7)
    assert np.isnan(neutral.labels_DCH[:, [5, 11]]).all()
    with_static = read_panel(panel, DataConfig(horizons=(1, 5), static_data=str(static), categories=("country",)))
    at = with_static.feature_names.index("listed")
    assert (with_static.features_CDF[3, :, at] == 1993).all()
    assert np.isnan(with_static.features_CDF[11, :, at]).all()
    assert with_static.fingerprint != plain.fingerprint


def test_weights_scale_to_a_mean_of_1_and_move_the_loss(panel: Path):
    config = TrainerConfig(data=DataConfig(horizons=(1, 5), weight_column="liquidity"))
    found = read_panel(panel, config.data)
    splits = split_dates(found.dates, split_settings(config.data), horizons=(1, 5))
    dataset = prepare(found, splits, config)
    assert dataset.weights_DC is not None
    assert dataset.weights_DC[splits.train.first : splits.train.stop - 5].mean() == pytest.approx(1.0)
    batch = next(iter(dataset.train.epoch(1)))
    assert batch.weight_N is not None
    assert batch.weight_N.tolist() == pytest.approx(((1 + batch.code_index_N) / 6.5).tolist())


def test_the_dates_that_are_asked_for_are_all_that_a_run_sees(panel: Path, tmp_path: Path):
    values = columns()
    dates = np.unique(values["date"])
    later = values["date"] > dates[89]
    spoilt = {name: each.copy() for name, each in values.items()}
    for name in ("alpha", "beta", "close"):
        spoilt[name][later] = 7.7
    spoilt["sector"][later] = "Later"
    pq.write_table(as_table(spoilt), tmp_path / "spoilt.parquet")
    asked = {"since": str(dates[5]), "until": str(dates[89]), "horizons": (1, 5), "categories": ("sector",)}
    left, right = (read_panel(path, DataConfig(**asked)) for path in (panel, tmp_path / "spoilt.parquet"))
    assert (left.dates[0], left.dates[-1], left.feature_names) == (dates[5], dates[89], right.feature_names)
    assert same_arrays(left, right)
    assert left.facts == right.facts
    assert left.facts.rows_outside_dates == 12 * 25
    words = ("--since", dates[5], "--until", dates[89], "--horizons", "1,5")
    assert "85 dates" in invoke("check", "--data", panel, *words)


def test_a_category_that_training_never_sees_is_no_feature(tmp_path: Path):
    values = columns()
    dates = np.unique(values["date"])
    values["sector"][values["date"] > dates[-8]] = "Later"
    pq.write_table(as_table(values), tmp_path / "panel.parquet")
    found = read_panel(tmp_path / "panel.parquet", DataConfig(horizons=(1, 5), categories=("sector",)))
    assert [name for name in found.feature_names if "=" in name] == [
        "sector=Energy",
        "sector=Health & Co",
        "sector=Tech",
    ]
    assert len(found.facts.non_finite_features) == found.features_CDF.shape[2] == len(found.feature_names)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"categories": ("alpha",)}, "alpha is not a category; expected text or whole numbers"),
        ({"categories": ("date",)}, "date is not a category"),
        ({"categories": ("industry",)}, "columns missing; expected industry"),
        ({"neutral_column": "industry"}, "columns missing; expected industry"),
        ({"weight_column": "volume"}, "columns missing; expected volume"),
        ({"until": "1999-01-01"}, "no row in ..1999-01-01; expected at least one, got 0 of 1320"),
        ({"static_data": "none.csv"}, "none.csv: cannot be read"),
    ],
)
def test_what_a_panel_does_not_have_is_refused(panel: Path, options: dict[str, Any], message: str):
    with pytest.raises(PanelError) as found:
        read_panel(panel, DataConfig(horizons=(1, 5), **options))
    assert message in str(found.value)


def test_a_static_file_has_one_row_per_code_and_columns_of_its_own(panel: Path, tmp_path: Path):
    for text, message in (
        ("code,listed\nc001,1990\nc001,1991\n", "repeats codes; expected one row per code, got several of c001"),
        ("name,listed\nc001,1990\n", "columns missing; expected code"),
        ("code,alpha\nc001,1990\n", "columns that the panel has too; expected others, got alpha"),
    ):
        (tmp_path / "static.csv").write_text(text)
        done = CliRunner().invoke(main, ["check", "--data", str(panel), "--static-data", str(tmp_path / "static.csv")])
        assert (done.exit_code, message in done.stderr) == (2, True), done.stderr


def test_weights_that_are_missing_or_below_0_are_0_and_are_told(panel: Path, tmp_path: Path):
    values = columns()
    values["liquidity"][:3] = [np.nan, -1.0, np.inf]
    pq.write_table(as_table(values), tmp_path / "panel.parquet")
    words = ("--horizons", "1,5", "--weight-column", "liquidity")
    assert "3 weights are missing or below 0" in invoke("check", "--data", tmp_path / "panel.parquet", *words)
    values["liquidity"][:] = 0.0
    pq.write_table(as_table(values), tmp_path / "panel.parquet")
    log = tmp_path / "run.log"
    done = CliRunner().invoke(
        main, ["fit", "--data", str(tmp_path / "panel.parquet"), *words, "--log", str(log), "--epochs", "1"]
    )
    assert (done.exit_code, "all weights of the training part are 0" in done.stderr) == (2, True), done.stderr


def test_the_cache_keeps_groups_and_weights(panel: Path, tmp_path: Path):
    asked = {"horizons": (1, 5), "neutral_column": "sector", "weight_column": "liquidity", "features_per_date": "rank"}
    first, second = (read_panel(panel, DataConfig(cache_dir=str(tmp_path), **asked)) for _ in range(2))
    plain = read_panel(panel, DataConfig(**asked))
    assert (first.cache.value, second.cache.value) == ("built", "reused")
    assert same_arrays(plain, second)
    assert second.group_names == plain.group_names == (("Energy", "Health & Co", "Tech"),)
    assert np.array_equal(second.groups_GDC, plain.groups_GDC)
    assert np.array_equal(second.weights_DC, plain.weights_DC)
