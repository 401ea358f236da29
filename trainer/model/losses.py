"""The loss: four terms, each a mean over days, so that losses add up over batches, accumulation and machines.

In: predictions and targets in units of the target's standard deviation, and the day of each row. Out: the total and
every weighted term. Rows without a label count in no term.

Shapes: B rows, K horizons, Q quantiles, C days in the batch, M most rows of a day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from trainer.model.day_grid import Cells, DayGrid, Spread
from trainer.model.soft_ranks import soft_ranks, target_ranks

FLAT = 0.01
"""Prediction spread, in target standard deviations, below which rank gradients fade. Chosen by hand."""

RANK_TEMPERATURE = 0.25
"""Softness of a soft rank, in standard deviations of the day's predictions. Chosen by hand."""


_BASE = ("quantile", "huber")
"""Terms that are made of one error per row."""


@dataclass(frozen=True)
class Loss:
    """The loss of a batch."""

    total: Tensor
    terms: Mapping[str, Tensor]
    """Each term times its weight; they sum to the total."""


@dataclass(frozen=True)
class WeightedLoss:
    """The loss with fixed weights of its terms; a term of weight 0 is not computed.

    Every term is a mean over the pairs (day, horizon) that have at least two labels.
    """

    quantiles: tuple[float, ...]
    point_loss: str
    """`quantile`: pinball loss of all quantiles; `huber`: Huber loss of the median alone."""
    huber_delta: float
    point_weight: float
    rank_ic_weight: float
    sharpe_weight: float
    variance_penalty_weight: float
    variance_floor_ratio: float

    def __call__(
        self,
        predictions_BKQ: Tensor,
        targets_BK: Tensor,
        day_B: Tensor,
        *,
        num_pairs: int | None = None,
        variance: Tensor | None = None,
        weight_B: Tensor | None = None,
    ) -> Loss:
        """Return the loss of a batch; a target of nan is unlabelled. `day_B` counts from 0, in order.

        `num_pairs` replaces the batch's own number of pairs as the divisor: with the number of pairs of several
        batches, their losses sum to the loss of all. `variance` is the variance term of predictions without dropout
        noise; None for predictions that have none. `weight_B` weighs the rows in the base loss, and each pair in the
        other terms by the mean of its rows; None: all weigh 1. Raises ValueError for a batch without any pair, because
        a loss of zero would look like success.
        """
        grid = DayGrid(day_B, predictions_BKQ.device)
        targets_CMK = grid.spread(targets_BK, absent=float("nan"))
        cells = Cells(~targets_CMK.isnan())
        has_pair_C1K = cells.num_C1K >= 2
        divisor = int(has_pair_C1K.sum()) if num_pairs is None else num_pairs
        if divisor == 0:
            raise ValueError("loss: no day has two labels; expected at least one day with two, got 0")
        targets_CMK = cells.only(targets_CMK)
        weight_CM1 = None if weight_B is None else grid.spread(weight_B.unsqueeze(-1))
        predictions_CMKQ = grid.spread(predictions_BKQ)
        points_CMK, terms = predictions_CMKQ[..., self.quantiles.index(0.5)], {}
        if self.point_weight and self.point_loss == "quantile":
            error_CMK = pinball(predictions_CMKQ, targets_CMK, self.quantiles)
            terms["quantile"] = self.point_weight * cells.mean(_weighed(error_CMK, weight_CM1))
        elif self.point_weight:
            error_CMK = functional.huber_loss(points_CMK, targets_CMK, reduction="none", delta=self.huber_delta)
            terms["huber"] = self.point_weight * cells.mean(_weighed(error_CMK, weight_CM1))
        points, targets = cells.spread(points_CMK), cells.spread(targets_CMK)
        if self.rank_ic_weight:
            ranks_CMK = target_ranks(targets_CMK, cells)
            terms["rank_ic"] = self.rank_ic_weight * (1 - soft_rank_ic(points, ranks_CMK, cells))
        if self.sharpe_weight:
            terms["sharpe"] = -self.sharpe_weight * portfolio_utility(points, targets_CMK, cells)
        if self.variance_penalty_weight and variance is None:
            terms["variance"] = self.variance_penalty_weight * variance_penalty(
                points, targets, self.variance_floor_ratio
            )
        if weight_CM1 is not None:
            weight_C1K = cells.mean(weight_CM1.expand_as(points_CMK))
            terms = {name: term if name in _BASE else term * weight_C1K for name, term in terms.items()}
        # One row of zeros, because the variance may be the only term.
        rows = torch.stack([torch.zeros_like(points.std_C1K), *terms.values()])
        sums = rows.masked_fill(~has_pair_C1K, 0.0).sum((1, 2, 3)) / divisor
        found, total = dict(zip(terms, sums[1:], strict=True)), sums.sum()
        if self.variance_penalty_weight and variance is not None:
            return Loss(total=total + variance, terms={**found, "variance": variance})
        return Loss(total=total, terms=found)

    def variance_term(self, predictions_BKQ: Tensor, targets_BK: Tensor) -> Tensor:
        """Return the weighted variance penalty of one day, a mean over the horizons with two labels; 0 if none has."""
        points_1MK = predictions_BKQ[..., self.quantiles.index(0.5)].unsqueeze(0)
        cells = Cells(~targets_BK.isnan().unsqueeze(0))
        targets_1MK, has_pair_11K = cells.only(targets_BK.unsqueeze(0)), cells.num_C1K >= 2
        points, targets = cells.spread(points_1MK), cells.spread(targets_1MK)
        penalty_11K = variance_penalty(points, targets, self.variance_floor_ratio)
        total = penalty_11K.masked_fill(~has_pair_11K, 0.0).sum() / has_pair_11K.sum().clamp(min=1)
        return self.variance_penalty_weight * total


