"""The gradient monitor and the encoder hooks on gradients whose norms are known."""

import math

import pytest
import torch
from torch import nn

from trainer.config import ModelConfig
from trainer.measure.gradients import EncoderGradient, EncoderGradientHooks, GradientMonitor
from trainer.model.network import StockModel

SMALL = ModelConfig(hidden=8, selection_width=4, temporal_heads=2, graph_heads=2, dropout=0.0, edge_dropout=0.0)


def parameter(*values: float, grad: list[float] | None) -> nn.Parameter:
    weight = nn.Parameter(torch.tensor(values))
    weight.grad = None if grad is None else torch.tensor(grad)
    return weight


def measure(group: dict[str, nn.Parameter], *, per_feature: frozenset[str] = frozenset(), warn_norm: float = 1e-7):
    (found,) = GradientMonitor({"g": group}, per_feature=per_feature, warn_norm=warn_norm).measure()
    return found


def test_a_groups_norm_maximum_and_mean_are_over_all_its_elements():
    found = measure({"a": parameter(1.0, 1.0, grad=[3.0, 0.0]), "b": parameter(1.0, grad=[-4.0])})
    assert (found.norm, found.max, found.mean_abs) == pytest.approx((5.0, 4.0, 7 / 3))
    assert (found.num_with_grad, found.num_tensors, found.num_none) == (2, 2, 0)


def test_a_tensor_without_gradient_is_none_and_a_zero_gradient_is_small():
    found = measure({"a": parameter(1.0, grad=None), "b": parameter(1.0, grad=[0.0]), "c": parameter(1.0, grad=[1.0])})
    assert (found.num_none, found.num_small, found.num_with_grad, found.num_tensors) == (1, 1, 2, 3)


def test_a_group_without_any_gradient_reports_zero_with_grad():
    found = measure({"a": parameter(1.0, grad=None)})
    assert (found.norm, found.num_with_grad, found.num_none) == (0.0, 0, 1)


def test_a_nan_gradient_is_counted_and_makes_the_norm_nan():
    found = measure({"a": parameter(1.0, 1.0, grad=[float("nan"), 1.0])})
    assert math.isnan(found.norm)
    assert (found.num_nonfinite, found.num_small) == (1, 0)


@pytest.mark.parametrize("size", [1e-30, 1e-20, 1e-13, 1e-11, 1.0, 1e14, 1e16, 1e25])
def test_the_norm_is_right_even_if_a_square_exceeds_single_precision(size: float):
    found = measure({"a": parameter(1.0, 1.0, grad=[3 * size, -4 * size]), "b": parameter(1.0, grad=[1.0])})
    alone = measure({"a": parameter(1.0, 1.0, grad=[3 * size, -4 * size])})
    assert alone.norm == pytest.approx(5 * size)
    assert (found.norm, found.max) == pytest.approx((math.hypot(5 * size, 1.0), max(4 * size, 1.0)))
    assert found.num_small == (5 * size < 1e-7)


def test_an_ordinary_gradient_is_as_exact_as_in_double_precision():
    generator = torch.Generator().manual_seed(0)
    weight = nn.Parameter(torch.zeros(300, 1000))
    weight.grad = 1e-4 * torch.randn(300, 1000, generator=generator)
    exact = weight.grad.double()
    found = measure({"a": weight}, per_feature=frozenset({"a"}))
    assert found.norm == pytest.approx(float(exact.norm()), rel=1e-5)
    assert found.mean_abs == pytest.approx(float(exact.abs().mean()), rel=1e-5)


def test_the_warning_level_decides_what_is_small():
    group = {"a": parameter(1.0, grad=[1e-3])}
    assert measure(group, warn_norm=1e-2).num_small == 1
    assert measure(group, warn_norm=1e-4).num_small == 0


def test_a_per_feature_tensor_counts_once_for_each_feature():
    weight = nn.Parameter(torch.ones(3, 2))
    weight.grad = torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 2.0]])
    found = measure({"a": weight}, per_feature=frozenset({"a"}))
    assert (found.num_tensors, found.num_with_grad, found.num_small) == (3, 3, 1)


@pytest.mark.parametrize("num_dead", [0, 1, 5, 11])
def test_each_dead_feature_makes_exactly_three_slices_of_the_selection_small(num_dead):
    torch.manual_seed(0)
    model = StockModel(num_features=12, window=6, num_horizons=4, edge_width=1, config=SMALL)
    windows = torch.randn(32, 6, 12)
    windows[..., :num_dead] = 0.0
    no_edges = torch.empty(2, 0, dtype=torch.int64), torch.empty(0, 1)
    (model(windows, *no_edges) - torch.randn(32, 4, 5)).square().mean().backward()
    monitor = GradientMonitor(model.gradient_groups(), per_feature=model.per_feature_parameters(), warn_norm=1e-7)
    found = {each.group: each for each in monitor.measure()}["variable_selection"]
    assert found.num_small == 3 * num_dead
    assert found.num_with_grad == found.num_tensors


def test_encoder_hooks_measure_the_gradient_of_a_modules_output():
    layer = nn.Linear(2, 2)
    hooks = EncoderGradientHooks({"projected_features": layer})
    hooks.listen()
    (layer(torch.ones(1, 2)) * torch.tensor([3.0, -4.0])).sum().backward()
    (found,) = hooks.measure()
    assert (found.tensor, found.norm, found.max) == (
        "projected_features",
        pytest.approx(5.0),
        pytest.approx(4.0),
    )


def test_encoder_hooks_report_once_and_stop_listening():
    layer = nn.Linear(2, 2)
    hooks = EncoderGradientHooks({"projected_features": layer})
    hooks.listen()
    layer(torch.ones(1, 2)).sum().backward()
    assert len(hooks.measure()) == 1
    assert hooks.measure() == ()
    layer(torch.ones(1, 2)).sum().backward()
    assert hooks.measure() == ()


def test_a_tensor_that_no_gradient_reaches_is_reported_as_zero():
    """A missing line would prove nothing; the encoder's rule needs the zero."""
    layer, head = nn.Linear(2, 2), nn.Linear(2, 1)
    hooks = EncoderGradientHooks({"projected_features": layer})
    hooks.listen()
    head(layer(torch.ones(1, 2)).detach()).sum().backward()
    assert hooks.measure() == (EncoderGradient("projected_features", 0.0, 0.0),)
