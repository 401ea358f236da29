"""What the run declared to be another phase or other data: numbers from before and after are not comparable."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from monitor.base.evidence import Evidence
from monitor.run.attempt import EARLY_STOP, Attempt
from monitor.run.series import Point


class Change(NamedTuple):
    """A declared change, and the line that declared it."""

    words: str
    evidence: Evidence
    serial: int
    """As `Point.serial`: samples with a larger one came after it."""


def declared_change(attempt: Attempt) -> Change | None:
    """Return the newest phase or data change that the run declared; None for none."""
    changes = [
        Change(f"{word}={getattr(attempt.intent, word)}", attempt.intent_evidence[word], attempt.intent_serials[word])
        for word in ("phase_change", "data_change")
        if word in attempt.intent_evidence and getattr(attempt.intent, word) != EARLY_STOP
    ]
    return max(changes, key=lambda change: change.serial, default=None)


def since(change: Change | None, points: Iterable[Point]) -> list[Point]:
    """Return the points that came after a change; all of them where there was none."""
    if change is None:
        return list(points)
    return [point for point in points if point.serial > change.serial]
