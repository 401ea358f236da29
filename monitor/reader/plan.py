"""Template → plan: the quantity, split and unit of each slot; made once for all numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from monitor.reader.brackets import epochs_as_place, name_brackets, places_of
from monitor.reader.number_first import name_first
from monitor.reader.shared_names import name_sets, sets_of, shared
from monitor.reader.slots import (
    CHANGES,
    MEASURED,
    MEASURED_OR_TIMED,
    OPENERS,
    PROSE,
    SEPARATOR,
    TOTALS,
    UNIT,
    UNIT_WORDS,
    Slot,
    key_of,
    slot_of,
    unnamed,
    without_unit,
)
from monitor.reader.subjects import group_of, part_sets, section_of, share_split, spelled_out, subject_of
from monitor.reader.template import MARK
from monitor.reader.times import times_told
from monitor.reader.vocabulary import forgets, listed, meaning, shipped, words_of
from monitor.reader.whole import name_total

_LOADS = re.compile(
    r"(?:\W*\[\w{1,9}\])?\W*(?:(?:load|restor|resum|reload)(?:ed|e|ing|s)?\b[^:=]*\.(?:pth?|pth\.tar|ckpt|bin|npz|pkl|h5|safetensors)\b|"
    r"(?:delet|remov|evict|purg|prun|discard)(?:ed|e|ing|s)?\b[^:=]*\b(?:checkpoint|ckpt|snapshot)s?\b)",
    re.I,
)
"""A line that tells what a saved model has, which an earlier training gave it, or that it is gone."""


_COUNTED_IN_NAME = re.compile(r"[A-Za-z]\d+ ?/ ?$")
_ANSWER = re.compile(rf"\*\*[Ss]tep {MARK}(?:[:.]|$)")
"""What a language model wrote, which its trainer shows: ``**Step 2:** the cost of 18 markers = 36``."""


_BEFORE_VALUE = re.compile(r"\s?[:=]\s*$")
"""What is between a number that is part of a name and the figure."""


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
    held_out: str = ""
    """The set that all figures of the line are of that name one, where it is held out: in a loop of another length than
    the training's, a figure without a name of its set is of that, too."""
    held_out_loss: str = ""
    """The set that all losses of the line are of that name one, where it is held out: their mean is of that, too."""
    roles: frozenset[str] = frozenset()
    """Those of its slots."""
    is_of_the_best: bool = False
    """Whether all that a line measures is a best value: "Best accuracy 0.9 (epoch 5)" is not at epoch 5."""
    num_bare_losses: int = 0
    """How often it gives the loss by its bare name."""
    is_epoch_time: bool = False
    """Whether it tells how long the epoch took, and nothing else but times."""
    is_of_tests: bool = False
    """Whether the first set that its figures name is a test, and none of them is of the training."""


