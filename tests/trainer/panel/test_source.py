"""A panel may be one file or many, parquet or CSV: the same rows give the same arrays."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from tests.trainer.panels import FEATURES, rows_where, same_arrays, table, write
from trainer.panel.checks import check_panel
from trainer.panel.file import load_panel
from trainer.panel.file_checks import check_source
from trainer.panel.panel import PanelError, PanelSchema
from trainer.panel.splits import SplitSettings

SCHEMA = PanelSchema(horizons=(1, 5))


def write_csv(columns: dict[str, np.ndarray], path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    pyarrow.csv.write_csv(pa.table({name: pa.array(values) for name, values in columns.items()}), path)
    return path


def in_years(columns: dict[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    months = columns["date"].astype("datetime64[M]")
    return [rows_where(columns, months == month) for month in np.unique(months)]


@pytest.mark.parametrize("form", ["parquet", "csv"])
@pytest.mark.parametrize("named", ["folder", "pattern", "tree"])
def test_many_files_are_one_panel(tmp_path: Path, form: str, named: str):
    columns = table()
    whole = load_panel(write(columns, tmp_path / "whole.parquet"), SCHEMA)
    for number, month in enumerate(in_years(columns)):
        folder = tmp_path / "data" / (f"part={number}" if named == "tree" else "")
        folder.mkdir(parents=True, exist_ok=True)
        (write if form == "parquet" else write_csv)(month, folder / f"{number}.{form}")
    (tmp_path / "data/README.txt").write_text("not a panel")
    (tmp_path / "data/_metadata.parquet").write_text("not a panel")
    path = tmp_path / "data" / (f"[0-9].{form}" if named == "pattern" else "")
    panel = load_panel(path, SCHEMA, cache_dir=tmp_path / "cache")
    assert same_arrays(whole, panel)
    assert (panel.codes, panel.dates.tolist()) == (whole.codes, whole.dates.tolist())
    assert same_arrays(whole, load_panel(path, SCHEMA, cache_dir=tmp_path / "cache"))
    assert len(panel.files) == len(in_years(columns))


def test_a_csv_file_keeps_leading_zeros_of_codes_and_may_be_compressed(tmp_path: Path):
    columns = table(codes=3)
    columns["code"] = np.tile(np.array(["000001", "000002", "600000"], dtype=object), 90)
    path = write_csv(columns, tmp_path / "panel.csv")
    (tmp_path / "panel.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
    for name in ("panel.csv", "panel.csv.gz"):
        assert load_panel(tmp_path / name, SCHEMA).codes == ("000001", "000002", "600000")


def test_the_fingerprint_is_that_of_the_content(tmp_path: Path):
    columns = table()
    months = in_years(columns)
    prints = []
    for name, chosen in (("a", months), ("b", months), ("c", months[:-1])):
        (tmp_path / name).mkdir()
        for number, month in enumerate(chosen):
            write(month, tmp_path / name / f"{number}.parquet")
        prints.append(load_panel(tmp_path / name, SCHEMA).fingerprint)
    assert prints[0] == prints[1] != prints[2]


def test_a_file_that_comes_or_goes_during_the_run_is_noticed(tmp_path: Path):
    folder = tmp_path / "data"
    folder.mkdir()
    for number, month in enumerate(in_years(table())):
        write(month, folder / f"{number}.parquet")
    panel = load_panel(folder, SCHEMA)
    assert check_source(panel) is None
    (folder / "0.parquet").rename(folder / "x.parquet")
    changed = check_source(panel)
    assert changed is not None
    assert "0.parquet" in changed.message
    assert "x.parquet" in changed.message


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.parquet": FEATURES, "b.csv": FEATURES}, "has CSV and parquet files; expected one kind"),
        ({"a.csv": FEATURES, "b.csv": FEATURES[:2]}, "b.csv: other columns than .*a.csv; .* difference in gamma"),
        ({"a.parquet": FEATURES, "b.parquet": FEATURES[1:]}, "b.parquet: other columns than .* difference in alpha"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(tmp_path: Path, files: dict[str, tuple[str, ...]], message: str):
    for name, features in files.items():
        columns = {key: value for key, value in table().items() if key not in FEATURES or key in features}
        (write_csv if name.endswith("csv") else write)(columns, tmp_path / name)
    with pytest.raises(PanelError, match=message):
        load_panel(tmp_path, SCHEMA)


def test_a_csv_file_without_rows_or_columns_is_refused(tmp_path: Path):
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(PanelError, match=r"empty\.csv: not a readable CSV file; expected named columns and rows"):
        load_panel(tmp_path / "empty.csv", SCHEMA)
    (tmp_path / "head.csv").write_text("date,code,alpha,close\n")
    with pytest.raises(PanelError, match=r"head\.csv: the panel is empty; expected at least one row"):
        load_panel(tmp_path / "head.csv", SCHEMA)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"exclude": ("beta",)}, ("alpha", "gamma")),
        ({"exclude": ("*mm*", "beta")}, ("alpha",)),
        ({"features": ("*a",)}, FEATURES),
        ({"features": ("gamma", "a*")}, ("gamma", "alpha")),
        ({"features": ("*",), "exclude": ("g*",)}, ("alpha", "beta")),
    ],
)
def test_features_are_chosen_and_excluded_by_name_or_pattern(
    tmp_path: Path, asked: dict[str, tuple[str, ...]], expected: tuple[str, ...]
):
    path = write(table(), tmp_path / "panel.parquet")
    schema = PanelSchema(horizons=(1, 5), **asked)
    panel = load_panel(path, schema, cache_dir=tmp_path / "cache")
    assert panel.feature_names == expected
    report = check_panel(panel, SplitSettings(valid_share=0.3, embargo_days=5, window_days=10))
    assert "ignored_columns" not in [problem.kind for problem in report.problems]


@pytest.mark.parametrize("asked", [{"exclude": ("betta",)}, {"features": ("alpha", "mom_*")}])
def test_a_name_or_pattern_that_fits_no_column_is_refused(tmp_path: Path, asked: dict[str, tuple[str, ...]]):
    path = write(table(), tmp_path / "panel.parquet")
    with pytest.raises(PanelError, match=r"columns missing; expected (betta|mom_)"):
        load_panel(path, PanelSchema(horizons=(1, 5), **asked))
