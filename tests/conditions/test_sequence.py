"""``sequence``: one event must be followed by another within steps, epochs or time."""

import pytest
from pydantic import ValidationError

from monitor.conditions import Outcome
from monitor.conditions.sequence import Sequence
from monitor.conditions.values import Span
from monitor.grammar import GuardCheck, GuardRecovered, GuardReset, Phase, RunEnd, RunStart
from tests.lines import ask, at, epoch_end, rule, story, train, watch

TRACEBACK = b"Traceback (most recent call last):"
CRASH = Sequence.model_validate(
    {"kind": "sequence", "signal": "text.traceback", "then": ["run.moved", "run.end"], "before": "60s"}
)
RECOVERY = Sequence.model_validate(
    {
        "kind": "sequence",
        "signal": "guard.reset",
        "then": "guard.recovered",
        "on": ["h"],
        "declared_by": "guard.recover_within_steps",
        "heartbeat": "guard.check",
    }
)


def declared_reset(step: int, *, h: int = 5, within: int | None = 6) -> GuardReset:
    return GuardReset(h=h, scale=0.05, step=step, recover_within_steps=within)


def outcome(condition: Sequence, log: list[bytes], *, wait: float = 0) -> str:
    (reading,) = ask(condition, log, wait=wait)
    return reading.outcome.value


# ---- within a time


@pytest.mark.parametrize(("wait", "expected"), [(0, "unknown"), (60, "unknown"), (60.001, "breach"), (3_600, "breach")])
def test_a_traceback_that_no_step_follows_within_60_s_is_a_crash(wait, expected):
    assert outcome(CRASH, [at(0, train(1)), TRACEBACK], wait=wait) == expected


@pytest.mark.parametrize("wait", [61, 86_400])
def test_the_alert_is_dated_at_its_deadline_whenever_it_was_noticed(wait):
    log = [at(0, train(1)), TRACEBACK]
    _, changes = watch([rule(CRASH)], log, wait=wait)
    assert story(changes) == [("Probe", "firing", 60)]
    assert [line.line for line in changes[0].evidence] == [2]


def test_a_caught_traceback_followed_by_steps_is_not_a_crash():
    log = [at(0, train(1)), TRACEBACK, at(10, train(2)), at(20, train(3))]
    _, changes = watch([rule(CRASH)], log, wait=200)
    assert story(changes) == []
    assert outcome(CRASH, log, wait=200) == "ok"


def test_a_step_before_the_traceback_does_not_count_even_at_the_same_time():
    assert outcome(CRASH, [at(0, train(1)), at(5, train(2)), TRACEBACK], wait=61) == "breach"
    assert outcome(CRASH, [at(0, train(1)), TRACEBACK, at(0, train(2))], wait=61) == "ok"


def test_a_repeated_progress_line_and_heartbeats_are_not_steps():
    log = [at(0, train(7)), TRACEBACK, at(5, train(7)), *(at(10 * n, Phase(name="train", beat=n)) for n in range(2, 8))]
    assert story(watch([rule(CRASH)], log)[1]) == [("Probe", "firing", 60)]


def test_an_end_line_is_an_answer_because_another_rule_reads_it():
    log = [at(0, train(1)), TRACEBACK, at(1, RunEnd(status="failed"))]
    assert story(watch([rule(CRASH)], log, wait=300)[1]) == []


def test_a_late_step_ends_the_alert():
    log = [at(0, train(1)), TRACEBACK, at(100, train(2))]
    assert story(watch([rule(CRASH)], log)[1]) == [("Probe", "firing", 60), ("Probe", "resolved", 100)]


def test_the_first_of_several_events_counts():
    log = [
        at(0, train(1)),
        TRACEBACK,
        at(50, Phase(name="train", beat=1)),
        TRACEBACK,
        at(70, Phase(name="train", beat=2)),
    ]
    assert story(watch([rule(CRASH)], log)[1]) == [("Probe", "firing", 60)]


def test_more_events_than_are_kept_do_not_put_the_deadline_off():
    log = [
        at(0, train(1)),
        TRACEBACK,
        *(each for n in range(1, 200) for each in (at(n, Phase(name="train", beat=n)), TRACEBACK)),
    ]
    assert story(watch([rule(CRASH)], log)[1]) == [("Probe", "firing", 60)]


def test_the_limit_grows_with_the_slowest_recent_interval_between_two_steps():
    patient = CRASH.model_copy(update={"times_slowest": 3.0})
    slow = [at(50 * n, train(n)) for n in range(1, 4)]
    assert outcome(patient, [*slow, TRACEBACK], wait=150) == "unknown"
    assert outcome(patient, [*slow, TRACEBACK], wait=150.001) == "breach"


def test_a_restart_of_the_trainer_is_neither_an_answer_nor_a_first_event():
    log = [at(0, RunStart(run="a")), at(1, train(1)), TRACEBACK, at(30, RunStart(run="a")), at(31, train(1))]
    assert story(watch([rule(CRASH)], log, wait=300)[1]) == []


