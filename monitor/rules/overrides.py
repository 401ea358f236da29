"""Command-line options → changes of rules: ``--set RULE.field=value`` and ``--disable RULE``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from monitor.base.errors import MonitorError, RuleError
from monitor.base.suggestion import suggestion
from monitor.base.yamlfile import plain_value
from monitor.rules.problems import unknown_rule

FIXED = frozenset({"alert", "kind", "tests"})
"""Fields that cannot be changed."""


class RuleSetting(NamedTuple):
    """One ``--set`` option."""

    rule: str
    field: str
    value: object
    text: str
    """The option's text as the user wrote it."""

    @property
    def where(self) -> str:
        """The option, for messages."""
        return f"--set {self.text}"


class Overrides(NamedTuple):
    """All changes that the command line makes."""

    settings: tuple[RuleSetting, ...] = ()
    disabled: tuple[str, ...] = ()

    def problems(self, rules: Mapping[str, object]) -> list[MonitorError]:
        """Return an error for each rule that does not exist."""
        named = [(each.where, each.rule) for each in self.settings]
        named += [(f"--disable {name}", name) for name in self.disabled]
        return [
            unknown_rule(where, name, rules, expected="a rule of monitor rules list")
            for where, name in named
            if name not in rules
        ]


def read_setting(text: str) -> RuleSetting:
    """Parse ``RULE.field=value``, with the value written as in a rule file. Raises RuleError."""
    target, equals, written = text.partition("=")
    rule, dot, field = target.strip().partition(".")
    where = f"--set {text}"
    if not (equals and dot and rule and field):
        raise RuleError(where, "not a setting", expected="RULE.level=VALUE, or another field of the rule")
    return RuleSetting(rule, field.strip(), plain_value(written.strip(), where, RuleError), text)


def field_of(
    setting: RuleSetting, entry: Mapping[str, object], known: Sequence[str], level_fields: Sequence[str]
) -> str:
    """Return the field that a setting changes.

    ``entry`` is the rule in its file, ``known`` are the fields that it may have, and ``level`` means the one of
    ``level_fields`` that is given. Raises RuleError.
    """
    free = [name for name in known if name not in FIXED]
    if setting.field in free:
        return setting.field
    if setting.field == "level":
        given = [name for name in level_fields if name in entry]
        if given:
            return given[0]
        expected = f"one of its fields: {', '.join(name for name in entry if name in free)}"
        raise RuleError(setting.where, f"rule {setting.rule!r} has no single level", expected=expected)
    what = f"{setting.field!r} cannot be changed" if setting.field in FIXED else f"unknown field {setting.field!r}"
    near = suggestion(setting.field, [*free, "level"])
    raise RuleError(setting.where, what, expected=f"level, or one of {', '.join(free)}{near}")
