"""The shipped rules: each is proven by the log lines of its own file, and by what the seed page states."""

from pathlib import Path

import pytest

from monitor.conditions import Outcome
from monitor.logline import DataCheck, GuardCheck, HorizonMetrics, RunEnd, RunStart, Share, WeightReport
from monitor.rulefile import RuleTest, load_rules
from monitor.ruletest import outcome_of
from tests.monitor.lines import at, epoch_end, report, reset, train, watch

FOLDER = Path(__file__).parents[2] / "rules"
RULES = {rule.alert: rule for rule in load_rules(sorted(FOLDER.glob("*.yaml")))}
CASES = [pytest.param(rule, test, id=f"{rule.alert}: {test.name}") for rule in RULES.values() for test in rule.tests]


@pytest.mark.parametrize(("rule", "test"), CASES)
def test_a_rule_does_what_its_own_test_says(rule, test):
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
def test_every_rule_says_what_a_person_needs(rule):
    assert rule.why
    assert rule.action
    assert rule.source
    assert rule.expected
    assert "{log}" in rule.check
    assert rule.place.startswith(str(FOLDER))


def test_the_actions_are_those_of_the_seed_page():
    assert "LayerNorm fix was reverted" in RULES["GradientVanishing"].action
    assert "LayerNorm fix was reverted" in RULES["EncoderGradientZero"].action
    assert "DEGENERACY_RESET_SCALE to 0.10" in RULES["ExcessiveResets"].action
    assert "process status and the GPU memory" in RULES["TrainingStall"].action


def test_nobody_knows_whether_a_run_without_an_end_line_failed():
    """It may have been killed, which writes nothing."""
    watching, _ = watch([RULES["RunFailed"]], [at(0, train(1)), at(1, train(2))])
    ((_, readings),) = watching.snapshot(watching.run.now, is_following=False).readings
    assert [reading.outcome for reading in readings] == [Outcome.UNKNOWN]


def test_a_healthy_run_is_ok_by_every_rule_and_nothing_fires():
    log = [at(0, RunStart(run="a")), at(0, DataCheck(features_dead=Share(0, 82)))]
    for step in range(0, 1_000, 50):
        epoch = 1 + step // 500
        log += [at(1 + step, train(step, epoch)), at(1 + step, report(step, epoch, gat=0.5, temporal_encoder=2.0))]
        log += [at(1 + step, GuardCheck(h=1, step=step, std=0.5))]
        log += [at(1 + step, WeightReport(group="gat", step=step, l2=10.4, nonfinite=0))]
        line = f"[ENCODER-GRAD] projected_features grad_norm=6.317e-03 max=1.354e-04 step={step}"
        log.append(at(1 + step, train(step, epoch))[:30] + line.encode())
        if step in (450, 950):
            log += [at(2 + step, reset(epoch=epoch, step=step)), at(3 + step, epoch_end(epoch))]
            log += [at(3 + step, HorizonMetrics(epoch=epoch, h=1, ratio=0.3))]
    log.append(at(1_000, RunEnd(status="completed")))
    watching, changes = watch(list(RULES.values()), log)
    said = {
        rule.alert: {reading.outcome.value for reading in readings}
        for rule, readings in watching.snapshot(None, is_following=False).readings
    }
    assert changes == []
    assert said == {name: {"ok"} for name in RULES}


def test_the_seed_pages_own_first_minutes_are_no_all_clear():
    """One gradient report at step 0, one line per encoder hook, no sign of the guard, and then 1,410 steps."""
    head = b"2025-10-30T23:41:00.000Z INFO "
    log = [
        head + b"[ENCODER-GRAD] normalized_features grad_norm=1.547e-02 max=3.204e-04",
        head + b"[ENCODER-GRAD] projected_features grad_norm=6.317e-03 max=1.354e-04",
        at(9, report(0, backbone_projection=0.199, variable_selection=0.757)),
        *(at(10 + step, train(step, 1 + step // 500)) for step in range(12, 1_411, 2)),
    ]
    watching, changes = watch(list(RULES.values()), log)
    said = {
        rule.alert: {reading.outcome.value for reading in readings}
        for rule, readings in watching.snapshot(watching.run.now, is_following=True).readings
    }
    assert changes == []
    for name in ("GradientVanishing", "EncoderGradientZero", "GradientNonfinite", "ExcessiveResets"):
        assert said[name] == {"unknown"}
