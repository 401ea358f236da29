"""Ranks within a day against their definitions, pair by pair, and soft ranks' gradients against numerical ones."""

import pytest
import torch

from trainer.model import soft_ranks as module
from trainer.model.day_grid import Cells
from trainer.model.soft_ranks import soft_ranks, target_ranks

SCALE = torch.full((2, 1, 3), 0.7, dtype=torch.float64)


def made_cells() -> tuple[torch.Tensor, Cells]:
    """Return values with ties, of two days with gaps; the last horizon of the second day has no label."""
    torch.manual_seed(0)
    values = torch.randint(-3, 4, (2, 9, 3)).double()
    mask = torch.rand(2, 9, 3) < 0.7
    mask[1, :, 2] = False
    return values.masked_fill(~mask, 0.0), Cells(mask)


def by_definition(values: torch.Tensor, cells: Cells, below) -> torch.Tensor:
    counted = below(values.unsqueeze(2) - values.unsqueeze(1)) * cells.mask.unsqueeze(1)
    return counted.sum(2) / cells.mask.sum(1, keepdim=True).clamp(min=1)


def test_target_ranks_count_the_labels_below_and_half_of_the_equal_ones():
    values, cells = made_cells()
    expected = by_definition(values, cells, lambda gap: (gap > 0).double() + 0.5 * (gap == 0).double())
    assert torch.equal(cells.only(target_ranks(values, cells)), cells.only(expected))


@pytest.mark.parametrize("chunk_pairs", [1, 3 * 6 * 9, 2**20])
def test_soft_ranks_are_sums_of_sigmoids_with_their_gradient(chunk_pairs: int, monkeypatch):
    monkeypatch.setitem(module.CHUNK_PAIRS, "cpu", chunk_pairs)
    values, cells = made_cells()
    expected = by_definition(values, cells, lambda gap: torch.sigmoid(gap / SCALE.unsqueeze(1)))
    torch.testing.assert_close(cells.only(soft_ranks(cells.centre(values), cells, SCALE)), cells.only(expected))
    values.requires_grad_()
    assert torch.autograd.gradcheck(lambda points: cells.only(soft_ranks(cells.only(points), cells, SCALE)), (values,))
