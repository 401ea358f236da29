"""Measurements of weights: their norm, how far one optimizer step moved them, and gradients left over before it.

In: parameters by group. Out: records with plain numbers; nothing is logged here. A report is reduced on the device
and read back once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.hooks import RemovableHandle

from trainer.measure.model_parts import Groups
from trainer.measure.norms import is_single_exact, norm_of, num_nonfinite

EXACT_IN_SINGLE = 2**24
"""Largest number of elements that single precision can count exactly."""


class GroupWeight(NamedTuple):
    """The weights of one group and how the last step moved them."""

    group: str
    norm: float
    update: float
    ratio: float
    unchanged: float | None  # share of the trained elements that did not move; None where it says nothing
    num_nonfinite: int
    stale_grad: float | None  # gradient norm before the backward pass; None if it was not measured
    pushed: float | None = None  # share of the elements with a gradient, if ``unchanged`` is of those alone
    kept: float | None = None  # cosine between its matrices now and in the report before


class WeightMonitor:
    """Measure how far one optimizer step moves each group."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups
        self._before: dict[str, list[Tensor]] = {}
        self._stale: dict[str, Tensor] = {}
        self._handles: list[RemovableHandle] = []

    def before_backward(self) -> None:
        """Record the gradients left over from earlier steps."""
        self._stale = {name: norm_of([w.grad for w in group.values()]) for name, group in self._groups.items()}

    def expect_backward(self) -> None:
        """Record them when the next backward pass begins, for loops that may clear gradients until then."""
        self.forget()
        trained = [weight for group in self._groups.values() for weight in group.values() if weight.requires_grad]
        self._handles = [weight.register_hook(self._begin_backward) for weight in trained]

    def forget(self) -> None:
        """Drop the recorded gradients, and the hooks on the weights."""
        self._stale = {}
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def _begin_backward(self, gradient: Tensor) -> None:
        if not self._stale:
            self.before_backward()

    def before_step(self) -> None:
        """Copy the weights, to compare them after the optimizer's step."""
        self._before = {
            name: list(torch._foreach_mul([w.detach() for w in group.values()], 1))
            for name, group in self._groups.items()
        }

    def measure(self) -> tuple[GroupWeight, ...]:
        """Return one record per group and drop the copies."""
        for name, group in self._groups.items():
            torch._foreach_sub_(self._before[name], [weight.detach() for weight in group.values()])
        moved, self._before = self._before, {}
        numbers = self._numbers(moved, torch.float32)
        if not is_single_exact([each for norm, update, *_ in numbers for each in (norm, update)]):
            numbers = self._numbers(moved, torch.float64)
        has_stale = bool(self._stale)
        self.forget()
        return tuple(
            GroupWeight(
                group=name,
                norm=norm,
                update=update,
                ratio=update / norm if norm else float("nan"),
                unchanged=1 - num_moved / max(sum(w.numel() for w in group.values() if w.requires_grad), 1),
                num_nonfinite=num_nonfinite(group.values(), norm),
                stale_grad=stale if has_stale else None,
            )
            for (name, group), (norm, update, num_moved, stale) in zip(self._groups.items(), numbers, strict=True)
        )

    def _numbers(self, moved: Mapping[str, list[Tensor]], dtype: torch.dtype) -> list[list[float]]:
        """Return for each group its norm, its update's norm, how many elements moved, and the stale gradient's norm."""
        reports = []
        for name, group in self._groups.items():
            norm, update = (norm_of(each, dtype) for each in ([w.detach() for w in group.values()], moved[name]))
            stale = self._stale.get(name, torch.full_like(norm, torch.nan)).to(norm.device)
            reports.append(torch.stack([norm, update, _count_moved(moved[name]), stale]))
        numbers: list[list[float]] = torch.stack(reports).tolist()
        return numbers


def _count_moved(changes: list[Tensor]) -> Tensor:
    """Count the elements other than 0, by the norm of order 0: that takes few kernel launches on a GPU."""
    dtype = torch.float32 if all(change.numel() <= EXACT_IN_SINGLE for change in changes) else torch.float64
    return torch.stack(torch._foreach_norm(changes, 0, dtype=dtype)).sum(dtype=torch.float64)