def count_pairs(targets_BK: Tensor, day_B: Tensor) -> int:
    """Count the pairs (day, horizon) of a batch that have at least two labels."""
    grid = DayGrid(day_B, targets_BK.device)
    return int((grid.spread((~targets_BK.isnan()).float()).sum(1) >= 2).sum())


def pinball(predictions_CMKQ: Tensor, targets_CMK: Tensor, quantiles: tuple[float, ...]) -> Tensor:
    """Return the quantile loss q e, or (q - 1) e below 0, with e = target - prediction, averaged over the quantiles.

    Koenker and Bassett 1978. Shapes: (C, M, K, Q), (C, M, K) -> (C, M, K).
    """
    levels_Q = _levels(quantiles, predictions_CMKQ.device)
    error = targets_CMK.unsqueeze(-1) - predictions_CMKQ
    return (error * (levels_Q - (error < 0).to(error.dtype))).mean(-1)


def soft_rank_ic(points: Spread, target_ranks_CMK: Tensor, cells: Cells) -> Tensor:
    """Return each day's correlation of soft prediction ranks with target ranks; 0 for a constant prediction.

    Shapes: (C, M, K) -> (C, 1, K).
    """
    temperature_C1K = RANK_TEMPERATURE * points.std_C1K.detach() + FLAT
    centred = cells.centre(soft_ranks(points.centred_CMK, cells, temperature_C1K))
    target_centred = cells.centre(target_ranks_CMK)
    covariance = cells.share((centred * target_centred).sum(1, keepdim=True))
    variances = (cells.mean_square(centred) + 1e-6) * (cells.mean_square(target_centred) + 1e-6)
    return covariance / variances.sqrt()


def portfolio_utility(points: Spread, targets_CMK: Tensor, cells: Cells) -> Tensor:
    """Return each day's r - r^2 / 2, where r is the return of a long-short portfolio weighted by centred predictions.

    The portfolio with the highest expected quadratic utility has the highest Sharpe ratio (Markowitz 1952), and unlike
    a ratio the utility adds up over days. The weights sum to 0 and their absolute values to at most 1; a constant
    prediction gives 0. Shapes: (C, M, K) -> (C, 1, K).
    """
    exposure = points.centred_CMK.abs().sum(1, keepdim=True) + FLAT * cells.num_C1K.clamp(min=1)
    daily_return = (points.centred_CMK * targets_CMK).sum(1, keepdim=True) / exposure
    return daily_return - daily_return**2 / 2


def variance_penalty(points: Spread, targets: Spread, floor_ratio: float) -> Tensor:
    """Return max(0, 1 - std(prediction) / (floor_ratio x std(target)))^2 of each day; 1 for a constant prediction.

    Shapes: -> (C, 1, K).
    """
    return functional.relu(1 - points.std_C1K / (floor_ratio * targets.std_C1K + 1e-6)) ** 2


def constant_loss(
    weighted_loss: WeightedLoss, days: Sequence[Tensor], *, weights: Sequence[Tensor] | None = None
) -> float:
    """Return the loss of the best constant predictions on these days: the quantiles of each horizon.

    With `weights` of the rows the quantiles are still those of all rows alike. Shapes: each day (M, K), nan if
    unlabelled; each day's weights (M). Raises ValueError when no day has two labels.
    """
    levels = torch.tensor(weighted_loss.quantiles)
    labels = torch.cat(list(days)).t()
    constants_KQ = torch.stack([_quantiles(column[~column.isnan()], levels) for column in labels])
    num_pairs = sum(count_pairs(day, torch.zeros(len(day), dtype=torch.int64)) for day in days)
    losses = [
        weighted_loss(
            constants_KQ.expand(len(day), -1, -1),
            day,
            torch.zeros(len(day), dtype=torch.int64),
            num_pairs=num_pairs,
            weight_B=None if weights is None else weights[number],
        ).total
        for number, day in enumerate(days)
    ]
    return float(torch.stack(losses).sum())


def _weighed(error_CMK: Tensor, weight_CM1: Tensor | None) -> Tensor:
    return error_CMK if weight_CM1 is None else error_CMK * weight_CM1


@cache
def _levels(quantiles: tuple[float, ...], device: torch.device) -> Tensor:
    """Return the quantiles on the device; kept, because a copy to a GPU waits for all that it has to do."""
    return torch.tensor(quantiles, device=device)


def _quantiles(labels: Tensor, levels_Q: Tensor) -> Tensor:
    if not len(labels):
        return torch.zeros(len(levels_Q))
    places = (levels_Q * (len(labels) - 1)).round().long()
    return labels.sort().values[places]
