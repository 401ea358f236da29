"""``all`` and ``any``: several conditions in one, joined on labels and optionally on the step."""

import pytest
from pydantic import ValidationError

from monitor.alert import Severity
from monitor.conditions import Outcome
from monitor.conditions.combine import All, Any
from monitor.grammar import GuardCheck, Intent, RunEnd, WeightReport
from tests.lines import ask, at, epoch_end, report, reset, rule, setting, story, train, watch

GRADIENT = {"kind": "threshold", "signal": "grad.l2", "above": 0}
NO_MOVE = {"kind": "threshold", "signal": "weight.update", "equals": 0}
NO_UPDATE = All.model_validate({"kind": "all", "of": [GRADIENT, NO_MOVE], "same_step": True})


def weight(group: str, step: int, update: float) -> WeightReport:
    return WeightReport(group=group, step=step, update=update)


def outcomes(condition, log, **more) -> dict[str, str]:
    """Return the outcome per value of the first label."""
    return {each.labels[0][1] if each.labels else "": each.outcome.value for each in ask(condition, log, **more)}


# ---- all


def test_a_gradient_without_an_update_is_a_breach_for_that_group_only():
    log = [
        at(0, report(10, gat=1.0, temporal_encoder=2.0)),
        at(0, weight("gat", 10, 0.0)),
        at(0, weight("temporal_encoder", 10, 0.1)),
    ]
    assert outcomes(NO_UPDATE, log) == {"gat": "breach", "temporal_encoder": "ok"}
    _, changes = watch([rule(NO_UPDATE)], log)
    assert [(change.labels, change.value) for change in changes] == [((("group", "gat"),), 0.0)]
    assert [line.line for line in changes[0].evidence] == [1, 2]


def test_a_breach_shows_the_reasons_and_lines_of_all_parts():
    (reading,) = ask(NO_UPDATE, [at(0, report(10, gat=1.5)), at(0, weight("gat", 10, 0.0))])
    assert reading.reason == ("grad.l2 is 1.5; expected at most 0 and weight.update is 0; expected other than 0")


def test_a_reason_that_parts_share_is_told_once():
    twice = All.model_validate({"kind": "all", "of": [GRADIENT, GRADIENT]})
    (reading,) = ask(twice, [at(0, report(10, gat=1.5))])
    assert reading.reason == "grad.l2 is 1.5; expected at most 0"


def test_a_gradient_of_one_step_is_not_joined_with_an_update_of_another():
    log = [at(0, report(10, gat=1.0)), at(0, weight("gat", 20, 0.0))]
    assert outcomes(NO_UPDATE, log) == {"gat": "unknown"}
    assert story(watch([rule(NO_UPDATE)], log)[1]) == []


def test_parts_are_judged_at_the_last_parts_line_so_that_a_pending_breach_is_not_dropped_between_two_lines():
    log = [
        line for step in (10, 20, 30) for line in (at(step, report(step, gat=1.0)), at(step, weight("gat", step, 0.0)))
    ]
    assert story(watch([rule(NO_UPDATE, hold=15)], log)[1]) == [("Probe", "firing", 25)]


def test_one_ok_part_makes_the_whole_ok_even_if_another_was_never_seen():
    assert outcomes(NO_UPDATE, [at(0, weight("gat", 10, 0.1))]) == {"gat": "ok"}


def test_a_breach_with_a_part_that_was_never_seen_is_unknown():
    assert outcomes(NO_UPDATE, [at(0, weight("gat", 10, 0.0))]) == {"gat": "unknown"}
    assert outcomes(NO_UPDATE, [at(0, train(1))]) == {"": "unknown"}


def test_a_group_that_another_part_never_reported_is_unknown_and_not_ok():
    log = [at(0, report(10, gat=1.0, head=1.0)), at(0, weight("gat", 10, 0.0))]
    assert outcomes(NO_UPDATE, log) == {"gat": "breach", "head": "unknown"}


def test_a_frozen_group_is_not_applicable():
    log = [at(0, Intent(frozen=("gat",))), at(0, report(10, gat=0.0)), at(0, weight("gat", 10, 0.0))]
    assert outcomes(NO_UPDATE, log) == {"gat": "not_applicable"}


def test_a_part_that_is_switched_off_makes_the_whole_not_applicable_with_its_line():
    log = [at(0, setting("ENABLE_GRAD_MONITOR", "0")), at(1, train(1))]
    (reading,) = ask(NO_UPDATE, log)
    assert (reading.outcome, [line.line for line in reading.evidence]) == (Outcome.NOT_APPLICABLE, [1])


def test_a_part_without_labels_counts_for_every_label():
    late = {"kind": "threshold", "signal": "train.loss", "above": 1}
    condition = All.model_validate({"kind": "all", "of": [late, GRADIENT]})
    log = [at(0, train(9, loss=2.0)), at(0, report(10, gat=1.0, head=0.0))]
    assert outcomes(condition, log) == {"gat": "breach", "head": "ok"}
    assert condition.labels == ("group",)


