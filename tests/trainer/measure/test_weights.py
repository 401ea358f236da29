"""The weight monitor on steps whose size is known."""

import math

import pytest
import torch
from torch import nn

from trainer.measure.weights import WeightMonitor


def parameter(*values: float, grad: list[float] | None = None) -> nn.Parameter:
    weight = nn.Parameter(torch.tensor(values))
    weight.grad = None if grad is None else torch.tensor(grad)
    return weight


def test_a_steps_size_and_the_share_of_unmoved_elements_are_measured():
    weight = parameter(3.0, 4.0)
    monitor = WeightMonitor({"g": {"a": weight}})
    optimizer = torch.optim.SGD([weight], lr=0.5)
    weight.grad = None
    monitor.before_backward()
    weight.grad = torch.tensor([1.0, 0.0])
    monitor.before_step()
    optimizer.step()
    (found,) = monitor.measure()
    assert (found.update, found.unchanged, found.stale_grad) == pytest.approx((0.5, 0.5, 0.0))
    assert found.ratio == pytest.approx(0.5 / math.hypot(2.5, 4.0))


def test_a_gradient_left_over_from_the_last_step_is_stale():
    weight = parameter(1.0, grad=[2.0])
    monitor = WeightMonitor({"g": {"a": weight}})
    monitor.before_backward()
    monitor.before_step()
    assert monitor.measure()[0].stale_grad == pytest.approx(2.0)


def test_a_nan_weight_is_counted():
    weight = parameter(float("nan"), 1.0)
    monitor = WeightMonitor({"g": {"a": weight}})
    monitor.before_backward()
    monitor.before_step()
    assert monitor.measure()[0].num_nonfinite == 1


@pytest.mark.parametrize("size", [1e-30, 1e-20, 1e20])
def test_the_size_of_a_step_is_right_even_if_its_square_exceeds_single_precision(size: float):
    weight = parameter(0.0, 0.0)
    monitor = WeightMonitor({"g": {"a": weight}})
    monitor.before_backward()
    monitor.before_step()
    with torch.no_grad():
        weight += torch.tensor([3 * size, 0.0])
    (found,) = monitor.measure()
    assert (found.norm, found.update, found.unchanged) == (pytest.approx(3 * size), pytest.approx(3 * size), 0.5)
