"""The network's shapes, its gradient groups, and what information reaches what."""

import pytest
import torch

from trainer.config import GRADIENT_GROUPS, ModelConfig
from trainer.model.network import GROUP_DEPTHS, QUANTILES, StockModel

SMALL = {
    "hidden": 8,
    "selection_width": 4,
    "temporal_heads": 2,
    "graph_heads": 2,
    "dropout": 0.0,
    "edge_dropout": 0.0,
}


def make_model(*, num_features: int = 6, window: int = 5, edge_width: int = 3, **changes: object) -> StockModel:
    torch.manual_seed(0)
    config = ModelConfig(**{**SMALL, **changes})
    return StockModel(num_features=num_features, window=window, num_horizons=4, edge_width=edge_width, config=config)


def make_batch(num_rows: int = 7) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    edge_index = torch.tensor([[0, 1, 2], [1, 2, 0]])
    return torch.randn(num_rows, 5, 6, generator=generator), edge_index, torch.ones(3, 3)


def test_each_row_gets_five_quantiles_for_each_of_four_horizons():
    assert make_model()(*make_batch()).shape == (7, 4, len(QUANTILES))


@pytest.mark.parametrize("linear_skip", [False, True])
def test_the_eight_groups_hold_every_parameter_exactly_once(linear_skip):
    model = make_model(linear_skip=linear_skip)
    groups = model.gradient_groups()
    assert tuple(groups) == GRADIENT_GROUPS
    assert set(GROUP_DEPTHS) == set(GRADIENT_GROUPS)
    names = [name for group in groups.values() for name in group]
    assert sorted(names) == sorted(name for name, _ in model.named_parameters())


@pytest.mark.parametrize("linear_skip", [False, True])
def test_every_parameter_gets_a_gradient(linear_skip):
    model = make_model(linear_skip=linear_skip)
    model(*make_batch()).square().mean().backward()
    assert [name for name, weight in model.named_parameters() if weight.grad is None] == []


def test_per_feature_parameters_have_one_slice_per_feature():
    model = make_model()
    weights = dict(model.named_parameters())
    assert {len(weights[name]) for name in model.per_feature_parameters()} == {6}


def test_a_stock_is_affected_by_others_only_through_edges():
    model = make_model().eval()
    windows, edge_index, edge_attr = make_batch()
    changed = windows.clone()
    changed[0] += 1.0
    apart = (model(windows, edge_index, edge_attr) - model(changed, edge_index, edge_attr)).abs().sum((1, 2))
    assert (apart > 1e-6).tolist() == [True, True, False, False, False, False, False]


def test_without_the_graph_no_stock_affects_another():
    model = make_model(use_graph=False).eval()
    windows, edge_index, edge_attr = make_batch()
    changed = windows.clone()
    changed[0] += 1.0
    apart = (model(windows, edge_index, edge_attr) - model(changed, edge_index, edge_attr)).abs().sum((1, 2))
    assert (apart > 1e-6).tolist() == [True] + [False] * 6


def test_an_untrained_linear_skip_changes_nothing():
    assert torch.equal(make_model(linear_skip=True)(*make_batch()), make_model()(*make_batch()))


def skip_of(model: StockModel) -> torch.Tensor:
    """Return what the linear skip adds if only feature 0 counts: 1 at horizon 0, neighbours at half strength."""
    with torch.no_grad():
        model.linear_skip.weight[0, 0] = 1.0
        model.linear_skip.spill_over.fill_(0.5)
        windows = torch.zeros(7, 5, 6)
        windows[:, -1, 0] = torch.tensor([1.0, 2.0, 3.0, 4.0, 0.0, 0.0, 0.0])
        edge_index = torch.tensor([[0, 1, 2, 3], [4, 4, 5, 6]])
        edge_attr = torch.tensor([0.6, 0.8, -0.5, 0.5]).unsqueeze(-1).repeat(1, 3)
        model.eval()
        with_skip = model(windows, edge_index, edge_attr)
        model.linear_skip.weight.zero_()
        added = with_skip - model(windows, edge_index, edge_attr)
    torch.testing.assert_close(added[:, 1:], torch.zeros(7, 3, len(QUANTILES)))
    torch.testing.assert_close(added, added[..., :1].expand_as(added))
    return added[:, 0, 0]


def test_the_linear_skip_adds_the_last_days_forecast_and_the_neighbours_by_their_correlation():
    # Row 4 gets (0.6 x 1 + 0.8 x 2) / sqrt(0.6^2 + 0.8^2); row 5 is anticorrelated with row 2; row 6 has one neighbour.
    expected = torch.tensor([1.0, 2.0, 3.0, 4.0, 0.5 * 2.2, 0.5 * -3.0, 0.5 * 4.0])
    torch.testing.assert_close(skip_of(make_model(linear_skip=True)), expected, atol=1e-4, rtol=0.0)


def test_without_the_graph_the_linear_skip_reaches_no_neighbour():
    expected = torch.tensor([1.0, 2.0, 3.0, 4.0, 0.0, 0.0, 0.0])
    torch.testing.assert_close(skip_of(make_model(linear_skip=True, use_graph=False)), expected, atol=1e-4, rtol=0.0)


def test_edge_attributes_affect_the_prediction():
    model = make_model().eval()
    windows, edge_index, edge_attr = make_batch()
    assert not torch.equal(model(windows, edge_index, edge_attr), model(windows, edge_index, 3 * edge_attr))


def test_the_order_of_days_affects_the_prediction():
    model = make_model().eval()
    windows, *graph = make_batch()
    assert not torch.allclose(model(windows, *graph), model(windows.flip(1), *graph), atol=1e-4)


def test_edge_dropout_acts_in_training_only():
    model = make_model(edge_dropout=0.5)
    batch = make_batch()
    model.eval()
    assert torch.equal(model(*batch), model(*batch))
    model.train()
    outputs = [model(*batch) for _ in range(8)]
    assert any(not torch.equal(outputs[0], other) for other in outputs[1:])


def test_fan_san_lets_no_gradient_into_the_encoder():
    model = make_model(norm="fan_san", hidden=16)
    model(*make_batch()).square().mean().backward()
    norms = {
        group: sum(float(weight.grad.norm()) for weight in weights.values())
        for group, weights in model.gradient_groups().items()
    }
    assert norms["prediction_head_shared"] > 1e-3
    below = ("backbone_projection", "temporal_encoder", "input_projection", "variable_selection", "gat")
    assert max(norms[group] for group in below) < 1e-10 * norms["prediction_head_shared"]


@pytest.mark.parametrize("norm", ["layer_norm", "fan_san"])
def test_half_precision_gives_finite_predictions_and_gradients(norm):
    model = make_model(norm=norm, hidden=16, linear_skip=True)
    with torch.autocast("cpu", torch.bfloat16):
        predictions = model(*make_batch())
    predictions.square().mean().backward()
    assert predictions.dtype == torch.float32
    assert all(weight.grad.isfinite().all() for weight in model.parameters())
