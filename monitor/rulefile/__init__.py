"""Rule files → rules: what a rule is, how its file is read, and what the command line changes in it."""

from monitor.rulefile.file import declared_rules, load_rules
from monitor.rulefile.overrides import Changes, Setting, read_setting
from monitor.rulefile.rule import Rule, RuleTest

__all__ = ["Changes", "Rule", "RuleTest", "Setting", "declared_rules", "load_rules", "read_setting"]
