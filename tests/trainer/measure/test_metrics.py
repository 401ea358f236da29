"""Each metric against values computed by hand; undefined is nan."""

import math

import numpy as np
import pytest

from trainer.measure.daily import daily_figures, mean_over_days, pearson, ranks
from trainer.measure.metrics import overall, score
from trainer.measure.portfolio import decile_spread, weights_of_days


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
    assert found.n_undefined == 0
    assert all(math.isnan(value) for name, value in found._asdict().items() if not name.startswith("n_"))


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


def test_a_day_without_movement_is_left_out_and_counted_and_changes_no_other_day():
    p, r, days = random_days(40, 30, seed=1)
    holiday = days == 17
    filled = score(p, np.where(holiday, 0.0, r), days, horizon_days=1)
    without = score(p[~holiday], r[~holiday], days[~holiday], horizon_days=1)
    assert (filled.n_days, filled.n_undefined, without.n_days) == (40, 1, 39)
    daily = ("sharpe", "ic", "rank_ic", "hit_rate", "ic_se", "rank_ic_t", "sharpe_se")
    assert [getattr(filled, name) for name in daily] == [getattr(without, name) for name in daily]
    before, after = daily_figures(p, r, days), daily_figures(p, np.where(holiday, 0.0, r), days)
    assert not after.is_defined_C[17]
    for name in ("ic_C", "rank_ic_C", "spread_C", "hits_C", "chances_C"):
        left, right = getattr(before, name), getattr(after, name)
        assert np.delete(left, 17).tolist() == np.delete(right, 17).tolist()


@pytest.mark.parametrize(("flat_days", "is_nan"), [(2, False), (3, True)])
def test_figures_over_days_are_nan_beyond_five_percent_of_undefined_days(flat_days: int, is_nan: bool):
    p, r, days = random_days(40, 20, seed=2)
    found = score(np.where(days < flat_days, 0.5, p), r, days, horizon_days=1)
    assert found.n_undefined == flat_days
    assert [math.isnan(value) for value in (found.sharpe, found.ic, found.rank_ic, found.hit_rate)] == [is_nan] * 4
    assert not math.isnan(found.pred_std)


def test_a_day_of_nan_predictions_is_never_left_out_silently():
    p, r, days = random_days(100, 20, seed=2)
    p[days == 3] = np.nan
    assert math.isnan(score(p, r, days, horizon_days=1).rank_ic)


def test_without_overlap_the_standard_error_is_that_of_a_mean():
    values = np.random.default_rng(4).normal(0.02, 0.1, 50)
    found = mean_over_days(values, lags=0)
    assert found.se == pytest.approx(values.std(ddof=1) / 50**0.5)
    assert found.ir == pytest.approx(values.mean() / values.std(ddof=1))
    assert found.t == pytest.approx(values.mean() / found.se)


def test_the_standard_error_holds_for_figures_that_overlap_as_returns_do():
    """Means of 5 days each: the error of their mean is the spread that the means of many such series have."""
    rng = np.random.default_rng(5)
    drawn = rng.normal(size=(400, 304))
    series = np.stack([drawn[:, lag : lag + 300] for lag in range(5)]).mean(axis=0)
    errors = [mean_over_days(each, lags=8).se for each in series]
    naive = [mean_over_days(each, lags=0).se for each in series]
    true = series.mean(axis=1).std()
    assert 0.8 < np.mean(errors) / true < 1.1
    assert np.mean(naive) / true < 0.6


def test_too_few_days_leave_the_standard_error_unknown():
    found = mean_over_days(np.arange(10.0), lags=8)
    assert math.isnan(found.se)
    assert not math.isnan(found.ir)


def test_returns_that_overlap_count_once_in_the_sharpe_ratio_apart():
    p, r, days = random_days(11, 20, seed=6)
    found = score(p, r, days, horizon_days=5)
    spreads = daily_figures(p, r, days).spread_C
    starts = [spreads[first::5] for first in range(5)]
    expected = np.mean([each.mean() / each.std(ddof=1) for each in starts]) * (252 / 5) ** 0.5
    assert found.sharpe_apart == pytest.approx(expected)
    assert math.isnan(score(p, r, days, horizon_days=11).sharpe_apart)


def test_turnover_is_the_share_of_both_legs_that_is_replaced():
    order = np.arange(20.0)
    half = order.copy()
    half[[18, 17]] = half[[17, 18]]  # one of the two best leaves
    day_B, code_B = np.repeat([0, 1, 2], 20), np.tile(np.arange(20), 3)
    p = np.concatenate([order, half, -order])
    r = np.random.default_rng(0).normal(size=60)
    weight_CK = weights_of_days(p, day_B, code_B)
    assert weight_CK[0, [19, 18, 1, 0]].tolist() == [0.5, 0.5, -0.5, -0.5]
    found = score(p, r, day_B, horizon_days=1, code_B=code_B, cost_bps=10.0)
    assert found.turnover == pytest.approx((0.25 + 1.0) / 2)
    spreads = (weight_CK * r.reshape(3, 20)).sum(axis=1)
    net = spreads - np.array([2.0, 1.0, 4.0]) * 0.001
    assert found.sharpe_net == pytest.approx(net.mean() / net.std(ddof=1) * 252**0.5)
    assert (found.sharpe_apart, found.cost_bps) == (pytest.approx(found.sharpe), 10.0)


def test_coverage_is_the_share_of_returns_between_the_quantiles():
    r = np.random.default_rng(7).normal(size=4000)
    p, days = np.random.default_rng(8).normal(size=4000), np.repeat(np.arange(40), 100)
    quantiles = np.tile([-1.2816, -0.6745, 0.0, 0.6745, 1.2816], (4000, 1))
    found = score(p, r, days, horizon_days=1, quantiles_BQ=quantiles)
    assert found.coverage_80 == pytest.approx(0.8, abs=0.03)
    assert found.coverage_50 == pytest.approx(0.5, abs=0.03)
    assert score(p, r, days, horizon_days=1, quantiles_BQ=quantiles / 2).coverage_80 < 0.5


def random_days(days: int, rows: int, *, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    returns = rng.normal(0.0, 0.02, days * rows)
    return 0.1 * returns + rng.normal(0.0, 0.02, days * rows), returns, np.repeat(np.arange(days), rows)
