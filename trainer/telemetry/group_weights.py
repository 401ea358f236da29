"""How far one step moved the weights of each group, by small copies kept from before it.

In: trained weights. Out: a record for each group. Of a large weight a sample is compared, with the elements of the
largest gradient, which move if any does; of a weight with sparse gradients the rows that have one.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from trainer.measure.norms import num_nonfinite
from trainer.measure.weights import GroupWeight
from trainer.telemetry.dense import SAMPLE, norms_of, sample_of, share_of, values_of
from trainer.telemetry.trained import Trained

MOST_ROWS = 4096
"""Most rows of a weight with sparse gradients that are copied. Chosen by hand, 2026-11."""


class _Rows(NamedTuple):
    """Some rows, or elements, of a weight before the step."""

    where: Tensor
    before: Tensor
    is_sparse: bool
    """Whether only these can move."""
    share: float
    """How many of those that can move each of these represents."""

    def now(self, weight: nn.Parameter) -> Tensor:
        """Return the same ones now."""
        data = weight.detach()
        return data.index_select(0, self.where) if self.is_sparse else data.take(self.where)


class _Move(NamedTuple):
    """How one weight moved."""

    update: float
    norm: float
    num_moved: float
    """Elements that moved, of those with a gradient."""
    num_pushed: float
    """Elements with a gradient."""


class WeightMoves:
    """The moves of a model's weights in the steps with a report."""

    def __init__(self, trained: Trained) -> None:
        self._trained = trained
        self._before: dict[int, Tensor] = {}
        self._has_grad: dict[int, Tensor] = {}
        self._rows: dict[int, _Rows] = {}

    @property
    def has_copies(self) -> bool:
        """Whether the weights were kept for this step."""
        return bool(self._before)

    def keep(self) -> None:
        """Copy a sample of each weight, before the step."""
        with torch.no_grad():
            self._before = {id(weight): sample_of(weight).clone() for weight in self._trained.weights}

    def aim(self, weights: Sequence[nn.Parameter]) -> None:
        """Note the elements that have a gradient; call it when gradients are there, before the step."""
        with torch.no_grad():
            for weight in weights:
                grad = weight.grad
                if grad is None or id(weight) not in self._before:
                    continue
                if grad.layout is torch.strided and grad.stride() == weight.stride():
                    self._has_grad[id(weight)] = sample_of(grad) != 0
                if grad.layout is torch.sparse_coo and grad.sparse_dim() == 1:
                    rows = grad.coalesce().indices()[0]
                    some = rows[:: -(-len(rows) // MOST_ROWS) or 1]
                    before = weight.detach().index_select(0, some)
                    self._rows[id(weight)] = _Rows(some, before, True, len(rows) / max(1, len(some)))
                elif grad.layout is torch.strided and grad.numel() > SAMPLE and not grad.is_complex():
                    flat = grad.reshape(-1)
                    where = torch.stack([flat.argmax(), flat.argmin()])
                    self._rows[id(weight)] = _Rows(where, weight.detach().take(where), False, 1.0)

    def forget(self) -> None:
        """Drop the copies."""
        self._before, self._has_grad, self._rows = {}, {}, {}

    def measure(self, *, idle: Collection[str] = (), stale: dict[str, float] | None = None) -> tuple[GroupWeight, ...]:
        """Return a record for each group, and drop the copies. ``idle`` groups are left out if they did not move."""
        weights = [weight for weight in self._trained.weights if id(weight) in self._before]
        if not weights:
            self.forget()
            return ()
        with torch.no_grad():
            moves = self._moves(weights)
        self.forget()
        return tuple(self._groups(moves, idle=idle, stale=stale or {}))

    def _moves(self, weights: list[nn.Parameter]) -> dict[int, _Move]:
        """Return the move of each weight, read from the device at once."""
        samples = [sample_of(weight) for weight in weights]
        moves = [now - self._before[id(weight)] for now, weight in zip(samples, weights, strict=True)]
        pushed = [self._has_grad.get(id(weight)) for weight in weights]
        pushed_moves = [move if has is None else move * has for move, has in zip(moves, pushed, strict=True)]
        all_of = [moves[0].new_tensor(float(move.numel()), dtype=torch.float32) for move in moves]
        counts = [whole if has is None else has.sum() for whole, has in zip(all_of, pushed, strict=True)]
        sparse = {each for each, rows in self._rows.items() if rows.is_sparse}
        # A table with sparse gradients may be far larger than what a step touches: a sample gives its norm.
        whole = [sample if id(each) in sparse else each.detach() for each, sample in zip(weights, samples, strict=True)]
        packed = [
            norms_of(moves),
            norms_of([values_of(each) for each in whole]),
            norms_of(pushed_moves, 0.0),
            torch.stack([each.to(moves[0].device, torch.float32) for each in counts]),
        ]
        pointed = [weight for weight in weights if id(weight) in self._rows and len(self._rows[id(weight)].where)]
        if pointed:
            rows = [self._rows[id(weight)].now(weight) - self._rows[id(weight)].before for weight in pointed]
            packed += [norms_of(rows), norms_of(rows, 0.0)]
        sizes = [len(each) for each in packed]
        read = [each.tolist() for each in torch.cat([each.to(packed[0].device) for each in packed]).split(sizes)]
        found = {}
        for weight, sample, update, norm, num_moved, num_pushed in zip(weights, samples, *read[:4], strict=True):
            share = share_of(weight, sample)
            norm *= math.sqrt(share) if id(weight) in sparse else 1.0
            found[id(weight)] = _Move(update * math.sqrt(share), norm, num_moved * share, num_pushed * share)
        for weight, update, num_moved in zip(pointed, *(read[4:] or ((), ())), strict=True):
            each = self._rows[id(weight)]
            if each.is_sparse:
                num = each.before.numel() * each.share
                found[id(weight)] = found[id(weight)]._replace(
                    update=update * math.sqrt(each.share), num_moved=num_moved * each.share, num_pushed=num
                )
            elif found[id(weight)].update == 0:
                found[id(weight)] = found[id(weight)]._replace(
                    update=update, num_moved=num_moved, num_pushed=max(1.0, found[id(weight)].num_pushed)
                )
        return found

    def _groups(
        self, moves: dict[int, _Move], *, idle: Collection[str], stale: dict[str, float]
    ) -> Iterator[GroupWeight]:
        for name, group in self._trained.trained.items():
            weights = [weight for weight in group.values() if id(weight) in moves]
            found = [moves[id(weight)] for weight in weights]
            norm, update = math.hypot(*(each.norm for each in found)), math.hypot(*(each.update for each in found))
            if not weights or (name in idle and update == 0):
                continue
            yield GroupWeight(
                group=name,
                norm=norm,
                update=update,
                ratio=update / norm if norm else math.nan,
                unchanged=_share_unmoved(found),
                num_nonfinite=num_nonfinite([weight.detach() for weight in weights], norm),
                stale_grad=stale.get(name),
            )


def _share_unmoved(moves: Sequence[_Move]) -> float:
    """Return the share of the elements with a gradient that did not move; all of them if none has one."""
    pushed = sum(each.num_pushed for each in moves)
    return max(0.0, 1 - sum(each.num_moved for each in moves) / pushed) if pushed else 1.0
