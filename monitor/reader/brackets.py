"""Places without a word of their own → epoch, batch, step, by what comes before them."""

from __future__ import annotations

import re

from monitor.reader.slots import MEASURED, MEASURED_OR_TIMED, Slot
from monitor.reader.vocabulary import shipped


def name_brackets(found: list[Slot], gaps: list[str]) -> list[Slot]:
    """Say what places without a word are, by the place before them: an epoch, then its batch."""
    slots = list(found)
    is_named = bool(slots) and slots[0].role == "splitword"
    for index, slot in enumerate(slots):
        is_pair = index + 1 < len(slots) and slots[index + 1].role == "total" and slots[index + 1].of == index
        before = slots[:index]
        has_epoch = any(each.quantity == "epoch" for each in before)
        has_inner = any(each.quantity in ("step", "batch") and each.role == "place" for each in before)
        has_value = any(each.role in MEASURED for each in before)
        if slot.role == "splitword":
            # "Train: 0 [10/1251]", "Train: [0/300][10/1251]": an epoch, where a batch follows; else not sure.
            follows = [each for each in slots[index + 1 :] if each.role != "total"]
            has_batch = (
                bool(follows) and follows[0].role == "bracket" and slots.index(follows[0], index + 1) <= index + 2
            )
            is_pair_after = has_batch and _is_pair(slots, slots.index(follows[0], index + 1))
            if has_batch and is_pair_after:
                slots[index] = Slot("place", "epoch", split=slot.split, rank=2)
            elif is_pair or (gaps[index].endswith(("[", "(")) and len(slots) > 1):
                slots[index] = Slot("place", "position", "lead", slot.split)
            else:
                slots[index] = Slot("metric", "metric", "", slot.split, unit=slot.unit)
        elif slot.role == "bracket" and has_epoch and (_follows_epoch(before) or not (has_inner or has_value)):
            percent = _percent_follows(index, slots, gaps)
            if is_pair:
                slots[index] = Slot("place", "samples" if percent and not is_named else "batch", rank=1)
            elif slot.unit == "[" and not percent:
                slots[index] = Slot("place", "batch", rank=1)
        elif not index and slot.role == "none" and is_pair and _opens_with_set(gaps[0]):
            slots[index] = Slot("place", "position", "lead")
        elif slot.role == "bracket" and is_pair and has_value and not has_inner:
            slots[index] = Slot("place", "position")
    leads = [index for index, slot in enumerate(slots) if slot.role == "lead"]
    keyed = any(each.role in MEASURED_OR_TIMED for each in slots)
    if keyed and len(leads) == 2 and slots[leads[1]].unit in (",", "|"):
        slots[leads[0]] = Slot("place", "epoch", rank=1)
        slots[leads[1]] = Slot("place", "batch" if slots[leads[1]].unit == "," else "step", rank=1)
    elif keyed and len(leads) == 1 and not any(slot.role == "place" for slot in slots):
        _name_lead(slots, leads[0], gaps)
    return slots


_SET_FIRST = re.compile(r"\s*\[\s*([A-Za-z]+)\s*[|:,-]\s*")
"""``[ Train | 027/100 ]``."""


def _opens_with_set(gap: str) -> bool:
    """Whether a line begins with a bracket in which a set is named before the count."""
    found = _SET_FIRST.fullmatch(gap)
    return found is not None and shipped().splits.get(found[1].lower()) in ("train", "val", "test")


def _name_lead(slots: list[Slot], lead: int, gaps: list[str]) -> None:
    """Name a number that begins a line: ``[3/20][10/450]``, ``[10/450]``, ``[10]``, ``10:<tab>``.

    Trees print their rounds so, with a tab behind; what another program counts there, its next lines tell.
    """
    if _is_pair(slots, lead):
        inner = lead + 2
        if (
            inner < len(slots)
            and slots[inner].role == "bracket"
            and _is_pair(slots, inner)
            and _is_next_bracket(gaps[inner])
        ):
            slots[lead], slots[inner] = Slot("place", "epoch", rank=1), Slot("place", "batch", rank=1)
        else:
            slots[lead] = Slot("place", "position", "lead")
    elif slots[lead].unit == "[" and gaps[lead + 1].strip() == ":":
        return  # "[5 : 96000]": an epoch and its batch, or a size and its step
    elif gaps[lead + 1].startswith(("]\t", ":\t")):
        slots[lead] = Slot("place", "index", rank=0)
    elif slots[lead].unit == "[":
        slots[lead] = Slot("place", "position", "lead")


def epochs_as_place(slots: list[Slot]) -> list[Slot]:
    """``Epochs: 3 | Train_Loss: …`` names an epoch; alone, it is the setting of how many there are."""
    if any(slot.quantity == "epoch" for slot in slots) or not any(slot.quantity == "loss" for slot in slots):
        return slots
    return [Slot("place", "epoch", rank=1) if slot.quantity == "num_epochs" else slot for slot in slots]


_BOTH = re.compile(r"\bepochs?\s*/\s*(iter(?:ation)?s?|steps?|batch(?:es)?|batch[_ ]idx)\W*$", re.I)
"""``[Epoch/iter]: [9/300]``: the second number is none of epochs that there will be."""


def places_of(segment: str) -> list[Slot]:
    """Return the two places that a key names for the two numbers behind it; empty for any other key."""
    found = _BOTH.search(segment)
    if found is None:
        return []
    quantity = "batch" if found[1].lower().startswith("batch") else "step"
    return [Slot("place", "epoch", rank=2), Slot("place", quantity, rank=2)]


def _follows_epoch(before: list[Slot]) -> bool:
    """Whether an epoch comes right before."""
    last = before[-1] if before and before[-1].role != "total" else before[before[-1].of] if before else None
    return last is not None and last.quantity == "epoch"


def _is_pair(slots: list[Slot], index: int) -> bool:
    return index + 1 < len(slots) and slots[index + 1].role == "total" and slots[index + 1].of == index


def _percent_follows(index: int, slots: list[Slot], gaps: list[str]) -> bool:
    """``[640/60000 (1%)]`` counts samples; ``[  10/1251 (  1%)]`` of timm looks alike, and its words decide."""
    last = index + 2
    return last < len(slots) and gaps[last].strip() == "(" and gaps[last + 1].startswith("%")


def _is_next_bracket(gap: str) -> bool:
    return gap.replace(" ", "") == "]["