def test_a_traceback_at_the_end_of_a_log_that_was_only_read_is_unknown():
    (reading,) = ask(CRASH, [at(0, train(1)), TRACEBACK], is_following=False)
    assert reading.outcome is Outcome.UNKNOWN


def test_no_traceback_is_ok_by_the_newest_move_and_unknown_before_any():
    (reading,) = ask(CRASH, [at(0, train(1)), at(1, train(2)), at(2, Phase(name="train", beat=1))])
    assert (reading.outcome, [line.line for line in reading.evidence]) == (Outcome.OK, [2])
    assert outcome(CRASH, [b"hello"]) == "unknown"


# ---- within steps, as the line declares


@pytest.mark.parametrize(("step", "expected"), [(41, "unknown"), (46, "unknown"), (47, "breach")])
def test_a_reset_must_be_followed_by_recovery_within_its_declared_steps(step, expected):
    assert outcome(RECOVERY, [at(0, declared_reset(40)), at(1, train(step))]) == expected


@pytest.mark.parametrize(("step", "expected"), [(90, "unknown"), (91, "breach")])
def test_a_reset_that_declares_nothing_has_the_steps_of_the_rule_if_it_names_any(step, expected):
    log = [at(0, declared_reset(40, within=None)), at(1, train(step))]
    assert outcome(RECOVERY.model_copy(update={"before": Span(50, "steps")}), log) == expected
    assert outcome(RECOVERY, log) == "not_applicable"


def test_a_reset_that_declares_nothing_does_not_hide_a_later_one_that_does():
    log = [at(0, declared_reset(40, within=None)), at(1, declared_reset(50)), at(2, train(57))]
    assert outcome(RECOVERY, log) == "breach"


def test_the_reason_names_the_event_that_was_seen():
    texts = CRASH.model_copy(update={"signal": ("text.killed", "text.traceback")})
    (reading,) = ask(texts, [at(0, train(1)), TRACEBACK], wait=61)
    assert reading.reason == "text.traceback was not followed by progress or run.end within 60 s"


def test_what_is_looked_for_every_4_steps_shows_itself_so_much_later():
    checks = [at(0, GuardCheck(h=5, step=step)) for step in (32, 36, 40)]
    assert outcome(RECOVERY, [*checks, at(1, declared_reset(40)), at(2, train(50))]) == "unknown"
    assert outcome(RECOVERY, [*checks, at(1, declared_reset(40)), at(2, train(51))]) == "breach"


def test_each_horizon_recovers_for_itself():
    log = [
        at(0, declared_reset(40, h=1)),
        at(0, declared_reset(40, h=5)),
        at(1, GuardRecovered(h=1, step=44)),
        at(2, train(60)),
    ]
    assert {each.labels: each.outcome.value for each in ask(RECOVERY, log)} == {
        (("h", "1"),): "ok",
        (("h", "5"),): "breach",
    }


def test_a_second_reset_after_a_recovery_starts_a_new_wait():
    log = [at(0, declared_reset(40)), at(1, GuardRecovered(h=5, step=44)), at(2, declared_reset(60)), at(3, train(66))]
    assert outcome(RECOVERY, log) == "unknown"
    assert outcome(RECOVERY, [*log, at(4, train(67))]) == "breach"


def test_no_reset_is_ok_by_the_guard_at_work_and_unknown_without_it():
    assert outcome(RECOVERY, [at(0, train(1)), at(0, GuardCheck(h=1, step=1))]) == "ok"
    assert outcome(RECOVERY, [at(0, train(1))]) == "unknown"
    assert outcome(RECOVERY, [at(0, GuardCheck(h=1, step=1)), at(1, train(5_000))]) == "unknown"


# ---- within epochs


def test_an_answer_within_an_epoch_may_come_until_the_next_one_has_ended():
    condition = Sequence.model_validate(
        {"kind": "sequence", "signal": "guard.reset", "then": "guard.recovered", "before": "1 epochs"}
    )
    log = [at(0, train(1)), at(1, declared_reset(1)), at(2, epoch_end(1))]
    assert outcome(condition, [*log, at(3, train(2, 2))]) == "unknown"
    assert outcome(condition, [*log, at(3, epoch_end(2))]) == "breach"


# ---- invalid declarations


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"then": "guard.recoverd"}, "unknown signal 'guard.recoverd'"),
        ({"on": ["group"]}, "on: guard.reset has no label 'group'"),
        ({"where": {"x": "1"}}, "where: guard.reset has no label 'x'"),
        ({"before": None}, "expected before, declared_by or both"),
        ({"before": "soon"}, "'soon'; expected a number and one of steps, epochs, s, m, h, d"),
        ({"times_slowest": 3}, "times_slowest: needs a time"),
        ({"signal": []}, "at least 1 item"),
    ],
)
def test_an_invalid_sequence_is_refused_in_words(more, message):
    declared = {"kind": "sequence", "signal": "guard.reset", "then": "guard.recovered", "before": "5 steps"}
    with pytest.raises(ValidationError) as caught:
        Sequence.model_validate({**declared, **more})
    assert message in str(caught.value)
