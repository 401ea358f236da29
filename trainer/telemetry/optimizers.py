"""All optimizers of a training behind one face: one or several, with wrappers such as SAM, Lookahead and Accelerate's.

In: what the training calls its optimizer. Out: a call before and after each step that one of them takes, their learning
rates, and the weights that they hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

DEEPEST = 3
"""Most wrappers around one another that are opened. Chosen by hand, 2026-11."""
PROBES = 8
"""Weights that are compared to notice a step without hooks, and the number of their elements. Chosen by hand."""
PROBE_ELEMENTS = 256


class Optimizers:
    """The optimizers of one training. A step is noticed by their hooks, or, without any, by weights that moved."""

    def __init__(
        self,
        given: object,
        *,
        before: Callable[[Optimizer, bool], None],
        after: Callable[[Optimizer], None],
    ) -> None:
        """``before`` is told whether the step computes the gradients itself, with a closure."""
        self._outer = list(_listed(given))
        self.all = list(dict.fromkeys(each for outer in self._outer for each in _opened(outer, DEEPEST)))
        """Every optimizer that could be found, wrappers included."""
        self._before, self._after = before, after
        self.is_listening = False
        """Whether `before` and `after` are to be called."""
        self.stepped: list[Optimizer] = []
        """Those that have stepped since the list was emptied, in their order."""
        self._handles: list[RemovableHandle] = []
        for optimizer in self.all:
            self._handles += [
                optimizer.register_step_pre_hook(self._begin),
                optimizer.register_step_post_hook(self._end),
            ]
        self.has_stepped = False
        """Whether a hook has ever been called: from then on a step without one was skipped."""
        self._probes: list[tuple[Tensor, Tensor]] = []

    @property
    def is_several(self) -> bool:
        """Whether more than one optimizer was given."""
        return len(self._outer) > 1

    def held(self, optimizer: Optimizer) -> Iterator[nn.Parameter]:
        """Yield the weights that an optimizer holds."""
        for group in optimizer.param_groups:
            yield from group["params"]

    def ids(self) -> set[int]:
        """Return the identities of all weights that an optimizer holds; nothing if none of them can be seen."""
        return {id(weight) for optimizer in self.all for weight in self.held(optimizer)}

    def at_rate_zero(self) -> set[int]:
        """Return the weights, by identity, whose parameter groups have a learning rate of 0 now."""
        groups = [group for optimizer in self.all for group in optimizer.param_groups if "lr" in group]
        moving = {id(weight) for group in groups if group["lr"] != 0 for weight in group["params"]}
        return {id(weight) for group in groups for weight in group["params"]} - moving

    def rates(self) -> list[float]:
        """Return the learning rate of each parameter group, those of wrappers counted once."""
        if len(self._outer) == len(self.all) == 1 and self._outer[0] is self.all[0]:
            return [float(group["lr"]) for group in self.all[0].param_groups if "lr" in group]
        groups: dict[int, dict[str, Any]] = {}
        for optimizer in (*self._outer, *self.all):
            for group in getattr(optimizer, "param_groups", ()):
                groups.setdefault(id(group), group)
        # A wrapper may list groups of its own over the same weights.
        known: dict[tuple[int, ...], float] = {}
        for group in groups.values():
            if "lr" in group:
                known.setdefault(tuple(map(id, group["params"])), float(group["lr"]))
        return list(known.values())

    def probe(self, weights: Iterable[nn.Parameter]) -> None:
        """Keep a few weights until the step's end, as long as no hook has ever been called."""
        if self.has_stepped:
            self._probes = []
            return
        trained = [weight for weight in weights if weight.requires_grad]
        chosen = trained[:: max(1, len(trained) // PROBES)][:PROBES]
        parts = [weight.detach().reshape(-1)[:PROBE_ELEMENTS] for weight in chosen]
        self._probes = [(part, part.clone()) for part in parts]

    def has_moved(self) -> bool:
        """Return whether a kept weight has changed."""
        return any(not torch.equal(now, before) for now, before in self._probes)

    def remove(self) -> None:
        """Remove all hooks."""
        for handle in self._handles:
            handle.remove()
        self._probes = []

    def _begin(self, optimizer: Optimizer, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        if not self.is_listening or torch.compiler.is_compiling():
            return
        # Torch passes the optimizer itself as the first argument of its step.
        self._before(optimizer, bool(args[1:] or kwargs.get("closure")))

    def _end(self, optimizer: Optimizer, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        if torch.compiler.is_compiling():
            return
        self.has_stepped = True
        if self.is_listening:
            self._after(optimizer)
        self.stepped.append(optimizer)


def _listed(given: object) -> Iterator[object]:
    """Yield the optimizers of one, a sequence or a mapping."""
    if isinstance(given, Mapping):
        yield from given.values()
    elif isinstance(given, list | tuple | set):
        yield from given
    else:
        yield given


def _opened(optimizer: object, depth: int) -> Iterator[Optimizer]:
    """Yield an optimizer and those that it wraps."""
    if isinstance(optimizer, Optimizer) and hasattr(optimizer, "_optimizer_step_pre_hooks"):
        yield optimizer
    if depth:
        for value in list(getattr(optimizer, "__dict__", {}).values()):
            for each in value if isinstance(value, list | tuple) else (value,):
                if isinstance(each, Optimizer) or _is_wrapper(each):
                    yield from _opened(each, depth - 1)


def _is_wrapper(value: object) -> bool:
    return hasattr(value, "param_groups") and hasattr(value, "step") and not isinstance(value, type)
