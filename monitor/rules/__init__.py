"""Rule files → rules: reads, checks and explains them, applies the command line's changes, and evaluates them."""

from monitor.rules.file import declared_rules, load_rules
from monitor.rules.overrides import Overrides, RuleSetting, read_setting
from monitor.rules.rule import Rule, RuleTest

__all__ = ["Overrides", "Rule", "RuleSetting", "RuleTest", "declared_rules", "load_rules", "read_setting"]
