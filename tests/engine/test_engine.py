"""Alerts: when they fire, under which id, when they resolve, and what closes them."""

import dataclasses

import pytest

from monitor.alert import Alert
from monitor.conditions.count import Count
from monitor.conditions.stall import Stall
from monitor.conditions.threshold import Threshold
from monitor.engine.left_out import MOST_FIRED
from monitor.grammar import Intent, RunEnd, RunStart
from monitor.run.run import Run
from tests.lines import Line, at, epoch_end, numbered, pipeline, report, rule, story, take, train, watch

LOSS = Threshold(kind="threshold", signal="train.loss", above=10)
VANISHED = Threshold(kind="threshold", signal="grad.l2", below=1e-7)
FAILED = Count(kind="count", signal="run.end", where={"status": "failed"}, per="run", above=0, heartbeat="train.loss")


def losses(*values: float, every: float = 1) -> list[bytes]:
    return [at(every * n, train(n, loss=value)) for n, value in enumerate(values)]


def ids(changes: list[Alert]) -> list[str]:
    return [change.id for change in changes]


# ---- one alert per rule and labels


def test_a_breach_fires_once_and_resolves_with_the_evidence_of_both():
    _, changes = watch([rule(LOSS)], losses(1, 11, 12, 13, 9))
    assert story(changes) == [("Probe", "firing", 1), ("Probe", "resolved", 4)]
    assert changes[0].id == changes[1].id
    assert [each.line for each in changes[1].evidence] == [2, 5]
    assert (changes[1].starts_at, changes[1].ends_at) == (changes[0].at, changes[1].at)


def test_each_group_has_its_own_alert_in_the_order_of_the_report():
    groups = ["gat", "adaptive_norm", "z", "a", "m", "backbone_projection", "input_projection", "head"]
    _, changes = watch([rule(VANISHED)], [at(0, report(0, temporal_encoder=1.0, **dict.fromkeys(groups, 0.0)))])
    assert [dict(change.labels)["group"] for change in changes] == groups
    assert len(set(ids(changes))) == len(groups)


def test_two_rules_on_one_line_are_two_alerts():
    _, changes = watch([rule(LOSS, name="One"), rule(LOSS, name="Two")], losses(11))
    assert [change.rule for change in changes] == ["One", "Two"]
    assert len(set(ids(changes))) == 2


def test_two_events_at_one_instant_with_the_same_text_are_two_alerts():
    line = at(0, train(5, loss=11.0))
    calm = at(0, train(6, loss=1.0))
    _, changes = watch([rule(LOSS)], [line, calm, line, calm])
    assert [change.state.value for change in changes] == ["firing", "resolved"] * 2
    assert changes[0].id != changes[2].id


def test_only_rules_that_watch_a_signal_are_evaluated():
    asked = []

    class Spy(Threshold):
        def readings(self, *arguments):
            asked.append(self.signal)
            return super().readings(*arguments)

    spies = [rule(Spy(kind="threshold", signal=name, above=1)) for name in ("train.loss", "grad.l2")]
    watch(spies, losses(0.5))
    assert asked == ["train.loss"]


# ---- ids


def test_ids_of_a_run_with_a_run_line_do_not_depend_on_path_offset_or_line_number():
    log = [at(0, RunStart(run="a")), *losses(1, 11, 1, 12)]
    _, plain = watch([rule(LOSS)], log)
    moved = pipeline([rule(LOSS)], log="/elsewhere/b.log")
    shifted = [Line(number + 40, offset + 9_999, data) for number, offset, data in numbered(log)]
    assert ids(take(moved, shifted)) == ids(plain)


def test_ids_differ_between_logs_that_begin_alike_but_have_no_run_line():
    log = losses(1, 11)
    _, plain = watch([rule(LOSS)], log)
    elsewhere = pipeline([rule(LOSS)], log="/elsewhere/b.log")
    assert not set(ids(take(elsewhere, numbered(log)))) & set(ids(plain))
    assert {(each.log, each.run) for each in plain} != {("/elsewhere/b.log", elsewhere.run.id)}


