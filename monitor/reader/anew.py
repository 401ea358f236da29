"""Whether epochs that go back to the first one begin another training, in a log that does not say where it ends.

Nothing else can tell where the number of epochs is not known: a training that was stopped early, or that never says how
many epochs there will be, has the next one behind it without a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from monitor.reader.template import template_key

if TYPE_CHECKING:
    from monitor.reader.places import Named, PlaceState
    from monitor.reader.report import Value

FEWEST_BEYOND = 2
"""Epochs that the same kind of line has named beyond the first one: processes that write one log, or an evaluation that
comes late, are one epoch apart. Chosen by hand, 2026-11."""
MOST_KINDS = 16
"""Kinds of lines that are followed; a log has a handful."""
HEAD = "head"
OVER = "over"
"""Kinds of lines that name an epoch and measure nothing: it begins, it is over."""


def kind_of(template: str, values: Sequence[Value], subject: str) -> str:
    """Return what kind of line names an epoch: all that give a loss of the training are one, and all that give nothing.
    Empty where it may look back: models are evaluated after the training, too, and then from the first epoch on.
    """
    if not values:
        return HEAD
    if subject in _HELD_OUT or all(value.split in _HELD_OUT for value in values):
        return ""
    has_loss = any(value.quantity == "loss" and value.split not in _HELD_OUT for value in values)
    return "loss" if has_loss else template_key(template)


_HELD_OUT = ("val", "test")


def note_first(state: PlaceState, named: Named) -> None:
    """Note how far a kind of line that named the first epoch has come."""
    raw, kind = int(named.value), named.kind
    if not kind:
        return
    known = state.furthest.get(kind)
    if known is None and (raw != state.starts_at or len(state.furthest) >= MOST_KINDS):
        return
    if known is None or raw > known:
        state.furthest = {**state.furthest, kind: raw}


def begins_anew(state: PlaceState, named: Named) -> bool:
    """Whether an epoch is the first one again, or one before it, and of another training.

    Where the log counts its steps over all epochs, they tell what goes on and what goes back.
    """
    if state.step_word > 0 or state.resumes or state.starts_at is None or named.value > state.starts_at:
        return False
    return state.furthest.get(named.kind, named.value) >= named.value + FEWEST_BEYOND


def fraction_begins_anew(state: PlaceState, progress: float) -> bool:
    """Whether the epochs done, as a fraction, are those of another training: back at the first, from an epoch on."""
    if state.progress is None or state.progress_from is None or state.resumes or state.step is not None:
        return False
    return progress <= state.progress_from and state.progress >= state.progress_from + 1
