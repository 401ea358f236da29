"""The parts of a model that nobody described: which parameters form a gradient group, which modules are layers.

In: any module. Out: names as the model itself uses them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import nn
from torch.utils.hooks import RemovableHandle

Part = nn.Module | Iterable[nn.Parameter]
"""What may be a group: a module, or some parameters."""

MOST_PARTS = 32
"""Children that are told apart; the monitor's memory is bounded. Chosen by hand."""
REST = "rest"
"""The group of what no other group has."""

_CONTAINERS = (nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)


def children_of(model: nn.Module) -> dict[str, nn.Module]:
    """Return the model's children by name; those of its only child where that holds everything, as in a wrapper."""
    children = list(model.children())
    own = list(model.parameters(recurse=False))
    if len(children) == 1 and not own and list(children[0].children()):
        return children_of(children[0])
    return dict(list(model.named_children())[:MOST_PARTS])


def groups_of(model: nn.Module, parts: Mapping[str, Part]) -> dict[str, dict[str, nn.Parameter]]:
    """Return the model's parameters by group and full name, each once: a shared one belongs to the first group.

    Raises ValueError for a parameter that the model lacks.
    """
    left = {weight: name for name, weight in model.named_parameters()}
    known = frozenset(left)
    groups: dict[str, dict[str, nn.Parameter]] = {}
    for group, part in parts.items():
        found = list(part.parameters() if isinstance(part, nn.Module) else part)
        if unknown := [weight for weight in found if weight not in known]:
            raise ValueError(f"group {group!r}: {len(unknown)} parameters are not the model's; expected its own")
        if mine := {left.pop(weight): weight for weight in found if weight in left}:
            groups[group] = mine
    if left:
        groups[REST] = {name: weight for weight, name in left.items()}
    return groups


def layers_of(model: nn.Module) -> dict[str, nn.Module]:
    """Return the children that have outputs, by name."""
    return {name: child for name, child in children_of(model).items() if not isinstance(child, _CONTAINERS)}


class ForwardOrder:
    """Listens to one forward pass and tells in which order it came to the parts."""

    def __init__(self, parts: Mapping[str, Part]) -> None:
        self._came: list[str] = []
        self._handles: list[RemovableHandle] = []
        for name, part in parts.items():
            if isinstance(part, nn.Module):
                # A container is never called, only what it holds.
                self._handles += [
                    each.register_forward_pre_hook(lambda *_, name=name: self._note(name)) for each in part.modules()
                ]

    def take(self) -> dict[str, int]:
        """Stop listening and return the depth of each part that was come to, counted from the input."""
        for handle in self._handles:
            handle.remove()
        return {name: depth for depth, name in enumerate(self._came)}

    def _note(self, name: str) -> None:
        if name not in self._came:
            self._came.append(name)
