"""Template → plan: which slot is which quantity, of which split, in which unit; made once, whatever the numbers are."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from monitor.reader.template import MARK
from monitor.reader.vocabulary import Quantity, forgets, known_suffix, listed, meaning, shipped, words_of

LONGEST_NAME = 60
"""Characters of a metric's name."""


class Slot(NamedTuple):
    """What one number of a line is."""

    role: str
    """A role of the vocabulary, or: ``total`` and ``average`` (of the slot ``of``), ``item`` of a list, ``bracket``
    (a place without a word), ``lead`` (a bare number that the line begins with), ``none``."""
    quantity: str = ""
    name: str = ""
    """Of a metric."""
    split: str = ""
    marks: frozenset[str] = frozenset()
    scale: float = 1.0
    of: int = -1
    rank: int = 0
    unit: str = ""


class Plan(NamedTuple):
    """What a line of one template says."""

    slots: tuple[Slot, ...]
    subject: str
    """The split that the line is about: ``train``, ``val``, ``test``; empty where it does not say."""
    has_pairs: bool
    """Whether some slot is named by a key with ``:`` or ``=``."""
    is_prose: bool
    """Whether the line is a sentence rather than a report."""
    is_place_only: bool = False
    """Whether it names a place and nothing else."""


_SCALES = {
    "ms": 1e-3,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ns": 1e-9,
    "m": 60.0,
    "min": 60.0,
    "mins": 60.0,
    "h": 3600.0,
}
_UNIT = re.compile(
    r"^ ?(%|[GTP]?FLOPS?|TFLOPs|[KMGT]i?B|ms|us|µs|μs|ns|secs?|seconds|s|mins?|minutes|m|h|hours?|it/s|s/it)"
    r"(?![A-Za-z0-9_])"
)
_TIMES = frozenset(("s", "sec", "secs", "seconds", "ms", "min", "mins", "minutes", "h", "hours"))
_CHANGES = ("->", "-->", "=>", "→", "to")
_KEY_UNIT = re.compile(r"\((ms|s|us|sec|secs|min|%|h)\)$| in (s|ms|seconds)$")
_SEP = re.compile(r"\s*(?:[:=：]+>?|->|→|\bis)\s*$")
_HARD = re.compile(
    r"[,;|{}\t\n•·—]|  +|(?:^| )-{1,2} |>> |[\])】]|：|: |[=-]> |→|(?<![A-Za-z0-9])/|#|[^\x00-\x7f一-鿿À-ɏ]"
)
_SENTENCE = re.compile(r"(?<![Vv]al)(?<![Tt]rain)(?<![Aa]vg)(?<![Aa]cc)\. ")
_NAME = re.compile(r"[A-Za-z_\u00c0-\u024f\u4e00-\u9fff][\w/ .@%()'+&^-]*$")
_OPENERS = " \"'[({<$~≈@#"
_AFTER_UNITS = {
    "ms": ("s_per_step", "time"), "tok/s": ("tokens_per_s", "value"), "tokens/s": ("tokens_per_s", "value"),
    "it/s": ("steps_per_s", "value"), "s/it": ("s_per_step", "time"), "轮": ("epoch", "place"), "步": ("step", "place"),
}  # fmt: skip
_PROSE = re.compile(
    r"\b(?:sav(?:ed?|ing)|load(?:ed|ing)?|writ(?:ing|ten|e)|checkpoint|resum(?:ed?|ing)|restor(?:ed?|ing)|improved|decreased|"
    r"increased|did not|reducing|adjusting|skipping|found|using|starting|stopping|reached|from scratch|will|"
    r"usage|warning|deprecated|warmup|schedule|download\w*|loss scale to)\b", re.I,
)  # fmt: skip


