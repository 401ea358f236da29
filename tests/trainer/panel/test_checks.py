"""A panel is checked before a run relies on it: each problem has its columns, dates and counts."""

import os
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest

from tests.trainer.panels import read, rows_where, table, write
from trainer.market.generate import synthesise
from trainer.market.write import write_panel
from trainer.panel.checks import PanelReport, check_panel
from trainer.panel.file import load_panel
from trainer.panel.file_checks import check_source
from trainer.panel.panel import PanelError, PanelSchema
from trainer.panel.problem import Consequence, PanelProblem, some_of
from trainer.panel.splits import SplitSettings

SHORT = PanelSchema(horizons=(1, 5))
SPLIT = SplitSettings(valid_share=0.3, embargo_days=5, window_days=10)


def judge(columns: dict[str, np.ndarray], tmp_path: Path, settings: SplitSettings = SPLIT) -> PanelReport:
    return check_panel(read(columns, tmp_path / "panel.parquet", SHORT), settings)


def only(report: PanelReport) -> PanelProblem:
    (problem,) = report.problems
    return problem


def test_a_clean_panel_has_no_problems_and_complete_facts(tmp_path: Path):
    report = judge(table(), tmp_path)
    assert report.problems == ()
    assert not report.is_refused
    assert (report.features_dead, report.nonfinite_share) == ((), 0.0)
    assert report.label_coverage == ((1, pytest.approx(89 / 90)), (5, pytest.approx(85 / 90)))


def test_a_synthetic_market_has_no_problems(tmp_path: Path):
    write_panel(synthesise(codes=20, days=160, seed=1), tmp_path / "panel.parquet")
    report = check_panel(load_panel(tmp_path / "panel.parquet", PanelSchema()), SplitSettings())
    assert report.problems == ()


def test_duplicate_rows_are_refused_with_their_dates_and_counts(tmp_path: Path):
    columns = table()
    columns = rows_where(columns, np.concatenate([np.arange(90 * 12), [14, 14, 100]]))
    problem = only(judge(columns, tmp_path))
    first, second = columns["date"][14], columns["date"][100]
    assert (problem.consequence, problem.kind, problem.count) == (Consequence.REFUSE, "duplicate_rows", 3)
    assert problem.dates == (str(first), str(second))
    assert problem.message.endswith(
        f"3 rows repeat a (date, code); expected each once, got {first} c002 (3 rows), {second} c004 (2 rows)"
    )


def test_rows_without_a_code_are_counted(tmp_path: Path):
    columns = table()
    columns["code"][[3, 20]] = None
    report = judge(columns, tmp_path)
    problem = next(problem for problem in report.problems if problem.kind == "rows_without_key")
    assert (problem.consequence, problem.count) == (Consequence.WARN, 2)


def test_non_finite_values_are_reported_by_column_worst_first(tmp_path: Path):
    columns = table()
    columns["beta"][[5, 6, 7]] = np.nan
    columns["gamma"][9] = np.inf
    report = judge(columns, tmp_path)
    problem = only(report)
    assert (problem.consequence, problem.kind, problem.count) == (Consequence.WARN, "non_finite_features", 4)
    assert problem.columns == ("beta", "gamma")
    assert "got beta (3 rows), gamma (1 rows)" in problem.message
    assert report.nonfinite_share == pytest.approx(4 / (90 * 12 * 3))


def test_infinite_labels_and_impossible_prices_are_counted(tmp_path: Path):
    columns = table()
    columns["close"][[30, 50]] = (0.0, np.nan)
    problem = only(judge(columns, tmp_path))
    assert (problem.kind, problem.count) == ("bad_prices", 2)
    labels = np.zeros(90 * 12)
    labels[[3, 4]] = np.inf
    labeled = table() | {"target_1d": labels, "target_5d": labels}
    kinds = {problem.kind: problem for problem in judge(labeled, tmp_path).problems}
    assert kinds["infinite_targets"].count == 4
    assert "got 1 d (2 rows), 5 d (2 rows)" in kinds["infinite_targets"].message


def test_few_constant_features_are_a_warning_and_many_a_refusal(tmp_path: Path):
    columns = table() | {f"extra_{number}": table(seed=number)["alpha"] for number in range(9)}
    columns["alpha"] = np.full(90 * 12, 4.0)
    report = judge(columns, tmp_path)
    assert (only(report).consequence, only(report).columns) == (Consequence.WARN, ("alpha",))
    assert report.features_dead == ("alpha",)
    columns["beta"] = np.full(90 * 12, np.nan)
    report = judge(columns, tmp_path)
    assert report.features_dead == ("alpha", "beta")
    assert report.is_refused
    assert "2 of 12 features are constant or empty in training; expected values that vary, got alpha, beta" in (
        report.problems[0].message
    )


def test_a_feature_that_varies_only_after_training_is_dead(tmp_path: Path):
    columns = table()
    columns["alpha"][: 80 * 12] = 1.0
    assert judge(columns, tmp_path).features_dead == ("alpha",)


