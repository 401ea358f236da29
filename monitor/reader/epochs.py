"""Whether a report says that its epoch is over."""

from __future__ import annotations

from monitor.reader.filling import Filled, template_key
from monitor.reader.report import Value
from monitor.reader.state import ReadState


def note_epoch_line(
    template: str, places: list[Filled], values: tuple[Value, ...], subject: str, state: ReadState
) -> None:
    """An epoch is over by a line that reports the whole of it: one that names it and no batch, once per epoch."""
    place = state.place
    is_val = subject in ("val", "test") or all(value.split in ("val", "test") for value in values)
    place.is_val_last = is_val
    place.num_vals += is_val
    if place.index is None or place.is_fraction:
        return
    if is_val and place.vals_close and place.num_vals == 1:
        place.is_over = True
    kinds = {each.slot.quantity for each in places}
    has_inner = bool(kinds & {"step", "batch", "samples", "position", "index"})
    is_measured = any(value.quantity in ("loss", "metric") for value in values)
    if "epoch" in kinds and not has_inner and is_measured:
        key = f"{template_key(template)}|{place.index}"
        if key == state.epoch_line:
            state.is_repeating, place.is_over = True, False
        state.epoch_line = key
        if not state.is_repeating:
            place.is_over = True
    elif not places and subject in ("val", "test") and is_measured and place.inner is None and not place.step_word:
        place.is_over = True
