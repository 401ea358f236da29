"""What one number of a line is, by the words and marks around it."""

from __future__ import annotations

import re
from typing import NamedTuple

from monitor.reader.vocabulary import Quantity, known_suffix, listed, meaning, shipped, words_of

LONGEST_NAME = 60
"""Characters of a metric's name."""
MEASURED = ("value", "criterion", "part", "metric")
"""Roles of the figures of the training or of a set."""
MEASURED_OR_TIMED = (*MEASURED, "time")
"""Those, and how long a step took."""


class Slot(NamedTuple):
    """What one number of a line is."""

    role: str
    """A role of the vocabulary, or: ``total``, ``average`` and the share ``beside`` (the slot ``of``), ``item`` of a
    list, ``bracket`` (a place without a word), ``lead`` (a bare number that the line begins with), ``none``."""
    quantity: str = ""
    name: str = ""
    """Of a metric, and what else must be told apart."""
    split: str = ""
    marks: frozenset[str] = frozenset()
    scale: float = 1.0
    of: int = -1
    rank: int = 0
    unit: str = ""
    of_set: str = ""
    """The numbered set that its key names, as ``validation_0``."""


BARE = "bare"
"""The name of a slot whose time may be anything."""
LOADING = "loading"
"""The name of a slot with the time that a step waits for its data."""
_BARE = frozenset({("time",), ("seconds",), ("secs",), ("time", "batch"), ("time", "step"), ("time", "iter")})
"""Words that name a time and not its kind. Composer's ``time/batch`` is a count of batches."""
_LOADING = frozenset(("data", "load", "loading", "reader", "loader", "dataload", "dataloader"))
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
UNIT = re.compile(
    r"^ ?(%|[GTP]?FLOPS?|TFLOPs|[KMGT]i?B|ms|us|µs|μs|ns|secs?|seconds|s|mins?|minutes|m|h|hours?|it/s|s/it)"
    r"(?![A-Za-z0-9_])(?!(?<= min) \w+ ?[:=])(?!/[a-z]+ ?[:=])"
)
UNIT_WORDS = frozenset(("sec", "secs", "seconds", "minutes", "hours"))
"""Units that may as well be the key of the next number."""
_TIMES = frozenset(("s", "sec", "secs", "seconds", "ms", "min", "mins", "minutes", "h", "hours"))
TOTALS = ("/", "of", "out of", "]/[", "] / [", "}/{", ")/(", "из", "von", "sur", "de", "di")
"""What comes between a count and its total."""
CHANGES = ("->", "-->", "=>", "→", "to")
_KEY_UNIT = re.compile(r"\((ms|s|us|sec|secs|min|%|h)\)$| in (s|ms|seconds)$|^(ms|us)(?:/| per )", re.I)
SEPARATOR = re.compile(r"(?<!\s)\s*+(?:(?:\bis\s*+)?(?<![:=：])[:=：]++>?|->|→|\bis)\s*+$")
_HARD = re.compile(r"[,;|{}\t\n•·—]|  +|(?:^| )-{1,2} |>> |[\])】]|：|: |[=-]> |→|(?<![A-Za-z0-9])/|#|[^\w\x00-\x7f]")
_WORD_VALUE = re.compile(r"=(?:\"[^\"]*\"|[^\s=\"]+) +")
"""A value of words before the key: ``msg="train step" step=``."""
_SENTENCE = re.compile(r"(?<![Vv]al)(?<![Vv]alid)(?<![Ee]val)(?<![Tt]est)(?<![Tt]rain)(?<![Aa]vg)(?<![Aa]cc)\. ")
_NAME = re.compile(
    r"(?:\d{1,3}(?:\.\d{1,3})?(?!(?:ms|us|ns|sec|secs|mins?|hours?|hrs?|[KMGT]i?B|it|st|nd|rd|th)\b)(?=[A-Za-z]{2}))?"
    r"[^\W\d][\w/ .@%()'+&^-]*$"
)
"""A name may begin with a threshold: ``0.5PER``, ``5shot``."""
OPENERS = " \"'[({<$~≈@#"
_AFTER_UNITS = {
    "ms": ("s_per_step", "time"), "tok/s": ("tokens_per_s", "value"), "tokens/s": ("tokens_per_s", "value"),
    "it/s": ("steps_per_s", "value"), "s/it": ("s_per_step", "time"), "轮": ("epoch", "place"), "步": ("step", "place"),
}  # fmt: skip
PROSE = re.compile(
    r"\b(?:sav(?:ed?|ing)|load(?:ed|ing)?|writ(?:ing|ten|e)|checkpoint|resum(?:ed?|ing)|restor(?:ed?|ing)|improved|decreased|"
    r"increased|did not|reducing|adjusting|skipping|found|using|stopping|reached|from scratch|will|"
    r"usage|warning|deprecated|warmup|schedule|download\w*|loss scale to)\b", re.I,
)  # fmt: skip


