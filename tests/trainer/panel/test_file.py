"""A panel file in any order, with any names and types, becomes contiguous arrays, or an error gives the cause."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.trainer.panels import FEATURES, read, rows_where, same_arrays, table
from trainer.market.generate import synthesise
from trainer.market.write import write_panel
from trainer.panel.file import load_panel
from trainer.panel.panel import DuplicateRow, Panel, PanelError, PanelSchema


def with_targets(columns: dict[str, np.ndarray], panel: Panel) -> dict[str, np.ndarray]:
    """Add the labels that the panel derived from prices as columns of the file."""
    days, codes, _ = panel.targets_DCH.shape
    labels = panel.targets_DCH.reshape(days * codes, -1)
    return columns | {f"target_{horizon}d": labels[:, h] for h, horizon in enumerate(panel.horizons)}


def test_rows_are_stored_by_date_and_code(tmp_path: Path):
    columns = table(codes=4, days=30)
    panel = read(columns, tmp_path / "panel.parquet")
    assert panel.codes == ("c000", "c001", "c002", "c003")
    assert (len(panel.dates), panel.feature_names, panel.horizons) == (30, FEATURES, (1, 5, 10, 20))
    row = 7 * 4 + 2
    expected = np.array([columns[name][row] for name in FEATURES], dtype=np.float32)
    assert np.array_equal(panel.features_CDF[2, 7], expected)
    assert panel.present_CD.all()
    assert panel.facts.rows_available == 120


def test_the_order_of_the_rows_and_the_row_groups_do_not_matter(tmp_path: Path):
    columns = table()
    shuffled = rows_where(columns, np.random.default_rng(2).permutation(len(columns["code"])))
    arrays = pa.table({name: pa.array(values) for name, values in shuffled.items()})
    pq.write_table(arrays, tmp_path / "shuffled.parquet", row_group_size=37)
    in_order = read(columns, tmp_path / "panel.parquet")
    assert same_arrays(in_order, load_panel(tmp_path / "shuffled.parquet", PanelSchema()))


def test_a_window_is_a_view_of_the_days_until_its_date(tmp_path: Path):
    panel = read(table(), tmp_path / "panel.parquet")
    window_TF = panel.windows(20)[3, 50 - 19]
    assert np.shares_memory(window_TF, panel.features_CDF)
    assert np.array_equal(window_TF, panel.features_CDF[3, 31:51])
    assert window_TF.flags.c_contiguous
    assert not window_TF.flags.writeable


def test_labels_and_past_returns_come_from_the_price(tmp_path: Path):
    columns = table(codes=3, days=40)
    close_DC = columns["close"].reshape(40, 3)
    panel = read(columns, tmp_path / "panel.parquet")
    assert panel.targets_DCH[10, 1, 1] == pytest.approx(close_DC[15, 1] / close_DC[10, 1] - 1, abs=1e-6)
    assert panel.returns_DC[10, 1] == pytest.approx(close_DC[10, 1] / close_DC[9, 1] - 1, abs=1e-6)
    assert np.isnan(panel.returns_DC[0]).all()
    num_unlabeled = np.isnan(panel.targets_DCH).sum(axis=(0, 1))
    assert num_unlabeled.tolist() == [3 * horizon for horizon in panel.horizons]
    assert (panel.facts.labels_from, panel.facts.returns_from) == ("price", "price")


def test_target_columns_are_used_if_all_exist_and_are_never_features(tmp_path: Path):
    columns = table()
    from_price = read(columns, tmp_path / "price.parquet")
    labeled = with_targets(columns, from_price)
    panel = read(labeled, tmp_path / "labeled.parquet")
    assert same_arrays(panel, from_price)
    assert (panel.facts.labels_from, panel.feature_names) == ("target", FEATURES)


def test_without_a_price_the_past_return_is_the_one_day_label_of_the_day_before(tmp_path: Path):
    columns = table()
    from_price = read(columns, tmp_path / "price.parquet")
    labeled = with_targets(columns, from_price)
    del labeled["close"]
    panel = read(labeled, tmp_path / "labeled.parquet")
    assert panel.returns_DC == pytest.approx(from_price.returns_DC, abs=1e-6, nan_ok=True)
    assert panel.facts.returns_from == "target"


def test_if_a_target_column_is_missing_all_labels_come_from_the_price(tmp_path: Path):
    labeled = with_targets(table(), read(table(), tmp_path / "price.parquet"))
    labeled["target_1d"] = labeled["target_1d"] * 0.0
    del labeled["target_20d"]
    panel = read(labeled, tmp_path / "labeled.parquet")
    assert panel.facts.labels_from == "price"
    assert np.nanstd(panel.targets_DCH[:, :, 0]) > 0.0
    assert panel.feature_names == FEATURES


def test_columns_can_have_other_names_and_types(tmp_path: Path):
    columns = table(codes=12, days=30)
    renamed = {
        "day": columns["date"].astype(str).astype(object),
        "ticker": np.tile(np.arange(100, 112), 30),
        "a": (columns["alpha"] * 100).astype(np.int16),
        "flag": columns["beta"] > 3.0,
        "adjusted": columns["close"],
    }
    schema = PanelSchema(date="day", code="ticker", price="adjusted", horizons=(1, 3))
    panel = read(renamed, tmp_path / "panel.parquet", schema)
    plain = read(columns, tmp_path / "plain.parquet", PanelSchema(horizons=(1, 3)))
    assert np.array_equal(panel.dates, plain.dates)
    assert panel.codes[0] == "100"
    assert panel.feature_names == ("a", "flag")
    assert np.array_equal(panel.targets_DCH, plain.targets_DCH, equal_nan=True)


def test_columns_named_like_a_label_or_not_numeric_are_ignored_and_reported(tmp_path: Path):
    columns = table() | {"future_return": table()["alpha"], "sector": table()["code"]}
    panel = read(columns, tmp_path / "panel.parquet")
    assert panel.feature_names == FEATURES
    assert panel.facts.ignored_columns == ("future_return", "sector")
    chosen = read(columns, tmp_path / "panel.parquet", PanelSchema(features=("gamma", "alpha")))
    assert chosen.feature_names == ("gamma", "alpha")
    assert np.array_equal(chosen.features_CDF, panel.features_CDF[:, :, [2, 0]])


def test_rows_without_a_key_and_non_finite_values_are_counted(tmp_path: Path):
    columns = table(codes=3, days=30)
    columns["code"][4] = None
    columns["alpha"][[6, 7]] = (np.inf, np.nan)
    columns["close"][9] = -1.0
    doubled = {
        name: np.concatenate([values, values[[10, 10, 20]]]).astype(values.dtype) for name, values in columns.items()
    }
    doubled["alpha"][-3:] = 99.0
    panel = read(doubled, tmp_path / "panel.parquet")
    facts = panel.facts
    assert (facts.rows_available, facts.rows_without_key, facts.rows_duplicate) == (93, 1, 3)
    assert facts.duplicates == (
        DuplicateRow(str(panel.dates[3]), "c001", 3),
        DuplicateRow(str(panel.dates[6]), "c002", 2),
    )
    assert panel.features_CDF[1, 3, 0] == np.float32(columns["alpha"][10])
    assert (facts.non_finite_features, facts.bad_prices) == ((2, 0, 0), 1)
    assert np.isnan(panel.features_CDF[0, 2, 0])
    assert not panel.present_CD[1, 1]
    assert np.isnan(panel.targets_DCH[3, 0]).all()


def spoiled(**changes: Any) -> dict[str, np.ndarray]:
    columns = table(codes=3, days=30) | changes
    return {name: values for name, values in columns.items() if values is not None}


@pytest.mark.parametrize(
    ("columns", "schema", "message"),
    [
        (spoiled(date=None), {}, "columns missing; expected date, got code, alpha, beta, gamma, close"),
        (
            spoiled(code=None, close=None),
            {"horizons": (1,)},
            "columns missing; expected code, target_1d (or a price to derive it from), got date, alpha, beta, gamma",
        ),
        (
            spoiled(),
            {"features": ("alpha", "delta")},
            "columns missing; expected delta, got date, code, alpha,",
        ),
        (spoiled(), {"features": ("code",)}, "features are not numeric; expected numbers, got code"),
        (
            spoiled(alpha=None, beta=None, gamma=None),
            {},
            "no feature columns; expected numeric columns, got date, code, close",
        ),
        (
            spoiled(date=np.arange(90)),
            {},
            "column date has no dates; expected dates, timestamps or ISO text, got int64",
        ),
        (spoiled(date=np.array(["soon"] * 90)), {}, "column date has no dates; expected YYYY-MM-DD, got "),
        (
            spoiled(code=np.ones(90)),
            {},
            "column code has no codes; expected text or whole numbers, got double",
        ),
        (
            spoiled(code=np.array([None] * 89 + ["x"], dtype=object), date=np.array(["2024-01-01"] * 89 + [None])),
            {},
            "no row has both date and code; expected at least one, got 0",
        ),
        (rows_where(table(), np.arange(0)), {}, "the panel is empty; expected at least one row, got 0"),
    ],
)
def test_a_file_that_is_not_a_panel_is_refused_with_the_cause(
    tmp_path: Path, columns: dict[str, np.ndarray], schema: dict[str, Any], message: str
):
    path = tmp_path / "panel.parquet"
    with pytest.raises(PanelError) as refused:
        read(columns, path, PanelSchema(**schema))
    assert str(refused.value).startswith(f"{path}: {message}")


def test_a_missing_file_a_folder_and_a_text_file_are_refused(tmp_path: Path):
    (tmp_path / "notes.parquet").write_text("these are not the bytes of a panel")
    (tmp_path / "empty").mkdir()
    for name, got in (("none.parquet", "no such file"), ("empty", "a folder without"), ("x*.csv", "a pattern that")):
        with pytest.raises(PanelError, match=f"cannot be read; expected a parquet, CSV or feather file, .* got {got}"):
            load_panel(tmp_path / name, PanelSchema())
    with pytest.raises(PanelError, match=r"notes\.parquet: not a readable parquet file; expected a parquet panel"):
        load_panel(tmp_path / "notes.parquet", PanelSchema())


@pytest.mark.parametrize("cache", [None, "cache"])
def test_a_truncated_or_damaged_parquet_file_is_refused(tmp_path: Path, cache: str | None):
    path, cache_dir = tmp_path / "panel.parquet", tmp_path / cache if cache else None
    write_panel(synthesise(codes=12, days=60, seed=1, features=12), path)
    content = path.read_bytes()
    for spoiled_content in (content[:-100], content[:4000] + bytes(100) + content[4100:]):
        path.write_bytes(spoiled_content)
        with pytest.raises(PanelError, match="not a readable parquet file; expected a parquet panel"):
            load_panel(path, PanelSchema(), cache_dir=cache_dir)


@pytest.mark.parametrize("name", ["target", "target_{h}d", "target_{}d"])
def test_a_target_name_that_is_the_same_for_all_horizons_is_refused(name: str):
    with pytest.raises(PanelError, match=r"schema: unusable target; expected a name with \{horizon\} in it, got"):
        PanelSchema(target=name)