def test_a_feature_that_contains_the_future_is_suspected(tmp_path: Path):
    columns = table()
    label_DC = read(columns, tmp_path / "panel.parquet", SHORT).targets_DCH[:, :, 1]
    noise_DC = np.random.default_rng(3).normal(0.0, 0.02, label_DC.shape)
    columns["alpha"] = (np.nan_to_num(label_DC) + noise_DC).reshape(-1) + 1000.0
    problem = only(judge(columns, tmp_path))
    assert (problem.consequence, problem.kind, problem.columns) == (Consequence.WARN, "suspected_leak", ("alpha",))
    assert "with 5 d)" in problem.message


def test_too_few_dates_are_refused_along_with_all_other_problems(tmp_path: Path):
    columns = table(days=16)
    columns = rows_where(columns, np.concatenate([np.arange(16 * 12), [14]]))
    report = judge(columns, tmp_path)
    assert [problem.kind for problem in report.problems] == ["duplicate_rows", "empty_split"]
    assert (report.splits, report.rows) == (None, None)
    with pytest.raises(PanelError) as refused:
        report.raise_if_refused()
    assert str(refused.value).splitlines() == [problem.message for problem in report.problems]
    assert "no labeled date left for train" in str(refused.value)


def test_a_part_without_a_complete_window_is_refused(tmp_path: Path):
    columns = table()
    every_third_day = np.arange(90 * 12) // 12 % 3 == np.arange(90 * 12) % 3
    report = judge(rows_where(columns, ~every_third_day), tmp_path)
    problems = [problem for problem in report.problems if problem.kind == "empty_split"]
    assert [problem.consequence for problem in problems] == [Consequence.REFUSE, Consequence.REFUSE]
    assert "no samples; expected at least one, got 416 rows, 416 without a complete window" in problems[0].message


def test_days_with_few_codes_and_horizons_without_labels_are_reported(tmp_path: Path):
    columns = table()
    days = columns["date"].astype("datetime64[D]")
    late_few = (days == np.unique(days)[80]) & (columns["code"] >= "c004")
    kinds = {problem.kind: problem for problem in judge(rows_where(columns, ~late_few), tmp_path).problems}
    assert kinds["thin_days"].dates[0] == str(np.unique(days)[80])
    settings = SplitSettings(valid_share=0.06, embargo_days=5, window_days=10)
    problem = only(judge(table(), tmp_path, settings))
    assert problem.kind == "unlabeled_horizon"
    assert problem.message.endswith("expected labels for each, got none for 5 d")


def test_a_panel_without_past_returns_is_warned_about(tmp_path: Path):
    columns = table() | {"target_5d": np.random.default_rng(0).normal(size=90 * 12)}
    del columns["close"]
    panel = read(columns, tmp_path / "panel.parquet", PanelSchema(horizons=(5,)))
    assert "no_past_returns" in [problem.kind for problem in check_panel(panel, SPLIT).problems]


def test_every_row_of_the_file_is_accounted_for(tmp_path: Path):
    rng = np.random.default_rng(5)
    columns = table(days=120)
    columns["code"][rng.integers(0, 120 * 12, 5)] = None
    columns["close"][rng.integers(0, 120 * 12, 40)] = np.nan
    columns = rows_where(columns, rng.permutation(np.concatenate([rng.choice(120 * 12, 1400, False), [7, 9]])))
    settings = SplitSettings(valid_share=0.2, test_share=0.2, embargo_days=5, window_days=10)
    panel = read(columns, tmp_path / "panel.parquet", SHORT)
    rows = check_panel(panel, settings, max_missing_days=1).rows
    assert rows is not None
    available, *parts = astuple(rows)
    assert available == 1402
    assert sum(parts) == available
    assert all(part > 0 for part in parts[2:])


def test_a_file_changed_or_deleted_since_it_was_read_is_refused(tmp_path: Path):
    path = write(table(), tmp_path / "panel.parquet")
    panel = load_panel(path, SHORT)
    assert check_source(panel) is None
    os.utime(path, (1_700_000_000, 1_700_000_000))
    changed = check_panel(panel, SPLIT)
    assert (only(changed).kind, changed.is_refused) == ("stale_source", True)
    assert only(changed).message.endswith("got 2023-11-14T22:13:20.000Z")
    path.unlink()
    gone = check_source(panel)
    assert gone is not None
    assert "deleted since it was read" in gone.message


def test_a_cache_built_from_other_content_is_reported(tmp_path: Path):
    path = write(table(seed=1), tmp_path / "panel.parquet")
    load_panel(path, SHORT, cache_dir=tmp_path / "cache")
    write(table(seed=2), path)
    report = check_panel(load_panel(path, SHORT, cache_dir=tmp_path / "cache"), SPLIT)
    assert (only(report).kind, only(report).consequence) == ("stale_cache", Consequence.WARN)


def test_long_lists_are_cut_and_end_with_the_number_of_the_rest():
    assert some_of(tuple("abcdefghij")) == "a, b, c, d, e, f, g, h and 2 more"
