"""Gradients of all trained weights in a few fused operations, over the steps looked at since the last report.

In: weights with their gradients, sparse or dense. Out: a record for each group. A gradient counts as zero, missing or
small only if it was so in each step that was looked at. Numbers stay on the device until a report reads them at once.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from trainer.measure.gradients import GroupGradient
from trainer.measure.norms import num_nonfinite
from trainer.telemetry.arrivals import Arrivals, Presence
from trainer.telemetry.dense import largest_of, norms_of, sample_of, values_of
from trainer.telemetry.looked_steps import LOOKS
from trainer.telemetry.trained import Trained


class GradientReport(NamedTuple):
    """What was found in the steps since the last report."""

    groups: tuple[GroupGradient, ...]
    zero: Mapping[str, tuple[int, int]]
    """By group, in how many of the steps looked at its gradient was zero."""
    idle: frozenset[str]
    """Groups whose optimizer did not step in the newest step, or that had a gradient in others only: they may rest."""


class _Part(NamedTuple):
    """The gradients of some weights in one step."""

    ids: Sequence[int]
    """The weights that were looked at, by identity."""
    present: Sequence[int]
    """Those with a gradient."""
    numbers: Tensor
    """Norm, largest and sum of absolute values of each, on its device. Shapes: (3, present), or (1, present)."""
    shares: Sequence[float]
    """How many elements of the gradient each element in the sum represents; without sums, the root of their number."""
    num_looked: int
    """How many weights were looked at, before some were dropped."""
    nonfinite: Mapping[int, int]
    """Number of elements that are not finite, by weight."""


class _Figures(NamedTuple):
    """The gradient of one weight in one step; zero without a gradient."""

    norm: float = 0.0
    largest: float = 0.0
    total: float = 0.0
    nonfinite: int = 0
    is_present: bool = False


_Look = dict[int, _Figures]
"""What was seen in one step, by the weight's identity."""


