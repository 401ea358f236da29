"""A validator's complaints → problems in a user's words: which field, what is wrong, what was expected or meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError

from monitor.base.yamlfile import Place
from monitor.conditions import KINDS, Condition
from monitor.reader.signals import CATALOGUE

SHOWN = 60
"""Characters of a wrong value that a message repeats."""
_WORD_LIMIT = 40
"""Longer words are not compared with anything: no name is as long, and comparing takes time."""


MOST_TOLD = 1_000
"""Problems of one mapping that are put into words: nobody reads as many."""
_LONGEST = 600
"""Characters of a message; a longer one repeats a value that nobody wants to read twice."""


class Problem(NamedTuple):
    """One thing that is wrong, and where, counted from the value that was judged."""

    place: Place
    text: str
    """``field: what; expected …``"""


def problems_of(error: ValidationError, model: type[BaseModel], data: Mapping[str, object]) -> Iterator[Problem]:
    """Yield what a model found wrong with a mapping of a file, one problem per place."""
    found: dict[Place, Any] = {}
    for detail in error.errors(include_url=False):
        # Each member of a union complains of the same value; the first one's complaint will do.
        found.setdefault(_written(detail["loc"], data), detail)
    around = {place[:length] for place in found for length in range(len(place))}
    for place, detail in islice(found.items(), MOST_TOLD):
        if place in around and detail["type"] in _UNFIT:
            continue  # what is wrong inside it is told
        place, text = _placed(place, _text(detail, model, data), data)
        name = ".".join(map(str, place))
        yield Problem(place, _shortened(f"{name}: {text}" if name else text))


def unknown_key(key: str, known: Iterable[str]) -> str:
    """Say that a key means nothing."""
    return f"unknown key {key!r:.{SHOWN}}; expected a known key{suggestion(key, known)}"


def suggestion(word: object, known: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` for a word that nearly is a known one, else nothing."""
    if not isinstance(word, str) or len(word) > _WORD_LIMIT:
        return ""
    by_lower = {each.lower(): each for each in known}
    near = difflib.get_close_matches(word.lower(), list(by_lower), n=1)
    return f" (did you mean {by_lower[near[0]]!r}?)" if near else ""


def models_in(annotation: object) -> Iterator[type[BaseModel]]:
    """Yield the models that a field's annotation speaks of, at any depth."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for each in get_args(annotation):
        yield from models_in(each)


def holds_conditions(model: type[BaseModel], field: str) -> bool:
    """Whether a field takes conditions of any kind, as those of ``all`` and ``any`` do."""
    return any(issubclass(each, Condition) for each in models_in(model.model_fields[field].annotation))


_UNFIT = frozenset(
    {"literal_error", "enum", "string_type", "float_type", "int_type", "model_type", "tuple_type", "too_short"}
)
"""What is said of a value as a whole though its trouble is inside: a member of a union that it is not meant for says
so, and a list that lost what is wrong."""
_FORMS = {
    "alert": "a name in CamelCase, as LossSpike",
    "fault": "small letters, digits and _, as loss_spike",
}
"""What a field with a pattern wants, in words."""
_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list, as [one, two]",
    "list_type": "a list, as [one, two]",
    "dict_type": "key: value pairs",
    "model_type": "key: value pairs",
    "model_attributes_type": "key: value pairs",
    "is_instance_of": "key: value pairs",
}
"""What was wanted, by the validator's word for what is wrong."""


