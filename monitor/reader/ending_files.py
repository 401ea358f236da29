"""Files of rules/endings/ → texts of death, nan and ends, each problem with its file and line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import re2

from monitor.base import resources
from monitor.base.errors import MonitorError, Problems
from monitor.base.yamlfile import Place, YamlFile
from monitor.reader.causes import Cause, Effect
from monitor.reader.ending_texts import GROUPS, PLACES, EndingText, Sample, bytes_pattern

PATTERN_LIMIT = 1_000
"""Longest pattern, in characters, as for dialects."""
LIKE_MIN = 4
"""Shortest literal: a shorter one is in too many ordinary lines. Chosen by hand, 2026-11."""


class EndingError(MonitorError):
    """A mistake in a file of ending texts."""


def shipped_ending_files() -> list[Path]:
    """Return the files of ending texts that come with the program."""
    return sorted((resources.rules_dir() / "endings").glob("*.yaml"))


@cache
def shipped_ending_texts() -> tuple[EndingText, ...]:
    """Return the ending texts that come with the program. Our own tests check them and their samples."""
    return tuple(_text(each) for path in shipped_ending_files() for each in resources.shipped_data(path)["texts"])


_CAUSES = {str(cause): cause for cause in Cause}


def load_ending_texts(path: Path) -> tuple[EndingText, ...]:
    """Read a file of ending texts and check its samples. Raises Problems, or EndingError."""
    file = YamlFile(path, EndingError)
    problems: list[MonitorError] = [*file.problems]

    def complain(place: Place, what: str, expected: str) -> None:
        problems.append(EndingError(file.where(place), what, expected=expected))

    _check(file.data, complain)
    if problems:
        raise Problems(problems)
    assert isinstance(file.data, dict)
    texts = tuple(map(_text, file.data["texts"]))
    for place, what, expected in _sample_problems(texts):
        complain(place, what, expected)
    if problems:
        raise Problems(problems)
    return texts


def _text(data: dict[str, Any]) -> EndingText:
    like = data["like"]
    return EndingText(
        name=str(data["name"]),
        cause=_CAUSES[data["cause"]],
        effect=Effect(data["effect"]),
        like=tuple(each.encode() for each in ([like] if isinstance(like, str) else like)),
        pattern=data["pattern"],
        source=str(data["source"]),
        at=data.get("at", "anywhere"),
        unless=data.get("unless"),
        samples=tuple(
            Sample(each, {})
            if isinstance(each, str)
            else Sample(each["line"], {key: str(value) for key, value in each["gives"].items()})
            for each in data["samples"]
        ),
        refuses=tuple(data.get("refuses", ())),
    )


_Complain = Callable[[Place, str, str], None]
_KEYS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("name", "cause", "effect", "at", "pattern", "unless", "source"), (str,)),
    "like": (str, list),
    "samples": (list,),
    "refuses": (list,),
}
_NEEDED = ("name", "cause", "effect", "like", "pattern", "source", "samples")
_CHOICES: dict[str, tuple[str, ...]] = {"cause": tuple(Cause), "effect": tuple(Effect), "at": PLACES}


def _check(data: Any, complain: _Complain) -> None:
    if not isinstance(data, dict) or not isinstance(data.get("texts"), list) or not data["texts"]:
        complain((), "has no texts", "texts: and at least one")
        return
    for key in data.keys() - {"texts"}:
        complain((key,), f"unknown key {key!r:.60}", "texts")
    seen: set[str] = set()
    for index, each in enumerate(data["texts"]):
        place: Place = ("texts", index)
        if not isinstance(each, dict):
            complain(place, f"{each!r:.60} is not a text", f"{', '.join(_NEEDED)}")
            continue
        _check_text(each, place, complain)
        if str(each.get("name")) in seen:
            complain(place, f"the name {each['name']!r:.60} is used twice", "a name of its own for each text")
        seen.add(str(each.get("name")))


def _check_text(each: dict[str, Any], place: Place, complain: _Complain) -> None:
    for key, value in each.items():
        if key not in _KEYS:
            complain((*place, key), f"unknown key {key!r:.60}", f"one of {', '.join(_KEYS)}")
        elif not isinstance(value, _KEYS[key]):
            words = " or ".join("a list" if kind is list else "a text" for kind in _KEYS[key])
            complain((*place, key), f"{key}: {value!r:.60} is of the wrong type", words)
        elif key in _CHOICES and value not in _CHOICES[key]:
            complain((*place, key), f"{key}: {value!r:.60} is unknown", f"one of {', '.join(_CHOICES[key])}")
    for key in _NEEDED:
        if not each.get(key):
            complain(place, f"no {key}", f"{', '.join(_NEEDED)}, none of them empty")
    likes = [each["like"]] if isinstance(each.get("like"), str) else each.get("like")
    for like in likes if isinstance(likes, list) else ():
        if not isinstance(like, str) or len(like) < LIKE_MIN or not like.isascii():
            complain((*place, "like"), f"like: {like!r:.60}", f"ASCII text of {LIKE_MIN} characters or more")
    _check_patterns(each, place, complain)
    for key in ("samples", "refuses"):
        for i, sample in enumerate(each[key] if isinstance(each.get(key), list) else ()):
            if not (isinstance(sample, str) or (key == "samples" and _is_sample(sample))):
                expected = "a line, or line: and gives:" if key == "samples" else "a line"
                complain((*place, key, i), f"{sample!r:.60} is not a line", expected)


def _check_patterns(each: dict[str, Any], place: Place, complain: _Complain) -> None:
    for key in ("pattern", "unless"):
        text = each.get(key)
        if not isinstance(text, str):
            continue
        try:
            if len(text) > PATTERN_LIMIT or not text.isascii():
                raise ValueError(f"has {len(text):,} characters" if text.isascii() else "is not ASCII")
            found = bytes_pattern(text)
            if found.search(b"") is not None:
                raise ValueError("fits every line")
        except (re2.error, ValueError) as error:
            why = error.args[0].decode("utf-8", "replace") if isinstance(error.args[0], bytes) else str(error)
            expected = f"an RE2 expression of at most {PATTERN_LIMIT:,} ASCII characters"
            complain((*place, key), f"{key}: {why:.120}", expected)
            continue
        for group in sorted({name.decode() for name in found.groupindex} - set(GROUPS)):
            complain((*place, key), f"{key}: unknown group {group!r:.60}", f"one of {', '.join(GROUPS)}")


def _is_sample(sample: Any) -> bool:
    return (
        isinstance(sample, dict)
        and sample.keys() == {"line", "gives"}
        and isinstance(sample["line"], str)
        and isinstance(sample["gives"], dict)
    )


def _sample_problems(texts: Iterable[EndingText]) -> Iterator[tuple[Place, str, str]]:
    for index, text in enumerate(texts):
        for i, sample in enumerate(text.samples):
            place: Place = ("texts", index, "samples", i)
            line = sample.line.encode()
            if not any(like in line for like in text.like):
                yield place, f"{text.name}: no like in {sample.line!r:.80}", "one of its literals in every sample"
            found = text.find(line)
            if found is None:
                yield place, f"{text.name} does not match {sample.line!r:.80}", "a match"
                continue
            given = {key: value.decode() for key, value in found.given.items() if value}
            for key in sorted(given.keys() | sample.gives.keys()) if sample.gives else ():
                if given.get(key) != sample.gives.get(key):
                    yield place, f"{text.name} reads {key} as {given.get(key)!r}", f"{sample.gives.get(key)!r}"
        for i, line_refused in enumerate(text.refuses):
            if text.find(line_refused.encode()) is not None:
                yield ("texts", index, "refuses", i), f"{text.name} matches {line_refused!r:.80}", "no match"
