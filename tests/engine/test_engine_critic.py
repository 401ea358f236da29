"""Bugs that a hard review of the engine found: false all-clears, false alarms, and logs with two results."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest

from monitor import grammar
from monitor.base.errors import MonitorError
from monitor.conditions.threshold import Threshold
from monitor.grammar import GuardCheck, Share
from monitor.rules import load_rules
from monitor.rules.choice import rule_files
from monitor.run.attempt import SERIES_LIMIT
from tests.engine.test_alert_life import pipeline, told
from tests.engine.test_alert_life import train as text_train
from tests.lines import at, epoch_end, report, rule, setting, train, watch

RULES = load_rules(rule_files(()))


def fired(log: list[bytes], *, wait: float = 0.0) -> list[tuple[str, str]]:
    """Return which shipped rules fire over a log, with their severity."""
    _, changes = watch(RULES, log, wait=wait)
    return [(each.rule, each.severity.value) for each in changes if each.state.value == "firing"]


# ---- inhibition

CHAIN = {
    "Low": "signal: train.loss\nabove: 1",
    "Middle": "signal: train.loss\nabove: 2\ninhibits: [Low]",
    "High": "signal: train.loss\nabove: 3\ninhibits: [Middle]",
}


@pytest.mark.parametrize("order", list(permutations(CHAIN)))
def test_one_alert_pages_for_a_chain_of_explanations_in_any_order_of_the_rules(tmp_path: Path, order):
    watching = pipeline(tmp_path, **{name: CHAIN[name] for name in order})
    changes = told(watching, text_train(0, 20.0))
    assert {rule: by for rule, _, by in changes} == {"High": "", "Middle": "High", "Low": "Middle"}
    assert len(changes) == 3


def test_when_the_end_of_a_chain_is_over_the_next_alert_pages(tmp_path: Path):
    watching = pipeline(tmp_path, **CHAIN)
    told(watching, text_train(0, 20.0))
    assert [(rule, by) for rule, _, by in told(watching, text_train(1, 2.5))] == [("High", ""), ("Middle", "")]
    assert watching.states.open.keys() and watching.fired == 2


CIRCLE = {
    "One": "signal: train.loss\nabove: 1\ninhibits: [Two]",
    "Two": "signal: train.loss\nabove: 1\ninhibits: [Three]",
    "Three": "signal: train.loss\nabove: 1\ninhibits: [One]",
}


@pytest.mark.parametrize("order", list(permutations(CIRCLE)))
def test_of_rules_that_explain_each_other_in_a_circle_one_pages(tmp_path: Path, order):
    watching = pipeline(tmp_path, **{name: CIRCLE[name] for name in order})
    changes = told(watching, text_train(0, 20.0))
    assert [by for _, _, by in changes].count("") == 1
    assert watching.fired == 1


# ---- levels that the run gives


@pytest.mark.parametrize("absurd", ["-1", "0", "-1e-7", "nan", "inf", "1e400", "soft"])
def test_a_setting_that_cannot_be_a_norm_does_not_switch_the_rule_off(absurd: str):
    log = [at(0, setting("GRAD_MONITOR_WARN_NORM", absurd)), at(1, train(1)), at(2, report(1, gat=1e-9))]
    assert ("GradientVanishing", "critical") in fired(log)


# ---- limits


def test_a_thousand_groups_do_not_hide_a_nan_loss():
    checks = [
        at(n, GuardCheck(h=n, step=n, std=0.5, target_std=1.0, ratio=0.5, strikes=Share(0, 3)))
        for n in range(SERIES_LIMIT)
    ]
    assert ("TrainLossNonfinite", "critical") in fired([*checks, at(SERIES_LIMIT, train(2_000, loss=float("nan")))])


def test_a_thousand_groups_do_not_hide_a_failed_end():
    checks = [
        at(n, GuardCheck(h=n, step=n, std=0.5, target_std=1.0, ratio=0.5, strikes=Share(0, 3)))
        for n in range(SERIES_LIMIT)
    ]
    assert ("RunFailed", "critical") in fired([*checks, at(SERIES_LIMIT, grammar.RunEnd(status="failed", epochs=1))])


# ---- false alarms


def test_steps_that_are_counted_from_zero_in_each_epoch_are_not_restarts():
    log = []
    for epoch in range(1, 6):
        start = 100 * epoch
        log.append(at(start, report(0, epoch, gat=1.0 + epoch / 10)))
        log += [at(start + step, train(step, epoch, loss=0.7 - 0.02 * epoch - 0.001 * step)) for step in range(1, 11)]
        log.insert(-5, at(start + 5, report(5, epoch, gat=1.1 + epoch / 10)))
        log.append(at(start + 12, epoch_end(epoch, val_loss=0.7 - 0.02 * epoch)))
    assert fired(log) == []


def test_a_restart_within_the_first_epoch_is_still_a_restart():
    log = [at(step, train(step, loss=0.7 - 0.001 * step)) for step in range(1, 11)]
    assert ("StepWentBack", "warning") in fired([*log, at(20, train(1))])


# ---- ends


@pytest.mark.parametrize("status", ["failed", "aborted", "killed", "FAILED", "error"])
def test_an_end_that_is_neither_completed_nor_stopped_is_a_failure(status: str):
    """The rule once ignored an unknown status, and the stall took it for the end of all silence."""
    log = [at(1, train(1)), at(2, train(2)), at(3, grammar.RunEnd(status=status, epochs=1))]
    assert fired(log, wait=900) == [("RunFailed", "critical")]


def test_a_run_that_continues_after_its_end_line_can_stall():
    log = [at(1, train(1)), at(2, grammar.RunEnd(status="completed", epochs=20))]
    assert fired(log, wait=900) == []
    assert fired([*log, at(3, train(2)), at(4, train(3))], wait=900) == [("TrainingStall", "critical")]


# ---- kinds of line that vanish


def test_progress_lines_that_vanish_while_epochs_continue_are_a_gap_and_leave_no_loss_rule_ok():
    log = [at(step, train(step, loss=0.7 - 0.001 * step)) for step in range(1, 11)]
    log += [at(10 + epoch, epoch_end(epoch, val_loss=0.6 - 0.001 * epoch)) for epoch in range(1, 7)]
    watching, _ = watch(RULES, log)
    said = watching.engine.readings(watching.run, watching.states, watching.run.now, is_following=True)
    outcomes = {rule.alert: [each.outcome.value for each in readings] for rule, readings in said}
    assert outcomes["TrainLossNonfinite"] == ["unknown"]
    assert "EvidenceGap" in {rule for rule, _ in fired(log)}


def test_two_epochs_without_a_progress_line_are_not_a_gap():
    log = [at(step, train(step, loss=0.7 - 0.001 * step)) for step in range(1, 11)]
    assert fired([*log, at(11, epoch_end(1)), at(12, epoch_end(2))]) == []


def test_a_log_read_from_the_middle_of_its_last_epoch_has_no_gap():
    checks = [at(n, GuardCheck(h=1, step=60 + n, std=0.5, target_std=1.0, ratio=0.5)) for n in range(3)]
    assert fired([*checks, at(4, epoch_end(7))]) == []


def test_progress_lines_that_were_declared_and_never_come_are_a_gap():
    log = [at(0, grammar.Intent(cadence_train=5))]
    log += [at(step, report(step, gat=1.0 + step / 100)) for step in range(0, 60, 10)]
    assert "EvidenceGap" in {rule for rule, _ in fired(log)}


# ---- rules that could never fire


@pytest.mark.parametrize(
    "more",
    [
        "signal: train.loss\nof: median\nover: 65 reports\nabove: 1",
        "signal: grad.l2\nof: max\nover: 25 reports\nabove: 1",
    ],
)
def test_a_window_of_more_reports_than_are_kept_is_refused(tmp_path: Path, more: str):
    with pytest.raises(MonitorError, match="the number that is kept"):
        pipeline(tmp_path, High=more)


# ---- texts


def test_an_unknown_step_is_a_question_mark_in_the_summary():
    probe = rule(Threshold(kind="threshold", signal="epoch.val_loss", above=1)).model_copy(
        update={"summary": "{value} at step {step}"}
    )
    _, changes = watch([probe], [at(1, epoch_end(1, val_loss=2.0))])
    assert [each.summary for each in changes] == ["2 at step ?"]


def test_a_long_step_is_written_with_all_its_digits():
    log = [at(1_500 * step, train(step, loss=0.7 - 0.001 * step)) for step in range(1, 9)]
    _, changes = watch(RULES, log)
    (said,) = {each.summary for each in changes if each.rule == "EvidenceGap"}
    assert said.startswith("TRAIN every 1 steps × 1,500 s = 1,500 s")


# ---- a crash that a restart hides


def test_a_crash_fires_even_if_the_launcher_starts_again_within_the_minute_and_resumes_as_declared():
    log = [at(0, grammar.RunStart(run="a", attempt=1)), at(1, train(1)), at(2, train(2)), b"Killed"]
    log += [at(30, grammar.RunStart(run="a", attempt=2)), at(31, grammar.Intent(resume_from=2)), at(32, train(3))]
    assert fired(log) == [("RestartedAfterCrash", "warning")]