_RATIO = re.compile(r"^ [A-Za-z]+/[A-Za-z]+(?=[\s,|)\]};(])")
"""A unit of two words behind a number: ``150.2 ms/step 1200``."""


def without_unit(gap: str) -> str:
    """Return the text between two numbers without the unit of the first."""
    ratio = _RATIO.match(gap)
    if ratio and shipped().splits.keys() & {*words_of(ratio[0])}:
        ratio = None  # "epoch 3 train/val loss: 0.5/0.6"
    unit = ratio or UNIT.match(gap)
    if unit:
        return gap[unit.end() :]
    return re.sub(r"^/?[A-Za-z%][A-Za-z/%]*(?=[\s,|)\]};(]|$)", "", gap) if gap[:1].isalpha() or gap[:1] == "/" else gap


_LABEL = re.compile(r"^[\w ]*\b[Mm]etrics:(?=[A-Za-z])")
"""``validation metrics:accuracy:0.9``."""


_ARTICLES = frozenset(("the", "a", "an", "and", "with", "our", "its"))
"""Words that begin a phrase and say nothing of what it names."""


def key_of(segment: str, *, has_sep: bool, is_quoted: bool) -> str:
    """Return the key at the end of a text, which comes before a number."""
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
        if not hard[0].isspace() or not _only_split(text[last : hard.start()]):  # "Val   Loss" is one key
            last = hard.end()
    for value in _WORD_VALUE.finditer(text, last):
        last = value.end()
    for sentence in _SENTENCE.finditer(text, last) if has_sep else ():
        last = sentence.end()  # "Epoch 3 completed. Average loss: 0.5"
    opening = max(text.rfind("("), text.rfind("["), text.rfind("<"))
    key = text[max(last, opening + 1) :].strip(" \"'*-_~!?.>=+:@")
    words = _LABEL.sub("", key).split()
    while len(words) > 1 and words[0].lower() in _ARTICLES:
        del words[0]  # "and the loss"
    key = " ".join(words)
    return f"{key} {qualifier}".strip() if key else ""


_GOES_ON = re.compile(r" [a-z]+(?: [A-Za-z]+)*[.!…]*$")
"""Words behind a number: ``Process 4711 exits successfully.`` names no measurement."""


_RUN_NAME = re.compile(r"[A-Za-z][A-Za-z-]*(?:_\w+|\d\w*)")
"""What a run is called before its place: ``LSTM_e10 Epoch 3``."""


_SOURCE_FILE = re.compile(r"\w\.(?:py|pyx|ipynb|lua|go|rs|jl|java|kt|js|ts|c|h|cc|cpp|cxx|hpp|cu|cuh)$")
"""What comes before the line of a source file: ``core.py:70``."""


def slot_of(
    key: str, *, has_sep: bool, unit: str, is_followed: bool, after: str = "", is_first: bool = False
) -> Slot | None:
    if not key or _SENTENCE.search(key) or not _NAME.match(key):
        return None
    if has_sep and _SOURCE_FILE.search(key):
        return Slot("none")
    if not has_sep and is_followed:
        return Slot("none")  # "Train loss 10 0.57": which of the two is it?
    if not has_sep:
        known = known_suffix(key)
        if not known:
            words = key.split()
            is_name = 1 <= len(words) <= 3 and len(key) <= 30 and not PROSE.search(key)
            is_name = is_name and not listed("no_names").intersection(key.lower().split())
            is_name = is_name and (bool(unit) or not _GOES_ON.fullmatch(after))
            known = key if is_name else ""
            if not known:
                return Slot("none")
        before = key[: -len(known)]
        is_run = meaning(known).name == "epoch" and _RUN_NAME.fullmatch(before.strip()) is not None
        is_stage = is_first and meaning(known).name in ("step", "epoch") and _is_stage(before)
        if known != key and not is_run and not is_stage and not _is_plain_before(before):
            if meaning(known).role == "ignore":
                return Slot("none")  # "Temperature at epoch 3: high"
            return Slot("metric", "metric", key.replace(" ", "_")[:LONGEST_NAME])
        key = known
    elif len(key.split()) > 5:
        key = known_suffix(key) or key
        if len(key.split()) > 8:
            return Slot("none")
    bare = _KEY_UNIT.sub("", key).strip()
    said: Quantity = meaning(key)
    if said.role == "place" and bare.lower() == "s" and not is_first:
        return Slot("none")  # "e: 3 s: 8909": seconds or samples as well as steps
    if said.role == "metric" and "(" in key:
        outer = meaning(key[: key.index("(")].strip())
        inner = meaning(key[key.index("(") :].strip("() "))
        if outer.role != "metric" or inner.split:
            said = outer._replace(split=inner.split or outer.split, marks=outer.marks | inner.marks)
    if (said.name == "loss" or said.role in ("place", "metric")) and unit in _TIMES:
        return Slot("clock", "train_time", unit=unit)  # "cost 35.2s" is what the epoch took
    if said.role == "metric" and (rate := _rate_of(after)):
        return Slot("none") if said.split in ("val", "test") else Slot("value", rate)  # "speed = 880.9 images/s"
    if _only_split(bare):
        return Slot("splitword", split=said.split or shipped().splits.get(words_of(bare)[0], ""), name=bare, unit=unit)
    in_key = _KEY_UNIT.search(key)
    unit = unit or next((each.lower() for each in in_key.groups() if each), "") if in_key else unit
    scale = _SCALES.get(unit, 1.0) if said.role in ("time", "clock") else 1.0
    name = (
        said.own_name[:LONGEST_NAME].replace(":", "_")
        if said.role in ("metric", "part", "criterion") or said.marks
        else ""
    )
    if said.name == "loss" and words_of(bare)[-1:] == ["cost"]:
        name = name or "cost"
    if said.role in ("time", "clock"):
        name = _time_name(bare)
    if said.role == "place":
        name = "plural" if words_of(bare)[-1:] and words_of(bare)[-1].endswith("s") else ""
    return Slot(said.role, said.name, name, said.split, said.marks, scale, -1, said.rank, unit, said.of_set)


