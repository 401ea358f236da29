"""The learning rate that a run declared for each step, from its INTENT line."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from monitor.grammar import Intent

if TYPE_CHECKING:
    import numpy as np


def declared_rate(step: int, intent: Intent) -> float | None:
    """Return the declared rate of optimizer step `step`, counted from 1; None unless a known schedule is declared.

    The rate rises linearly from `warmup_start` before the first step to `base_lr` at step `warmup_steps`, then follows
    the schedule: ``constant``, or ``linear`` or ``cosine`` (Loshchilov and Hutter 2017) to `min_lr` at step
    `total_steps`.
    """
    shape = _SHAPES.get(intent.schedule or "")
    if shape is None or intent.base_lr is None or (intent.total_steps is None and shape is not _constant):
        return None
    warmup_steps, least = intent.warmup_steps or 0, intent.min_lr or 0.0
    if step < warmup_steps:
        start = intent.warmup_start or 0.0
        return start + (intent.base_lr - start) * step / warmup_steps
    length = max((intent.total_steps or 0) - warmup_steps, 1)
    progress = min(max(step - warmup_steps, 0) / length, 1.0)
    return least + (intent.base_lr - least) * shape(progress)


def declared_rates(steps: np.ndarray, intent: Intent) -> np.ndarray | None:
    """Return what `declared_rate` returns for each of many steps, to the last bit."""
    import numpy as np

    shape = _SHAPES.get(intent.schedule or "")
    if shape is None or intent.base_lr is None or (intent.total_steps is None and shape is not _constant):
        return None
    warmup_steps, least = intent.warmup_steps or 0, intent.min_lr or 0.0
    start = intent.warmup_start or 0.0
    length = max((intent.total_steps or 0) - warmup_steps, 1)
    progress = np.minimum(np.maximum(steps - warmup_steps, 0) / length, 1.0)
    after = least + (intent.base_lr - least) * _shapes(shape, progress)
    if warmup_steps <= 0:
        return after
    return np.where(steps < warmup_steps, start + (intent.base_lr - start) * steps / warmup_steps, after)


def _shapes(shape: Callable[[float], float], progress: np.ndarray) -> np.ndarray:
    """Return a shape at each of many points."""
    import numpy as np

    if shape is not _cosine:
        return np.array(list(map(shape, progress.tolist())))
    # numpy's own cosine may differ in the last bit.
    return (1 + np.array(list(map(math.cos, (math.pi * progress).tolist())))) / 2


def _constant(progress: float) -> float:
    del progress
    return 1.0


def _linear(progress: float) -> float:
    return 1 - progress


def _cosine(progress: float) -> float:
    return (1 + math.cos(math.pi * progress)) / 2


_SHAPES: dict[str, Callable[[float], float]] = {"constant": _constant, "linear": _linear, "cosine": _cosine}
"""Fraction of the way from `min_lr` to `base_lr`, by the fraction of the steps after the warm-up."""
