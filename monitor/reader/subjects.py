"""The split of a line or of a part of it: headings within the line, braces, its first words, its logger."""

from __future__ import annotations

import re

from monitor.reader.shared_names import is_merit
from monitor.reader.slots import MEASURED, Slot
from monitor.reader.template import MARK
from monitor.reader.vocabulary import listed, shipped, words_of

_FIELD = re.compile(r"""["']?\b_?(\w+)["']?\s*[:=]\s*["']?([A-Za-z_]+)\b""")
"""``"split": "val"``, ``phase=train``, ``"_type": "val_iter"``."""


_PIECES = re.compile(r"(?:[|\[\]:,;=(){}>*#\t]|[^\w\s\x00-\x7f])+| - | -- |  +")
_SECTIONS = re.compile(r"(?: [-=]+)?(?:[|\[\]:,;(){}>\n]|[^\w\s\x00-\x7f])+| - | -- ")
"""What parts a heading from what it heads: marks, and dashes, arrows and bullets of any script."""
_BATCHES = ("batch", "batches")
"""A place whose word follows the split: ``Eval batches[ 100]``."""


def subject_of(gaps: list[str], slots: list[Slot], logger: str) -> str:
    """Return the split that a line is about, by its own words, else by its logger's name."""
    return _own_subject(gaps, slots) or _logger_subject(logger)


def _logger_subject(logger: str) -> str:
    """The split that a logger's name says: fairseq's are named ``train`` and ``valid``, and others ``train`` always."""
    splits = shipped().splits
    if logger:
        words = words_of(logger)
        if words and len(words) <= 2 and (split := splits.get(words[0], "")) in ("train", "val", "test"):
            return split
        if words and logger.lower().endswith("evaluator"):
            return "val"
    return ""


def _own_subject(gaps: list[str], slots: list[Slot]) -> str:
    splits = shipped().splits
    # "Loss: 0.5  Valid batches: 60/60": what comes behind the figures is not what they are about.
    ends = [index for index, slot in enumerate(slots) if slot.role in MEASURED]
    first = next((index for index in ends if slots[index].quantity == "loss"), min(ends, default=len(slots)))
    of_place = next((slot.split for slot in slots[:first] if slot.role == "place" and slot.split), "")
    if of_place and of_place != "train":
        return of_place
    for gap in gaps:
        for field, text in _FIELD.findall(gap):
            if field.lower() in listed("split_fields") and (split := _split_alone(text)):
                return split
    lead = gaps[0]
    if lead.startswith("Saving dict for global step"):  # TensorFlow's Estimator, of every evaluation
        return "val"
    # The text before the first key: "Test: [", "[Val] loss", "valid | epoch", "Eval - loss".
    for piece in _PIECES.split(lead):
        words = words_of(piece)
        if not words:
            continue
        if len(words) > 4:
            break
        named = [splits[word] for word in words if splits.get(word) in ("train", "val", "test")]
        rest = [word for word in words if word not in splits]
        is_place = bool(slots) and slots[0].role == "place"
        if named and all(
            word in listed("fillers") or (is_place and (word in ("loss", "losses") or word in _BATCHES))
            for word in rest
        ):
            return named[-1] if len(set(named)) == 1 else ""
        if rest:
            break
    for gap in gaps[1:4]:
        if m := re.match(r"^\s*[|:\]-]+\s*\[?([A-Za-z]+)\b(?: on\b.*)?\]?\s*[|:\]]", gap):
            named_split = splits.get(m[1].lower(), "")
            if named_split in ("train", "val", "test"):
                return named_split
    return ""


def _split_alone(text: str) -> str:
    """Return the split that a value of words names: beside it may stand no more than a place."""
    splits, words = shipped().splits, words_of(text)
    named = {splits[word] for word in words if splits.get(word) in ("train", "val", "test")}
    has_others = any(word not in splits and word not in listed("fillers") for word in words)
    return named.pop() if len(named) == 1 and not has_others else ""


