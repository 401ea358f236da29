"""What a shape that is not read would mean, and why it is not sure: for the person who asks."""

from __future__ import annotations

from typing import NamedTuple

from monitor.reader import phrases
from monitor.reader.heads import take_head
from monitor.reader.plan import plan_of
from monitor.reader.slots import MEASURED_OR_TIMED
from monitor.reader.state import Clock
from monitor.reader.template import shape_of


class Guess(NamedTuple):
    """What the numbers of a line may be."""

    guess: str
    """Names and values; empty where no number has a name."""
    doubt: str
    """What keeps them from being read."""


def guess_of(line: str) -> Guess:
    """Return what the numbers of a line may be, and what keeps them from being read; both empty without a number."""
    head = take_head(line, Clock())
    shape = shape_of(head.body)
    if not shape.slots:
        return Guess("", "")
    plan = plan_of(shape.template, head.logger)
    named = []
    for slot, text in zip(plan.slots, shape.slots, strict=False):
        name = slot.quantity if slot.role == "place" else slot.name or slot.quantity
        if name and slot.role in (*MEASURED_OR_TIMED, "place"):
            named.append(f"{name} ({slot.split}) {text}" if slot.split else f"{name} {text}")
    places = [slot for slot in plan.slots if slot.role == "place"]
    doubts = []
    if head.is_warning:
        doubts.append("a warning tells of trouble and reports no measurement")
    if phrases.is_code(head.body) or phrases.is_config(shape.template):
        doubts.append("looks like source code or settings")
    if plan.is_prose:
        doubts.append("a sentence")
    if any(slot.role == "none" for slot in plan.slots):
        doubts.append(f"{sum(slot.role == 'none' for slot in plan.slots)} numbers without a name")
    if not places:
        doubts.append("names no step and no epoch")
    if not any(slot.role in MEASURED_OR_TIMED for slot in plan.slots):
        doubts.append("measures nothing that has a name")
    return Guess(", ".join(named[:12]), "; ".join(doubts))
