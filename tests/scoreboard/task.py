"""A learnable task: windows of features, and a target that they explain in part.

Shapes: B rows, T days, F features.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from tests.scoreboard.architectures import DAYS, FEATURES
from tests.scoreboard.recipes import Recipe

VALID_DAYS, VALID_ROWS_A_DAY = 24, 16


class Task(NamedTuple):
    """Training rows, and validation rows by day."""

    train_x_BTF: Tensor
    train_y_B1: Tensor
    valid_x_BTF: Tensor
    valid_y_B1: Tensor
    valid_day_B: Tensor


def make_task(recipe: Recipe, seed: int) -> Task:
    """Draw the rows of a run."""
    draw = torch.Generator().manual_seed(seed)
    weights_TF = torch.randn(DAYS, FEATURES, generator=draw) / (DAYS * FEATURES) ** 0.5
    curves_TF = torch.randn(DAYS, FEATURES, generator=draw) / (DAYS * FEATURES) ** 0.5
    scales_F = torch.logspace(-1, 1, FEATURES, base=recipe.scales)

    def rows(count: int) -> tuple[Tensor, Tensor]:
        x_BTF = torch.randn(count, DAYS, FEATURES, generator=draw)
        if recipe.has_heavy_tails:
            # Student's t with five degrees of freedom, of variance 1.
            chi_BTF = torch.randn(5, count, DAYS, FEATURES, generator=draw).square().sum(0)
            x_BTF = x_BTF * (3 / chi_BTF).sqrt()
        signal_B = (x_BTF * weights_TF).sum((1, 2)) + torch.tanh(2 * (x_BTF * curves_TF).sum((1, 2)))
        noise_B = recipe.noise_std * torch.randn(count, generator=draw)
        y_B = signal_B / 1.25 + noise_B
        return x_BTF * scales_F, (y_B / (1 + recipe.noise_std**2) ** 0.5).unsqueeze(1)

    train_x_BTF, train_y_B1 = rows(recipe.rows or recipe.batches * recipe.batch_size * recipe.accumulate)
    num_spoilt = round(recipe.label_noise * len(train_y_B1))
    train_y_B1[:num_spoilt] = train_y_B1[:num_spoilt][torch.randperm(num_spoilt, generator=draw)]
    valid_x_BTF, valid_y_B1 = rows(VALID_DAYS * VALID_ROWS_A_DAY)
    day_B = torch.arange(VALID_DAYS).repeat_interleave(VALID_ROWS_A_DAY)
    return Task(train_x_BTF, train_y_B1, valid_x_BTF, valid_y_B1, day_B)