def share_split(slots: list[Slot]) -> list[Slot]:
    """Give a metric that appears twice the split of the loss before it: ``Train Loss … Acc … Val Loss … Acc``."""
    measured = [slot for slot in slots if slot.role in MEASURED]
    splits = {slot.split for slot in measured if slot.split}
    has_plain_loss = any(slot.quantity == "loss" and not slot.split and not slot.marks for slot in measured)
    if len(splits) == 1 and not has_plain_loss and any(slot.quantity == "loss" and slot.split for slot in measured):
        only = splits.pop()
        start = next(i for i, slot in enumerate(slots) if slot.quantity == "loss" and slot.split)
        twins = {slot.name for slot in slots if slot.role == "metric" and slot.split}
        slots = [
            slot._replace(split=only)
            if i > start and slot.role == "metric" and not slot.split and slot.name not in twins
            else slot
            for i, slot in enumerate(slots)
        ]
    names = [slot.name for slot in slots if slot.role == "metric" and not slot.split]
    twice = {name for name in names if names.count(name) > 1}
    split, found = "", []
    for slot in slots:
        if slot.role in ("value", "criterion") and slot.quantity == "loss" and slot.split:
            split = slot.split
        found.append(
            slot._replace(split=split) if slot.role == "metric" and not slot.split and slot.name in twice else slot
        )
    return found


def part_sets(slots: list[Slot]) -> list[Slot]:
    """Give the figures of several numbered sets their sets' names: which of them is held out is not said.

    A single set is the one that is held out.
    """
    sets = {slot.of_set for slot in slots if slot.of_set}
    if len(sets) < 2:
        return slots
    return [
        slot._replace(role="metric", quantity="metric", name=slot.name or slot.quantity, split=slot.of_set)
        if slot.of_set
        else slot
        for slot in slots
    ]


def section_of(gap: str, *, is_first: bool) -> str:
    """Return the split that a heading within the line names: ``… | val: loss``."""
    if is_first:
        return ""
    pieces, splits = _SECTIONS.split(gap), shipped().splits
    for index, piece in enumerate(pieces[:-1]):
        words = words_of(piece)
        named = [splits[word] for word in words if splits.get(word) in ("train", "val", "test")]
        if not named or len(words) > 3:
            continue
        is_before_key = any(each.strip() for each in pieces[index + 1 :])
        is_titled = is_before_key and len(words) == 2 and words[0] in splits and _is_score(words[1])
        if is_titled or all(word in splits or word in listed("fillers") for word in words):
            return named[-1]  # "Val BLEU: BLEU-1 0.45"
    return ""


def _is_score(word: str) -> bool:
    return word in ("loss", "losses") or is_merit(word)


_GROUP = re.compile(r"(?<!\w)(\w++)[\"']?\s*+[:=]\s*+\{")


def group_of(gap: str, group: str) -> str:
    """Return the split whose braces are open: ``"val": {"loss": …``."""
    if "}" in gap:
        group = ""
    if opened := _GROUP.search(gap):
        split = shipped().splits.get(opened[1].lower(), "")
        return split if split in ("train", "val", "test") else ""
    return group


_V_NAME = re.compile(r"(?<![\w/])v_(?=([A-Za-z][\w/]*)[\s:=])")
FEWEST_TWINS = 2
"""Names with and without ``v_`` before it means the validation: one pair may as well be a value's loss and the sum."""


def spelled_out(template: str) -> str:
    """Return a template whose names tell the validation's figures by ``v_`` alone with ``val_`` instead:
    ``v_recons 0.4 recons 0.3 v_loss 2.1 loss 0.3``.
    """
    if "v_" not in template:
        return template
    names = set(_V_NAME.findall(template))
    if sum(bool(re.search(rf"(?<![\w/]){name}[\s:=]+{MARK}", template)) for name in names) < FEWEST_TWINS:
        return template
    return _V_NAME.sub("val_", template)
