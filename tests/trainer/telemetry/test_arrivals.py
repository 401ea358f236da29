"""When too few steps were looked at to call a weight dead, and what is heard of it then."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from trainer.telemetry.arrivals import MOST_EMPTY, Arrivals, Presence
from trainer.telemetry.group_gradients import Gradients
from trainer.telemetry.trained import Trained


@pytest.mark.parametrize(
    ("before", "misses", "is_gone"),
    [
        ([True] * 8, 4, True),
        ([True, False] * 8, 4, False),
        ([True, False] * 8, 16, True),
        ([True] + [False] * 19, 40, False),
        ([True] * 2, 4, False),
        ([], 100, False),
    ],
)
def test_a_weight_is_gone_when_chance_does_not_explain_the_steps_without_a_gradient(
    before: list[bool], misses: int, is_gone: bool
):
    presence = Presence()
    presence.add(before)
    presence.add([False] * misses)
    assert presence.is_gone is is_gone


def reported(*, present_at: range, steps: int, every: int = 100) -> list[tuple[int, ...]]:
    """Return of each report how many tensors it knows and how many have no gradient, of a layer used in some steps."""
    model = nn.ModuleDict({"used": nn.Linear(2, 2), "rare": nn.Linear(2, 2)})
    gradients = Gradients(Trained(model, None), lambda: None)
    found = []
    for step in range(steps):
        model.zero_grad()
        x = model["used"](torch.ones(1, 2))
        (model["rare"](x) if step in present_at else x).sum().backward()
        gradients.look_at_arrivals()
        gradients.keep_arrivals(counts=True)
        if step % every in (1, 2, 3, 4):
            gradients.look(list(model.parameters()), is_full=False)
            gradients.keep(counts=True)
        if step % every == 4:
            rare = [each for each in gradients.report(warn_norm=0.0).groups if each.group == "rare"]
            found += [(each.num_tensors, each.num_none) for each in rare] or [()]
    return found


def test_a_layer_that_is_used_between_the_steps_looked_at_is_not_dead():
    assert reported(present_at=range(50, 1000, 100), steps=306) == [(), (2, 0), (2, 0), (2, 0)]


def test_a_layer_that_is_never_used_is_reported_after_one_interval():
    assert reported(present_at=range(0), steps=306) == [(), (2, 2), (2, 2), (2, 2)]


def test_a_layer_that_was_always_used_is_missed_at_once():
    assert reported(present_at=range(150), steps=306) == [(2, 0), (2, 0), (2, 2), (2, 2)]


def test_nobody_waits_for_ever_for_gradients_of_zero():
    weight, calls = nn.Parameter(torch.ones(2)), []
    arrivals = Arrivals(lambda: calls.append(1))
    arrivals.expect(weight)
    for _ in range(2 * MOST_EMPTY):
        (0 * weight).sum().backward()
        if arrivals.new:
            arrivals.new.clear()
            arrivals.was_empty(id(weight))
    assert len(calls) == MOST_EMPTY
    arrivals.remove()
