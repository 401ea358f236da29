"""Dialect files → dialects: each problem with its file and line; the shipped ones are read once, and fast."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import re2

from monitor.base import resources
from monitor.base.errors import MonitorError, Problems
from monitor.base.yamlfile import YamlFile
from monitor.reader.dialects.check import problems_of
from monitor.reader.dialects.pattern import PATTERN_LIMIT, Dialect, LinePattern, Mark, SampleLine, compiled
from monitor.reader.dialects.to_native import KINDS

LAST_RESORT = "generic"
"""The name of a log that no mark names, and that the vocabulary reads."""


class DialectError(MonitorError):
    """A dialect file that cannot be used."""


def shipped_dialect_files() -> list[Path]:
    """Return the dialect files that come with the program."""
    return sorted((resources.rules_dir() / "dialects").glob("*.yaml"))


@cache
def shipped_dialects() -> tuple[Dialect, ...]:
    """Return the dialects that come with the program, the nameless one last. Our own tests check their samples."""
    found = [dialect for path in shipped_dialect_files() for dialect in _dialects(resources.shipped_data(path), path)]
    return (*sorted(found, key=lambda each: each.name), Dialect(LAST_RESORT, "any log that no mark names"))


def load_dialect(path: Path) -> Dialect:
    """Read the one dialect of a file and check its samples. Raises Problems, or DialectError."""
    found = load_dialects(path)
    if len(found) != 1:
        raise DialectError(str(path), f"holds {len(found)} dialects", expected="one")
    return found[0]


def load_dialects(path: Path) -> tuple[Dialect, ...]:
    """Read a file of one dialect, or of several below ``dialects:``. Raises Problems, or DialectError."""
    file = YamlFile(path, DialectError)
    problems: list[MonitorError] = [*file.problems, *_shape_problems(file)]
    if problems:
        raise Problems(problems)
    dialects = _dialects(file.data, path)
    found = [
        DialectError(file.where(place), what, expected=expected)
        for dialect in dialects
        for place, what, expected in problems_of(dialect)
    ]
    if found:
        raise Problems(list[MonitorError](found))
    return dialects


def _dialects(data: Any, path: Path) -> tuple[Dialect, ...]:
    if "dialects" in data:
        return tuple(_dialect(each, path, ("dialects", index)) for index, each in enumerate(data["dialects"]))
    return (_dialect(data, path, ()),)


def _dialect(data: Any, path: Path, place: tuple[str | int, ...]) -> Dialect:
    name = str(data["dialect"])
    lines = tuple(_line(each, (*place, "lines", index)) for index, each in enumerate(data.get("lines", ())))
    marks = tuple(_mark(each, (*place, "marks", index)) for index, each in enumerate(data.get("marks", ())))
    return Dialect(name, str(data.get("title", name)), lines, marks, str(path))


def _mark(data: Any, place: tuple[str | int, ...]) -> Mark:
    return Mark(
        like=_likes(data["like"]),
        pattern=data.get("pattern", ""),
        samples=tuple(SampleLine(line, {}, (*place, "samples", i)) for i, line in enumerate(data.get("samples", ()))),
        refuses=tuple(data.get("refuses", ())),
        place=place,
    )


def _likes(like: Any) -> tuple[bytes, ...]:
    return tuple(text.encode() for text in ([like] if isinstance(like, str) else like))


def _line(data: Any, place: tuple[str | int, ...]) -> LinePattern:
    return LinePattern(
        name=str(data["name"]),
        event=str(data["event"]),
        like=_likes(data["like"]),
        pattern=data["pattern"],
        pairs=data.get("pairs"),
        keys={name: _words(keys) for name, keys in data.get("keys", {}).items()},
        set={name: str(value) for name, value in data.get("set", {}).items()},
        scale={name: float(value) for name, value in data.get("scale", {}).items()},
        needs=tuple(_words(group) for group in data.get("needs", ())),
        detects=bool(data.get("detects", False)),
        samples=tuple(
            SampleLine(
                each["line"],
                {key: _text(value) for key, value in each.get("gives", {}).items()},
                (*place, "samples", i),
            )
            for i, each in enumerate(data.get("samples", ()))
        ),
        refuses=tuple(data.get("refuses", ())),
    )


def _words(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(map(str, value))


def _text(value: object) -> str:
    return "nan" if value != value else str(value)


_TOP = {"dialect": str, "title": str, "source": str, "marks": list, "lines": list}
_MARK = {"like": (str, list), "pattern": str, "samples": list, "refuses": list}
_LINE = {
    **dict.fromkeys(("name", "event", "pattern", "pairs"), str),
    **dict.fromkeys(("keys", "set", "scale"), dict),
    "like": (str, list),
    "needs": list,
    "detects": bool,
    "samples": list,
    "refuses": list,
}


def _shape_problems(file: YamlFile) -> list[MonitorError]:
    found: list[MonitorError] = []

    def complain(place: tuple[str | int, ...], what: str, expected: str) -> None:
        found.append(DialectError(file.where(place), what, expected=expected))

    data = file.data
    if isinstance(data, dict) and isinstance(data.get("dialects"), list) and data["dialects"]:
        for key in data.keys() - {"dialects"}:
            complain((key,), f"unknown key {key!r:.60}", "dialects: a list of dialects, and nothing else")
        for index, each in enumerate(data["dialects"]):
            _check_dialect(each, ("dialects", index), complain)
    else:
        _check_dialect(data, (), complain)
    return found


def _check_dialect(data: Any, place: tuple[str | int, ...], complain: Any) -> None:
    if not isinstance(data, dict):
        complain(place, "holds no dialect", "dialect: NAME, and marks: or lines:")
        return
    for key in data.keys() - _TOP.keys():
        complain((*place, key), f"unknown key {key!r:.60}", f"one of {', '.join(_TOP)}")
    if not isinstance(data.get("dialect"), str) or not data["dialect"]:
        complain(place, "has no name", "dialect: NAME")
    listed = {key: data[key] for key in ("marks", "lines") if data.get(key)}
    if not listed:
        complain(place, "has no lines", "lines: and at least one pattern, or marks: and at least one text")
    for key, items in listed.items():
        if not isinstance(items, list):
            complain((*place, key), f"{key}: {items!r:.60} is of the wrong type", "a list")
            continue
        for index, each in enumerate(items):
            (_check_line if key == "lines" else _check_mark)(each, (*place, key, index), complain)


def _check_mark(each: Any, place: tuple[str | int, ...], complain: Any) -> None:
    if not isinstance(each, dict) or not each.get("like") or not each.get("samples"):
        complain(place, "not a mark", "like: a text, and samples: lines that contain it")
        return
    for key, value in each.items():
        if key not in _MARK:
            complain((*place, key), f"unknown key {key!r:.60}", f"one of {', '.join(_MARK)}")
        elif not isinstance(value, _MARK[key]):  # type: ignore[arg-type]
            complain((*place, key), f"{key}: {value!r:.60} is of the wrong type", _type_words(_MARK[key]))
    if isinstance(each.get("pattern"), str):
        _check_pattern("pattern", each["pattern"], place, complain)
    for key in ("samples", "refuses"):
        for i, sample in enumerate(each[key] if isinstance(each.get(key), list) else ()):
            if not isinstance(sample, str):
                complain((*place, key, i), f"{sample!r:.60} not a sample", "a line")


def _check_pattern(key: str, text: str, place: tuple[str | int, ...], complain: Any) -> Any:
    """Return the groups of a pattern; None where it cannot be used."""
    try:
        if len(text) > PATTERN_LIMIT:
            raise ValueError(f"has {len(text):,} characters")
        found = compiled(text)
        if key == "pattern" and found.search("") is not None:
            raise ValueError("fits every line")
    except (re2.error, ValueError) as error:
        why = error.args[0].decode("utf-8", "replace") if isinstance(error.args[0], bytes) else str(error)
        complain((*place, key), f"{key}: {why:.120}", "an RE2 expression, without back-references and look-around")
        return None
    return set(found.groupindex)


def _check_line(each: Any, place: tuple[str | int, ...], complain: Any) -> None:
    if not isinstance(each, dict):
        complain(place, "not a pattern", "name, event, like, pattern and samples")
        return
    for key, value in each.items():
        if key not in _LINE:
            complain((*place, key), f"unknown key {key!r:.60}", f"one of {', '.join(_LINE)}")
        elif not isinstance(value, _LINE[key]):  # type: ignore[arg-type]
            complain((*place, key), f"{key}: {value!r:.60} is of the wrong type", _type_words(_LINE[key]))
    for key in ("name", "event", "like", "pattern", "samples"):
        if not each.get(key):
            complain(place, f"no {key}", "name, event, like, pattern and samples, none of them empty")
    if each.get("event") and each["event"] not in KINDS:
        complain((*place, "event"), f"event: {each['event']!r:.60} is none", f"one of {', '.join(KINDS)}")
        return
    _check_fields(each, place, complain)
    for key in ("samples", "refuses"):
        for i, sample in enumerate(each[key] if isinstance(each.get(key), list) else ()):
            is_right = isinstance(sample, str) if key == "refuses" else _is_sample(sample)
            if not is_right:
                expected = "a line" if key == "refuses" else "line: and gives: with a value for each field"
                complain((*place, key, i), f"{sample!r:.60} is not a sample", expected)


def _check_fields(each: dict[str, Any], place: tuple[str | int, ...], complain: Any) -> None:
    named: set[str] = set()
    for key in ("pattern", "pairs"):
        text = each.get(key)
        if not isinstance(text, str):
            continue
        groups = _check_pattern(key, text, place, complain)
        if groups is None:
            continue
        if key == "pattern":
            named |= groups - {"pairs"}
            if "keys" in each and "pairs" not in groups:
                complain((*place, key), "keys without a group (?P<pairs>…)", "the part of the line that holds them")
        elif not {"key", "value"} <= groups:
            complain((*place, key), "pairs without the groups key and value", "(?P<key>…) and (?P<value>…)")
    known = KINDS.get(str(each.get("event")))
    for key in ("keys", "set", "scale"):
        named |= set(each[key]) if isinstance(each.get(key), dict) else set()
    for name in sorted(map(str, named - set(known.fields if known else named))):
        expected = f"one of {', '.join(known.fields) or 'none'}" if known else ""
        complain(place, f"{each['event']} has no field {name!r}", expected)


def _is_sample(sample: Any) -> bool:
    return (
        isinstance(sample, dict)
        and sample.keys() <= {"line", "gives"}
        and isinstance(sample.get("line"), str)
        and isinstance(sample.get("gives", {}), dict)
    )


def _type_words(kind: Any) -> str:
    words = {str: "a text", list: "a list", dict: "field: value lines", bool: "true or false"}
    return " or ".join(words[each] for each in (kind if isinstance(kind, tuple) else (kind,)))