@lru_cache(maxsize=4096)
def plan_of(template: str, logger: str = "") -> Plan:
    """Return the plan of a template; ``logger`` may name the split, as in fairseq."""
    gaps = template.split(MARK)
    found: list[Slot] = []
    num_pairs = 0
    list_of = -1
    section, group = "", ""
    for index, gap in enumerate(gaps[:-1]):
        section = _section(gap, is_first=index == 0) or section
        group = _group(gap, group)
        after = gaps[index + 1]
        unit_match = _UNIT.match(after)
        unit = unit_match[1] if unit_match else ""
        if found:
            gap = _without_unit(gap)
        previous = len(found) - 1
        if found and list_of >= 0 and gap.strip() in (",", ""):
            found.append(Slot("item", of=list_of))
            continue
        list_of = -1
        if found and gap.strip() in ("/", "of", "out of", "/ ") and found[previous].role != "total":
            found.append(Slot("total", of=previous, unit=unit))
            continue
        if found and gap.strip() == "(" and found[previous].role not in ("bracket", "lead"):
            base = found[previous].of if found[previous].role == "total" else previous
            found.append(Slot("average" if unit != "%" else "none", of=base, unit=unit))
            continue
        stripped = gap.rstrip(_OPENERS)
        opened = gap[len(stripped) :]
        sep = _SEP.search(stripped)
        segment = stripped[: sep.start()] if sep else stripped
        key = _key_of(segment, has_sep=bool(sep), is_quoted=segment.endswith(("'", '"')))
        if sep and key:
            num_pairs += 1
        # Directly followed by another number without a unit, that may be the one that is meant.
        is_followed = after in (" ", "  ") and index + 2 < len(gaps) and not _UNIT.match(gaps[index + 2])
        slot = _slot(key, has_sep=bool(sep), unit=unit, is_followed=is_followed)
        if after.strip() in _CHANGES and index + 2 < len(gaps):
            slot = Slot("none")  # "0.5 -> 0.4": what was, and what is
        if slot is None:
            slot = _unnamed(gap, after, found, opened)
        if "[" in opened and "," in after[:2] and slot.role not in ("bracket", "lead", "none"):
            list_of = len(found)
        if not slot.split and (group or section) and slot.role in ("value", "criterion", "part", "metric"):
            slot = slot._replace(split=group or section)
        found.append(slot)
    slots = _brackets(_epochs_as_place(found), gaps)
    subject = _subject(gaps, slots, logger)
    is_prose = bool(_PROSE.search(template.replace(MARK, " "))) and num_pairs < 3
    is_place_only = bool(slots) and all(each.role in ("place", "total") for each in slots) and not _other_words(gaps)
    return Plan(tuple(_shared(slots)), subject, num_pairs > 0, is_prose, is_place_only)


forgets(plan_of.cache_clear)


def _shared(slots: list[Slot]) -> list[Slot]:
    """Give a metric that stands twice the split of the loss before it: ``Train Loss … Acc … Val Loss … Acc``."""
    measured = [slot for slot in slots if slot.role in ("value", "criterion", "part", "metric")]
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


def _other_words(gaps: tuple[str, ...] | list[str]) -> bool:
    splits, places = shipped().splits, listed("places")
    words = [word for gap in gaps for word in words_of(gap)]
    return any(word not in splits and word not in places and word not in listed("fillers") for word in words)


def _section(gap: str, *, is_first: bool) -> str:
    """Return the split that a heading within the line names: ``… | val: loss``."""
    if is_first:
        return ""
    pieces = re.split(r"[|\[\]:,;(){}>\n]+| - | -- ", gap)
    for piece in pieces[:-1]:
        words = words_of(piece)
        named = [shipped().splits[word] for word in words if shipped().splits.get(word) in ("train", "val", "test")]
        if named and len(words) <= 3 and all(word in shipped().splits or word in listed("fillers") for word in words):
            return named[-1]
    return ""


_GROUP = re.compile(r"[\"']?(\w+)[\"']?\s*[:=]\s*\{")


def _group(gap: str, group: str) -> str:
    """Return the split whose braces are open: ``"val": {"loss": …``."""
    if "}" in gap:
        group = ""
    if opened := _GROUP.search(gap):
        split = shipped().splits.get(opened[1].lower(), "")
        return split if split in ("train", "val", "test") else ""
    return group


def _without_unit(gap: str) -> str:
    if unit := _UNIT.match(gap):
        return gap[unit.end() :]
    return re.sub(r"^/?[A-Za-z%][A-Za-z/%]*(?=[\s,|)\]};(]|$)", "", gap) if gap[:1].isalpha() or gap[:1] == "/" else gap


def _key_of(segment: str, *, has_sep: bool, is_quoted: bool) -> str:
    """Return the key at the end of a text, which stands before a number."""
    text = segment.rstrip()
    if is_quoted:
        quote = text[-1]
        text = text[:-1]
        return text[text.rfind(quote) + 1 :]
    qualifier = ""
    if text.endswith(")") and "(" in text:
        opening = text.rfind("(")
        qualifier, text = text[opening:], text[:opening].rstrip()
    last = 0
    for hard in _HARD.finditer(text):
        last = hard.end()
    opening = max(text.rfind("("), text.rfind("["), text.rfind("<"))
    key = text[max(last, opening + 1) :].strip(" \"'*-_~!?.")
    return f"{key} {qualifier}".strip() if key else ""


