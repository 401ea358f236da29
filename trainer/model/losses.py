"""The loss: four terms, each a mean over days, so that losses add up over batches, accumulation and machines.

In: predictions and targets in units of the target's standard deviation, and the day of each row. Out: the total and
every weighted term. Rows without a label count in no term.

Shapes: B rows, K horizons, Q quantiles, C days in the batch, M most rows of a day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

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
        grid = _DayGrid(day_B)
        targets_CMK = grid.spread(targets_BK)
        mask_CMK = grid.spread(torch.ones_like(targets_BK)).bool() & ~targets_CMK.isnan()
        is_pair_CK = mask_CMK.sum(1) >= 2
        divisor = int(is_pair_CK.sum()) if num_pairs is None else num_pairs
        if divisor == 0:
            raise ValueError("loss: no day has two labels; expected at least one day with two, got 0")
        targets_CMK = targets_CMK.masked_fill(~mask_CMK, 0.0)
        weight_CM1 = None if weight_B is None else grid.spread(weight_B.unsqueeze(-1))
        points_CMK, terms = grid.spread(predictions_BKQ[..., self.quantiles.index(0.5)]), {}
        if self.point_weight and self.point_loss == "quantile":
            error_CMK = pinball(grid.spread(predictions_BKQ), targets_CMK, self.quantiles)
            terms["quantile"] = self.point_weight * _mean(_weighed(error_CMK, weight_CM1), mask_CMK)
        elif self.point_weight:
            error_CMK = functional.huber_loss(points_CMK, targets_CMK, reduction="none", delta=self.huber_delta)
            terms["huber"] = self.point_weight * _mean(_weighed(error_CMK, weight_CM1), mask_CMK)
        if self.rank_ic_weight:
            terms["rank_ic"] = self.rank_ic_weight * (1 - soft_rank_ic(points_CMK, targets_CMK, mask_CMK))
        if self.sharpe_weight:
            terms["sharpe"] = -self.sharpe_weight * portfolio_utility(points_CMK, targets_CMK, mask_CMK)
        if self.variance_penalty_weight and variance is None:
            penalty_CK = variance_penalty(points_CMK, targets_CMK, mask_CMK, self.variance_floor_ratio)
            terms["variance"] = self.variance_penalty_weight * penalty_CK
        if weight_CM1 is not None:
            weight_CK = _mean(weight_CM1.expand_as(points_CMK), mask_CMK)
            terms = {name: term if name in _BASE else term * weight_CK for name, term in terms.items()}
        sums = {name: term.masked_fill(~is_pair_CK, 0.0).sum() / divisor for name, term in terms.items()}
        if self.variance_penalty_weight and variance is not None:
            sums["variance"] = variance
        return Loss(total=torch.stack(list(sums.values())).sum(), terms=sums)

    def variance_term(self, predictions_BKQ: Tensor, targets_BK: Tensor) -> Tensor:
        """Return the weighted variance penalty of one day, a mean over the horizons with two labels; 0 if none has."""
        points_1MK = predictions_BKQ[..., self.quantiles.index(0.5)].unsqueeze(0)
        mask_1MK = ~targets_BK.isnan().unsqueeze(0)
        targets_1MK = targets_BK.unsqueeze(0).masked_fill(~mask_1MK, 0.0)
        is_pair_1K = mask_1MK.sum(1) >= 2
        penalty_1K = variance_penalty(points_1MK, targets_1MK, mask_1MK, self.variance_floor_ratio)
        total = penalty_1K.masked_fill(~is_pair_1K, 0.0).sum() / is_pair_1K.sum().clamp(min=1)
        return self.variance_penalty_weight * total


def count_pairs(targets_BK: Tensor, day_B: Tensor) -> int:
    """Count the pairs (day, horizon) of a batch that have at least two labels."""
    grid = _DayGrid(day_B)
    return int((grid.spread((~targets_BK.isnan()).float()).sum(1) >= 2).sum())


def pinball(predictions_CMKQ: Tensor, targets_CMK: Tensor, quantiles: tuple[float, ...]) -> Tensor:
    """Return the quantile loss max(q e, (q - 1) e) with e = target - prediction, averaged over the quantiles.

    Koenker and Bassett 1978. Shapes: (C, M, K, Q), (C, M, K) -> (C, M, K).
    """
    levels_Q = torch.tensor(quantiles, device=predictions_CMKQ.device)
    error = targets_CMK.unsqueeze(-1) - predictions_CMKQ
    return torch.maximum(levels_Q * error, (levels_Q - 1) * error).mean(-1)


def soft_rank_ic(points_CMK: Tensor, targets_CMK: Tensor, mask_CMK: Tensor) -> Tensor:
    """Return each day's correlation of soft prediction ranks with target ranks; 0 for a constant prediction.

    The soft rank of i is the sum over j of sigmoid((p_i - p_j) / t) (Qin et al. 2010), divided by the day's rows.
    Shapes: three times (C, M, K) -> (C, K).
    """
    spread_C1K = _std(points_CMK, mask_CMK).detach().unsqueeze(1)
    temperature_C11K = (RANK_TEMPERATURE * spread_C1K + FLAT).unsqueeze(1)
    ranks = _shares_below(points_CMK, mask_CMK, lambda gap: torch.sigmoid(gap / temperature_C11K))
    target_ranks = _shares_below(targets_CMK, mask_CMK, lambda gap: (gap > 0).float() + 0.5 * (gap == 0).float())
    centred, target_centred = _centre(ranks, mask_CMK), _centre(target_ranks, mask_CMK)
    covariance = _mean(centred * target_centred, mask_CMK)
    variances = (_mean(centred**2, mask_CMK) + 1e-6) * (_mean(target_centred**2, mask_CMK) + 1e-6)
    return covariance / variances.sqrt()


def portfolio_utility(points_CMK: Tensor, targets_CMK: Tensor, mask_CMK: Tensor) -> Tensor:
    """Return each day's r - r^2 / 2, where r is the return of a long-short portfolio weighted by centred predictions.

    The portfolio with the highest expected quadratic utility has the highest Sharpe ratio (Markowitz 1952), and unlike
    a ratio the utility adds up over days. The weights sum to 0 and their absolute values to at most 1; a constant
    prediction gives 0. Shapes: three times (C, M, K) -> (C, K).
    """
    centred = _centre(points_CMK, mask_CMK)
    exposure = centred.abs().sum(1, keepdim=True) + FLAT * mask_CMK.sum(1, keepdim=True).clamp(min=1)
    daily_return = (centred / exposure * targets_CMK).sum(1)
    return daily_return - daily_return**2 / 2


def variance_penalty(points_CMK: Tensor, targets_CMK: Tensor, mask_CMK: Tensor, floor_ratio: float) -> Tensor:
    """Return max(0, 1 - std(prediction) / (floor_ratio x std(target)))^2 of each day; 1 for a constant prediction.

    Shapes: three times (C, M, K) -> (C, K).
    """
    floor_CK = floor_ratio * _std(targets_CMK, mask_CMK)
    return functional.relu(1 - _std(points_CMK, mask_CMK) / (floor_CK + 1e-6)) ** 2


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


class _DayGrid:
    """Arrange rows by day, (B, ...) -> (C, M, ...), with zeros for days with fewer rows."""

    def __init__(self, day_B: Tensor) -> None:
        _, counts_C = torch.unique_consecutive(day_B, return_counts=True)
        self._num_days, self._most = counts_C.numel(), int(counts_C.max())
        first_C = counts_C.cumsum(0) - counts_C
        day = torch.repeat_interleave(torch.arange(self._num_days, device=day_B.device), counts_C)
        self._cell_B = day * self._most + torch.arange(day_B.numel(), device=day_B.device) - first_C[day]

    def spread(self, rows: Tensor) -> Tensor:
        flat = rows.new_zeros(self._num_days * self._most, *rows.shape[1:])
        return flat.index_copy(0, self._cell_B, rows).unflatten(0, (self._num_days, self._most))


def _shares_below(values_CMK: Tensor, mask_CMK: Tensor, below: Callable[[Tensor], Tensor]) -> Tensor:
    """Return, for each row, the share of its day's rows that `below` counts as below it."""
    gap_CMMK = values_CMK.unsqueeze(2) - values_CMK.unsqueeze(1)
    counted = below(gap_CMMK) * mask_CMK.unsqueeze(1)
    return counted.sum(2) / mask_CMK.sum(1, keepdim=True).clamp(min=1)


def _mean(values_CMK: Tensor, mask_CMK: Tensor) -> Tensor:
    return values_CMK.masked_fill(~mask_CMK, 0.0).sum(1) / mask_CMK.sum(1).clamp(min=1)


def _weighed(error_CMK: Tensor, weight_CM1: Tensor | None) -> Tensor:
    return error_CMK if weight_CM1 is None else error_CMK * weight_CM1


def _centre(values_CMK: Tensor, mask_CMK: Tensor) -> Tensor:
    return (values_CMK - _mean(values_CMK, mask_CMK).unsqueeze(1)).masked_fill(~mask_CMK, 0.0)


def _std(values_CMK: Tensor, mask_CMK: Tensor) -> Tensor:
    # The small constant makes the gradient of a constant prediction zero instead of infinite.
    return (_mean(_centre(values_CMK, mask_CMK) ** 2, mask_CMK) + 1e-12).sqrt()


def _quantiles(labels: Tensor, levels_Q: Tensor) -> Tensor:
    if not len(labels):
        return torch.zeros(len(levels_Q))
    places = (levels_Q * (len(labels) - 1)).round().long()
    return labels.sort().values[places]
