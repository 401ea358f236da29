"""A rule → its explanation in words, for ``monitor rules explain``, the list and the page of rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, get_args

from pydantic import BaseModel

from monitor.conditions import Condition
from monitor.conditions.values import NO_SPAN, Seconds, SettingLevel, Span, level_words
from monitor.reader.signals import CATALOGUE
from monitor.rules.rule import COMMON, Rule, written


class ExplainedLine(NamedTuple):
    """One line of an explanation."""

    about: str
    text: str


def fires_when(rule: Rule) -> str:
    """Return what makes a rule fire, as a sentence without its full stop."""
    words = rule.condition.in_words()
    if rule.phase:
        words += f", in phase {' or '.join(rule.phase)}"
    if rule.after != NO_SPAN:
        words += f", after the first {rule.after}"
    return f"{words}, for more than {rule.hold}" if rule.hold != NO_SPAN else words


def explanation(rule: Rule, others: Iterable[Rule]) -> Iterator[ExplainedLine]:
    """Yield the explanation of a rule, in the order in which a person asks."""
    condition = rule.condition
    yield ExplainedLine("fires when", fires_when(rule))
    for name in condition.level_fields:
        if (level := getattr(condition, name, None)) is not None:
            yield ExplainedLine("level", f"{name}: {level_words(level)}; {_origin(rule, name, level)}")
    for each in getattr(condition, "levels", ()):
        side, level = each.test
        yield ExplainedLine("level", f"{each.severity}: {side} {level_words(level)}")
    yield ExplainedLine("resolves", _resolves(rule))
    yield ExplainedLine("watches", ", ".join(_watched(condition)))
    yield ExplainedLine("one alert", f"per {', '.join(rule.labels)}" if rule.labels else "for the whole run")
    if rule.unless:
        yield ExplainedLine("not judged if", f"the run's INTENT lines declare {' or '.join(rule.unless)}")
    if rule.within is not None:
        yield ExplainedLine("promise", f"within {rule.within} of the first bad line")
    if rule.inhibits:
        yield ExplainedLine("explains", f"{', '.join(rule.inhibits)}: while it fires, their alerts do not page anyone")
    if explaining := [other.alert for other in others if rule.alert in other.inhibits]:
        yield ExplainedLine(
            "explained by", f"{', '.join(explaining)}: while one of them fires, this rule does not page anyone"
        )
    if rule.needs:
        yield ExplainedLine("needs", f"{rule.needs}, as well as the log")
    if rule.changed:
        yield ExplainedLine("changed", f"on the command line: {', '.join(rule.changed)}")
    if not rule.enabled:
        yield ExplainedLine("switched off", "it is not judged")
    for about in ("expected", "why", "action", "source", "check"):
        if text := getattr(rule, about):
            yield ExplainedLine("healthy" if about == "expected" else about, text)


def as_written(rule: Rule) -> dict[str, object]:
    """Return all fields of a rule, with values as a rule file writes them and defaults for fields left out."""
    common = {written(name): _value(rule, name) for name in Rule.model_fields if written(name) in COMMON}
    own = {name: _value(rule.condition, name) for name in type(rule.condition).model_fields}
    tests = [each.name for each in rule.tests]
    return {**common, "group": rule.group, "kind": rule.kind, **own, "tests": tests, "place": rule.place}


_SECONDS = Seconds.__metadata__[0]  # type: ignore[attr-defined]
"""The annotation of fields that hold a duration."""


def _value(model: BaseModel, name: str) -> object:
    field = type(model).model_fields[name]
    is_duration = _SECONDS in (*field.metadata, *_marks_in(field.annotation))
    return _plain(getattr(model, name), is_duration)


def _marks_in(annotation: object) -> Iterator[object]:
    for each in get_args(annotation):
        yield each
        yield from _marks_in(each)


def _plain(value: object, is_duration: bool = False) -> object:
    match value:
        case Span():
            return str(value)
        case float() if is_duration:
            return f"{value:g}s"
        case BaseModel():
            shown = {name: _value(value, name) for name in type(value).model_fields}
            return {name: each for name, each in shown.items() if each is not None}
        case tuple() | list():
            return [_plain(each, is_duration) for each in value]
        case Mapping():
            return {key: _plain(each, is_duration) for key, each in value.items()}
    return value


def _origin(rule: Rule, name: str, level: object) -> str:
    if any(change.startswith(f"{name}=") for change in rule.changed):
        return "set on the command line, which overrides the run's own setting and the rule"
    if isinstance(level, SettingLevel):
        return f"from the run's CONFIG lines, else from {rule.place}"
    return f"from {rule.place}"


def _resolves(rule: Rule) -> str:
    clear = getattr(rule.condition, "clear", None)
    words = "as soon as it is ok again" if clear is None else f"when it is back at {level_words(clear)}"
    return words if rule.keep_firing_for == NO_SPAN else f"{words}, for more than {rule.keep_firing_for}"


def _watched(condition: Condition) -> Iterator[str]:
    for name in sorted(condition.watches):
        signal = CATALOGUE.get(name)
        tag = f" ([{signal.tag}] lines)" if signal and signal.tag else ""
        yield {"log.line": "every line", "run.epoch": "the ends of epochs"}.get(name, f"{name}{tag}")
