"""The README says what is so: its table of rules is generated, its demo names rules that exist."""

from __future__ import annotations

import re
from pathlib import Path

from monitor.rules import load_rules
from tests.demo.readme import check_block, filled, rules_table

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RULES = load_rules(sorted((ROOT / "rules").glob("*.yaml")))


def test_the_table_of_rules_is_the_one_that_the_rule_files_give():
    assert filled(README, "rules", rules_table(RULES)) == README


def test_the_first_screen_is_the_one_that_check_prints():
    assert filled(README, "check", check_block()) == README


def test_the_demo_shows_an_alert_that_a_rule_of_today_raised():
    alerts = re.findall(r"^🔴 \S+ critical (\w+) firing: ", README, re.MULTILINE)
    assert alerts != []
    assert set(alerts) <= {rule.alert for rule in RULES}
