"""A plan and the numbers of one line → which number belongs to which slot; a word for nothing among them."""

from __future__ import annotations

from typing import NamedTuple

from monitor.reader.numbers import Written, decides_comma, may_count, read
from monitor.reader.plan import Plan
from monitor.reader.slots import MEASURED, Slot
from monitor.reader.state import ReadState
from monitor.reader.template import template_key

_COUNTS = frozenset(("step", "batch", "position", "samples", "max_steps"))
"""Places that are whole numbers: what a comma parts in them are thousands."""


class Filled(NamedTuple):
    """One slot of a plan, and what is in it."""

    slot: Slot
    number: Written
    text: str


def fill_of(plan: Plan, numbers: list[Written]) -> list[Filled]:
    """Return a plan's slots with these numbers."""
    return [Filled(slot, number, repr(number.value)) for slot, number in zip(plan.slots, numbers, strict=True)]


def fill(template: str, plan: Plan, texts: tuple[str, ...], state: ReadState) -> list[Filled]:
    if state.has_decimal_comma is None:
        for text in texts:
            if (said := decides_comma(text)) is not None:
                state.has_decimal_comma = said
                break
    found = []
    empties: list[tuple[int, bool]] = []
    for index, (slot, text) in enumerate(zip(plan.slots, texts, strict=False)):
        is_count = slot.quantity in _COUNTS or (slot.role == "total" and plan.slots[slot.of].quantity in _COUNTS)
        number = read(text, has_decimal_comma=False if is_count else state.has_decimal_comma)
        if number is None:
            continue
        if number.is_empty:
            empties.append((index, True))
        found.append(Filled(slot, number, text))
    if empties or template_key(template) in state.empties:
        found = _without_empties(template, found, state)
    elif (
        any(each.slot.role in ("value", "metric") for each in found)
        and len(state.empties) < 64
        and _may_be_empty(template)
    ):
        state.empties[template_key(template)] = "n"
    return found


def _may_be_empty(template: str) -> bool:
    return any(text in template for text in (":\x00", ": \x00", "=\x00", ": '\x00", ': "\x00'))


def _without_empties(template: str, found: list[Filled], state: ReadState) -> list[Filled]:
    """A word for nothing is not finite where numbers came before it; else nothing was measured there.

    A validation that was not run in this epoch measured nothing, even after others: one that was has other figures.
    """
    key = template_key(template)
    was = state.empties.get(key, "")
    has_words = any(each.number.is_empty for each in found)
    if was == "n" and has_words:
        if any(not each.number.is_empty and each.slot.role in MEASURED for each in found):
            # "loss: 0.5, stop_rate: null": a score that was not taken. A loss that is none is not finite.
            found = [each for each in found if not (each.number.is_empty and each.slot.role == "metric")]
        held_out = [each for each in found if each.slot.split in ("val", "test")]
        if any(not each.number.is_empty and each.slot.role in ("value", "metric") for each in held_out):
            return found
        return [each for each in found if not (each.number.is_empty and each.slot.split in ("val", "test"))]
    if has_words and not was and len(state.empties) < 256:
        state.empties[key] = "w"
    return [each for each in found if not each.number.is_empty]


def total_of(each: Filled, filled: list[Filled]) -> float | None:
    position = next(index for index, other in enumerate(filled) if other is each)
    if position + 1 < len(filled) and filled[position + 1].slot.role == "total":
        total = filled[position + 1].number.value
        return total if may_count(total) else None
    return None
