"""Rule files → rules: what a rule is, how its file is read, and what the command line changes in it."""

from monitor.rules.file import declared_rules, load_rules
from monitor.rules.overrides import Changes, RuleSetting, read_setting
from monitor.rules.rule import Rule, RuleTest

__all__ = ["Changes", "Rule", "RuleSetting", "RuleTest", "declared_rules", "load_rules", "read_setting"]
