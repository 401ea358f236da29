"""Predictions without the noise of dropout, whose spread would hide that a model says the same of every row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def without_noise(model: nn.Module) -> Iterator[None]:
    """Switch off every dropout of a model in training within this block; no random number is drawn.

    Recurrent layers keep their mode, because cuDNN has no backward pass outside of training. So does the model itself,
    which by its mode tells hooks that this is not a validation.
    """
    quiet = [
        part for part in model.modules() if part.training and part is not model and not isinstance(part, nn.RNNBase)
    ]
    for part in quiet:
        part.training = False
    try:
        yield
    finally:
        for part in quiet:
            part.training = True
