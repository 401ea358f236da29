"""The course of an evaluation has the figures of the log: its last values are theirs."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.evaluation.chart import Curve, chart
from trainer.evaluation.curves import curves_of, moving_mean
from trainer.evaluation.predictions import Predictions
from trainer.evaluation.scoring import Evaluation, assemble
from trainer.measure.portfolio import hold, weights_of_days

DAYS, CODES, HORIZON, COST = 40, 30, 5, 20.0


@pytest.fixture(scope="module")
def found() -> Evaluation:
    rng = np.random.default_rng(5)
    dates = np.busday_offset("2024-11-01", np.arange(DAYS), roll="forward").astype("datetime64[D]")
    day_N = np.repeat(np.arange(DAYS), CODES)
    returns_NK = rng.normal(0, 0.02, (DAYS * CODES, 1))
    spread_Q = np.array([-1.28, -0.67, 0.0, 0.67, 1.28])
    quantiles_NKQ = (0.3 * returns_NK + rng.normal(0, 0.01, returns_NK.shape))[..., None] + 0.02 * spread_Q
    code_N = np.tile(np.array([f"c{n:02d}" for n in range(CODES)], dtype=object), DAYS)
    rows = Predictions((HORIZON,), quantiles_NKQ, returns_NK, returns_NK, day_N, dates[day_N], code_N, None)
    return assemble([rows], [], days=dates, cost_bps=COST)


def test_the_portfolio_of_the_curves_is_the_one_whose_sharpe_ratio_the_log_gives(found: Evaluation):
    curves, daily, score = curves_of(found, HORIZON), found.daily[HORIZON], found.scores[HORIZON]
    gross_C, net_C = np.diff(curves.gross_C, prepend=0.0), np.diff(curves.net_C, prepend=0.0)
    assert gross_C * HORIZON == pytest.approx(daily.spread_C)
    ratios = [net_C[start::HORIZON].mean() / net_C[start::HORIZON].std(ddof=1) for start in range(HORIZON)]
    assert np.mean(ratios) * (252 / HORIZON) ** 0.5 == pytest.approx(score.sharpe_net)
    assert (net_C < gross_C).all()
    assert curves.drawdown_C.max() <= 0
    worst = min(curves.net_C[stop] - max(0.0, curves.net_C[: stop + 1].max()) for stop in range(DAYS))
    assert curves.drawdown_C.min() == pytest.approx(worst)


def test_turnover_and_its_costs_are_those_of_hold(found: Evaluation):
    rows, daily = found.predictions, found.daily[HORIZON]
    _, code_N = np.unique(rows.code_N.astype(str), return_inverse=True)
    weight_CK = weights_of_days(rows.quantiles_NKQ[:, 0, 2], rows.day_N, code_N)
    held = hold(daily.spread_C, daily.day_C, weight_CK, horizon_days=HORIZON, cost_bps=COST)
    assert found.scores[HORIZON].turnover == pytest.approx(held.turnover)
    paid = np.diff(curves_of(found, HORIZON).gross_C - curves_of(found, HORIZON).net_C, prepend=0.0)
    book = 4.0 * COST / 1e4 / HORIZON
    # The first purchase of each part is half of a whole exchange: nothing is sold.
    assert paid[:HORIZON] == pytest.approx([book / 2] * HORIZON)
    assert paid[HORIZON:].mean() == pytest.approx(held.turnover * book)


def test_calibration_and_deciles_say_what_happened(found: Evaluation):
    curves = curves_of(found, HORIZON)
    rows = found.predictions
    expected = (rows.returns_NK[:, :, None] < rows.quantiles_NKQ)[:, 0].mean(axis=0)
    assert curves.below_Q == pytest.approx(expected)
    outer = found.scores[HORIZON].coverage_80
    assert curves.below_Q[-1] - curves.below_Q[0] == pytest.approx(outer)
    # Predictions know a part of the returns, so the means rise.
    assert np.isfinite(curves.bucket_returns).all()
    assert curves.bucket_returns[-1] > curves.bucket_returns[0]


def test_years_are_scored_by_themselves(found: Evaluation):
    assert [part.name for part in found.years] == ["2024"]
    assert found.years[0].scores[HORIZON] == found.scores[HORIZON]


def test_a_moving_mean_begins_when_its_days_have_passed_and_leaves_unknown_ones_out():
    values = np.array([1.0, np.nan, 3.0, 5.0, np.nan, np.nan, np.nan])
    found = moving_mean(values, 3)
    assert found[2:5].tolist() == [2.0, 4.0, 4.0]
    assert np.isnan(found[:2]).all()
    assert np.isnan(found[6])
    assert np.isnan(moving_mean(values, 9)).all()


@pytest.mark.parametrize(
    "y", [[], [np.nan, np.nan], [0.0, 0.0, 0.0], [1e-9, 2e-9], [-1e12, 1e12], [5.0], [np.inf, 1.0, np.nan, 2.0]]
)
def test_a_chart_of_any_values_has_only_finite_numbers(y: list[float]):
    drawn = chart(
        "<x> & y", [Curve("a<b", np.arange(float(len(y))), np.array(y), has_dots=True)], x_text=str, y_title='"'
    )
    assert "nan" not in drawn.replace("inf", "nan")
    assert "<x>" not in drawn
    assert ("no values" in drawn) == (not np.isfinite(y).any())
