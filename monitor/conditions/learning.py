"""Whether a training learns, as its loss tells: a figure that is 0 in every report may never have been measured.

A trainer may print a field that it fills only with some options: a gradient norm without clipping, a rate without a
schedule. A model whose gradients or rates are 0 cannot lower its loss, so the loss tells such a field from a fault.
"""

from __future__ import annotations

import math

from monitor.conditions.shapes import mean
from monitor.conditions.training_move import ERRORS, TRAINING, noise_of
from monitor.run.attempt import Attempt

LEAST_REPORTS = 10
"""With fewer reports of the loss, noise may look like a fall or hide one. Chosen by hand, 2026-11."""
MOST_PER_SIDE = 16
"""The first and the newest reports that are compared: at most so many of each. Chosen by hand, 2026-11."""
STILL = 1.0
"""A fall of less than one standard error is none. One of more than `ERRORS` is clear; between them it is open."""


def has_learnt(attempt: Attempt) -> bool | None:
    """Return whether the training loss has clearly fallen since its first reports; None where that is still open."""
    known = [each for name in TRAINING if (each := attempt.of(name).get(())) is not None]
    loss = max(known, key=lambda each: each.count, default=None)
    if loss is None or loss.count < LEAST_REPORTS:
        return None
    num = min(loss.count // 2, MOST_PER_SIDE)
    newest = [point.value for point in loss.recent][-num:]
    sides = [[value for value in side if math.isfinite(value)] for side in (loss.early[:num], newest)]
    if not all(sides):
        return None
    fall = mean(sides[0]) - mean(sides[1])
    error = noise_of(loss) * math.sqrt(sum(1 / len(side) for side in sides))
    if fall <= STILL * error:
        return False
    return True if fall > ERRORS * error else None


def reports_a_loss(attempt: Attempt) -> bool:
    """Whether the log has a training loss, by which `has_learnt` can judge."""
    return any(attempt.of(name) for name in TRAINING)