def test_the_touch_of_a_part_without_labels_asks_about_every_label():
    late = {"kind": "threshold", "signal": "train.loss", "above": 1}
    condition = All.model_validate({"kind": "all", "of": [GRADIENT, late]})
    log = [at(0, report(10, gat=1.0, head=1.0)), at(1, train(11, loss=0.5)), at(2, train(12, loss=2.0))]
    assert story(watch([rule(condition)], log)[1]) == [("Probe", "firing", 2), ("Probe", "firing", 2)]


def test_clear_holds_for_the_labels_that_fire():
    level = {"kind": "threshold", "signal": "grad.l2", "above": 10, "clear": 5}
    condition = All.model_validate({"kind": "all", "of": [level, {**level, "above": 9}]})
    log = [at(n, report(n, gat=norm, head=7.0)) for n, norm in enumerate([11.0, 7.0, 4.0])]
    assert story(watch([rule(condition)], log)[1]) == [("Probe", "firing", 0), ("Probe", "resolved", 2)]


def test_the_mildest_severity_of_the_parts_is_that_of_all_and_the_severest_that_of_any():
    levels = [{"severity": "warning", "above": 1}, {"severity": "critical", "above": 5}]
    parts = [
        {"kind": "threshold", "signal": "train.loss", "levels": levels},
        {"kind": "threshold", "signal": "train.grad_norm", "levels": levels},
    ]
    line = at(0, train(1, loss=2.0)) + b" grad_norm=7.0"
    (both,) = ask(All.model_validate({"kind": "all", "of": parts}), [line])
    (either,) = ask(Any.model_validate({"kind": "any", "of": parts}), [line])
    assert (both.severity, either.severity) == (Severity.WARNING, Severity.CRITICAL)


# ---- any


LOW = {"kind": "threshold", "signal": "train.loss", "below": 0.1}
ENDED = {"kind": "count", "signal": "run.end", "per": "run", "above": 0, "heartbeat": "train.loss"}
EITHER = Any.model_validate({"kind": "any", "of": [LOW, ENDED]})


@pytest.mark.parametrize(
    ("log", "outcome"),
    [
        ([at(0, train(1, loss=0.01))], "breach"),
        ([at(0, train(1)), at(1, RunEnd(status="completed"))], "breach"),
        ([at(0, train(1))], "ok"),
        ([at(0, epoch_end(1))], "unknown"),
    ],
)
def test_any_is_a_breach_by_one_part_and_ok_by_all(log, outcome):
    assert [reading.outcome for reading in ask(EITHER, log)] == [outcome]


def test_any_is_unknown_if_one_part_is_unknown_and_no_part_is_a_breach():
    guard = {"kind": "threshold", "signal": "guard.ratio", "below": 0.01}
    condition = Any.model_validate({"kind": "any", "of": [LOW, guard]})
    assert [reading.outcome for reading in ask(condition, [at(0, train(1))])] == [Outcome.UNKNOWN]


def test_any_is_not_applicable_only_if_every_part_is():
    condition = Any.model_validate({"kind": "any", "of": [GRADIENT, NO_MOVE]})
    off = at(0, setting("ENABLE_GRAD_MONITOR", "0"))
    assert outcomes(condition, [off]) == {"": "not_applicable"}
    assert outcomes(condition, [off, at(0, weight("gat", 10, 0.1))]) == {"gat": "ok"}


def test_a_part_may_be_a_combination_and_its_deadline_is_known():
    silent = {"kind": "stall", "silence": "300s"}
    condition = Any.model_validate({"kind": "any", "of": [LOW, {"kind": "any", "of": [silent, ENDED]}]})
    assert story(watch([rule(condition)], [at(0, train(1))], wait=301)[1]) == [("Probe", "firing", 300)]


def test_events_of_one_horizon_are_joined_with_a_measurement_of_the_same():
    many = {"kind": "count", "signal": "guard.reset", "per": "run", "above": 1, "heartbeat": "guard.check", "by": ["h"]}
    flat = {"kind": "threshold", "signal": "guard.ratio", "below": 0.01}
    condition = All.model_validate({"kind": "all", "of": [many, flat]})
    log = [
        *(at(n, reset(h=h)) for n, h in enumerate([1, 5, 5, 1])),
        *(at(4, GuardCheck(h=h, step=4, ratio=ratio)) for h, ratio in [(1, 0.5), (5, 0.001)]),
    ]
    assert outcomes(condition, log) == {"1": "ok", "5": "breach"}


# ---- invalid declarations


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"of": [GRADIENT]}, "at least 2 items"),
        ({"of": [GRADIENT, {"kind": "thresold"}]}, "kind: unknown kind 'thresold'; expected one of threshold, count"),
        ({"of": [GRADIENT, {**NO_MOVE, "signal": "weight.updates"}]}, "signal: unknown signal 'weight.updates'"),
        ({"of": [GRADIENT, "no"]}, "not a condition: 'no'; expected key: value lines"),
        ({"of": [GRADIENT, NO_MOVE], "on": ["h"]}, "on: not every part with labels has 'h'; expected one of group"),
    ],
)
def test_an_invalid_combination_is_refused_in_words(declared, message):
    with pytest.raises(ValidationError) as caught:
        All.model_validate({"kind": "all", **declared})
    assert message in str(caught.value)
