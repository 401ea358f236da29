"""Each loss term against values computed by hand or by an independent formula."""

import dataclasses

import pytest
import torch

from trainer.model.day_grid import Cells, Spread
from trainer.model.losses import (
    WeightedLoss,
    constant_loss,
    count_pairs,
    pinball,
    portfolio_utility,
    soft_rank_ic,
    variance_penalty,
)
from trainer.model.soft_ranks import target_ranks

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)


def weighted_loss(**weights: float) -> WeightedLoss:
    settings = {
        "point_weight": 0.0,
        "rank_ic_weight": 0.0,
        "sharpe_weight": 0.0,
        "variance_penalty_weight": 0.0,
        "variance_floor_ratio": 0.1,
        "huber_delta": 1.0,
    }
    return WeightedLoss(quantiles=QUANTILES, point_loss="quantile", **{**settings, **weights})


def random_batch(*, days: int, rows: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    predictions = torch.randn(days * rows, 4, len(QUANTILES), generator=generator)
    targets = torch.randn(days * rows, 4, generator=generator)
    return predictions, targets, torch.arange(days).repeat_interleave(rows)


def one_day(values: list[float]) -> torch.Tensor:
    return torch.tensor(values).reshape(1, -1, 1)


def every_cell(values: torch.Tensor) -> Cells:
    return Cells(torch.ones_like(values, dtype=torch.bool))


def spread(values: torch.Tensor) -> Spread:
    return every_cell(values).spread(values)


def test_pinball_charges_an_underestimate_by_the_quantile_and_an_overestimate_by_the_rest():
    predictions = torch.zeros(1, 2, 1, 1)
    targets = one_day([2.0, -2.0])
    assert pinball(predictions, targets, (0.9,)).flatten().tolist() == pytest.approx([1.8, 0.2])


def test_soft_rank_ic_is_near_one_for_the_right_order_and_near_minus_one_for_the_reverse():
    targets = one_day([1.0, 2.0, 3.0, 4.0, 5.0])
    right = soft_rank_ic(spread(targets), target_ranks(targets, every_cell(targets)), every_cell(targets))
    reverse = soft_rank_ic(spread(-targets), target_ranks(targets, every_cell(targets)), every_cell(targets))
    assert right.item() > 0.95
    assert reverse.item() == pytest.approx(-right.item(), abs=1e-5)


def test_soft_rank_ic_gradient_raises_the_stock_that_should_rank_higher():
    targets = one_day([1.0, 2.0, 3.0])
    points = one_day([0.1, 0.0, 0.2]).requires_grad_()
    soft_rank_ic(spread(points), target_ranks(targets, every_cell(targets)), every_cell(targets)).sum().backward()
    assert points.grad[0, 1, 0] > 0 > points.grad[0, 0, 0]


def test_portfolio_utility_is_the_return_minus_half_its_square():
    targets = one_day([1.0, -1.0])
    points = one_day([100.0, -100.0])  # so large that the flatness constant is negligible
    assert portfolio_utility(spread(points), targets, every_cell(targets)).item() == pytest.approx(1.0 - 0.5, abs=1e-3)


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1.0), (0.05, 0.25), (0.1, 0.0), (3.0, 0.0)])
def test_variance_penalty_falls_from_one_to_zero_at_its_floor(share, expected):
    targets = one_day([-1.0, 1.0])
    penalty = variance_penalty(spread(targets * share), spread(targets), floor_ratio=0.1)
    assert penalty.item() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("name", ["point_weight", "rank_ic_weight", "sharpe_weight", "variance_penalty_weight"])
def test_doubling_a_weight_doubles_its_term(name):
    predictions, targets, days = random_batch(days=2, rows=6)
    predictions = predictions * 0.01  # so little spread that the variance penalty applies
    once = weighted_loss(**{name: 1.0})(predictions, targets, days)
    twice = weighted_loss(**{name: 2.0})(predictions, targets, days)
    assert len(once.terms) == 1
    assert once.total.item() != 0.0
    assert twice.total.item() == pytest.approx(2 * once.total.item(), rel=1e-6)


def test_the_loss_of_two_days_is_the_mean_of_their_losses():
    predictions, targets, days = random_batch(days=2, rows=7)
    whole = weighted_loss(point_weight=1.0, rank_ic_weight=0.3, sharpe_weight=0.2, variance_penalty_weight=0.1)
    both = whole(predictions, targets, days).total
    each = [whole(predictions[days == day], targets[days == day], days[days == day] * 0).total for day in (0, 1)]
    assert both.item() == pytest.approx((each[0].item() + each[1].item()) / 2, rel=1e-5)


def test_batches_with_a_common_divisor_sum_to_the_loss_of_all():
    predictions, targets, days = random_batch(days=3, rows=7)
    targets[days == 2, 3] = float("nan")
    whole = weighted_loss(point_weight=1.0, rank_ic_weight=0.3, sharpe_weight=0.2, variance_penalty_weight=0.1)
    num_pairs = count_pairs(targets, days)
    first, rest = days == 0, days > 0
    parts = [
        whole(predictions[rows], targets[rows], days[rows] - days[rows].min(), num_pairs=num_pairs).total.item()
        for rows in (first, rest)
    ]
    assert num_pairs == 11
    assert sum(parts) == pytest.approx(whole(predictions, targets, days).total.item(), rel=1e-5)


