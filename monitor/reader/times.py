"""A time without a word for what it is of: of a step, or since the start? Only its line can tell."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.reader.slots import BARE, LOADING, Slot


def times_told(slots: Sequence[Slot]) -> list[Slot]:
    """Return the slots with each bare time as one of a step only where the line says so.

    It does where a mean follows in parentheses, as meters of batches print it, where the time that a step waits for its
    data is beside it, and where it is in milliseconds. Anything else may as well grow from line to line.
    """
    averaged = {slot.of for slot in slots if slot.role == "average"}
    is_loading = any(slot.name == LOADING and slot.role in ("time", "clock") for slot in slots)
    return [
        slot
        if slot.role != "time" or slot.name != BARE or is_loading or index in averaged or slot.scale < 1
        else slot._replace(role="clock", quantity="train_time")
        for index, slot in enumerate(slots)
    ]
