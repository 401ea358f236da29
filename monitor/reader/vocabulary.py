"""The words of a key → quantity, split, direction: what ``rules/vocabulary/words.yaml`` says, ready to be looked up."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from monitor.base import resources
from monitor.base.errors import MonitorError, Problems
from monitor.base.yamlfile import YamlFile

LONGEST_KEY_WORDS = 8
"""Words of the longest key that a trainer writes. Chosen by hand, 2026-11."""
ROLES = ("place", "value", "criterion", "time", "clock", "end", "ignore")


class VocabularyError(MonitorError):
    """A vocabulary file that cannot be used."""


class Quantity(NamedTuple):
    """What a key means."""

    name: str
    """``loss``, ``lr``, ``step``...; ``metric`` for a key that the vocabulary does not know."""
    role: str
    """One of ROLES; ``part`` for one term of a loss, ``metric`` for an unknown key."""
    split: str
    """``train``, ``val``, ``test``; empty where the key does not say."""
    marks: frozenset[str]
    """Further split words: best, average, aux."""
    own_name: str
    """The key as it was written, without its split word."""
    rank: int = 0
    """Among places: the higher is preferred."""
    of_set: str = ""
    """Of a key that names one of several sets by its number: that set's name, as ``validation_0``."""


class Vocabulary(NamedTuple):
    """The words of one file."""

    splits: dict[str, str]
    """Split word → split or mark."""
    quantities: dict[str, tuple[str, str, int]]
    """Key words → name, role, rank."""
    lower_is_better: frozenset[str]
    lists: dict[str, frozenset[str]]
    """Words that tell bars, headings and the like."""
    higher_is_better: frozenset[str] = frozenset()
    counted: frozenset[str] = frozenset()
    """Words of figures that are ratios of counts: on a small set they may stay the same while the model changes."""


_MARKS = frozenset(("best", "average", "aux"))
_WORD = re.compile(r"[a-zß-ɏ]+[0-9]*|[0-9]+(?:\.[0-9]+)?|[^\x00-\x7fß-ɏ]+|@[0-9]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")
_UNIT = re.compile(
    r" *(?:\((?:ms|s|us|sec|secs|seconds|min|h|GB|MB|GiB|MiB|G|M|%)\)| in (?:s|ms|seconds)|[ _/-][MmGg][Ii]?[Bb])$"
)
_OWNER = re.compile(r"(\w+)'s (\S+)$")
_OF_SET = re.compile(r"(?P<set>(?P<word>[A-Za-z]+)_\d{1,2})(?:-|/|'s )(?P<key>[A-Za-z][^ ]*)$")
"""What trees call a figure of one of several sets: ``validation_0-logloss``, ``valid_1's l2``."""
_TOP = ("vocabulary", "splits", "quantities", "lists", "lower_is_better", "higher_is_better", "counted")


def words_of(key: str) -> list[str]:
    """Return the words of a key in small letters: ``TrainLoss``, ``train/loss``, ``train_loss`` are all two.

    Latin letters lose their accents: ``Época`` is ``epoca``.
    """
    if not key.isascii():
        key = key.translate(_ACCENTS)
    return _WORD.findall(_GLUED.sub(r"\1 ", _CAMEL.sub(" ", key).lower()))


_GLUED = re.compile(
    r"\b(train|training|val|valid|validation|test|dev|eval)(?=(?:loss|acc|accuracy|err|error|auc|iou|miou|dice|ppl)\b)"
)
"""A set's word before a quantity's, without anything between: ``trainloss``."""
_ACCENTS = {
    code: plain for code in range(0xC0, 0x250) if (plain := unicodedata.normalize("NFKD", chr(code))[0]).isascii()
}


@cache
def shipped_words() -> Vocabulary:
    """Return the vocabulary that comes with the program. Our own tests check its samples."""
    return _vocabulary(resources.shipped_data(resources.rules_dir() / "vocabulary" / "words.yaml"))


class _Force:
    """The vocabulary in force: the words of one reader at a time, whose plans are forgotten when another reads."""

    vocabulary: Vocabulary | None = None
    forget: ClassVar[list[Callable[[], object]]] = []


def shipped() -> Vocabulary:
    """Return the vocabulary in force: the one that comes with the program, with the user's words if there are any."""
    return _Force.vocabulary or shipped_words()


def enforce(vocabulary: Vocabulary | None) -> None:
    """Read by this vocabulary from now on; None is the shipped one. Each reader says so before it reads."""
    if vocabulary is not _Force.vocabulary:
        _Force.vocabulary = vocabulary
        for forget in _Force.forget:
            forget()


def forgets(forget: Callable[[], object]) -> None:
    """Have something that rests on the vocabulary forgotten when another is in force."""
    _Force.forget.append(forget)


def listed(name: str) -> frozenset[str]:
    """Return a list of words of the shipped vocabulary."""
    return shipped().lists[name]


