"""The temporal encoder's parts against the plain ones of torch with the same weights."""

import pytest
import torch
from torch import nn

from trainer.model import temporal
from trainer.model.temporal import LastDayAttention, Recurrent

ROWS, DAYS, HIDDEN, HEADS = 7, 5, 8, 2


def made_like(plain: nn.Module, ours: nn.Module) -> nn.Module:
    """Return ours with the weights of the plain one, in double precision; no offset is zero."""
    with torch.no_grad():
        for weight in plain.parameters():
            weight.normal_()
    ours.load_state_dict(plain.state_dict())
    return ours.double()


@pytest.mark.parametrize("chunk_rows", [1, 3, 256])
def test_the_recurrent_part_in_chunks_is_one_lstm(chunk_rows: int, monkeypatch):
    monkeypatch.setattr(temporal, "CHUNK_ROWS", chunk_rows)
    plain = nn.LSTM(HIDDEN, HIDDEN, batch_first=True)
    ours = made_like(plain, Recurrent(HIDDEN))
    x = torch.randn(ROWS, DAYS, HIDDEN, dtype=torch.float64)
    torch.testing.assert_close(ours(x)[0], plain.double()(x)[0])


def test_attention_of_the_last_day_is_plain_attention_with_that_day_as_the_query():
    torch.manual_seed(0)
    plain = nn.MultiheadAttention(HIDDEN, HEADS, batch_first=True)
    ours = made_like(plain, LastDayAttention(HIDDEN, HEADS, 0.0))
    plain = plain.double()
    x = torch.randn(ROWS, DAYS, HIDDEN, dtype=torch.float64, requires_grad=True)
    found, weights = ours(x[:, -1:], x, 2 * x, need_weights=True)
    expected, expected_weights = plain(x[:, -1:], x, 2 * x, need_weights=True)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(weights, expected_weights)
    ours_grads, plain_grads = (
        torch.autograd.grad(output.square().sum(), [x, *module.parameters()])
        for output, module in ((found, ours), (expected, plain))
    )
    for one, other in zip(ours_grads, plain_grads, strict=True):
        torch.testing.assert_close(one, other, atol=1e-9, rtol=1e-6)


def test_dropout_keeps_the_mean_of_what_is_attended_to():
    torch.manual_seed(0)
    ours = LastDayAttention(HIDDEN, HEADS, 0.5)
    x = torch.randn(1, DAYS, HIDDEN).expand(20_000, -1, -1)
    with torch.no_grad():
        noisy = ours(x[:, -1:], x, x)[0]
        exact = ours.eval()(x[:1, -1:], x[:1], x[:1])[0]
    assert noisy.std(0).min() > 0
    torch.testing.assert_close(noisy.mean(0), exact[0], atol=0.02, rtol=0.05)