def _slot(key: str, *, has_sep: bool, unit: str, is_followed: bool) -> Slot | None:
    if not key or _SENTENCE.search(key) or not _NAME.match(key):
        return None
    if not has_sep and is_followed:
        return Slot("none")  # "Train loss 10 0.57": which of the two is it?
    if not has_sep:
        known = known_suffix(key)
        if not known:
            words = key.split()
            is_name = 1 <= len(words) <= 3 and len(key) <= 30 and not _PROSE.search(key)
            is_name = is_name and not listed("no_names").intersection(key.lower().split())
            known = key if is_name else ""
            if not known:
                return Slot("none")
        if known != key and not _is_plain_before(key[: -len(known)]):
            return Slot("metric", "metric", key.replace(" ", "_")[:LONGEST_NAME])
        key = known
    elif len(key.split()) > 5:
        key = known_suffix(key) or key
        if len(key.split()) > 8:
            return Slot("none")
    bare = _KEY_UNIT.sub("", key).strip()
    said: Quantity = meaning(key)
    if said.role == "metric" and "(" in key:
        outer = meaning(key[: key.index("(")].strip())
        inner = meaning(key[key.index("(") :].strip("() "))
        if outer.role != "metric" or inner.split:
            said = outer._replace(split=inner.split or outer.split, marks=outer.marks | inner.marks)
    if (said.name == "loss" or said.role == "place") and unit in _TIMES:
        return Slot("clock", "train_time", unit=unit)  # "cost 35.2s" is what the epoch took
    if _only_split(bare):
        return Slot("splitword", split=said.split or shipped().splits.get(words_of(bare)[0], ""), name=bare, unit=unit)
    in_key = _KEY_UNIT.search(key)
    unit = unit or next((each for each in in_key.groups() if each), "") if in_key else unit
    scale = _SCALES.get(unit, 1.0) if said.role in ("time", "clock") else 1.0
    name = (
        said.own_name[:LONGEST_NAME].replace(":", "_")
        if said.role in ("metric", "part", "criterion") or said.marks
        else ""
    )
    if said.role == "place":
        name = "plural" if words_of(bare)[-1:] and words_of(bare)[-1].endswith("s") else ""
    return Slot(said.role, said.name, name, said.split, said.marks, scale, -1, said.rank, unit)


def _is_plain_before(text: str) -> bool:
    """Whether the words before a key change nothing about it: "done loss" is a loss, "head loss" another one."""
    words = words_of(text)
    return (
        not words or words[-1] in listed("fillers") or words[-1] in listed("places") or words[-1] in listed("no_names")
    )


def _only_split(key: str) -> bool:
    words = words_of(key)
    splits = shipped().splits
    return bool(words) and all(splits.get(word) in ("train", "val", "test") for word in words)


def _unnamed(gap: str, after: str, found: list[Slot], opened: str) -> Slot:
    tail = after.lstrip()
    for text, (quantity, role) in _AFTER_UNITS.items():
        if tail.startswith(text) and not tail[len(text) : len(text) + 1].isalnum():
            scale = _SCALES.get(text, 1.0)
            return Slot(role, quantity, scale=scale, rank=2)
    if not found and not gap.strip(" [(*-="):
        return Slot("lead", unit="[" if "[" in gap else "")
    if found and found[-1].role in ("lead",) and gap.strip() in (",", "|", "][", "-", "] [", "/"):
        return Slot("lead", unit=gap.strip())
    if "[" in opened or "(" in opened or gap.strip() in ("", ":", "|", ":"):
        return Slot("bracket", unit="[" if "[" in opened else "(" if "(" in opened else "")
    return Slot("none")


