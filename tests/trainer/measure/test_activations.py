"""The activation monitor on outputs that are known, and the statistics of inputs."""

import pytest
import torch
from torch import nn

from trainer.measure.activations import ActivationMonitor, measure_inputs


def test_units_that_are_never_active_are_dead():
    layer = nn.ReLU()
    monitor = ActivationMonitor({"layer": layer})
    monitor.listen()
    layer(torch.tensor([[1.0, -1.0, 2.0]] * 200))
    (found,) = monitor.measure()
    assert (found.num_dead, found.num_units) == (1, 3)


def test_only_a_bounded_layer_saturates():
    layer = nn.Tanh()
    for bounds, expected in (({"layer": 1.0}, 1), ({}, 0)):
        monitor = ActivationMonitor({"layer": layer}, bounds=bounds)
        monitor.listen()
        layer(torch.tensor([[9.0, 0.0]]))
        assert monitor.measure()[0].num_saturated == expected


def test_the_activation_monitor_stops_listening_after_measuring():
    layer = nn.ReLU()
    monitor = ActivationMonitor({"layer": layer})
    monitor.listen()
    layer(torch.ones(2, 2))
    assert len(monitor.measure()) == 1
    layer(torch.ones(2, 2))
    assert monitor.measure() == ()


def test_the_worst_input_is_the_feature_farthest_from_mean_0_and_deviation_1():
    windows = torch.randn(64, 5, 3, generator=torch.Generator().manual_seed(0))
    windows[..., 1] *= 40.0
    found = measure_inputs(windows)
    assert found.worst == 1
    assert found.worst_std == pytest.approx(40.0, rel=0.2)


def test_a_feature_with_nan_is_the_worst():
    windows = torch.randn(8, 5, 3)
    windows[..., 0] *= 1e6
    windows[0, 0, 2] = float("nan")
    assert measure_inputs(windows).worst == 2