class Gradients:
    """The gradients of a model, looked at in some steps and reported in fewer."""

    def __init__(self, trained: Trained, on_arrival: Callable[[], None]) -> None:
        """``on_arrival`` is called when a gradient reaches a weight that may have none."""
        self._trained = trained
        self.arrivals = Arrivals(on_arrival)
        """The weights in doubt."""
        self._presence: dict[int, Presence] = {}
        self._arriving: _Look = {}
        self._arrived: _Look = {}
        self._num_new = 0
        self._now: list[_Part] = []
        self._kept: deque[list[_Part]] = deque(maxlen=LOOKS)

    def look(self, weights: Iterable[nn.Parameter], *, is_full: bool, counts: bool = False) -> None:
        """Look at the gradients of some weights in this step; a later look at the same ones counts.

        Without ``is_full`` only norms are taken. ``counts`` also counts what is not finite, which waits for the device.
        """
        known = self._trained.ids
        ids, present, grads = [], [], []
        with torch.no_grad():
            for weight in weights:
                each = id(weight)
                if each not in known:
                    continue
                ids.append(each)
                if (grad := weight.grad) is not None:
                    present.append(each)
                    grads.append(values_of(grad))
            if ids:
                self._now.append(_part(ids, present, grads, is_full=is_full, counts=counts))

    def drop(self, weights: Iterable[nn.Parameter]) -> None:
        """Take back what was seen of some weights in this step: no optimizer moved them."""
        dropped = set(map(id, weights))
        self._now = [part._replace(ids=[each for each in part.ids if each not in dropped]) for part in self._now]

    def norm(self) -> float:
        """Return the norm of the whole gradient of this step."""
        parts = [part for part in self._now if part.present]
        if len(parts) == 1 and len(parts[0].ids) == parts[0].num_looked:
            return math.hypot(*parts[0].numbers[0].tolist())
        return math.hypot(*(each.norm for each in _read([parts])[0].values()))

    def keep(self, *, counts: bool) -> None:
        """End the step; ``counts`` says whether it was one to be looked at, and taken."""
        if counts and self._now:
            self._kept.append(self._now)
            self._num_new += 1
        self._now = []

    def look_at_arrivals(self) -> None:
        """Look at the weights in doubt that a gradient has just reached."""
        new = [weight for weight in self.arrivals.new.values() if weight.grad is not None]
        self.arrivals.new.clear()
        if not new:
            return
        with torch.no_grad():
            grads = [values_of(weight.grad) for weight in new if weight.grad is not None]
            ids = list(map(id, new))
            found = _read([[_part(ids, ids, grads, is_full=False, counts=False)]])[0]
        for each, figures in found.items():
            if figures.norm == 0:
                self.arrivals.was_empty(each)
            else:
                self._arriving[each] = figures

    def keep_arrivals(self, *, counts: bool) -> None:
        """End a step in which gradients arrived; ``counts`` says whether it was taken."""
        if counts:
            self._arrived.update(self._arriving)
            for each in self._arriving:
                self.arrivals.forget(each)
        self._arriving = {}

    def report(self, *, warn_norm: float) -> GradientReport:
        """Return what the steps looked at have shown; the newest LOOKS of them, if the interval has fewer.

        Weights without a gradient in all of them are left out as long as that may be chance.
        """
        looks = _read(self._kept)
        num_new, self._num_new = min(self._num_new, len(looks)), 0
        groups, zero, idle = [], {}, set()
        for name, group in self._trained.trained.items():
            ids = list(map(id, group.values()))
            seen = [look for look in looks if any(each in look for each in ids)]
            if not seen:
                continue
            extra = {each: figures for each in ids if (figures := self._arrived.pop(each, None)) is not None}
            known = [
                each for each in group.values() if self._is_known(each, looks, num_new, has_arrived=id(each) in extra)
            ]
            shifts = _idle_shifts(group, [*seen, extra])
            known = [each for each in known if id(each) not in shifts]
            norms = [math.hypot(*(look[each].norm for each in ids if each in look)) for look in seen]
            # nan is not zero.
            newest = next((index for index in reversed(range(len(seen))) if norms[index] != 0), -1)
            if newest < 0 and extra:
                norms.append(math.hypot(*(each.norm for each in extra.values())))
                newest = len(seen)
            if extra:
                seen.append(extra)
            rests = not any(each in looks[-1] for each in ids)
            if rests or not known or (newest >= 0 and looks[-1] is not seen[newest]):
                idle.add(name)
            if known:
                zero[name] = (norms.count(0.0), len(norms))
                groups.append(_group(name, known, seen, seen[newest], norm=norms[newest], warn_norm=warn_norm))
        return GradientReport(tuple(groups), zero, frozenset(idle))

    def _is_known(self, weight: nn.Parameter, looks: Sequence[_Look], num_new: int, *, has_arrived: bool) -> bool:
        """Return whether what was seen of a weight says anything; if not, wait for its next gradient."""
        steps = [look[id(weight)].norm != 0 if id(weight) in look else None for look in looks]
        presence = self._presence.setdefault(id(weight), Presence())
        presence.add(has for has in steps[len(steps) - num_new :] if has is not None)
        if any(steps):
            self.arrivals.forget(id(weight))
            return True
        # From the second report on, every step since the one before was watched.
        is_known = has_arrived or id(weight) in self.arrivals or presence.is_gone
        self.arrivals.expect(weight)
        return is_known


def _idle_shifts(group: Mapping[str, nn.Parameter], looks: Sequence[_Look]) -> set[int]:
    """Return the biases without any gradient whose layer's weight has one.

    Nothing is cut off there: a shift has no effect on the loss, as where only the slope of an output counts.
    """
    present = {each for look in looks for each, figures in look.items() if figures.is_present}
    found = set()
    for name, shift in group.items():
        weight = group.get(f"{name.removesuffix('bias')}weight") if name.endswith("bias") else None
        if id(shift) not in present and weight is not None and id(weight) in present:
            found.add(id(shift))
    return found


