"""Vocabulary files of users → the vocabulary to read by: the shipped words, and theirs, which win."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monitor.base.errors import MonitorError, Problems
from monitor.base.yamlfile import YamlFile
from monitor.reader.vocabulary import Vocabulary, VocabularyError, meaning, shipped_words, words_of

_KINDS = ("lower_is_better", "higher_is_better", "counted")
_TOP = ("vocabulary", "splits", "quantities", *_KINDS)
_QUANTITY = ("name", "words", "samples")
_METRIC = "metric"
Place = tuple[str | int, ...]


def is_vocabulary(data: object) -> bool:
    """Whether a file's content is a vocabulary, and no dialect."""
    return isinstance(data, dict) and "vocabulary" in data


def samples_of(path: Path) -> list[str]:
    """Return the sample keys of a vocabulary file that was read without a problem."""
    data: Any = YamlFile(path, VocabularyError).data
    return [str(key) for each in data.get("quantities", ()) for key in each["samples"]]


def load_words(paths: Sequence[Path]) -> Vocabulary | None:
    """Read vocabulary files, the later ones winning; None without any. Raises Problems with all mistakes of all."""
    found, problems = shipped_words(), list[MonitorError]()
    data: Any
    samples: list[tuple[YamlFile, Place, str, str]] = []
    for path in paths:
        try:
            file = YamlFile(path, VocabularyError)
        except MonitorError as error:
            problems.append(error)
            continue
        wrong = [*file.problems, *_problems(file)]
        problems += wrong
        if not wrong:
            data = file.data
            found = _extended(found, data)
            samples += [
                (file, ("quantities", index, "samples", key), str(key), str(name))
                for index, each in enumerate(data.get("quantities", ()))
                for key, name in each["samples"].items()
            ]
    for file, place, key, name in samples if not problems else ():
        if (said := meaning(key, found).name) != name:
            problems.append(VocabularyError(file.where(place), f"{key!r:.60} means {said}", expected=name))
    if problems:
        raise Problems(problems)
    return found if paths else None


def _problems(file: YamlFile) -> list[MonitorError]:
    found: list[MonitorError] = []

    def complain(place: Place, what: str, expected: str) -> None:
        found.append(VocabularyError(file.where(place), what, expected=expected))

    data = file.data
    if not isinstance(data, dict) or not any(data.get(key) for key in _TOP[1:]):
        complain((), "holds no words", "vocabulary: 1, and quantities: or splits:")
        return found
    for key in data.keys() - set(_TOP):
        complain((key,), f"unknown key {key!r:.60}", f"one of {', '.join(_TOP)}")
    if data.get("vocabulary") != 1:
        complain(("vocabulary",) if "vocabulary" in data else (), f"vocabulary: {data.get('vocabulary')!r:.60}", "1")
    splits = data.get("splits", {})
    known_splits = sorted(set(shipped_words().splits.values()))
    if not isinstance(splits, dict):
        complain(("splits",), f"splits: {splits!r:.60} is of the wrong type", "split: [word, ...] lines")
    else:
        for name, words in splits.items():
            if name not in known_splits:
                complain(("splits", name), f"unknown split {name!r:.60}", f"one of {', '.join(known_splits)}")
            _check_words(words, ("splits", name), complain)
    for name in _KINDS:
        if name in data:
            _check_words(data[name], (name,), complain)
    quantities = data.get("quantities", [])
    if not isinstance(quantities, list):
        complain(("quantities",), f"quantities: {quantities!r:.60} is of the wrong type", "a list")
        return found
    taken: dict[str, str] = {}
    for index, each in enumerate(quantities):
        _check_quantity(each, ("quantities", index), taken, complain)
    return found


def _check_quantity(each: Any, place: Place, taken: dict[str, str], complain: Any) -> None:
    if not isinstance(each, dict):
        complain(place, f"{each!r:.60} not a quantity", "name, words and samples")
        return
    for key in each.keys() - set(_QUANTITY):
        complain((*place, key), f"unknown key {key!r:.60}", f"one of {', '.join(_QUANTITY)}")
    names = {name for name, _, _ in shipped_words().quantities.values()} | {_METRIC}
    name = each.get("name")
    if name not in names:
        complain((*place, "name") if "name" in each else place, f"name: {name!r:.60} not a quantity",
                 f"one of {', '.join(sorted(names))}")  # fmt: skip
    if "words" not in each:
        complain(place, "no words", "words: the keys that mean it")
    elif _check_words(each["words"], (*place, "words"), complain):
        for word in each["words"]:
            key = " ".join(words_of(word))
            if taken.setdefault(key, str(name)) != str(name):
                complain((*place, "words"), f"{word!r:.60} means {taken[key]} already", "one meaning for each word")
    samples = each.get("samples")
    if not isinstance(samples, dict) or not samples:
        complain((*place, "samples") if "samples" in each else place, "no samples", "samples: {KEY: NAME}")


def _check_words(words: Any, place: Place, complain: Any) -> bool:
    if isinstance(words, list) and words and all(isinstance(word, str) and words_of(word) for word in words):
        return True
    complain(place, f"{words!r:.60} not words", "a list of words, in quotes where YAML takes them for something else")
    return False


def _extended(base: Vocabulary, data: dict[str, Any]) -> Vocabulary:
    ranked: dict[str, tuple[str, str, int]] = {_METRIC: (_METRIC, "metric", 0)}
    for known in base.quantities.values():
        ranked.setdefault(known[0], known)
    quantities = dict(base.quantities)
    for each in data.get("quantities", ()):
        for word in each["words"]:
            quantities[" ".join(words_of(word))] = ranked[each["name"]]
    splits = {**base.splits, **{word: name for name, words in data.get("splits", {}).items() for word in words}}
    told = {name: frozenset(data.get(name, ())) for name in _KINDS}
    return base._replace(
        splits=splits,
        quantities=quantities,
        # What the user says of a word replaces what is shipped.
        lower_is_better=(base.lower_is_better - told["higher_is_better"]) | told["lower_is_better"],
        higher_is_better=(base.higher_is_better - told["lower_is_better"]) | told["higher_is_better"],
        counted=base.counted | told["counted"],
    )
