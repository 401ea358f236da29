"""Locations and scales come from training only, are applied, and cope with dead features and outliers."""

from pathlib import Path

import numpy as np
import pytest

from tests.trainer.panels import read, table, write
from trainer.batches.normalisation import CLIP, fit_normalisation, normalised_features
from trainer.panel.file import load_panel
from trainer.panel.panel import Panel, PanelError, PanelSchema
from trainer.panel.splits import DateRange

TRAIN = DateRange(19, 60, label_stop=70)


def panel_of(columns: dict[str, np.ndarray], tmp_path: Path) -> Panel:
    return read(columns, tmp_path / "panel.parquet")


def test_training_features_have_mean_0_and_std_1_and_later_ones_need_not(tmp_path: Path):
    columns = table()
    columns["alpha"][60 * 12 :] += 10.0
    panel = panel_of(columns, tmp_path)
    features_CDF = normalised_features(panel, fit_normalisation(panel, TRAIN))
    assert features_CDF[:, :60].mean(axis=(0, 1)) == pytest.approx(np.zeros(3), abs=1e-5)
    assert features_CDF[:, :60].std(axis=(0, 1)) == pytest.approx(np.ones(3), abs=1e-5)
    assert features_CDF[:, 60:, 0].mean() == pytest.approx(5.0, abs=0.2)


def test_labels_are_normalised_by_their_horizons_training_labels_and_restored(tmp_path: Path):
    panel = panel_of(table(), tmp_path)
    normalisation = fit_normalisation(panel, TRAIN)
    train_DCH = panel.targets_DCH[19:60].astype(np.float64)
    train_DCH[70 - 20 - 19 :, :, 3] = np.nan
    assert normalisation.num_labels_H.tolist() == [41 * 12, 41 * 12, 41 * 12, 31 * 12]
    assert normalisation.target_mean_H == pytest.approx(np.nanmean(train_DCH, axis=(0, 1)), rel=1e-5)
    assert normalisation.target_std_H == pytest.approx(np.nanstd(train_DCH, axis=(0, 1)), rel=1e-5)
    there_and_back = normalisation.restore_targets(normalisation.normalise_targets(panel.targets_DCH))
    assert there_and_back == pytest.approx(panel.targets_DCH, abs=1e-6, nan_ok=True)


def test_a_large_offset_does_not_cost_precision(tmp_path: Path):
    columns = table()
    columns["alpha"] = columns["alpha"] + 1e4
    panel = panel_of(columns, tmp_path)
    std = panel.features_CDF[:, :60, 0].astype(np.float64).std()
    assert fit_normalisation(panel, TRAIN).feature_scale_F[0] == pytest.approx(std, rel=1e-5)


def test_codes_at_different_levels_have_one_mean_and_spread(tmp_path: Path):
    """There are more codes than in one block of the pass over the panel, and each block is at another level."""
    columns = table(codes=150, days=80)
    columns["alpha"] = columns["alpha"] + np.tile(np.arange(150), 80)
    panel = panel_of(columns, tmp_path)
    value_CD = panel.features_CDF[:, :60, 0].astype(np.float64)
    normalisation = fit_normalisation(panel, TRAIN)
    assert normalisation.feature_location_F[0] == pytest.approx(value_CD.mean(), rel=1e-6)
    assert normalisation.feature_scale_F[0] == pytest.approx(value_CD.std(), rel=1e-6)


def test_an_outlier_hardly_changes_the_robust_scale_and_is_clipped(tmp_path: Path):
    columns = table()
    columns["alpha"][100] = 1e9
    panel = panel_of(columns, tmp_path)
    robust = fit_normalisation(panel, TRAIN, method="robust")
    assert robust.feature_scale_F[0] == pytest.approx(2.0, rel=0.15)
    assert robust.feature_location_F[0] == pytest.approx(3.0, abs=0.3)
    assert normalised_features(panel, robust).max() == CLIP


def test_a_sparse_feature_keeps_its_std_under_the_robust_method(tmp_path: Path):
    columns = table()
    columns["alpha"] = (np.arange(90 * 12) % 10 == 0).astype(float)
    panel = panel_of(columns, tmp_path)
    assert fit_normalisation(panel, TRAIN, method="robust").feature_scale_F[0] == pytest.approx(0.3, rel=0.01)


@pytest.mark.parametrize("method", ["mean_std", "robust"])
def test_dead_features_and_missing_values_become_0(tmp_path: Path, method: str):
    columns = table()
    columns["alpha"] = np.full(90 * 12, 0.1)
    columns["beta"] = np.full(90 * 12, np.nan)
    columns["gamma"][5 * 12 + 3] = np.nan
    panel = panel_of(columns, tmp_path)
    normalisation = fit_normalisation(panel, TRAIN, method=method)  # type: ignore[arg-type]
    features_CDF = normalised_features(panel, normalisation)
    assert not features_CDF[:, :, :2].any()
    assert features_CDF[3, 5, 2] == 0.0
    assert features_CDF[3, 6, 2] != 0.0
    assert normalisation.feature_scale_F[:2].tolist() == [1.0, 1.0]


def test_a_horizon_without_training_labels_is_not_scaled(tmp_path: Path):
    panel = panel_of(table(), tmp_path)
    normalisation = fit_normalisation(panel, DateRange(19, 30, label_stop=38))
    assert normalisation.num_labels_H[3] == 0
    assert (normalisation.target_mean_H[3], normalisation.target_std_H[3]) == (0.0, 1.0)


def test_the_cached_array_is_memory_mapped_reused_and_replaced_after_a_change(tmp_path: Path):
    path, cache = write(table(), tmp_path / "panel.parquet"), tmp_path / "cache"
    panel = load_panel(path, PanelSchema())
    normalisation = fit_normalisation(panel, TRAIN)
    kept = normalised_features(panel, normalisation, cache_dir=cache)
    assert isinstance(kept, np.memmap)
    assert np.array_equal(kept, normalised_features(panel, normalisation))
    (first_file,) = cache.iterdir()
    normalised_features(panel, normalisation, cache_dir=cache)
    assert list(cache.iterdir()) == [first_file]
    other = fit_normalisation(panel, DateRange(19, 50, label_stop=60))
    replaced = normalised_features(panel, other, cache_dir=cache)
    assert np.array_equal(replaced, normalised_features(panel, other))
    assert len(list(cache.iterdir())) == 1


def test_an_unwritable_folder_is_reported(tmp_path: Path):
    path = write(table(), tmp_path / "panel.parquet")
    panel = load_panel(path, PanelSchema())
    with pytest.raises(PanelError, match="cannot be written; expected a writable folder, got"):
        normalised_features(panel, fit_normalisation(panel, TRAIN), cache_dir=path)