def _part(ids: Sequence[int], present: Sequence[int], grads: Sequence[Tensor], *, is_full: bool, counts: bool) -> _Part:
    if not grads:
        return _Part(ids, (), torch.zeros(3, 0), (), len(ids), {})
    norms = norms_of(grads)
    if not is_full:
        return _Part(ids, present, norms[None], [math.sqrt(grad.numel()) for grad in grads], len(ids), {})
    samples = [sample_of(each) for each in grads]
    numbers = torch.stack([norms, largest_of(grads), norms_of(samples, 1.0)])
    nonfinite = {}
    if counts and not bool(norms.isfinite().all()):
        found = zip(present, grads, norms.tolist(), strict=True)
        nonfinite = {each: num_nonfinite([grad], norm) for each, grad, norm in found if not math.isfinite(norm)}
    shares = [grad.numel() / sample.numel() for grad, sample in zip(grads, samples, strict=True)]
    return _Part(ids, present, numbers, shares, len(ids), nonfinite)


def _read(looks: Iterable[Sequence[_Part]]) -> list[_Look]:
    """Read the numbers of several steps from the device, all at once."""
    looks = list(looks)
    tensors = [part.numbers.reshape(-1) for look in looks for part in look]
    if not tensors:
        return [{} for _ in looks]
    device = tensors[0].device
    numbers = torch.cat([each.to(device) for each in tensors]).tolist()
    found, start = [], 0
    for look in looks:
        figures: _Look = {}
        for part in look:
            kinds, width = part.numbers.shape
            rows = [numbers[start + kind * width : start + (kind + 1) * width] for kind in range(kinds)]
            start += kinds * width
            figures.update(dict.fromkeys(part.ids, _Figures()))
            wanted = set(part.ids)
            for index, each in enumerate(part.present):
                if each in wanted:
                    figures[each] = _figures(part, rows, index, each)
        found.append(figures)
    return found


def _figures(part: _Part, rows: Sequence[Sequence[float]], index: int, weight: int) -> _Figures:
    norm = rows[0][index]
    if len(rows) == 1:
        # The most that the other two can be.
        return _Figures(norm, norm, norm * part.shares[index], is_present=True)
    largest, nonfinite = rows[1][index], part.nonfinite.get(weight, 0)
    # The squares of the elements left single precision below 1e-19 and above 1e19, not the elements themselves.
    if norm == 0 or (math.isinf(norm) and not nonfinite):
        norm = largest
    return _Figures(norm, largest, rows[2][index] * part.shares[index], nonfinite, is_present=True)


def _group(
    name: str,
    weights: Sequence[nn.Parameter],
    seen: Sequence[_Look],
    newest: _Look,
    *,
    norm: float,
    warn_norm: float,
) -> GroupGradient:
    figures = [newest.get(id(weight), _Figures()) for weight in weights]
    by_weight = [[look[id(weight)] for look in seen if id(weight) in look] for weight in weights]
    with_grad = [any(each.is_present for each in found) for found in by_weight]
    # nan is not small.
    is_small = [all(each.norm < warn_norm for each in found if each.is_present) for found in by_weight]
    largest = [each.largest for each in figures]
    return GroupGradient(
        group=name,
        norm=norm,
        max=math.nan if any(map(math.isnan, largest)) else max(largest, default=0.0),
        num_with_grad=sum(with_grad),
        num_tensors=len(weights),
        num_small=sum(has and small for has, small in zip(with_grad, is_small, strict=True)),
        num_none=sum(not has for has in with_grad),
        mean_abs=sum(each.total for each in figures) / max(1, sum(weight.numel() for weight in weights)),
        num_nonfinite=sum(each.nonfinite for each in figures),
    )
