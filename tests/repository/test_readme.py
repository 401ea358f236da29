"""README and pages say what is so: the table of rules is generated, the demo names rules that exist."""

from __future__ import annotations

import re
from pathlib import Path

from monitor.rules import load_rules
from tests.demo import readme
from tests.demo.readme import check_block, filled, rules_table

ROOT = Path(__file__).parents[2]
README, FAULTS, DEMO = (path.read_text(encoding="utf-8") for path in (readme.README, readme.FAULTS, readme.DEMO))
MOST_LINES = 130
"""A README that is read: what it is, how to get it, where the rest is."""
RULES = load_rules(sorted((ROOT / "rules").glob("*.yaml")))


def test_the_table_of_rules_is_the_one_that_the_rule_files_give():
    assert filled(FAULTS, "rules", rules_table(RULES)) == FAULTS


def test_the_first_screen_is_the_one_that_check_prints():
    assert filled(README, "check", check_block()) == README


def test_the_demo_shows_an_alert_that_a_rule_of_today_raised():
    alerts = re.findall(r"^🔴 \S+ critical (\w+) firing: ", DEMO, re.MULTILINE)
    assert alerts != []
    assert set(alerts) <= {rule.alert for rule in RULES}


def test_the_readme_is_short_and_begins_with_the_first_screen():
    lines = README.splitlines()
    assert len(lines) <= MOST_LINES
    assert lines.index("$ monitor check lr6e-4/train.log") < 12
