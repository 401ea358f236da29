"""The learning rate of each step: linear warm-up, then a cosine, as declared in the INTENT line."""

from __future__ import annotations

import math

from trainer.config import OptimConfig


def learning_rate(step: int, config: OptimConfig, *, total_steps: int) -> float:
    """Return the rate of optimizer step `step`, counted from 1.

    It rises linearly from 0 to `base_lr` at step `warmup_steps`, then falls along half a cosine (Loshchilov and Hutter
    2017) to `min_lr` at step `total_steps`.
    """
    if step < config.warmup_steps:
        return config.base_lr * step / config.warmup_steps
    length = max(total_steps - config.warmup_steps, 1)
    progress = min(max(step - config.warmup_steps, 0) / length, 1.0)
    return config.min_lr + (config.base_lr - config.min_lr) * (1 + math.cos(math.pi * progress)) / 2