def _text(detail: Any, model: type[BaseModel], data: Mapping[str, object]) -> str:
    kind, value, message, loc = detail["type"], detail["input"], str(detail["msg"]), detail["loc"]
    shown, context = f"{value!r:.{SHOWN}}", detail.get("ctx", {})
    match kind:
        case "missing":
            return "is missing; expected a value"
        case "extra_forbidden":
            return unknown_key(str(loc[-1]), _fields_at(loc[:-1], model, data))
        case "string_too_short":
            return "is empty; expected some text"
        case "string_pattern_mismatch" if loc[-1] in _FORMS:
            return f"{shown} does not do; expected {_FORMS[loc[-1]]}"
        case "too_short" | "too_long":
            least, most = context.get("min_length"), context.get("max_length")
            expected = f"at least {least}" if most is None else f"at most {most}"
            return f"has {context['actual_length']} entries; expected {expected}"
        case "literal_error" | "enum":
            words = re.findall(r"'([^']*)'", context["expected"])
            return f"{shown} does not do; expected {context['expected']}{suggestion(value, words)}"
        case _ if kind in _WANTED:
            return f"{shown} does not do; expected {_WANTED[kind]}"
        case "value_error" | "assertion_error":
            return _own_words(message.partition(", ")[2], value)
    wanted = message.removeprefix("Input should be ")
    if wanted != message:
        return f"{shown} does not do; expected {wanted}"
    return f"{message[:1].lower()}{message[1:]}; expected another value than {shown}"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} … {text[-_LONGEST // 3 :]}"


def _own_words(message: str, value: object) -> str:
    """Complete a message of our own models with what was meant."""
    if message.startswith("unknown signal"):
        return f"{message}; expected a signal of the catalogue{suggestion(value, CATALOGUE)}"
    if found := re.search(r"'([^']+)'[^;]*; expected one of ([\w., ]+)$", message):
        return message + suggestion(found[1], found[2].split(", "))
    if "expected a number and one of" in message:
        return _no_duration(message, value)
    if "; expected" in message or message.startswith("expected"):
        return message
    return f"{message}; expected another value than {value!r:.{SHOWN}}"


_UNITS = {
    **dict.fromkeys(("sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("day", "days"), "d"),
    **{word: f" {word}" for word in ("step", "steps", "epoch", "epochs", "report", "reports")},
}
"""Words for units that people write, and what a rule file takes for them."""


def _no_duration(message: str, value: object) -> str:
    """Say what ails a duration."""
    text = str(value).strip()
    is_bare = text.lstrip("+-").replace(".", "", 1).isdecimal()
    what = "is negative" if text.startswith("-") else "has no unit" if is_bare else "is no duration"
    expected = message[message.index("expected a number and one of") :]
    return f"{value!r:.{SHOWN}} {what}; {expected}{_unit_meant(value)}"


def _unit_meant(value: object) -> str:
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]{1,12})\s*", value) if isinstance(value, str) else None
    near = difflib.get_close_matches(found[2].lower(), _UNITS, n=1) if found else []
    return f" (did you mean {found[1] + _UNITS[near[0]]!r}?)" if found and near else ""


def _placed(place: Place, text: str, data: Mapping[str, object]) -> tuple[Place, str]:
    """Move a complaint of a whole mapping to the key of it that it speaks of.

    ``clear: lies …`` is of ``clear``; ``expected exactly one of above, below`` of whichever stands there too much.
    """
    inner = _inside(place, data)
    if not isinstance(inner, Mapping):
        return place, text
    key, _, rest = text.partition(": ")
    if rest and key in inner:
        return (*place, key), rest
    if not text.startswith("expected"):
        return place, text
    found = re.match(r"expected (?:exactly )?one of ([\w, ]+)", text)
    if found is None:
        return place, f"is not whole; {text}"
    given = [word for word in found[1].split(", ") if inner.get(word) not in (None, [])]
    if len(given) > 1:
        return (*place, given[-1]), f"stands beside {' and '.join(given[:-1])}; {text}"
    return place, f"{'is not whole' if given else 'none of them is given'}; {text}"


def _written(loc: Sequence[str | int], data: object) -> Place:
    """Return a place in the file: without the names of the models of a union that were tried there."""
    place: list[str | int] = []
    here = data
    for index, part in enumerate(loc):
        is_key = isinstance(here, Mapping) and part in here
        is_item = isinstance(here, list) and isinstance(part, int) and part < len(here)
        if is_key or is_item:
            here = here[part]  # type: ignore[index]
            place.append(part)
        elif isinstance(here, Mapping) and index == len(loc) - 1:
            place.append(part)
    return tuple(place)


def _inside(place: Place, data: object) -> object:
    """Return what stands at a place of the file's data; None where nothing does."""
    for part in place:
        if isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            data = data.get(part) if isinstance(data, Mapping) else None
    return data


def _fields_at(loc: Sequence[str | int], model: type[BaseModel], data: object) -> list[str]:
    """Return the fields of the model that reads what stands at a place."""
    models: list[type[BaseModel]] = [model]
    for part in loc:
        fields = [each.model_fields[part] for each in models if isinstance(part, str) and part in each.model_fields]
        models = [found for field in fields for found in models_in(field.annotation)] or models
        data = _inside((part,), data)
    own = KINDS.get(str(data.get("kind"))) if isinstance(data, Mapping) else None
    return [field for each in ([own] if own else models) for field in each.model_fields]
