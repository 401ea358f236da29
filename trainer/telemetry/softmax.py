"""Whether a loss of class scores has a softmax too many, or one over the rows of the batch instead of the classes.

In: a model's outputs for classes. Out: the losses that they give with each of these mistakes, by name.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from trainer.telemetry.smoothing import Scored

RIGHT, TWICE, OVER_BATCH = "cross_entropy", "softmax_twice", "softmax_over_batch"
IS_ONE = 1e-3
"""Sums that are so near to 1 are those of a softmax. Chosen by hand, 2026-11: numbers of lower precision are given the
rounding of their type as well.
"""


def losses_of_scores(scores: Tensor, classes: Tensor, *, rounding: float = 0.0) -> dict[str, Scored]:
    """Return the losses of ``scores`` (rows × classes) by the mistake that each would be; `RIGHT` for none.

    Scores that already are what a softmax gives make the plain cross-entropy a mistake. ``rounding`` is the relative
    rounding of the numbers that the model gave.
    """
    near = max(IS_ONE, rounding)
    plain = scores.log_softmax(1)
    if _is_softmax(scores, 1, near):
        return {TWICE: _scored(plain, classes)}
    if len(scores) > 1 and _is_softmax(scores, 0, near):
        return {OVER_BATCH: _scored(plain, classes)}
    if len(scores) > 1 and _is_softmax(scores.exp(), 0, near):
        return {OVER_BATCH: _scored(scores, classes)}
    return {
        RIGHT: _scored(plain, classes),
        TWICE: _scored(plain.exp().log_softmax(1), classes),
        OVER_BATCH: _scored(scores.log_softmax(0), classes),
    }


def _scored(logs: Tensor, classes: Tensor) -> Scored:
    """Return the losses of logarithms of shares; classes below 0 are left out, as torch leaves them out."""
    even = -logs.mean(1)[classes >= 0].mean()
    return Scored(float(functional.nll_loss(logs, classes)), float(even))


def _is_softmax(scores: Tensor, dim: int, near: float) -> bool:
    """Return whether the numbers are shares of a whole along ``dim``, with sums so near to 1."""
    off = (scores.sum(dim) - 1).abs().max()
    return bool(torch.logical_and(scores.min() >= 0, off < near))
