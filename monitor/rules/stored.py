"""Rules that were read and checked ↔ JSON: the next start makes them of it without YAML and without checking.

In a rule's JSON an object has one key, the name of its type; an object without a name is a mapping, a list a tuple.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from pydantic import BaseModel

from monitor.alert import Severity
from monitor.conditions import KINDS
from monitor.conditions.compare import OtherSignal
from monitor.conditions.levels import SeverityLevel
from monitor.conditions.values import SettingLevel, Span
from monitor.reader.causes import Cause
from monitor.rules.rule import ExpectedBand, Rule, RuleTest

PACKAGES = ("conditions", "rules", "reader", "grammar", "")
"""The packages whose code decides what a rule file means."""
_TYPES: tuple[type[BaseModel], ...] = (Rule, RuleTest, ExpectedBand, OtherSignal, SeverityLevel, SettingLevel)
_MODELS: dict[str, type[BaseModel]] = {each.__name__: each for each in (*_TYPES, *KINDS.values())}
_ENUMS: dict[str, type[Enum]] = {each.__name__: each for each in (Severity, Cause)}
_MAKERS: dict[str, Callable[[Any], object]] = {
    "": lambda raw: {name: made_of(each) for name, each in raw.items()},
    "Span": lambda raw: Span(*raw),
}


def json_of(value: object) -> object:
    """Return the JSON of a rule, or of any value in it. Raises TypeError for what no rule holds."""
    if value is None or (isinstance(value, (str, bool, int, float)) and not isinstance(value, Enum)):
        return value
    name = type(value).__name__
    if isinstance(value, BaseModel) and _MODELS.get(name) is type(value):
        return {name: {field: json_of(getattr(value, field)) for field in sorted(value.model_fields_set)}}
    if isinstance(value, Enum) and _ENUMS.get(name) is type(value):
        return {name: value.value}
    if isinstance(value, Span):
        return {name: list(value)}
    if isinstance(value, dict) and all(isinstance(each, str) for each in value):
        return {"": {each: json_of(inner) for each, inner in value.items()}}
    if type(value) is tuple:
        return [json_of(each) for each in value]
    raise TypeError(f"{value!r:.60} has no JSON; expected what a rule holds")


def made_of(raw: Any) -> Any:
    """Return what `json_of` was given. Raises LookupError, TypeError or ValueError for anything else."""
    if isinstance(raw, list):
        return tuple([made_of(each) for each in raw])
    if not isinstance(raw, dict):
        return raw
    [(name, inner)] = raw.items()
    if name in _MODELS:
        # It was checked when it was read; `monitor.base.cache` says that no other user has written it.
        return _MODELS[name].model_construct(**{field: made_of(each) for field, each in inner.items()})
    return _ENUMS[name](inner) if name in _ENUMS else _MAKERS[name](inner)
