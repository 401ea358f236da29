"""The shipped rules as a whole: every kind of fault has a rule, and every rule has a source, a reason and an action."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.rules import load_rules
from tests.lines import watch

FOLDER = Path(__file__).parents[2] / "rules"
FAULTS = [
    "loss_nonfinite",
    "grad_nonfinite",
    "weight_nonfinite",
    "grad_zero",
    "grad_vanish",
    "grad_drop",
    "grad_explode",
    "grad_missing",
    "dead_inputs",
    "stale_grad",
    "no_update",
    "lr_off",
    "update_ratio",
    "update_underflow",
    "dead_units",
    "pred_collapse",
    "resets_excess",
    "reset_failed",
    "loss_spike",
    "loss_diverge",
    "not_learning",
    "overfit",
    "metric_constant",
    "metric_off_band",
    "input_shift",
    "stall_silent",
    "soft_hang",
    "crash",
    "restart_loop",
    "gpu_underuse",
    "throughput_drop",
    "memory_growth",
    "two_writers",
    "evidence_gap",
    "loss_zero_or_frozen",
    "config_ignored",
    "stale_source",
    "ended_early",
    "scale_off",
    "evidence_lost",
    "metric_nonfinite",
    "reward_collapse",
    "score_collapse",
    "kl_explosion",
    "batch_repeated",
    "rate_gone",
    "writer_broken",
    "output_norm",
]
"""Every kind of fault that the pack must catch, in the order of the catalogue of faults."""

RULES = {rule.alert: rule for rule in load_rules(sorted(FOLDER.glob("*.yaml")))}
every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)


def test_there_are_forty_eight_kinds_of_fault():
    assert len(set(FAULTS)) == 48


@pytest.mark.parametrize("fault", FAULTS)
def test_every_kind_of_fault_has_a_rule(fault):
    assert [rule.alert for rule in RULES.values() if rule.fault == fault]


@every_rule
def test_every_rule_is_for_a_kind_of_fault(rule):
    assert rule.fault in FAULTS


@every_rule
def test_every_rule_is_shown_to_fire_and_to_stay_quiet(rule):
    assert {"fires", "quiet"} <= {test.then for test in rule.tests}


@every_rule
def test_every_rule_has_a_reason_an_action_and_a_source(rule):
    texts = [rule.why, rule.action, rule.source, rule.expected, rule.check]
    assert [text for text in texts if len(text.split()) < 1] == []
    assert "{log}" in rule.check


@every_rule
def test_a_rule_that_explains_others_is_at_least_as_grave(rule):
    """While it fires, the rules that it inhibits do not page anyone."""
    ranks = {name: RULES[name].severity.rank for name in rule.inhibits}
    assert {name: rank for name, rank in ranks.items() if rank > rule.severity.rank} == {}


def test_the_seed_pages_own_report_fires_an_alert():
    """The page called 243 small tensors of 1160 active; 81 of the 82 features were dead. No alert was raised then."""
    log = [
        b"2025-10-30T23:40:51.123Z INFO [GRAD-MONITOR] step=0 epoch=1 batch=1 backbone_projection:l2=1.99e-01 "
        b"max=1.99e-01 grad=2/2 small=0 none=0 norm=0.199 | variable_selection:l2=7.57e-01 max=2.83e-01 "
        b"grad=1160/1160 small=243 none=0 norm=0.757"
    ]
    _, changes = watch(list(RULES.values()), log)
    assert [(change.rule, change.severity.value, change.state.value) for change in changes] == [
        ("DeadInputGradients", "critical", "firing")
    ]
