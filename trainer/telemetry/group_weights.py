"""How far one step moved the weights of each group, by small copies kept from before it.

In: trained weights. Out: a record for each group. Samples of all weights lie in one row, so that a few operations
compare them all. Of a large weight the elements of the largest gradient are compared as well, which move if any does;
of a weight with sparse gradients the rows that have one.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from trainer.measure.norms import num_nonfinite
from trainer.measure.weights import GroupWeight
from trainer.telemetry.dense import SAMPLE, each_norm, packed, sample_of, share_of, values_of
from trainer.telemetry.kept_weights import KeptWeights
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


class _Copies(NamedTuple):
    """Samples of the weights on one device before the step, in one row."""

    weights: Sequence[nn.Parameter]
    sizes: Sequence[int]
    """Elements of each sample."""
    row: Tensor

    def now(self) -> Tensor:
        """Return the same elements now."""
        return torch.cat([sample_of(weight) for weight in self.weights])

    def gradients(self, grads: dict[int, Tensor]) -> Tensor | None:
        """Return the gradients of the same elements, 1 where they are not known; None if none is known."""
        if not any(id(weight) in grads for weight in self.weights):
            return None
        ones = self.row.new_ones(max(self.sizes))
        pairs = zip(self.weights, self.sizes, strict=True)
        return torch.cat([grads[id(weight)] if id(weight) in grads else ones[:size] for weight, size in pairs])


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
        self._copies: list[_Copies] = []
        self._kept: set[int] = set()
        self._grads: dict[int, Tensor] = {}
        self._rows: dict[int, _Rows] = {}
        self._kept_before = KeptWeights()

    @property
    def has_copies(self) -> bool:
        """Whether the weights were kept for this step."""
        return bool(self._copies)

    def keep(self) -> None:
        """Copy a sample of each weight, before the step."""
        self.forget()
        by_device: dict[torch.device, list[nn.Parameter]] = {}
        for weight in self._trained.weights:
            by_device.setdefault(weight.device, []).append(weight)
        with torch.no_grad():
            for weights in by_device.values():
                samples = [sample_of(weight) for weight in weights]
                self._copies.append(_Copies(weights, [len(each) for each in samples], torch.cat(samples)))
        self._kept = set(map(id, self._trained.weights))

    def aim(self, weights: Sequence[nn.Parameter]) -> None:
        """Note the elements that have a gradient; call it when gradients are there, before the step."""
        with torch.no_grad():
            for weight in weights:
                grad = weight.grad
                if grad is None or id(weight) not in self._kept:
                    continue
                if grad.layout is torch.sparse_coo and grad.sparse_dim() == 1:
                    rows = grad.coalesce().indices()[0]
                    some = rows[:: -(-len(rows) // MOST_ROWS) or 1]
                    before = weight.detach().index_select(0, some)
                    self._rows[id(weight)] = _Rows(some, before, True, len(rows) / max(1, len(some)))
                if grad.layout is not torch.strided:
                    continue
                if grad.stride() == weight.stride():
                    # A copy, because clipping may change the gradient itself.
                    self._grads[id(weight)] = sample_of(grad).clone()
                if grad.numel() > SAMPLE and not grad.is_complex():
                    flat = grad.reshape(-1)
                    # Three times as fast as argmax and argmin on a CPU.
                    where = torch.stack([flat.max(0).indices, flat.min(0).indices])
                    self._rows[id(weight)] = _Rows(where, weight.detach().take(where), False, 1.0)

    def forget(self) -> None:
        """Drop the copies."""
        self._copies, self._kept, self._grads, self._rows = [], set(), {}, {}

    def measure(self, *, idle: Collection[str] = (), stale: dict[str, float] | None = None) -> tuple[GroupWeight, ...]:
        """Return a record for each group, and drop the copies. ``idle`` groups are left out if they did not move."""
        if not self._kept:
            return ()
        with torch.no_grad():
            moves = self._moves()
            kept = self._kept_before.compare(self._trained.trained)
        self.forget()
        return tuple(each._replace(kept=kept.get(each.group)) for each in self._groups(moves, idle, stale or {}))

    def _moves(self) -> dict[int, _Move]:
        """Return the move of each weight, read from the device at once."""
        weights = [weight for copies in self._copies for weight in copies.weights]
        numbers = [number for copies in self._copies for number in self._compared(copies)]
        pointed = [weight for weight in weights if id(weight) in self._rows and len(self._rows[id(weight)].where)]
        if pointed:
            rows = [self._rows[id(weight)].now(weight) - self._rows[id(weight)].before for weight in pointed]
            numbers += [*each_norm(rows, 2), *each_norm(rows, 0)]
        read = packed(numbers).tolist()
        found, start = {}, 0
        for copies in self._copies:
            num = len(copies.weights)
            columns = [read[start + kind * num : start + (kind + 1) * num] for kind in range(4)]
            start += 4 * num
            for weight, size, update, norm, num_moved, num_still in zip(
                copies.weights, copies.sizes, *columns, strict=True
            ):
                share = share_of(weight, size)
                norm *= math.sqrt(share) if self._is_sparse(weight) else 1.0
                pushed = (size - num_still) * share
                found[id(weight)] = _Move(update * math.sqrt(share), norm, num_moved * share, pushed)
        half = len(pointed)
        for weight, update, num_moved in zip(pointed, read[start : start + half], read[start + half :], strict=True):
            each = self._rows[id(weight)]
            if each.is_sparse:
                found[id(weight)] = found[id(weight)]._replace(
                    update=update * math.sqrt(each.share),
                    num_moved=num_moved * each.share,
                    num_pushed=each.before.numel() * each.share,
                )
            elif found[id(weight)].update == 0:
                found[id(weight)] = found[id(weight)]._replace(
                    update=update, num_moved=num_moved, num_pushed=max(1.0, found[id(weight)].num_pushed)
                )
        return found

    def _compared(self, copies: _Copies) -> list[Tensor]:
        """Return for each weight its update, its norm, how many elements moved, and how many had no gradient."""
        row = copies.now()
        moves = row - copies.row
        # A table with sparse gradients may be far larger than what a step touches: a sample gives its norm.
        whole = [
            sample if self._is_sparse(weight) else values_of(weight.detach())
            for weight, sample in zip(copies.weights, row.split(copies.sizes), strict=True)
        ]
        grads = copies.gradients(self._grads)
        is_still = torch.zeros_like(row) if grads is None else (grads == 0).to(row.dtype)
        pushed_moves = moves if grads is None else moves.masked_fill(grads == 0, 0)
        updates, still = moves.split(copies.sizes), each_norm(is_still.split(copies.sizes), 1)
        return [*each_norm(updates, 2), *each_norm(whole, 2), *each_norm(pushed_moves.split(copies.sizes), 0), *still]

    def _is_sparse(self, weight: nn.Parameter) -> bool:
        rows = self._rows.get(id(weight))
        return rows is not None and rows.is_sparse

    def _groups(self, moves: dict[int, _Move], idle: Collection[str], stale: dict[str, float]) -> Iterator[GroupWeight]:
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
                pushed=min(1.0, sum(each.num_pushed for each in found) / sum(weight.numel() for weight in weights)),
            )


def _share_unmoved(moves: Sequence[_Move]) -> float:
    """Return the share of the elements with a gradient that did not move; all of them if none has one."""
    pushed = sum(each.num_pushed for each in moves)
    return max(0.0, 1 - sum(each.num_moved for each in moves) / pushed) if pushed else 1.0