_RATE = re.compile(r" ?([A-Za-z]+)/s(?:ec|econd)?(?![A-Za-z/])")
"""A unit behind a number: ``images/s``."""


def _rate_of(after: str) -> str:
    """Return the quantity of a number by the unit behind it, samples or tokens per second; empty for any other."""
    found = _RATE.match(after)
    if found is None or found[1].lower() not in listed("sample_units"):
        return ""
    return "tokens_per_s" if found[1].lower().startswith("tok") else "samples_per_s"


def _time_name(key: str) -> str:
    """Return the name of a slot with a time, by its key without a unit."""
    words = tuple(word for word in words_of(key) if word not in shipped().splits)
    if words in _BARE and ("/" in key or len(words) == 1):
        return BARE
    return LOADING if _LOADING.intersection(words) else ""


def _is_plain_before(text: str) -> bool:
    """Whether the words before a key change nothing about it: "done loss" is a loss, "head loss" another one."""
    words = words_of(text)
    return (
        not words or words[-1] in listed("fillers") or words[-1] in listed("places") or words[-1] in listed("no_names")
    )


def _is_stage(text: str) -> bool:
    """Whether the words before a place name a stage: ``rl step``, ``Train-Student Epoch``; not ``eval step``."""
    words = words_of(text)
    named = [shipped().splits[word] for word in words if word in shipped().splits]
    is_of_a_set = bool(named) and (len(words) == 1 or any(split != "train" for split in named))
    return 1 <= len(words) <= 2 and not is_of_a_set and not listed("no_stages").intersection(words)


def _only_split(key: str) -> bool:
    words = words_of(key)
    splits = shipped().splits
    return bool(words) and all(splits.get(word) in ("train", "val", "test") for word in words)


_COUNTED_EPOCH = re.compile(r"(?:epoch|ep):(?=[A-Za-z])")
"""Behind a number: ``6epoch:train:``."""


def _is_of_epoch(found: list[Slot]) -> bool:
    """Whether the last number is an epoch, or how many there are."""
    last = found[found[-1].of] if found and found[-1].role == "total" else found[-1] if found else None
    return last is not None and last.quantity == "epoch"


def unnamed(gap: str, after: str, found: list[Slot], opened: str) -> Slot:
    tail = after.lstrip()
    for text, (quantity, role) in _AFTER_UNITS.items():
        if tail.startswith(text) and not tail[len(text) : len(text) + 1].isalnum():
            scale = _SCALES.get(text, 1.0)
            return Slot(role, quantity, scale=scale, rank=2)
    if _COUNTED_EPOCH.match(after):
        return Slot("place", "epoch", rank=2)
    if not found and not gap.strip(" [(*-="):
        return Slot("lead", unit="[" if "[" in gap else "")
    if found and found[-1].role in ("lead",) and gap.strip() in (",", "|", "][", "-", "] [", "/"):
        return Slot("lead", unit=gap.strip())
    is_pair_of_epoch = gap.strip() in (",", "-") and after == "/" and _is_of_epoch(found)
    if is_pair_of_epoch or "[" in opened or "(" in opened or gap.strip() in ("", ":", "|", ":"):
        return Slot("bracket", unit="[" if "[" in opened else "(" if "(" in opened else "")
    return Slot("none")