def load(path: Path) -> Vocabulary:
    """Read a vocabulary file and check its samples. Raises Problems, or VocabularyError."""
    file = YamlFile(path, VocabularyError)
    problems: list[MonitorError] = [*file.problems]

    def complain(place: tuple[str | int, ...], what: str, expected: str) -> None:
        problems.append(VocabularyError(file.where(place), what, expected=expected))

    data = file.data
    if not isinstance(data, dict) or not isinstance(data.get("quantities"), list):
        complain((), "holds no quantities", "quantities: a list of name, role, words, samples")
        raise Problems(problems)
    for key in data.keys() - set(_TOP):
        complain((key,), f"unknown key {key!r:.60}", f"one of {', '.join(_TOP)}")
    for index, each in enumerate(data["quantities"]):
        place = ("quantities", index)
        if not isinstance(each, dict) or not isinstance(each.get("name"), str) or not each.get("words"):
            complain(place, "not a quantity", "name, role and words")
        elif each.get("role") not in ROLES:
            complain((*place, "role"), f"role: {each.get('role')!r:.60} is none", f"one of {', '.join(ROLES)}")
        elif not each.get("samples"):
            complain(place, "no samples", "samples: {key: name}")
    if problems:
        raise Problems(problems)
    found = _vocabulary(data)
    for index, each in enumerate(data["quantities"]):
        for key, name in each["samples"].items():
            if (said := meaning(str(key), found).name) != name:
                complain(("quantities", index, "samples"), f"{key!r:.60} means {said}", str(name))
    if problems:
        raise Problems(problems)
    return found


def _vocabulary(data: Any) -> Vocabulary:
    splits = {str(word): name for name, words in data.get("splits", {}).items() for word in words}
    quantities: dict[str, tuple[str, str, int]] = {}
    for each in data["quantities"]:
        for text in each["words"]:
            words = " ".join(words_of(str(text)))
            quantities.setdefault(words, (each["name"], each["role"], int(each.get("rank", 0))))
    lists = {name: frozenset(map(str, words)) for name, words in data.get("lists", {}).items()}
    lower, higher, counted = (frozenset(map(str, data.get(name, ()))) for name in _TOP[4:])
    return Vocabulary(splits, quantities, lower, lists, higher, counted)


_SHORT_SPLIT = re.compile(r"va[_ -](?P<key>loss|acc|accuracy|err|error|auc|f1|mse|mae|rmse|ppl|iou|dice)", re.I)
"""``va_loss`` beside ``tr_loss``: alone, ``va`` names no set."""
_GLUED_SPLIT = re.compile(
    r"(?P<split>train|tr|valid|val|test|dev)(?P<key>(?:loss|acc|accuracy|err|error|auc|roc|f1|mse|mae|rmse|ppl|iou|dice)"
    r"(?:_\w+)?)"
)


def known_suffix(segment: str, vocabulary: Vocabulary | None = None) -> str:
    """Return the longest end of a text that is a known key, at a word's border; empty where none is."""
    parts = segment.split()
    for first in range(max(0, len(parts) - 5), len(parts)):
        key = " ".join(parts[first:])
        found = meaning(key, vocabulary)
        if found.role not in ("metric", "part") or (found.role == "part" and first == len(parts) - 1):
            return key
    return ""


def meaning(key: str, vocabulary: Vocabulary | None = None) -> Quantity:
    """Return what a key means."""
    return _meaning(key, vocabulary) if vocabulary else _shipped_meaning(key)


@lru_cache(maxsize=8192)
def _shipped_meaning(key: str) -> Quantity:
    return _meaning(key, shipped())


forgets(_shipped_meaning.cache_clear)


_DEVIATION = re.compile(r"\b(?:std|standard)[ ._]{1,2}dev(?:iation)?\b\.?", re.I)
"""``std dev`` is no ``dev`` set."""


