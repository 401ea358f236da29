"""The shipped rules, tested with the log lines in their own files and with the seed page."""

from pathlib import Path

import pytest

from monitor.conditions import Outcome
from monitor.rules import RuleTest, load_rules
from monitor.ruletests.inline import outcome_of
from tests.lines import at, train, watch

FOLDER = Path(__file__).parents[2] / "rules"
RULES = {rule.alert: rule for rule in load_rules(sorted(FOLDER.glob("*.yaml")))}
CASES = [pytest.param(rule, test, id=f"{rule.alert}: {test.name}") for rule in RULES.values() for test in rule.tests]


@pytest.mark.parametrize(("rule", "test"), CASES)
def test_a_rule_passes_its_own_tests(rule, test):
    assert outcome_of(rule, test) == test.then


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_rule_is_shown_to_fire_and_to_stay_quiet(rule):
    told = {test.then for test in rule.tests}
    assert "fires" in told
    assert "quiet" in told
    assert len({test.name for test in rule.tests}) == len(rule.tests)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_rule_is_unknown_before_it_has_seen_anything(rule):
    silent = RuleTest(name="nothing", lines="something else", then="unknown")
    assert outcome_of(rule, silent) == "unknown"


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_rule_has_the_texts_that_a_person_needs(rule):
    assert rule.why
    assert rule.action
    assert rule.source
    assert rule.expected
    assert "{log}" in rule.check
    assert rule.place.startswith(str(FOLDER))


def test_the_actions_of_the_seed_page_serve_any_trainer():
    assert "DEGENERACY_RESET_SCALE to 0.10" in RULES["ExcessiveResets"].action
    assert "process is still there (ps), and what it does on the GPU" in RULES["TrainingStall"].action


def test_no_rule_mentions_the_history_of_one_trainer():
    text = " ".join(f"{rule.summary} {rule.why} {rule.action}" for rule in RULES.values())
    assert [words for words in ("was reverted", "the trainer before", "this project") if words in text] == []


def test_it_is_unknown_whether_a_run_without_an_end_line_failed():
    """It may have been killed, which writes nothing."""
    watching, _ = watch([RULES["RunFailed"]], [at(0, train(1)), at(1, train(2))])
    ((_, readings),) = watching.snapshot(watching.run.now, is_following=False).readings
    assert [reading.outcome for reading in readings] == [Outcome.UNKNOWN]