@lru_cache(maxsize=4096)
def plan_of(template: str, logger: str = "") -> Plan:
    """Return the plan of a template; ``logger`` may name the split, as in fairseq."""
    gaps = name_first(spelled_out(template)).split(MARK)
    found: list[Slot] = []
    num_pairs = 0
    list_of = -1
    section, group, is_key = "", "", False
    changed: Slot | None = None
    rates: list[str] = []
    unsure: dict[int, str] = {}
    sum_of: Slot | None = None
    of_sets: list[Slot] = []
    behind: Slot | None = None
    for index, gap in enumerate(gaps[:-1]):
        if of_sets:
            found.append(of_sets.pop(0))
            continue
        section = section_of(gap, is_first=index == 0) or section
        group = group_of(gap, group)
        after = gaps[index + 1]
        if found and not is_key:
            gap = without_unit(gap)
        # "loss 0.5 seconds 3.1", "loss 0.5 ms/step 12": no unit, the next number's key.
        is_key = after[-1:] == " " and index + 2 < len(gaps) and _is_key_behind(after, gap, gaps[-1])
        unit_match = None if is_key else UNIT.match(after)
        unit = unit_match[1] if unit_match else ""
        previous = len(found) - 1
        if found and list_of >= 0 and gap.strip() in (",", ""):
            found.append(Slot("item", of=list_of))
            continue
        list_of = -1
        if gap.strip(") ") == "=" and sum_of is not None:
            found.append(sum_of)  # "loss: (0.2 + 0.1) = 0.3": what its terms come to
            sum_of = None
            continue
        if found and gap.strip() in TOTALS and found[previous].role != "total":
            is_share = unit == "%" and found[previous].unit != "%"  # "train 0.5 / 80.1%": two figures
            found.append(Slot("beside" if is_share else "total", of=previous, unit=unit))
            continue
        if found and gap.strip() == "(" and found[previous].role not in ("bracket", "lead"):
            base = found[previous].of if found[previous].role == "total" else previous
            found.append(Slot("average" if unit != "%" else "beside", of=base, unit=unit))
            continue
        stripped = gap.rstrip(OPENERS)
        opened = gap[len(stripped) :]
        sep = SEPARATOR.search(stripped)
        segment = stripped[: sep.start()] if sep else stripped
        key = key_of(segment, has_sep=bool(sep), is_quoted=segment.endswith(("'", '"')))
        if sep and key:
            num_pairs += 1
        # Directly followed by another number without a unit, that may be the one that is meant.
        is_followed = after in (" ", "  ") and index + 2 < len(gaps) and not UNIT.match(gaps[index + 2])
        is_followed = is_followed and not sets_of(segment)
        slot = slot_of(key, has_sep=bool(sep), unit=unit, is_followed=is_followed, after=after, is_first=not index)
        if after.strip() in CHANGES and index + 2 < len(gaps):
            # "0.5 -> 0.4": what was, and what is. A rate is what it is from now on.
            changed = slot if slot is not None and slot.quantity == "lr" else None
            slot = Slot("none")
        elif changed is not None and gap.strip() in CHANGES:
            slot, changed = changed, None
        elif after.strip() == "+" and slot is not None and index + 2 < len(gaps):
            sum_of = sum_of or slot
            slot = Slot("none")
        is_in_name = bool(_BEFORE_VALUE.match(after)) and not sep and index + 2 < len(gaps)
        if is_in_name and slot is not None and slot.role in MEASURED:
            behind, slot = slot, Slot("none")  # "Validation loss 30: 0.55": of the thirtieth
        elif behind is not None:
            slot, behind = behind, None
        if slot is not None and not sep and _is_call(stripped, opened) and slot.role != "place":
            slot = Slot("none")  # "(normalize): MeanNorm(5120)" prints a layer
        if slot is not None and slot.role != "place" and (opened[-1:] == "#" or _is_line_of_code(segment, after)):
            slot = Slot("none")  # "net output #0: loss": which one it is
        if slot is not None and not sep and _COUNTED_IN_NAME.search(stripped):
            slot = Slot("none")  # "Head E6/6": how many there are of what the name counts
        if after == "/" and (pair := places_of(segment)):
            slot, *of_sets = pair
        if slot is not None and (sets := sets_of(segment)):
            slot, *of_sets = shared(sets, slot, index, gaps)
        if slot is None:
            slot = unnamed(gap, after, found, opened)
        if "[" in opened and "," in after[:2] and slot.role not in ("bracket", "lead", "none"):
            list_of = len(found)
        if slot.quantity == "lr":
            rates.append(key.lower())
        if slot.quantity in ("grad_norm", "loss_scale") and key.lower() in _OF_ANYTHING:
            unsure[len(found)] = key.lower()
        is_of_set = slot.role in MEASURED and slot.quantity != "lr"
        if not slot.split and (group or section) and is_of_set:
            slot = slot._replace(split=group or section)
        found.append(slot)
    if len({each.startswith("base") for each in rates}) > 1:
        found = _without_base_rates(found, rates)
    if unsure and _OF_STEPS.isdisjoint(slot.quantity for slot in found):
        found = [
            Slot("metric", "metric", unsure[index], slot.split) if index in unsure else slot
            for index, slot in enumerate(found)
        ]
    slots = name_total(times_told(name_sets(name_brackets(epochs_as_place(found), gaps), gaps)))
    if template.lstrip().startswith(f"[batch={MARK}/{MARK}]"):
        slots[0] = slots[0]._replace(quantity="step", rank=3)  # Composer, where it counts over all epochs
    subject = subject_of(gaps, slots, logger)
    num_measured = sum(slot.role in MEASURED_OR_TIMED for slot in slots)
    is_report = num_pairs >= 3 or (num_measured >= 3 and any(slot.role == "place" for slot in slots))
    is_report = is_report and not _LOADS.match(template)
    is_prose = bool(PROSE.search(template.replace(MARK, " "))) and not is_report
    is_prose = is_prose or _ANSWER.match(template) is not None
    held_out = _held_out(slot for slot in slots if slot.role in MEASURED)
    held_out_loss = _held_out(slot for slot in slots if slot.quantity == "loss")
    is_place_only = bool(slots) and all(each.role in ("place", "total") for each in slots) and not _other_words(gaps)
    shared_slots = tuple(part_sets(share_split(slots)))
    measured = [slot for slot in shared_slots if slot.role in MEASURED]
    is_of_the_best = bool(measured) and all("best" in slot.marks for slot in measured)
    num_bare_losses = sum(
        slot.role == "value" and slot.quantity == "loss" and not (slot.split or slot.marks or slot.of_set)
        for slot in shared_slots
    )
    roles = frozenset(slot.role for slot in shared_slots)
    named = [slot.split for slot in measured if slot.split]
    is_of_tests = named[:1] == ["test"] and "train" not in named
    return Plan(
        shared_slots, subject, num_pairs > 0, is_prose, is_place_only, held_out, held_out_loss, roles, is_of_the_best,
        num_bare_losses, _is_epoch_time(template, shared_slots), is_of_tests,
    )  # fmt: skip