def test_days_of_different_size_are_not_mixed():
    predictions, targets, _ = random_batch(days=1, rows=5)
    days = torch.tensor([0, 0, 0, 1, 1])
    rank = weighted_loss(rank_ic_weight=1.0)
    alone = [rank(predictions[days == day], targets[days == day], days[days == day] * 0).total for day in (0, 1)]
    assert rank(predictions, targets, days).total.item() == pytest.approx(sum(alone).item() / 2, rel=1e-5)


def test_an_unlabelled_row_changes_neither_loss_nor_gradient():
    predictions, targets, days = random_batch(days=1, rows=6)
    targets[0] = float("nan")
    everything = weighted_loss(point_weight=1.0, rank_ic_weight=0.3, sharpe_weight=0.2, variance_penalty_weight=0.1)
    predictions.requires_grad_()
    loss = everything(predictions, targets, days).total
    loss.backward()
    without = everything(predictions[1:].detach(), targets[1:], days[1:]).total
    assert loss.item() == pytest.approx(without.item(), rel=1e-5)
    assert predictions.grad[0].abs().sum().item() == 0.0
    assert predictions.grad.isfinite().all()


def test_a_batch_without_labels_is_refused_instead_of_having_a_loss_of_zero():
    predictions, targets, days = random_batch(days=1, rows=3)
    with pytest.raises(ValueError, match="no day has two labels"):
        weighted_loss(point_weight=1.0)(predictions, targets * float("nan"), days)


def test_the_floor_of_rank_and_variance_terms_is_the_sum_of_their_weights():
    _, targets, _ = random_batch(days=3, rows=20)
    floor = constant_loss(weighted_loss(rank_ic_weight=0.3, variance_penalty_weight=0.05), targets.split(20))
    assert floor == pytest.approx(0.35, abs=1e-3)


def test_no_other_constant_beats_the_floor():
    _, targets, days = random_batch(days=3, rows=50)
    base = weighted_loss(point_weight=1.0)
    floor = constant_loss(base, targets.split(50))
    others = [base(torch.full((150, 4, len(QUANTILES)), value), targets, days).total for value in (-1.0, 0.0, 0.5)]
    assert all(floor < other for other in others)


def test_a_constant_prediction_has_a_finite_gradient_in_every_term():
    _, targets, days = random_batch(days=2, rows=5)
    predictions = torch.zeros(10, 4, len(QUANTILES), requires_grad=True)
    everything = weighted_loss(point_weight=1.0, rank_ic_weight=1.0, sharpe_weight=1.0, variance_penalty_weight=1.0)
    everything(predictions, targets, days).total.backward()
    assert predictions.grad.isfinite().all()


@pytest.mark.parametrize("point_loss", ["quantile", "huber"])
def test_a_row_of_weight_0_is_in_no_sum_and_a_weight_of_2_counts_twice(point_loss: str):
    predictions, targets, day = random_batch(days=2, rows=6)
    loss = dataclasses.replace(weighted_loss(point_weight=1.0), point_loss=point_loss)
    apart = torch.stack([loss(predictions[day == d], targets[day == d], torch.zeros(6).long()).total for d in (0, 1)])
    by_day = loss(predictions, targets, day, weight_B=torch.where(day == 0, 2.0, 0.0)).total
    assert float(by_day) == pytest.approx(float(apart[0]))
    weight = torch.ones(12)
    weight[3] = 0.0
    spoilt = predictions.clone()
    spoilt[3] += 100.0
    left, right = (loss(each, targets, day, weight_B=weight).total for each in (predictions, spoilt))
    assert float(left) == float(right) < float(loss(spoilt, targets, day).total)


def test_days_weigh_in_every_term_by_the_mean_of_their_rows():
    predictions, targets, day = random_batch(days=2, rows=6)
    loss = weighted_loss(rank_ic_weight=0.4, sharpe_weight=0.3, point_weight=1.0)
    apart = [loss(predictions[day == d], targets[day == d], torch.zeros(6).long()).total for d in (0, 1)]
    total = loss(predictions, targets, day, weight_B=torch.where(day == 0, 0.5, 1.5)).total
    assert float(total) == pytest.approx(0.5 * (0.5 * float(apart[0]) + 1.5 * float(apart[1])))
    ones = loss(predictions, targets, day, weight_B=torch.ones(12)).total
    assert float(ones) == pytest.approx(float(loss(predictions, targets, day).total))


def test_the_variance_of_predictions_without_noise_may_be_the_only_term():
    predictions, targets, days = random_batch(days=2, rows=6)
    only = weighted_loss(variance_penalty_weight=1.0)(predictions, targets, days, variance=torch.tensor(0.25))
    assert (only.total.item(), list(only.terms)) == (0.25, ["variance"])
