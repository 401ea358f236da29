"""Which weights of a model are trained now, by group; those that are only present are told apart.

In: a model that may change at any time: weights shared, added, frozen, unfrozen, or not initialised yet. Out: groups of
trained weights, and what has changed since the last look.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import nn
from torch.nn.parameter import is_lazy

from trainer.measure.model_parts import Part, children_of, groups_of
from trainer.telemetry.looked_steps import LOOKS

LOOKS_OF_ONE = 2
"""Steps in a row without a gradient after which a weight counts as frozen where there is one optimizer. Chosen by hand,
2026-11: a run whose epochs are short has as few as two looks in an epoch.
"""
Named = dict[str, dict[str, nn.Parameter]]


class Change(NamedTuple):
    """Groups that were seen to change."""

    frozen: tuple[str, ...] = ()
    unfrozen: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


class Trained:
    """The model's groups, and the trained weights among them.

    A weight is trained if it requires a gradient at some time within a step. It counts as frozen after some LOOKS
    without, where there are several optimizers: such trainings turn each other's weights off and on. With one, it does
    after LOOKS_OF_ONE.
    """

    def __init__(self, model: nn.Module, parts: Mapping[str, Part] | None) -> None:
        """Without ``parts`` the groups are the model's children, whichever it has at the time.

        Raises ValueError for a group with weights that the model does not have.
        """
        self._model = model
        self._parts = None if parts is None else {name: _kept(part) for name, part in parts.items()}
        self._all: list[nn.Parameter] = []
        self._active: set[int] = set()
        self._rests: dict[int, int] = {}
        self._seen: list[tuple[int, bool, bool]] | None = None
        self.groups: Named = {}
        """All weights by group and full name."""
        self.trained: Named = {}
        """Those that are trained; a group without any is left out."""
        self.weights: list[nn.Parameter] = []
        """The trained weights in a row, in the order of the groups."""
        self.ids: frozenset[int] = frozenset()
        """Their identities."""
        groups_of(model, self.parts)
        self.look()

    @property
    def parts(self) -> Mapping[str, Part]:
        """The parts that make the groups."""
        return children_of(self._model) if self._parts is None else self._parts

    @property
    def frozen(self) -> tuple[str, ...]:
        """The groups without a trained weight."""
        return tuple(name for name in self.groups if name not in self.trained)

    def note(self) -> None:
        """Note which weights require a gradient at this moment of the step."""
        self._active.update(id(weight) for weight in self._all if weight.requires_grad)

    def look(self, *, is_alone: bool = False) -> Change | None:
        """Look at the model again, at the end of a step; return what has changed, or None.

        ``is_alone``: there is one optimizer.
        """
        most = LOOKS_OF_ONE if is_alone else LOOKS
        self._all = list(self._model.parameters())
        self.note()
        rests = self._rests
        self._rests = {
            id(weight): 0 if id(weight) in self._active else rests.get(id(weight), LOOKS) + 1 for weight in self._all
        }
        self._active = set()
        trained = {each for each, rest in self._rests.items() if rest < most}
        seen = [(id(weight), id(weight) in trained, _is_made(weight)) for weight in self._all]
        if seen == self._seen:
            return None
        self._seen = seen
        was, were_frozen = self.groups.keys(), set(self.frozen)
        self.groups = groups_of(self._model, self._present_parts())
        self.trained = {
            name: {key: weight for key, weight in group.items() if id(weight) in trained and _is_made(weight)}
            for name, group in self.groups.items()
            if any(id(weight) in trained for weight in group.values())
        }
        self.weights = [weight for group in self.trained.values() for weight in group.values()]
        self.ids = frozenset(map(id, self.weights))
        frozen, now = set(self.frozen), self.groups.keys()
        return Change(
            frozen=tuple(sorted((frozen - were_frozen) & was)),
            unfrozen=tuple(sorted((were_frozen - frozen) & now)),
            added=tuple(sorted(now - was)),
            removed=tuple(sorted(was - now)),
        )

    def _present_parts(self) -> Mapping[str, Part]:
        """Return the parts without weights that the model has lost since."""
        own = set(map(id, self._all))
        return {
            name: [
                weight for weight in (part.parameters() if isinstance(part, nn.Module) else part) if id(weight) in own
            ]
            for name, part in self.parts.items()
        }


def _kept(part: Part) -> Part:
    return part if isinstance(part, nn.Module) else list[nn.Parameter](part)


def _is_made(weight: nn.Parameter) -> bool:
    """Return whether a weight has elements; those of a lazy module are made by its first forward pass."""
    return not is_lazy(weight) and weight.numel() > 0
