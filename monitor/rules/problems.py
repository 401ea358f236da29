"""A validator's errors → problems in a user's words: which field, what is wrong, what was expected or meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError

from monitor.base.errors import RuleError
from monitor.base.suggestion import suggestion
from monitor.base.yamlfile import Place
from monitor.conditions import KINDS, Condition
from monitor.reader.signals import CATALOGUE

SHOWN = 60
"""How many characters of a wrong value a message repeats."""


MOST_WORDED = 1_000
"""How many problems of one mapping are put into words, at most."""
_LONGEST = 600
"""How many characters a message may have; a longer message repeats a long value."""


class Problem(NamedTuple):
    """One thing that is wrong, and where it is within the value that was checked."""

    place: Place
    text: str
    """``field: what; expected …``"""


def problems_of(error: ValidationError, model: type[BaseModel], data: Mapping[str, object]) -> Iterator[Problem]:
    """Yield what a model found wrong with a mapping, one problem per place."""
    found: dict[Place, Any] = {}
    for detail in error.errors(include_url=False):
        # Each member of a union reports the same value; keep the first report.
        found.setdefault(_written(detail["loc"], data), detail)
    around = {place[:length] for place in found for length in range(len(place))}
    for place, detail in islice(found.items(), MOST_WORDED):
        if place in around and detail["type"] in _UNFIT:
            continue  # the problem inside it is reported
        place, text = _placed(place, _text(detail, model, data), data)
        name = ".".join(map(str, place))
        yield Problem(place, _shortened(f"{name}: {text}" if name else text))


def unknown_key(key: str, known: Iterable[str]) -> str:
    """Return the message for an unknown key."""
    return f"unknown key {key!r:.{SHOWN}}; expected a known key{suggestion(key, known)}"


def unknown_rule(
    where: str, name: str, known: Iterable[str], *, about: str = "", expected: str = "a rule"
) -> RuleError:
    """Return the error for the name of a rule that does not exist."""
    return RuleError(where, f"{about}unknown rule {name!r}", expected=expected + suggestion(name, known))


def models_in(annotation: object) -> Iterator[type[BaseModel]]:
    """Yield the models in a field's annotation, at any depth."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for each in get_args(annotation):
        yield from models_in(each)


def holds_conditions(model: type[BaseModel], field: str) -> bool:
    """Whether a field holds conditions of any kind, as ``of`` does in ``all`` and ``any``."""
    return any(issubclass(each, Condition) for each in models_in(model.model_fields[field].annotation))


_UNFIT = frozenset(
    {"literal_error", "enum", "string_type", "float_type", "int_type", "model_type", "tuple_type", "too_short"}
)
"""Errors about a whole value whose real problem is inside it: from a member of a union that the value is not meant for,
or about a list whose wrong entries were dropped."""
_FORMS = {
    "alert": "a name in CamelCase, such as LossSpike",
    "fault": "lower-case letters, digits and _, such as loss_spike",
}
"""The pattern of a field, in words."""
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
    "tuple_type": "a list, such as [one, two]",
    "list_type": "a list, such as [one, two]",
    "dict_type": "key: value pairs",
    "model_type": "key: value pairs",
    "model_attributes_type": "key: value pairs",
    "is_instance_of": "key: value pairs",
}
"""What was expected, by the validator's type of error."""


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
            return f"invalid value {shown}; expected {_FORMS[loc[-1]]}"
        case "too_short" | "too_long":
            least, most = context.get("min_length"), context.get("max_length")
            expected = f"at least {least}" if most is None else f"at most {most}"
            return f"has {context['actual_length']} entries; expected {expected}"
        case "literal_error" | "enum":
            words = re.findall(r"'([^']*)'", context["expected"])
            return f"invalid value {shown}; expected {context['expected']}{suggestion(value, words)}"
        case _ if kind in _WANTED:
            return f"invalid value {shown}; expected {_WANTED[kind]}"
        case "value_error" | "assertion_error":
            return _own_words(message.partition(", ")[2], value)
    wanted = message.removeprefix("Input should be ")
    if wanted != message:
        return f"invalid value {shown}; expected {wanted}"
    return f"{message[:1].lower()}{message[1:]}; expected a value other than {shown}"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} … {text[-_LONGEST // 3 :]}"


def _own_words(message: str, value: object) -> str:
    """Complete a message of our own models with a suggestion."""
    if message.startswith("unknown signal"):
        return f"{message}; expected a signal of the catalogue{suggestion(value, CATALOGUE)}"
    if found := re.search(r"'([^']+)'[^;]*; expected one of ([\w., ]+)$", message):
        return message + suggestion(found[1], found[2].split(", "))
    if "expected a number and one of" in message:
        return _no_duration(message, value)
    if "; expected" in message or message.startswith("expected"):
        return message
    return f"{message}; expected a value other than {value!r:.{SHOWN}}"


_UNITS = {
    **dict.fromkeys(("sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("day", "days"), "d"),
    **{word: f" {word}" for word in ("step", "steps", "epoch", "epochs", "report", "reports")},
}
"""Units as people write them, and as a rule file writes them."""


def _no_duration(message: str, value: object) -> str:
    """Return what is wrong with a duration."""
    text = str(value).strip()
    is_bare = text.lstrip("+-").replace(".", "", 1).isdecimal()
    what = "is negative" if text.startswith("-") else "has no unit" if is_bare else "is not a duration"
    expected = message[message.index("expected a number and one of") :]
    return f"{value!r:.{SHOWN}} {what}; {expected}{_unit_meant(value)}"


def _unit_meant(value: object) -> str:
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]{1,12})\s*", value) if isinstance(value, str) else None
    near = difflib.get_close_matches(found[2].lower(), _UNITS, n=1) if found else []
    meant = found[1] + _UNITS[near[0]] if found and near else value
    return f" (did you mean {meant!r}?)" if meant != value else ""


def _placed(place: Place, text: str, data: Mapping[str, object]) -> tuple[Place, str]:
    """Move a problem of a whole mapping to the key that it is about.

    ``clear: would fire …`` moves to ``clear``; ``expected exactly one of above, below`` to the last one given.
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
        return place, f"is incomplete; {text}"
    given = [word for word in found[1].split(", ") if inner.get(word) not in (None, [])]
    if len(given) > 1:
        return (*place, given[-1]), f"conflicts with {' and '.join(given[:-1])}; {text}"
    return place, f"{'is incomplete' if given else 'none of them is given'}; {text}"


def _written(loc: Sequence[str | int], data: object) -> Place:
    """Return a place in the file, without the names of the union members that were tried there."""
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
    """Return the value at a place in the file's data; None if there is none."""
    for part in place:
        if isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            data = data.get(part) if isinstance(data, Mapping) else None
    return data


def _fields_at(loc: Sequence[str | int], model: type[BaseModel], data: object) -> list[str]:
    """Return the fields of the model that reads the value at a place."""
    models: list[type[BaseModel]] = [model]
    for part in loc:
        fields = [each.model_fields[part] for each in models if isinstance(part, str) and part in each.model_fields]
        models = [found for field in fields for found in models_in(field.annotation)] or models
        data = _inside((part,), data)
    own = KINDS.get(str(data.get("kind"))) if isinstance(data, Mapping) else None
    return [field for each in ([own] if own else models) for field in each.model_fields]
