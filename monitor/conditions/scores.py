"""Scores: figures of a validation that are shares of what is possible, such as an accuracy, and better when higher."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.reader.metric_names import direction_of, is_best_so_far, is_counted
from monitor.reader.signals import METRIC, Labels
from monitor.run.attempt import Attempt
from monitor.run.columns.preview import Ahead
from monitor.run.series import Series


def ideal_of(name: str, *known: Series) -> float | None:
    """Return the best that a score can be: 1, or 100 in percent; None if it is none, or has no bound."""
    if direction_of(name) != "higher" or not is_counted(name) or not all(each.minimum >= 0 for each in known):
        return None
    most = max(each.maximum for each in known)
    return next((ideal for ideal in (1.0, 100.0) if most <= ideal), None)


def scores_of(attempt: Attempt) -> Iterator[tuple[Labels, Series, float]]:
    """Yield each score of a validation with the best that it can be."""
    for labels, series in attempt.of(METRIC).items():
        name = _score_in(labels)
        ideal = ideal_of(name, series) if name else None
        if ideal is not None:
            yield labels, series, ideal


def come(ahead: Ahead) -> bool:
    """Whether a score is among the lines ahead."""
    return any(map(_score_in, ahead.coming.get(METRIC, ())))


def _score_in(labels: Labels) -> str:
    """Return the name of a score of a validation; empty if these labels name something else."""
    own = dict(labels)
    name = own["name"]
    is_score = own["split"] == "val" and direction_of(name) == "higher" and is_counted(name)
    return name if is_score and not is_best_so_far(name) else ""