def _brackets(found: list[Slot], gaps: list[str]) -> list[Slot]:
    """Say what places without a word are, by the place that stands before them: an epoch, then its batch."""
    slots = list(found)
    is_named = bool(slots) and slots[0].role == "splitword"
    for index, slot in enumerate(slots):
        is_pair = index + 1 < len(slots) and slots[index + 1].role == "total" and slots[index + 1].of == index
        before = slots[:index]
        has_epoch = any(each.quantity == "epoch" for each in before)
        has_inner = any(each.quantity in ("step", "batch") and each.role == "place" for each in before)
        has_value = any(each.role in ("value", "metric", "criterion", "part") for each in before)
        if slot.role == "splitword":
            # "Train: 0 [10/1251]", "Train: [0/300][10/1251]": an epoch, where a batch follows; else not sure.
            follows = [each for each in slots[index + 1 :] if each.role != "total"]
            has_batch = (
                bool(follows) and follows[0].role == "bracket" and slots.index(follows[0], index + 1) <= index + 2
            )
            is_pair_after = has_batch and _is_pair(slots, slots.index(follows[0], index + 1))
            if has_batch and is_pair_after:
                slots[index] = Slot("place", "epoch", split=slot.split, rank=2)
            elif is_pair:
                slots[index] = Slot("place", "batch" if slot.split in ("val", "test") else "position", split=slot.split)
            else:
                slots[index] = Slot("metric", "metric", "", slot.split, unit=slot.unit)
        elif slot.role == "bracket" and has_epoch and (_follows_epoch(before) or not (has_inner or has_value)):
            percent = _percent_follows(index, slots, gaps)
            if is_pair:
                slots[index] = Slot("place", "samples" if percent and not is_named else "batch", rank=1)
            elif slot.unit == "[" and not percent:
                slots[index] = Slot("place", "batch", rank=1)
        elif slot.role == "bracket" and is_pair and has_value and not has_inner:
            slots[index] = Slot("place", "position")
    leads = [index for index, slot in enumerate(slots) if slot.role == "lead"]
    keyed = any(each.role in ("value", "metric", "criterion", "part") for each in slots)
    if keyed and len(leads) == 2 and slots[leads[1]].unit in (",", "|"):
        slots[leads[0]] = Slot("place", "epoch", rank=1)
        slots[leads[1]] = Slot("place", "batch" if slots[leads[1]].unit == "," else "step", rank=1)
    elif keyed and len(leads) == 1 and slots[leads[0]].unit == "[" and not any(s.role == "place" for s in slots):
        if not _is_pair(slots, leads[0]):
            slots[leads[0]] = Slot("place", "index", rank=0)
        else:
            slots[leads[0]] = Slot("place", "position")
    return slots


def _epochs_as_place(slots: list[Slot]) -> list[Slot]:
    """``Epochs: 3 | Train_Loss: …`` names an epoch; alone, it is the setting of how many there are."""
    if any(slot.quantity == "epoch" for slot in slots) or not any(slot.quantity == "loss" for slot in slots):
        return slots
    return [Slot("place", "epoch", rank=1) if slot.quantity == "num_epochs" else slot for slot in slots]


def _follows_epoch(before: list[Slot]) -> bool:
    """Whether an epoch stands right before."""
    last = before[-1] if before and before[-1].role != "total" else before[before[-1].of] if before else None
    return last is not None and last.quantity == "epoch"


def _is_pair(slots: list[Slot], index: int) -> bool:
    return index + 1 < len(slots) and slots[index + 1].role == "total" and slots[index + 1].of == index


def _percent_follows(index: int, slots: list[Slot], gaps: list[str]) -> bool:
    """``[640/60000 (1%)]`` counts samples; ``[  10/1251 (  1%)]`` of timm looks alike, and its words decide."""
    last = index + 2
    return last < len(slots) and gaps[last].strip() == "(" and gaps[last + 1].startswith("%")


def _subject(gaps: list[str], slots: list[Slot], logger: str) -> str:
    splits = shipped().splits
    if logger:
        words = words_of(logger)
        if words and len(words) <= 2 and (split := splits.get(words[0], "")) in ("train", "val", "test"):
            return split
        if words and logger.lower().endswith("evaluator"):
            return "val"
    for slot in slots:
        if slot.role == "place" and slot.split:
            return slot.split
    lead = gaps[0]
    # What stands before the first key: "Test: [", "[Val] loss", "valid | epoch", "Eval - loss".
    for piece in re.split(r"[|\[\]:,;=(){}>*#]+| - | -- ", lead):
        words = words_of(piece)
        if not words:
            continue
        if len(words) > 4:
            break
        named = [splits[word] for word in words if splits.get(word) in ("train", "val", "test")]
        rest = [word for word in words if word not in splits]
        is_place = bool(slots) and slots[0].role == "place"
        if named and all(word in listed("fillers") or (is_place and word in ("loss", "losses")) for word in rest):
            return named[-1] if len(set(named)) == 1 else ""
        if rest:
            break
    for gap in gaps[1:4]:
        if m := re.match(
            r"^\s*[|:\]-]+\s*\[?(valid|val|validation|test|eval|train)\b(?: on\b.*)?\]?\s*[|:\]]", gap, re.I
        ):
            return splits.get(m[1].lower(), "")
    return ""
