"""``[n/total]`` without a word → a batch, a step or an epoch, by what its next values tell."""

from __future__ import annotations

from monitor.reader.places import Named, PlaceState, enter_batch, enter_epoch, enter_step

MOST_BATCHES = 10_000
"""A bare count up to more than this, under the head of an epoch, may as well be one of samples."""


def enter_position(state: PlaceState, named: Named, *, has_val: bool, has_loss: bool) -> int | None:
    """Move to ``[n/total]`` without a word: a batch in an epoch that is known, else what its next value tells.

    A count that leaps is one of steps; one that goes by one, with a validation each time, is one of epochs.
    """
    if not 0 <= named.value < 1e15:
        return None
    value, total = int(named.value), int(named.total or 0)
    if not (total or has_loss or has_val):
        return None  # "[051910] LR: 0.1": what it counts, or whether it counts, is not said
    if state.index is not None and state.position_is != "epoch":
        is_of_training = state.batches in (None, total)
        if 0 < total < MOST_BATCHES and not state.is_fraction and is_of_training:
            return enter_batch(state, named)
        return None
    was = state.position
    if was is None:
        state.position_from = value
    state.has_seen_zero = state.has_seen_zero or value == 0
    if was != (value, total):
        if not state.position_is and was is not None and was[1] == total and value > was[0]:
            state.position_is = "step" if value > was[0] + 1 else "epoch" if state.position_vals >= 2 else ""
        state.position, state.position_vals = (value, total), state.position_vals if state.has_position_val else 0
        state.has_position_val = False
    if has_val and not state.has_position_val:
        state.has_position_val, state.position_vals = True, state.position_vals + 1
    if state.position_is == "epoch":
        if state.starts_at is None:
            state.starts_at = 0 if state.has_seen_zero else 1 if state.has_seen_one else state.position_from
            state.from_zero = {0: True, 1: False}.get(state.starts_at)
        enter_epoch(state, named)
    return enter_step(state, named) if state.position_is == "step" else None
