"""A private log → a sample that can be shown: numbers, times and shapes as they are, unknown words masked.

Kept are the words by which a log is read: the vocabulary, the texts of deaths and ends, the marks of dialects, our own
grammar, levels, months and units (the list ``frames``). Every other word becomes another, each always alike.
"""

from __future__ import annotations

import builtins
import dataclasses
import re
from functools import cache
from pathlib import Path

from monitor import grammar
from monitor.base import resources
from monitor.reader.vocabulary import shipped

_TOKEN = re.compile(r"[^\W\d_]+")
_ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\b[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}\b")
_HEX = re.compile(
    r"(?<![\d.])\b(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{7,}\b(?![-+]\d)|\b[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}\b"
)
_LETTERS = re.compile(r"[A-Za-z]+")
_ERROR = re.compile(r"(.+?)(Error|Exception|Warning|Interrupt)$")


class Masker:
    """Masks the lines of one log."""

    def __init__(self) -> None:
        self._known = _words_of_package() | shipped_words_in_force()
        self._masks: dict[str, str] = {}

    def masked(self, line: str) -> str:
        """Return a line that can be shown."""
        line = _ADDRESS.sub(lambda found: re.sub(r"[0-9A-Fa-f]+", "0", found[0]), line)
        line = _HEX.sub(lambda found: re.sub(r"[0-9a-zA-Z]", "0", found[0]), line)
        return _TOKEN.sub(lambda found: self._word(found[0]), line)

    def _word(self, word: str) -> str:
        if word.lower() in self._known or hasattr(builtins, word):
            return word
        if found := _ERROR.match(word):
            return f"{self._word(found[1])}{found[2]}"
        mask = self._masks.setdefault(word.lower(), f"zq{_letters(len(self._masks))}")
        return mask.upper() if word.isupper() and len(word) > 1 else mask.capitalize() if word[0].isupper() else mask


def shipped_words_in_force() -> frozenset[str]:
    """Return the words of the vocabulary in force."""
    words = shipped()
    keys = {part for key in words.quantities for part in key.split()}
    listed = {part for each in words.lists.values() for text in each for part in text.split()}
    found = keys | listed | words.splits.keys() | words.lower_is_better | words.higher_is_better | words.counted
    return frozenset(part for each in found for part in (each, *_LETTERS.findall(each)))


@cache
def _words_of_package() -> frozenset[str]:
    """Return the words of the texts of deaths and ends, of the marks of dialects, and of our own grammar."""
    texts: list[str] = []
    for path in (*_files("endings"), *_files("dialects")):
        _collect(resources.shipped_data(path), texts)
    for record in grammar.RECORD_TYPES:
        texts += [record.TAG, *(each.name for each in dataclasses.fields(record))]
    return frozenset(word.lower() for text in texts for word in _LETTERS.findall(re.sub(r"\\[a-zA-Z]", " ", text)))


def _files(folder: str) -> list[Path]:
    return sorted((resources.rules_dir() / folder).glob("*.yaml"))


def _collect(data: object, texts: list[str], *, is_text: bool = False) -> None:
    if isinstance(data, dict):
        for key, value in data.items():
            _collect(value, texts, is_text=key in ("like", "pattern"))
    elif isinstance(data, list):
        for each in data:
            _collect(each, texts, is_text=is_text)
    elif is_text and isinstance(data, str):
        texts.append(data)


def _letters(number: int) -> str:
    text = ""
    while True:
        number, rest = divmod(number, 26)
        text = chr(ord("a") + rest) + text
        if not number:
            return text
        number -= 1
