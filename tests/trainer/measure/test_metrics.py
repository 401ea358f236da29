"""Each metric against values computed by hand; undefined is nan."""

import math

import numpy as np
import pytest

from trainer.measure.metrics import decile_spread, overall, pearson, ranks, score


def test_equal_values_share_the_average_of_their_ranks():
    assert ranks(np.array([10.0, 20.0, 20.0, 5.0])).tolist() == [2.0, 3.5, 3.5, 1.0]


def test_the_correlation_of_a_constant_is_undefined_and_not_zero():
    assert math.isnan(pearson(np.zeros(4), np.arange(4.0)))


def test_a_perfect_order_scores_one_for_any_spacing_of_the_values():
    returns = np.tile(np.arange(10.0), 2)
    found = score(np.exp(returns), returns, np.repeat([0, 1], 10), horizon_days=1)
    assert found.rank_ic == pytest.approx(1.0)
    assert found.ic < 1.0


def test_a_constant_prediction_has_undefined_rank_portfolio_and_hit_rate():
    returns = np.random.default_rng(0).normal(size=40)
    found = score(np.full(40, 0.3), returns, np.repeat([0, 1], 20), horizon_days=1)
    undefined = (found.sharpe, found.ic, found.rank_ic, found.hit_rate)
    assert all(math.isnan(value) for value in undefined)
    assert found.pred_std == pytest.approx(0.0, abs=1e-15)
    assert found.ratio == pytest.approx(0.0, abs=1e-12)


def test_differences_below_single_precision_count_as_constant():
    predictions = np.full(20, 0.3, dtype=np.float32).astype(np.float64)
    predictions[::2] = np.nextafter(np.float32(0.3), np.float32(1))
    assert math.isnan(decile_spread(predictions, np.arange(20.0)))


def test_the_decile_spread_is_the_best_tenth_minus_the_worst_tenth():
    predictions = np.arange(20.0)
    returns = np.zeros(20)
    returns[[18, 19]] = [1.0, 3.0]
    returns[[0, 1]] = [-1.0, -2.0]
    assert decile_spread(predictions, returns) == pytest.approx(2.0 + 1.5)


def test_the_order_of_rows_does_not_matter_when_predictions_tie():
    predictions = np.array([1.0] * 5 + [0.0] * 15)
    returns = np.arange(20.0)
    order = np.random.default_rng(1).permutation(20)
    assert decile_spread(predictions, returns) == pytest.approx(2.0 - 12.0)
    assert decile_spread(predictions[order], returns[order]) == pytest.approx(2.0 - 12.0)


def test_sharpe_is_annualised_by_the_number_of_horizons_in_a_year():
    spreads = [1.0, 2.0, 3.0]
    returns = np.concatenate([np.linspace(0.0, spread, 10) for spread in spreads])
    predictions = np.tile(np.arange(10.0), 3)
    days = np.repeat([0, 1, 2], 10)
    daily = 2.0 / 1.0  # mean 2, standard deviation 1 with n - 1
    for horizon, factor in ((1, 252**0.5), (5, (252 / 5) ** 0.5)):
        assert score(predictions, returns, days, horizon_days=horizon).sharpe == pytest.approx(daily * factor)


def test_sharpe_of_a_single_day_is_undefined():
    assert math.isnan(score(np.arange(10.0), np.arange(10.0), np.zeros(10, int), horizon_days=1).sharpe)


def test_hit_rate_compares_with_the_days_own_mean():
    predictions = np.array([1.0, 2.0, 3.0, 4.0])
    returns = np.array([10.0, 13.0, 11.0, 14.0])  # mean 12: below, above, below, above
    assert score(predictions, returns, np.zeros(4, int), horizon_days=1).hit_rate == pytest.approx(0.5)


def test_unlabelled_rows_and_days_with_one_label_are_left_out():
    returns = np.array([1.0, 2.0, np.nan, np.nan, 5.0, np.nan])
    found = score(np.array([1.0, 2.0, 9.0, 0.0, 1.0, 2.0]), returns, np.array([0, 0, 0, 1, 1, 1]), horizon_days=1)
    assert (found.n_days, found.rank_ic) == (1, pytest.approx(1.0))


def test_without_any_label_all_metrics_are_nan_and_no_day_counts():
    found = score(np.arange(3.0), np.full(3, np.nan), np.zeros(3, int), horizon_days=1)
    assert found.n_days == 0
    assert all(math.isnan(value) for value in found[:-1])


def test_r2_is_below_minus_one_when_predictions_are_far_too_wide():
    returns = np.array([-1.0, 1.0, -1.0, 1.0])
    assert score(-4 * returns, returns, np.zeros(4, int), horizon_days=1).r2 == pytest.approx(1 - 25.0)


def test_one_undefined_horizon_makes_the_overall_metric_undefined():
    rng = np.random.default_rng(0)
    returns, days = rng.normal(size=40), np.repeat([0, 1], 20)
    good = score(rng.normal(size=40), returns, days, horizon_days=1)
    flat = score(np.zeros(40), returns, days, horizon_days=5)
    assert math.isnan(overall([good, flat]).rank_ic)
    assert overall([good, good]).rank_ic == pytest.approx(good.rank_ic)


def test_a_model_that_only_knows_the_date_has_no_prediction_deviation():
    days = np.repeat([0, 1], 10)
    found = score(days * 5.0, np.random.default_rng(0).normal(size=20), days, horizon_days=1)
    assert (found.pred_std, found.ratio) == (0.0, 0.0)