def test_ids_differ_between_runs_attempts_and_evidence():
    first = [at(0, RunStart(run="a")), *losses(11)]
    other_run = [at(0, RunStart(run="b")), *losses(11)]
    later = [at(0, RunStart(run="a")), at(1, train(0, loss=11.0))]
    second_attempt = [*first, at(0, RunStart(run="a")), *losses(11)]
    found = [watch([rule(LOSS)], log)[1][-1].id for log in (first, other_run, later, second_attempt)]
    assert len(set(found)) == 4


def test_ids_do_not_depend_on_the_other_rules():
    alone = watch([rule(LOSS)], losses(11))[1]
    others = [rule(VANISHED, name="A"), rule(LOSS), rule(LOSS, name="Z")]
    together = [change for change in watch(others, losses(11))[1] if change.rule == "Probe"]
    assert ids(together) == ids(alone)


# ---- for: how long a breach must last


def test_a_breach_that_is_over_before_its_time_never_fires():
    _, changes = watch([rule(LOSS, hold=60)], losses(11, 11, 1, every=30))
    assert story(changes) == []


def test_a_breach_that_lasts_fires_at_its_deadline():
    _, changes = watch([rule(LOSS, hold=60)], losses(11, 12, 13, 14, every=40))
    assert story(changes) == [("Probe", "firing", 60)]
    assert changes[0].starts_at == changes[0].at - 60


def test_a_breach_of_exactly_that_long_does_not_fire_yet():
    _, changes = watch([rule(LOSS, hold=60)], losses(11, 11, every=60))
    assert story(changes) == []


def test_a_breach_lasts_through_silence():
    _, changes = watch([rule(LOSS, hold=60)], losses(11), wait=61)
    assert story(changes) == [("Probe", "firing", 60)]


def test_a_breach_that_is_over_and_comes_back_starts_again():
    _, changes = watch([rule(LOSS, hold=60)], losses(11, 1, 11, 11, 11, every=30))
    assert story(changes) == []
    _, changes = watch([rule(LOSS, hold=60)], losses(11, 1, 11, 11, 11, 11, every=30))
    assert story(changes) == [("Probe", "firing", 120)]


def test_a_stall_that_must_last_fires_after_both():
    stall = Stall.model_validate({"kind": "stall", "silence": "300s"})
    _, changes = watch([rule(stall, hold=60)], losses(1), wait=400)
    assert story(changes) == [("Probe", "firing", 360)]


def test_a_breach_in_a_log_without_times_cannot_have_lasted():
    line = b"x 2025-99-99 Traceback"
    tracebacks = Count(kind="count", signal="text.traceback", per="run", above=0, heartbeat="train.loss")
    _, changes = watch([rule(tracebacks, hold=60)], [line, b"Traceback (most recent call last):", line])
    assert story(changes) == []


# ---- unknown, resolved, closed


def test_unknown_never_resolves():
    watching, changes = watch([rule(VANISHED)], [at(0, report(0, gat=0.0)), at(1, train(9_999, 9))], wait=86_400)
    assert story(changes) == [("Probe", "firing", 0)]
    assert [alert.rule for alert in watching.snapshot(None, is_following=True).open] == ["Probe"]


def test_freezing_a_group_does_not_resolve_its_alert():
    log = [at(0, report(0, gat=0.0)), at(1, Intent(frozen=("gat",))), at(2, report(200, gat=0.0))]
    _, changes = watch([rule(VANISHED)], log)
    assert story(changes) == [("Probe", "firing", 0)]


@pytest.mark.parametrize("status", ["completed", "stopped", "failed"])
def test_the_end_of_the_run_closes_what_fires(status):
    watching, changes = watch([rule(LOSS)], [*losses(11), at(5, RunEnd(status=status))])
    assert story(changes) == [("Probe", "firing", 0), ("Probe", "closed", 5)]
    assert changes[1].reason == f"the run ended ({status}) while it fired"
    assert changes[1].id == changes[0].id
    assert watching.states.open == {}


