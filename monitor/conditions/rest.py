"""Whether a training without noise has come to rest, so that figures which stay the same prove nothing.

A training on all its rows at once comes nearer to its minimum step by step: what it still moves shrinks until no
printed digit shows it. One that broke stops in the middle of a move, or never moved.
"""

from __future__ import annotations

from monitor.conditions.digits import last_place
from monitor.conditions.training_move import TRAINING
from monitor.run.run import Run
from monitor.run.series import Point, Series

PLACES = 2.0
"""A move of so many printed places is none, and the last one of an approach. Chosen by hand, 2026-11."""
SHARE = 1e-5
"""So is one of this share of the value, where all digits are printed: a hundred times what single precision resolves.
Chosen by hand, 2026-11."""
LEAST_REPORTS = 2
"""So many reports of the training after a figure was first repeated show whether it still moves."""


def has_approached(run: Run, signal: str, series: Series) -> bool:
    """Return whether a series moved less and less before it stayed the same; False if it never moved."""
    return series.last_move <= _least_move(run, signal, series)


def has_fallen_to_rest(run: Run, signal: str, series: Series) -> bool:
    """Return whether a loss fell, and moved less and less before it stayed the same."""
    return series.first is not None and series.last.value < series.first.value and has_approached(run, signal, series)


def rests_with_training(run: Run, signal: str, series: Series, since: Point) -> bool | None:
    """Return whether the training stays the same as well since a point, and one of the two came there by and by.

    None while too few reports of the training have come since; False where the log has no training loss, for then
    nothing speaks for a rest.
    """
    for name in TRAINING:
        training = run.attempt.of(name).get(())
        if training is None:
            continue
        after = [point.value for point in training.recent if point.serial > since.serial]
        if len(after) < LEAST_REPORTS:
            return None
        is_still = max(after) - min(after) <= _least_move(run, name, training)
        return is_still and (has_approached(run, signal, series) or has_fallen_to_rest(run, name, training))
    return False


def _least_move(run: Run, signal: str, series: Series) -> float:
    """Return how far a value must go to have moved."""
    place = last_place(run, signal, list(series.recent))
    return max(PLACES * place, SHARE * abs(series.last.value)) * (1 + 1e-9)
