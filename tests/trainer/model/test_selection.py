"""The networks of all features at once, against one network after another as they are defined."""

import pytest
import torch
from torch.nn import functional

from trainer.model import selection
from trainer.model.selection import VariableSelection

ROWS, WINDOW, FEATURES, WIDTH = 7, 3, 5, 4


def make_selection(*, dtype: torch.dtype = torch.float64) -> VariableSelection:
    torch.manual_seed(0)
    return VariableSelection(FEATURES, WIDTH, hidden=8).to(dtype)


def by_definition(made: VariableSelection, x_BTF: torch.Tensor) -> torch.Tensor:
    """Return the sum over features of share x (gated network + skip), one feature after another."""
    shares, total = made.shares(x_BTF), 0.0
    for feature in range(FEATURES):
        x = x_BTF[..., feature, None]
        hidden = functional.elu(x * made.value_weight[feature] + made.value_bias[feature])
        mixed = hidden @ made.mix_weight[feature] + made.mix_bias[feature]
        gated = functional.glu(mixed @ made.gate_weight[feature] + made.gate_bias[feature])
        skip = x * made.skip_weight[feature] + made.skip_bias[feature]
        total = total + shares[..., feature, None] * (gated + skip)
    return total


def gradients_of(made: VariableSelection, x_BTF: torch.Tensor, output: torch.Tensor) -> list[torch.Tensor]:
    output_grad = torch.linspace(-1.0, 1.0, output.numel(), dtype=output.dtype).reshape(output.shape)
    return list(torch.autograd.grad(output, [x_BTF, *made.parameters()], output_grad))


@pytest.mark.parametrize("chunk_values", [1, 3 * FEATURES * WIDTH, 2**20])
@pytest.mark.parametrize("is_compiling", [False, True])
def test_it_is_the_weighed_sum_of_one_network_per_feature(chunk_values: int, is_compiling: bool, monkeypatch):
    """In chunks of one row, of three with a rest, of all, and as a compiler gets it: with the same gradients."""
    monkeypatch.setattr(selection, "CHUNK_VALUES", chunk_values)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: is_compiling)
    made = make_selection()
    x_BTF = torch.randn(ROWS, WINDOW, FEATURES, dtype=torch.float64, requires_grad=True)
    expected, found = by_definition(made, x_BTF), made(x_BTF)
    torch.testing.assert_close(found, expected)
    for one, other in zip(gradients_of(made, x_BTF, found), gradients_of(made, x_BTF, expected), strict=True):
        torch.testing.assert_close(one, other)


def test_in_half_precision_the_gradients_are_near_those_in_full():
    made = make_selection(dtype=torch.float32)
    x_BTF = torch.randn(200, WINDOW, FEATURES, requires_grad=True)
    expected = gradients_of(made, x_BTF, made(x_BTF))
    with torch.autocast("cpu", torch.bfloat16):
        output = made(x_BTF)
    for one, other in zip(gradients_of(made, x_BTF, output), expected, strict=True):
        assert (one - other).norm() < 0.02 * other.norm()


def test_the_weights_of_the_features_sum_to_one():
    shares = make_selection().shares(torch.randn(ROWS, WINDOW, FEATURES, dtype=torch.float64))
    torch.testing.assert_close(shares.sum(-1), torch.ones(ROWS, WINDOW, dtype=torch.float64))
