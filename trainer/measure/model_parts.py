"""Default parts of any model: which parameters form a gradient group, which modules are layers.

In: any module. Out: parts by the names that the model uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import nn
from torch.utils.hooks import RemovableHandle

Part = nn.Module | Iterable[nn.Parameter]
"""A module or some parameters, to be reported as one group."""
Groups = Mapping[str, Mapping[str, nn.Parameter]]
"""Parameters by group and full name."""

MOST_PARTS = 32
"""Most children that are reported one by one, to bound the monitor's memory. Chosen by hand."""
REST = "rest"
"""The group of all parameters that are in no other group."""

MOST_RECTIFIED = 8
"""Most rectified layers within the children that are watched. Chosen by hand, 2026-11."""
_RECTIFIED = (nn.ReLU, nn.ReLU6)
_CONTAINERS = (nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)


def children_of(model: nn.Module) -> dict[str, nn.Module]:
    """Return the model's children by name, or those of its only child if that contains everything, as in a wrapper."""
    children = list(model.children())
    own = list(model.parameters(recurse=False))
    if len(children) == 1 and not own and list(children[0].children()):
        return children_of(children[0])
    return dict(list(model.named_children())[:MOST_PARTS])


def groups_of(model: nn.Module, parts: Mapping[str, Part]) -> dict[str, dict[str, nn.Parameter]]:
    """Return the model's parameters by group and full name. A shared parameter belongs to its first group only.

    Raises ValueError for a parameter that the model does not have.
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
    """Return the children that have outputs of their own, by name."""
    return {name: child for name, child in children_of(model).items() if not isinstance(child, _CONTAINERS)}


def rectified_within(model: nn.Module, layers: Mapping[str, nn.Module]) -> dict[str, nn.Module]:
    """Return layers of rectified units other than these, by name: the last layer of a child hides them.

    Of many, some are taken, evenly spread over the depth.
    """
    known = set(map(id, layers.values()))
    named = model.named_modules()
    inner = {name: each for name, each in named if isinstance(each, _RECTIFIED) and id(each) not in known}
    names = list(inner)[:: -(-len(inner) // MOST_RECTIFIED) or 1]
    return {name: inner[name] for name in names if name not in layers}


class ForwardOrder:
    """Listen to one forward pass for the order in which it reaches the parts."""

    def __init__(self, parts: Mapping[str, Part]) -> None:
        self._reached: list[str] = []
        self._handles: list[RemovableHandle] = []
        for name, part in parts.items():
            if isinstance(part, nn.Module):
                # A container is never called, only the modules in it.
                self._handles += [
                    each.register_forward_pre_hook(lambda *_, name=name: self._note(name)) for each in part.modules()
                ]

    def take(self) -> dict[str, int]:
        """Stop listening and return the depth, counted from the input, of each part that was reached."""
        for handle in self._handles:
            handle.remove()
        return {name: depth for depth, name in enumerate(self._reached)}

    def _note(self, name: str) -> None:
        if name not in self._reached:
            self._reached.append(name)