forgets(plan_of.cache_clear)


_OF_ANYTHING = frozenset(("norm", "scale"))
"""Words that mean the gradients' norm and the loss's scale only beside what a step of an optimizer has: other trainers
print the norm of the weights (scikit-learn), or the scale of a search along a line (NGBoost)."""
_OF_STEPS = frozenset(("lr", "tokens_per_s", "samples_per_s", "s_per_step"))


def _without_base_rates(slots: list[Slot], rates: list[str]) -> list[Slot]:
    """Leave out the rate that a schedule starts from where the present one is beside it: ``base_lr: 0.01 lr: 7e-05``.

    Their names are those of the slots with a rate, in their order.
    """
    names = iter(rates)
    return [Slot("none") if slot.quantity == "lr" and next(names, "").startswith("base") else slot for slot in slots]


_EPOCH_TIME = re.compile(
    rf"\W*(?:train(?:ing)? )?epoch (?:time|duration|took)(?: taken)?(?: ?\(\w+\)| in \w+)?[ :=]+{MARK}", re.I
)


def _is_epoch_time(template: str, slots: tuple[Slot, ...]) -> bool:
    """Whether a line tells how long the epoch took and no more: ``Train epoch time: 1234.5 ms, per step time: 5.6 ms``,
    as MindSpore's monitor of the time writes at an epoch's end.
    """
    are_times = bool(slots) and all(slot.role in ("clock", "time") for slot in slots)
    return are_times and _EPOCH_TIME.match(template) is not None


def _held_out(slots: Iterable[Slot]) -> str:
    """Return the set that all slots are of that name one, where it is held out; empty where it is not."""
    named = {slot.split for slot in slots if slot.split}
    return next(iter(named)) if named in ({"val"}, {"test"}) else ""


def _is_key_behind(after: str, gap: str, end: str) -> bool:
    """Whether the unit behind a number is the key of the next one, in a line whose numbers follow their keys."""
    word = after.strip()
    if word in UNIT_WORDS:
        return True
    return (
        "/" in word
        and after[0] == " "
        and gap[-1:] == " "
        and gap[-2:-1].isalnum()
        and not end[:2].strip()
        and meaning(word).role == "time"
    )


def _is_call(stripped: str, opened: str) -> bool:
    """Whether a number is in parentheses right behind a name of several words without a blank, as in a call."""
    return opened == "(" and bool(re.search(r"[a-z0-9][A-Z][A-Za-z0-9]*$", stripped))


def _is_line_of_code(key: str, after: str) -> bool:
    """Whether a number is the line of a module that logs: ``llamafactory.train.callbacks:143 >> ``."""
    return after.startswith(" >> ") and bool(re.search(r"(?:^|\s)[A-Za-z_]\w*(?:\.\w+)+$", key))


def _other_words(gaps: tuple[str, ...] | list[str]) -> bool:
    splits, known = shipped().splits, {*listed("places"), *listed("fillers"), "current", "cur"}
    words = [word for gap in gaps for word in words_of(gap)]
    words = words[1:] if words and words[0].endswith("ing") else words  # "Learning iteration 5/1500"
    return any(word not in splits and word not in known and meaning(word).role != "place" for word in words)
