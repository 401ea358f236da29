"""Whether epochs that go back to the first one begin another training, in a log that does not say where it ends.

Nothing else can tell where the number of epochs is not known: a training that was stopped early, or that never says how
many epochs there will be, has the next one behind it without a word.
"""

from __future__ import annotations

FEWEST_BEYOND = 2
"""Epochs that the same kind of line has named beyond the first one: processes that write one log, or an evaluation that
comes late, are one epoch apart. Chosen by hand, 2026-11."""
MOST_KINDS = 16
"""Kinds of lines that are followed; a log has a handful."""
HEAD = "head"
OVER = "over"
"""Kinds of lines that name an epoch and measure nothing: it begins, it is over."""

Furthest = dict[str, int]
"""Kind of line that named the first epoch → the furthest one that it has named, as written."""


def further(furthest: Furthest, kind: str, epoch: int, first: int | None) -> Furthest:
    """Return how far each kind of line has come once one has named an epoch; ``first`` is the log's first epoch."""
    known = furthest.get(kind)
    if not kind or (known is None and (epoch != first or len(furthest) >= MOST_KINDS)):
        return furthest
    return {**furthest, kind: epoch} if known is None or epoch > known else furthest


def begins_anew(furthest: Furthest, kind: str, epoch: float, first: int | None) -> bool:
    """Whether an epoch is the first one again, or one before it, and of another training."""
    return first is not None and epoch <= first and furthest.get(kind, epoch) >= epoch + FEWEST_BEYOND


def fraction_begins_anew(done: float, before: float | None, first: float | None) -> bool:
    """Whether the epochs done, as a fraction, are those of another training: back at the first, from an epoch on."""
    return before is not None and first is not None and done <= first and before >= first + 1
