"""Ranks and z-scores of a date: right, blind to all other dates, and with missing values left missing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trainer.panel.cross_section import PER_DATE, compare_features, compare_labels, compared

VALUES = st.sampled_from([np.nan, -2.0, -1.0, 0.0, 0.5, 3.0, 1e6]) | st.floats(-9, 9, width=32)


@settings(deadline=None)
@given(arrays(np.float64, st.tuples(st.integers(1, 9), st.integers(1, 4)), elements=VALUES))
def test_a_rank_counts_the_values_below_and_above(value_CM: np.ndarray):
    found_CM = compared(value_CM, "rank")
    for column, found in zip(value_CM.T, found_CM.T, strict=True):
        known = column[~np.isnan(column)]
        for value, rank in zip(column, found, strict=True):
            expected = ((known < value).sum() - (known > value).sum()) / max(len(known), 1)
            assert np.isnan(rank) if np.isnan(value) else rank == pytest.approx(expected)


@settings(deadline=None)
@given(arrays(np.float64, st.tuples(st.integers(2, 9), st.integers(1, 4)), elements=VALUES))
def test_z_scores_have_mean_0_and_std_1_or_are_all_0(value_CM: np.ndarray):
    found_CM = compared(value_CM, "z_score")
    assert (np.isnan(found_CM) == np.isnan(value_CM)).all()
    for column, found in zip(value_CM.T, found_CM.T, strict=True):
        known = found[~np.isnan(found)]
        if len(np.unique(column[~np.isnan(column)].astype(np.float32))) < 2:
            assert (known == 0).all()
        elif known.any():
            assert known.mean() == pytest.approx(0, abs=1e-9)
            assert known.std() == pytest.approx(1)


@pytest.mark.parametrize("kind", PER_DATE[1:])
@pytest.mark.parametrize("grouped", [False, True])
def test_no_date_sees_another(kind: str, grouped: bool):
    rng = np.random.default_rng(3)
    features_CDF = rng.normal(size=(9, 12, 4)).astype(np.float32)
    targets_DCH = rng.normal(size=(12, 9, 2)).astype(np.float32)
    features_CDF[rng.random(features_CDF.shape) < 0.2] = np.nan
    group_DC = rng.integers(-1, 3, (12, 9)).astype(np.int32) if grouped else None
    changed_CDF, changed_DCH = features_CDF.copy(), targets_DCH.copy()
    changed_CDF[:, 6:] = 1e9 * rng.normal(size=(9, 6, 4))
    changed_DCH[6:] = np.nan
    labels_DCH = compare_labels(targets_DCH, kind, group_DC)
    assert np.array_equal(compare_labels(changed_DCH, kind, group_DC)[:6], labels_DCH[:6], equal_nan=True)
    before_CDF = features_CDF.copy()
    for each_CDF in (features_CDF, changed_CDF):
        compare_features(each_CDF, kind, np.array([0, 2]))
    assert np.array_equal(features_CDF[:, :6], changed_CDF[:, :6], equal_nan=True)
    assert np.array_equal(features_CDF[..., [1, 3]], before_CDF[..., [1, 3]], equal_nan=True)
    assert not np.array_equal(features_CDF[..., 0], before_CDF[..., 0], equal_nan=True)


def test_a_neutral_label_is_what_a_stock_does_beyond_its_group():
    targets_DCH = np.array([[1.0, 3.0, 5.0, 9.0, 7.0, np.nan]], dtype=np.float32)[..., None]
    group_DC = np.array([[0, 0, 1, -1, 2, 2]], dtype=np.int32)
    found = compare_labels(targets_DCH, "none", group_DC)[0, :, 0]
    assert found[:2].tolist() == [-1.0, 1.0]
    # Alone in its group, in no group, alone with a label in its group, without a label: nothing to be relative to.
    assert np.isnan(found[2:]).all()
