"""A quantity that is named once for several sets: ``loss: train 0.5, val 0.6``, ``train/val loss: 0.5/0.6``."""

from __future__ import annotations

import re

from monitor.reader.slots import Slot
from monitor.reader.vocabulary import meaning, shipped, words_of

SETS = ("train", "val", "test")
SHARED = ("value", "criterion", "metric")
"""Roles of a quantity that several sets can share; one term of a loss is not the loss of any of them."""
_PARTS = frozenset(("", "/", "|", ",", ";", "&", "]", "[", "-"))
"""What parts the figures of several sets."""
_PIECE = re.compile(r"[|,;:={}()\[\]\"'\x00]+|(?<!\w)-+(?!\w)| {2,}")
_LIST = re.compile(r"[^\W\d]+(?:\s*(?:[/|,&+]|(?<=\s)and(?=\s))\s*[^\W\d]+)+")
"""Words of a key that are parted as a list is."""


_BEHIND = re.compile(r"[\s\])}]*(?:[A-Za-z_]+\s*){0,3}[)\]]?\s*[-:=~]*\s*")
"""What may stand between such a list and the figures."""


def sets_of(segment: str) -> tuple[str, ...]:
    """Return the sets that a key lists, in their order, where it names a quantity once for all: ``train/val loss``.

    Empty for any other key, as ``train/val_loss``, whose first word is where it is filed.
    """
    segment = segment[-80:]
    for found in _LIST.finditer(segment):
        named = tuple(_set_of(word) for word in re.split(r"\s*(?:[/|,&+]|\band\b)\s*", found[0]))
        if all(named) and len(set(named)) == len(named) > 1 and _BEHIND.fullmatch(segment, found.end()):
            return named
    return ()


def shared(sets: tuple[str, ...], slot: Slot, index: int, gaps: list[str]) -> list[Slot]:
    """Return the figures of the sets that a key lists, one each; none of them is read where it has more or fewer."""
    if slot.role not in SHARED or slot.marks:
        return [slot]
    last = index
    while last + 2 < len(gaps) and gaps[last + 1].strip() in _PARTS:
        last += 1
    if last - index + 1 != len(sets):
        return [Slot("none")]
    return [slot._replace(split=each) for each in sets]


def name_sets(slots: list[Slot], gaps: list[str]) -> list[Slot]:
    """Give figures with only a set's name for a key the quantity that was named before them, once for all."""
    found = list(slots)
    known: Slot | None = None
    for index, slot in enumerate(found):
        gap = gaps[index]
        if slot.role == "metric" and not slot.name and slot.split in SETS:
            known = _heading(gap) or (known if _holds_only_set(gap) else None)
            if known is not None:
                found[index] = known._replace(split=slot.split, unit=slot.unit)
        elif slot.role in SHARED and slot.split and _is_set_last(gap):
            known = slot  # "loss train 0.5 val 0.6"
        elif slot.role not in ("total", "average", "item"):
            known = None
    return found


def _heading(gap: str) -> Slot | None:
    """Return what the words right before a set's name measure, where they name a quantity and nothing else."""
    pieces = [piece for piece in _PIECE.split(gap) if piece.strip()]
    words = words_of(pieces[-1]) if pieces else []
    if pieces and words and all(_set_of(word) for word in words):
        pieces.pop()
    elif pieces and words:
        pieces[-1] = pieces[-1].strip().rsplit(None, 1)[0] if _set_of(words[-1]) else pieces[-1]
    return quantity_of(pieces[-1].strip()) if pieces else None


def quantity_of(key: str) -> Slot | None:
    """Return what a few words measure, where they name a quantity, no set and nothing else."""
    said, words = meaning(key), words_of(key)
    if said.split or said.marks:
        return None
    if said.role in ("value", "criterion") and said.name == "loss":
        return Slot(said.role, said.name, said.own_name if said.role == "criterion" else "")
    if said.role == "metric" and len(words) <= 2 and is_merit(key):
        return Slot("metric", "metric", said.own_name)
    return None


def is_merit(name: str) -> bool:
    """Whether a name is that of a figure of merit: its last word says which way is better."""
    words = words_of(name)
    return bool(words) and (words[-1] in shipped().lower_is_better or words[-1] in shipped().higher_is_better)


def _holds_only_set(gap: str) -> bool:
    """Whether one set's name is all there is between two figures."""
    words = [word for word in words_of(gap) if word != "and"]
    return len(words) == 1 and bool(_set_of(words[0]))


def _is_set_last(gap: str) -> bool:
    """Whether a key names the quantity first and its set behind it, so that the next set's may stand alone."""
    words = words_of(_PIECE.split(gap.rstrip(" :=\"'([{"))[-1])
    return len(words) > 1 and bool(_set_of(words[-1])) and not _set_of(words[0])


def _set_of(word: str) -> str:
    split = shipped().splits.get(word.lower(), "")
    return split if split in SETS else ""