def test_an_alert_that_is_pending_at_the_end_is_dropped():
    watching, changes = watch([rule(LOSS, hold=60)], [*losses(11), at(5, RunEnd(status="completed"))], wait=600)
    assert story(changes) == []
    assert watching.states.open == {}


def test_an_alert_that_the_end_line_itself_raises_stays_open():
    watching, changes = watch([rule(FAILED)], [*losses(1), at(5, RunEnd(status="failed"))])
    assert story(changes) == [("Probe", "firing", 5)]
    assert len(watching.states.open) == 1


def test_a_new_attempt_closes_what_the_old_one_left():
    _, changes = watch([rule(LOSS)], [at(0, RunStart(run="a")), *losses(11), at(9, RunStart(run="a")), at(9, train(0))])
    assert story(changes) == [("Probe", "firing", 0), ("Probe", "closed", 9)]
    assert changes[1].reason == "attempt 2 began while it fired"
    assert changes[1].attempt == 1


def test_the_same_fault_in_the_next_attempt_is_a_new_alert():
    start = [at(0, RunStart(run="a")), *losses(11)]
    _, changes = watch([rule(LOSS)], [*start, *start])
    assert [(change.state.value, change.attempt) for change in changes] == [("firing", 1), ("closed", 1), ("firing", 2)]


# ---- what an alert shows


def test_an_alert_shows_what_where_and_since_when():
    _, (alert,) = watch([rule(VANISHED)], [at(0, train(7, 3)), at(1, report(8, 3, gat=0.0))])
    assert (alert.epoch, alert.step, alert.value, alert.threshold) == (3, 8, 0.0, 1e-7)
    assert alert.summary == "grad.l2 is 0; expected at least 1e-07"
    assert [(each.path, each.line) for each in alert.evidence] == [("run.log", 2)]


@pytest.mark.parametrize("hostile", ["{value}", "{0}", "{reason.__class__}", "{", "%s", "\x1b[31m"])
def test_a_label_cannot_inject_into_a_summary(hostile):
    named = rule(VANISHED).model_copy(update={"summary": "group {group}: {value}"})
    _, (alert,) = watch([named], [at(0, report(8, **{hostile: 0.0}))])
    assert alert.summary == f"group {hostile}: 0"


def test_a_count_is_shown_to_the_last_digit():
    many = rule(Count(kind="count", signal="guard.check", per="run", above=10_000, heartbeat="guard.check"))
    many = many.model_copy(update={"summary": "{value} of {threshold}"})
    log = [b"2025-10-30T23:40:51.000Z INFO [DEGENERACY-GUARD] check h=1"] * 10_001
    _, (alert,) = watch([many], log)
    assert alert.summary == "10001 of 10000"


# ---- memory


def test_a_flapping_rule_does_not_fill_the_memory():
    watching, _ = watch([rule(LOSS)], losses(*([11.0, 1.0] * 2_000)))
    assert (watching.states.open, watching.fired) == ({}, MOST_FIRED + 1)
    assert len(watching.states.ordinals) < 2_000


def test_the_states_are_values_and_are_not_changed_in_place():
    watching = pipeline([rule(LOSS)])
    before = watching.states
    kept = dataclasses.replace(before)
    take(watching, numbered(losses(11)))
    assert before == kept
    assert watching.states != before


def test_a_step_that_touches_nothing_changes_nothing():
    watching, _ = watch([rule(LOSS)], losses(11))
    states, changes = watching.engine.step(Run(), watching.states, None, frozenset({("run.epoch", ())}))
    assert (states, changes) == (watching.states, [])


def test_the_end_of_an_epoch_alone_does_not_end_an_alert():
    _, changes = watch([rule(LOSS)], [*losses(11), at(1, epoch_end(1)), at(2, epoch_end(2))])
    assert story(changes) == [("Probe", "firing", 0)]
