"""Walk-forward: no fold sees its future, models are averaged, and without a signal there is no figure that says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from monitor import grammar
from tests.trainer.evaluation.walks import HORIZONS, fold_figures, walk
from tests.trainer.panels import table, write
from tests.trainer.runs import make_panel
from trainer.cli import main
from trainer.config import SettingError
from trainer.evaluation.walk_forward import Plan, fold_ranges

FOLDS = ("--folds", 2, "--fold-days", 15)


def spoilt_after(columns: dict[str, np.ndarray], date: np.datetime64) -> dict[str, np.ndarray]:
    """Return a panel in which everything after a date is other: values, prices, labels, stocks; some rows are gone."""
    rng = np.random.default_rng(7)
    later = columns["date"] > date
    found = {name: values.copy() for name, values in columns.items()}
    for name, values in found.items():
        if name in ("date", "code"):
            continue
        # What a leak would love: each value tells the next day's return.
        values[later] = (
            np.abs(rng.normal(50.0, 40.0, later.sum())) if name == "close" else rng.normal(5, 9, later.sum())
        )
    found["code"] = np.where(later & (rng.random(len(later)) < 0.1), "new", found["code"]).astype(object)
    keys = [f"{day} {code}" for day, code in zip(found["date"], found["code"], strict=True)]
    first = np.sort(np.unique(keys, return_index=True)[1])
    return {name: values[first] for name, values in found.items()}


@pytest.fixture(scope="module")
def columns(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, np.ndarray]]:
    """Return a panel whose labels come from prices, and one with labels."""
    generated = pq.read_table(make_panel(tmp_path_factory.mktemp("made"), days=100, features=11))
    labelled = {name: np.array(generated[name].to_pylist(), dtype=object) for name in generated.column_names}
    for name in labelled:
        if name not in ("code", "date"):
            labelled[name] = labelled[name].astype(float)
    labelled["date"] = generated["date"].to_numpy()
    return {"prices": table(days=90), "labels": labelled}


@pytest.mark.parametrize("kind", ["prices", "labels"])
def test_what_happens_after_a_fold_changes_none_of_its_figures(
    kind: str, columns: dict[str, dict[str, np.ndarray]], tmp_path: Path
):
    panel = columns[kind]
    before = walk(tmp_path / "before", write(panel, tmp_path / "panel.parquet"), *FOLDS)
    end = np.datetime64(before["folds"][0]["dates"].split("..")[1])
    spoilt = spoilt_after(panel, end)
    after = walk(tmp_path / "after", write(spoilt, tmp_path / "spoilt.parquet"), *FOLDS)
    left, right = fold_figures(before), fold_figures(after)
    assert left[0] == right[0]
    assert left[0]["horizons"]["5"]["n_days"] == 10  # the last 5 labels end after the fold
    assert left[1]["horizons"] != right[1]["horizons"]
    assert [fold["known_until"] for fold in left] == [fold["known_until"] for fold in right]


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("walked")
    values = table(days=100)
    values["sector"] = np.where(np.arange(len(values["date"])) % 12 < 6, "<b>Tech & Co</b>", "Energy").astype(object)
    write(values, folder / "panel.parquet")
    words = (
        "--seeds",
        "1,2",
        "--group-column",
        "sector",
        "--page",
        folder / "page.html",
        "--out",
        folder / "daily.csv",
    )
    return folder, walk(folder, folder / "panel.parquet", *FOLDS, *words)


def test_a_fold_is_scored_by_the_mean_of_models_that_knew_nothing_of_it(walked: tuple[Path, dict[str, Any]]):
    folder, found = walked
    dates = np.unique(pq.read_table(folder / "panel.parquet")["date"].to_numpy())
    assert found["models"] == 2
    assert [fold["dates"] for fold in found["folds"]] == [f"{dates[70]}..{dates[84]}", f"{dates[85]}..{dates[99]}"]
    assert [fold["known_until"] for fold in found["folds"]] == [str(dates[64]), str(dates[79])]
    for fold in found["folds"]:
        assert len(fold["logs"]) == 2
        for log in fold["logs"]:
            data = [record for record in _records(Path(log)) if isinstance(record, grammar.Data)]
            assert data[0].valid.split("..")[1] == fold["known_until"]
    days = [fold["horizons"]["1"]["n_days"] for fold in found["folds"]]
    assert found["horizons"]["1"]["n_days"] == sum(days) == 14 + 14
    assert set(found["groups"]) == {"<b>Tech & Co</b>", "Energy"}


def test_models_that_exist_give_the_same_figures_as_in_the_walk(walked: tuple[Path, dict[str, Any]]):
    folder, found = walked
    fold = found["folds"][1]
    models = [word for log in fold["logs"] for word in ("--checkpoint", Path(log).with_suffix(".checkpoints"))]
    words = ("evaluate", *models, "--data", folder / "panel.parquet", "--dates", fold["dates"], "--json")
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["horizons"] == fold["horizons"]


def test_the_page_has_every_chart_and_table_and_escapes_names(walked: tuple[Path, dict[str, Any]]):
    folder, _ = walked
    page = (folder / "page.html").read_text()
    assert page.count("<svg") == 6 * len(HORIZONS) + 1
    for words in (
        "Cumulative return",
        "Drawdown",
        "RankIC over time",
        "Calibration",
        "Attention by lag",
        "Turnover",
        "By fold",
        "By group",
    ):
        assert words in page
    assert "&lt;b&gt;Tech &amp; Co&lt;/b&gt;" in page
    assert "<b>Tech" not in page
    assert "<script" not in page
    assert "nan" not in "".join(part.split("</svg>")[0] for part in page.split("<svg")[1:])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--folds", 60), "folds: too few dates"),
        (("--folds", 3, "--fold-days", 1), "folds: too few dates; expected more than the shortest horizon of 1"),
        (("--folds", 2, "--fold-days", 40), "folds: no dates before fold 1"),
        (("--seeds", "a"), "seeds: cannot be used; expected whole numbers"),
        (("--dates", "2024-01-01.."), "dates: no effect where models are trained"),
        (("--checkpoint", "c"), "config: not one source of settings"),
    ],
)
def test_a_walk_that_cannot_be_is_refused(tmp_path: Path, words: tuple[object, ...], message: str):
    panel = write(table(days=90), tmp_path / "panel.parquet")
    (tmp_path / "run.yaml").write_text("data: {horizons: [1, 5], embargo_days: 5, window: 5}\n")
    asked = ("evaluate", "--config", tmp_path / "run.yaml", "--data", panel, "--runs", tmp_path, *words)
    done = CliRunner().invoke(main, [str(word) for word in asked])
    assert (done.exit_code, message in done.stderr) == (2, True), done.stderr


def test_folds_follow_each_other_and_end_with_the_panel():
    ranges = fold_ranges(100, Plan(folds=3, seeds=(1,)), window=5, horizons=(1, 5))
    assert [(each.first, each.stop, each.label_stop) for each in ranges] == [(52, 68, 68), (68, 84, 84), (84, 100, 100)]
    with pytest.raises(SettingError):
        fold_ranges(10, Plan(folds=3, seeds=(1,), fold_days=4), window=5, horizons=(1, 5))


@pytest.mark.parametrize("shortest", [1, 3, 10])
@pytest.mark.parametrize("folds", [1, 3])
def test_a_fold_has_more_dates_than_the_shortest_horizon_or_is_refused_before_any_training(shortest: int, folds: int):
    plan = Plan(folds=folds, seeds=(1,), fold_days=shortest + 1)
    ranges = fold_ranges(100, plan, window=5, horizons=(20, shortest))
    assert [each.stop - each.first for each in ranges] == [shortest + 1] * folds
    with pytest.raises(SettingError, match=f"too few dates; expected more than the shortest horizon of {shortest} "):
        fold_ranges(100, plan._replace(fold_days=shortest), window=5, horizons=(20, shortest))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_with_permuted_labels_rank_ic_is_within_two_standard_errors_of_0_in_every_fold(seed: int, tmp_path: Path):
    generated = pq.read_table(make_panel(tmp_path, codes=40, days=240, features=11))
    rng = np.random.default_rng(seed)
    dates = generated["date"].to_numpy()
    order = np.lexsort((rng.random(len(dates)), dates))
    at_home = np.argsort(dates, kind="stable")
    for name in generated.column_names:
        if name.startswith("target_"):
            values = generated[name].to_numpy().copy()
            values[at_home] = values[order]
            place = generated.column_names.index(name)
            generated = generated.set_column(place, name, pa.array(values, generated[name].type))
    pq.write_table(generated, tmp_path / "permuted.parquet")
    found = walk(tmp_path / "walk", tmp_path / "permuted.parquet", "--folds", 3, horizons=(1,), batch_size=400)
    assert [abs(fold["horizons"]["1"]["rank_ic_t"]) < 2 for fold in found["folds"]] == [True] * 3


def _records(log: Path) -> list[grammar.Record]:
    return [line.record for line in map(grammar.parse_line, log.read_bytes().splitlines()) if line is not None]
