"""Which rules are in force: the shipped ones, those of the user, and what the user changes about them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from monitor.base import resources
from monitor.base.errors import MonitorError, Problems, RuleError
from monitor.rules import Overrides, Rule, declared_rules, read_setting


class RuleChoice(NamedTuple):
    """What the command line changes about the rules."""

    paths: tuple[Path, ...]
    settings: tuple[str, ...]
    disabled: tuple[str, ...]

    def rules(self) -> list[Rule]:
        """Load the enabled rules. Raises Problems."""
        return enabled(self.declared())

    def declared(self) -> list[Rule]:
        """Load all rules, disabled ones included. Raises Problems."""
        return declared_rules(rule_files(self.paths), self.changes())

    def changes(self) -> Overrides:
        """Read --set and --disable. Raises Problems."""
        settings, problems = [], []
        for text in self.settings:
            try:
                settings.append(read_setting(text))
            except RuleError as error:
                problems.append(error)
        if problems:
            raise Problems(list[MonitorError](problems))
        return Overrides(tuple(settings), self.disabled)


def enabled(rules: Sequence[Rule]) -> list[Rule]:
    """Return the rules that are switched on. Raises RuleError where none is."""
    found = [rule for rule in rules if rule.enabled]
    if not found:
        raise RuleError("--disable", "leaves no rule", expected="at least one rule to check")
    return found


def rule_files(rule_paths: Sequence[Path]) -> list[Path]:
    """Return the shipped rule files, then the user's, which override them. Raises RuleError."""
    files = shipped_rule_files()
    for path in rule_paths:
        found = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
        if not found:
            raise RuleError(str(path), "contains no rule file", expected="files named *.yaml")
        files += found
    return files


def shipped_rule_files() -> list[Path]:
    """Return the rule files that come with the program."""
    return sorted(resources.rules_dir().glob("*.yaml"))
