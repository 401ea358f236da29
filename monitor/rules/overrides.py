"""What the command line changes in rules: ``--set RULE.field=value`` and ``--disable RULE``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from monitor.base.errors import MonitorError, RuleError
from monitor.base.yamlfile import plain_value
from monitor.rules.condition_text import LEVELS
from monitor.rules.problems import suggestion

FIXED = frozenset({"alert", "kind", "tests"})
"""Fields that make a rule what it is."""


class RuleSetting(NamedTuple):
    """One ``--set``."""

    rule: str
    field: str
    value: object
    text: str
    """As the user wrote it."""

    @property
    def where(self) -> str:
        """Its place in messages."""
        return f"--set {self.text}"


class Changes(NamedTuple):
    """All that the command line changes."""

    settings: tuple[RuleSetting, ...] = ()
    disabled: tuple[str, ...] = ()

    def problems(self, rules: Mapping[str, object]) -> list[MonitorError]:
        """Complain of rules that are not there."""
        named = [(each.where, each.rule) for each in self.settings]
        named += [(f"--disable {name}", name) for name in self.disabled]
        return [
            RuleError(where, f"no rule {name!r}", expected=f"a rule of monitor rules list{suggestion(name, rules)}")
            for where, name in named
            if name not in rules
        ]


def read_setting(text: str) -> RuleSetting:
    """Read ``RULE.field=value``; the value as a rule file would write it. Raises RuleError."""
    target, equals, written = text.partition("=")
    rule, dot, field = target.strip().partition(".")
    where = f"--set {text}"
    if not (equals and dot and rule and field):
        raise RuleError(where, "is no setting", expected="RULE.level=VALUE, or another field of the rule")
    return RuleSetting(rule, field.strip(), plain_value(written.strip(), where, RuleError), text)


def field_of(setting: RuleSetting, entry: Mapping[str, object], known: Sequence[str]) -> str:
    """Return the field that a setting speaks of, in a rule that allows the ``known`` ones. Raises RuleError."""
    free = [name for name in known if name not in FIXED]
    if setting.field in free:
        return setting.field
    if setting.field == "level":
        given = [name for name in LEVELS if name in entry]
        if given:
            return given[0]
        expected = f"one of its fields: {', '.join(name for name in entry if name in free)}"
        raise RuleError(setting.where, f"rule {setting.rule!r} has no single level", expected=expected)
    what = f"{setting.field!r} cannot be changed" if setting.field in FIXED else f"unknown field {setting.field!r}"
    near = suggestion(setting.field, [*free, "level"])
    raise RuleError(setting.where, what, expected=f"level, or one of {', '.join(free)}{near}")
