"""A filled plan → the values that a line measures: which of several losses is the loss, and the split of each."""

from __future__ import annotations

import math

from monitor.reader.filling import Filled
from monitor.reader.numbers import Written
from monitor.reader.plan import Plan
from monitor.reader.report import Value
from monitor.reader.slots import MEASURED_OR_TIMED, Slot
from monitor.reader.state import ReadState
from monitor.reader.vocabulary import words_of


def values_of(plan: Plan, filled: list[Filled], subject: str, state: ReadState) -> tuple[Value, ...]:
    """Return what a filled plan measures, the loss first."""
    found: list[Value] = []
    best: dict[str, tuple[int, int]] = {}
    num_other_losses: dict[str, int] = {}
    roles = plan.roles
    averages = {each.slot.of: each for each in filled if each.slot.role == "average"} if "average" in roles else {}
    lists = _unequal_lists(plan, filled) if "item" in roles else set()
    is_metered = "place" in roles and any(
        slot.role == "place" and slot.quantity in ("batch", "step", "position") for slot in plan.slots
    )
    by_index = {id(slot): index for index, slot in enumerate(plan.slots)}
    chosen: dict[str, Value] = {}
    rivals: set[str] = set()
    broken: dict[str, Written] = {}
    totals = {each.slot.of: each for each in filled if each.slot.role == "total"} if "total" in roles else {}
    has_parts = "criterion" in roles or "part" in roles
    for each in filled:
        slot = each.slot
        index = by_index[id(slot)]
        if slot.role not in MEASURED_OR_TIMED or index in lists:
            continue
        split = slot.split or ("" if slot.quantity == "lr" else subject)
        number = each.number
        if is_metered and subject in ("val", "test") and index in averages and not slot.split:
            number = averages[index].number
        if slot.name == "cost" and slot.role == "value" and has_parts:
            continue  # beside losses by name, it may as well be what the epoch took in seconds
        if slot.quantity == "loss" and not slot.marks & {"best", "aux"}:
            if not split and "average" in slot.marks:
                split = plan.held_out_loss  # "test_loss: 0.5 | avg_loss: 0.6"
            group = split if split in ("val", "test") else "train"
            score = _loss_score(slot)
            value = Value("loss", "", group, number.value, number.digits)
            if slot.role in ("criterion", "part"):
                num_other_losses[group] = num_other_losses.get(group, 0) + 1
                if not math.isfinite(number.value) and "average" not in slot.marks:
                    broken[group] = number
                found.append(Value("metric", slot.name, split, number.value, number.digits))
            if score == 2 and best.get(group, (0, 0))[0] == 2 and number.value != chosen[group].number:
                rivals.add(group)
            if score and (group not in best or score > best[group][0]):
                best[group] = (score, index)
                chosen[group] = value
            continue
        if slot.role == "metric" or slot.marks & {"best", "aux"}:
            if slot.role == "time":
                continue
            amount, total = number.value, totals.get(index)
            if total is not None and math.isfinite(amount) and not _are_counts(number, total.number):
                continue  # "acc 0.39/0.41": of two sets, or now and at best
            if total is not None and amount > total.number.value:
                continue  # "i=1267/530" is not a share
            if total is not None and total.number.value:
                amount /= total.number.value
            name = slot.name or slot.quantity
            if words_of(name)[-1:] == ["loss"] and not slot.marks:
                group = split if split in ("val", "test") else "train"
                num_other_losses[group] = num_other_losses.get(group, 0) + 1
            found.append(Value("metric", name if name != "metric" else "", split, amount, number.digits))
        elif slot.role == "time":
            found.append(Value(slot.quantity, "", split, number.value * slot.scale, number.digits))
        elif slot.role == "value":
            found.append(Value(slot.quantity, "", split, number.value, number.digits))
    found = [value for value in found if not _is_nameless_count(value)]
    for group, number in broken.items():
        if group not in chosen or best[group][0] == 1:
            # The whole is not finite where one of its parts is not.
            chosen[group], best[group] = Value("loss", "", group, number.value, number.digits), (2, -1)
    if not subject and any(value.split in ("val", "test") for value in (*found, *chosen.values())):
        twins = {value.name for value in found if value.split in ("val", "test")}
        found = [value._replace(split="train") if not value.split and value.name in twins else value for value in found]
    elif not subject and (chosen or "place" in roles):
        found = [
            value._replace(split="train") if value.quantity == "metric" and not value.split else value
            for value in found
        ]
    for group, value in chosen.items():
        score = best[group][0]
        if score == 2 and group in rivals:
            continue  # "ema_loss 0.25 | avg_loss 0.24": which of the two is it?
        if score == 1 and (num_other_losses.get(group, 0) != 1 or (state.has_loss and group == "train")):
            continue
        if group == "train" and score > 1 and best[group][1] >= 0:
            state.has_loss = True
        found.insert(0, value)
    return tuple(_once(found))


def _is_nameless_count(value: Value) -> bool:
    """Whether a value is a whole number that has no more than a set for its name: ``Training: 3`` is not a figure."""
    return value.quantity == "metric" and not value.name and not value.digits and math.isfinite(value.number)


def _are_counts(part: Written, whole: Written) -> bool:
    """Whether two numbers are a count and its total: ``9126/10000``."""
    return part.value.is_integer() and whole.value.is_integer() and not part.digits and not whole.digits


def _once(values: list[Value]) -> list[Value]:
    """The first of two values of one quantity counts: the one that is printed first is the present one."""
    seen: set[tuple[str, str, str]] = set()
    kept = []
    for value in values:
        key = value[:3]
        if key not in seen:
            seen.add(key)
            kept.append(value)
    return kept


def _loss_score(slot: Slot) -> int:
    if slot.role == "criterion":
        return 1
    if slot.role == "part":
        return 0
    if "average" in slot.marks:
        return 2
    if "epoch" in words_of(slot.name or ""):
        return 3
    return 5 if slot.split == "train" else 4


def _unequal_lists(plan: Plan, filled: list[Filled]) -> set[int]:
    """Return the slots whose list holds different numbers: which of them is meant is not sure."""
    first = {index: each.number.value for index, each in enumerate(filled)}
    by_slot = {id(each.slot): each.number.value for each in filled}
    bad = set()
    for slot in plan.slots:
        if slot.role == "item" and slot.of >= 0:
            head = by_slot.get(id(plan.slots[slot.of]))
            mine = by_slot.get(id(slot))
            if head is not None and mine is not None and head != mine and not (math.isnan(head) or math.isnan(mine)):
                bad.add(slot.of)
    return bad if first else set()