def _meaning(key: str, vocabulary: Vocabulary) -> Quantity:
    if (m := _OF_SET.match(key)) and vocabulary.splits.get(m["word"].lower()) in ("val", "test"):
        own = _meaning(m["key"], vocabulary)
        return own._replace(split=vocabulary.splits[m["word"].lower()], of_set=m["set"])
    key = _DEVIATION.sub("std", key)
    if m := _SHORT_SPLIT.fullmatch(key):
        key = f"val {m['key']}"
    elif m := _GLUED_SPLIT.fullmatch(key):
        key = f"{m['split']} {m['key']}"  # valloss
    words = words_of(_UNIT.sub("", key))[: 2 * LONGEST_KEY_WORDS]
    whole = vocabulary.quantities.get(" ".join(words))
    split, marks, rest = "", set(), []
    for word in words:
        found = vocabulary.splits.get(word)
        if found is None and word.rstrip("0123456789") in ("valid", "val", "eval", "test") and word[-1].isdigit():
            found = vocabulary.splits[word.rstrip("0123456789")]
        if found in _MARKS:
            marks.add(str(found))
        elif found:
            # "eval_train_loss" is of the training set, "train/val_loss" of the validation.
            split = found if not split or split == "train" else split
        elif word == "out" and "held" in words:
            continue
        elif word not in ("set", "dataset", "data") or len(words) == 1:
            rest.append(word)
    own_name = _own_name(key, vocabulary)
    if owner := _OWNER.match(key):
        own_name = owner[2]  # valid_0's l2
    if words in (["trl"], ["tel"]):
        return Quantity("loss", "value", "train" if words == ["trl"] else "val", frozenset(), own_name)  # llm.c
    if words in (["l"], ["d", "loss"], ["g", "loss"]):
        return Quantity("metric", "metric", "", frozenset(), own_name)  # a letter alone may be anything
    group, _, last = key.rpartition("/")
    counted = vocabulary.quantities.get(" ".join(words_of(last)), ("", "", 0))
    if group.lower() == "total" and counted[0] == "step":
        return Quantity("step", "place", "", frozenset(), own_name, 1)  # OpenAI Baselines: how many there were so far
    if group.lower() == "time" and counted[0] == "step" and counted[2] == 1:
        return Quantity("step", "place", "", frozenset(), own_name, 2)  # Stable-Baselines3, beside train/n_updates
    if group.lower().endswith("time") and last in _COUNTED:
        return Quantity("setting", "ignore", "", frozenset(), own_name)  # Composer: how many there were so far
    if group and "end" in (counted[1], whole[1] if whole else ""):
        # Hugging Face closes with train/train_runtime; train/runtime is what a step or an epoch took.
        return _meaning(last, vocabulary)._replace(split=split, own_name=own_name)
    if whole is not None and not (marks or split):
        return Quantity(whole[0], whole[1], "", frozenset(), own_name, whole[2])
    if last and set(words_of(group)) <= vocabulary.lists.get("groups", frozenset()):
        inner = vocabulary.quantities.get(" ".join(words_of(last)))
        if inner is not None and inner[0] in ("lr", "grad_norm"):
            return Quantity(inner[0], inner[1], "", frozenset(), own_name, inner[2])
    plain = _plain(words, vocabulary)
    unlinked = [word for word in rest if word not in vocabulary.lists.get("connectors", frozenset())]
    for tries in (
        words,
        rest,
        plain,
        plain[1:] if len(plain) > 1 and plain[0] in ("loss", "losses") else plain,
        unlinked,  # "perte de validation"
    ):
        if hit := vocabulary.quantities.get(" ".join(tries)):
            return Quantity(hit[0], hit[1], split, frozenset(marks), own_name, hit[2])
    if len(words) > 1 and words[-1] in _ORDINALS:
        hit = vocabulary.quantities.get(" ".join(words[:-1]))
        if hit and hit[1] == "place":
            return Quantity(hit[0], hit[1], split, frozenset(marks), own_name, hit[2])  # "Epoch id", "step_idx"
    within = _named_within(key, vocabulary)
    set_within = next((name for name in within if name not in _MARKS), "")
    for native, means in _JOINED.items():
        if any(native in word for word in words):
            marks |= _MARKS.intersection(within)
            return Quantity(means[0], means[1], set_within or split, frozenset(marks), own_name, means[2])
    split = split or set_within
    if rest and (rest[-1] in ("loss", "losses") or rest[0] == "loss"):
        return Quantity("loss", "part", split, frozenset(marks), own_name)
    return Quantity("metric", "metric", split, frozenset(marks), own_name)


_COUNTED = frozenset(("epoch", "sample", "token", "sample_in_epoch", "token_in_epoch", "batch_in_epoch"))


def _named_within(key: str, vocabulary: Vocabulary) -> list[str]:
    """Return the sets and marks that words of a script without spaces name within them: ``最佳验证准确率``."""
    if key.isascii():
        return []
    return [name for text, name in vocabulary.splits.items() if not text.isascii() and text in key]


_ORDINALS = frozenset(("id", "idx", "index", "no", "nr", "number"))
"""Words behind a place's name that say no more than that it is counted."""
_LOSS, _RATE = ("loss", "value", 0), ("lr", "value", 0)
_JOINED = {"损失": _LOSS, "損失": _LOSS, "손실": _LOSS, "学习率": _RATE, "学習率": _RATE, "학습률": _RATE}


def _plain(words: list[str], vocabulary: Vocabulary) -> list[str]:
    """Return a key's words without split words and marks; ``mean`` and its like count as such here."""
    return [word for word in words if word not in vocabulary.splits]


def _own_name(key: str, vocabulary: Vocabulary) -> str:
    parts = re.split(r"([_/\s.:\x01-]+)", _CAMEL.sub("\x01", key.strip(" '\"")))
    words = [part.lower().strip("()") for part in parts]
    kept = [
        index
        for index in range(0, len(parts), 2)
        if parts[index] and vocabulary.splits.get(words[index]) not in ("train", "val", "test")
        if not (words[index] == "out" and "held" in words)
    ]
    if not kept:
        return key.strip()
    name = "".join(
        (parts[index - 1] if position and index - kept[position - 1] == 2 else "_" if position else "") + parts[index]
        for position, index in enumerate(kept)
    )
    return re.sub(r"\s+", "_", name.replace("\x01", ""))
