"""``stall``: nothing written while the run should be writing, by phase."""

import pytest

from monitor.conditions import Outcome
from monitor.conditions.stall import Stall
from monitor.logline import Intent, Phase, RunEnd, RunStart
from tests.monitor.lines import ask, at, rule, story, train, watch

SILENT = Stall.model_validate({"kind": "stall", "silence": "300s"})


def outcome(log: list[bytes], wait: float, *, is_following: bool = True) -> str:
    (reading,) = ask(SILENT, log, wait=wait, is_following=is_following)
    return reading.outcome.value


@pytest.mark.parametrize(
    ("wait", "expected"), [(0, "ok"), (299.9, "ok"), (300, "ok"), (300.001, "breach"), (301, "breach")]
)
def test_silence_of_300_s_is_quiet_and_of_301_s_fires(wait, expected):
    assert outcome([at(0, train(1))], wait) == expected


def test_the_alert_is_dated_at_its_deadline_whenever_it_was_noticed():
    for wait in (300.5, 301, 86_400):
        _, changes = watch([rule(SILENT)], [at(0.123, train(1))], wait=wait)
        assert story(changes) == [("Probe", "firing", 300.123)]


@pytest.mark.parametrize("wait", [299, 300])
def test_until_the_deadline_nothing_fires(wait):
    _, changes = watch([rule(SILENT)], [at(0, train(1))], wait=wait)
    assert story(changes) == []


def test_a_gap_between_two_lines_fires_at_its_deadline_and_ends_at_the_next_line():
    _, changes = watch([rule(SILENT)], [at(0, train(1)), at(301, train(2))])
    assert story(changes) == [("Probe", "firing", 300), ("Probe", "resolved", 301)]
    assert [[each.line for each in change.evidence] for change in changes] == [[1], [1, 2]]


def test_a_gap_of_exactly_300_s_is_quiet():
    _, changes = watch([rule(SILENT)], [at(0, train(1)), at(300, train(2))])
    assert story(changes) == []


@pytest.mark.parametrize("since", [0.0, 0.001, 0.3, 2.0**31, -86_400.5])
def test_the_deadline_is_met_at_any_time_of_the_clock(since):
    """1970 after a reset of the clock, 2038, and before the epoch: floats are not equally fine there."""
    offset = since - 1_761_867_651.0
    for milliseconds in range(0, 1000, 7):
        _, changes = watch([rule(SILENT)], [at(offset + milliseconds / 1000, train(1))], wait=301)
        assert [each.state.value for each in changes] == ["firing"]


# ---- phases


@pytest.mark.parametrize("phase", ["load", "fit_scaler", "validate", "checkpoint"])
def test_outside_training_a_phase_has_a_budget_of_three_times_its_own_longest_silence(phase):
    log = [at(0, Phase(name=phase)), at(200, Phase(name="train")), at(210, Phase(name=phase))]
    assert outcome(log, 600) == "ok"
    assert outcome(log, 601) == "breach"


def test_the_budget_of_a_phase_is_never_below_the_fixed_one():
    log = [at(0, Phase(name="validate")), at(20, Phase(name="train")), at(30, Phase(name="validate"))]
    assert outcome(log, 300) == "ok"
    assert outcome(log, 301) == "breach"


def test_what_one_phase_has_learnt_does_not_help_another():
    log = [at(0, Phase(name="validate")), at(200, Phase(name="checkpoint"))]
    assert outcome(log, 301) == "breach"


def test_training_learns_nothing():
    assert outcome([at(0, train(1)), at(250, train(2))], 301) == "breach"


def test_a_silence_that_was_an_alarm_teaches_nothing():
    """A validation that hung for an hour has not shown that validations take an hour."""
    log = [at(0, Phase(name="validate")), at(3_600, Phase(name="validate", beat=1))]
    assert outcome(log, 901) == "breach"


def test_a_declared_pause_adds_its_length_in_its_phase_only():
    pause = at(0, Intent(pause="checkpoint", expected_s=60.0))
    assert outcome([pause, at(1, Phase(name="checkpoint"))], 360) == "ok"
    assert outcome([pause, at(1, Phase(name="checkpoint"))], 361) == "breach"
    assert outcome([pause, at(1, Phase(name="train"))], 301) == "breach"


@pytest.mark.parametrize("expected_s", [float("nan"), float("inf"), -1e9])
def test_a_declared_pause_of_no_length_does_not_silence_the_rule_for_ever(expected_s):
    pause = at(0, Intent(pause="checkpoint", expected_s=expected_s))
    _, changes = watch([rule(SILENT)], [pause, at(1, Phase(name="checkpoint"))], wait=86_400)
    assert [each.state.value for each in changes] == ["firing"]


def test_a_run_that_was_down_has_not_learnt_to_load_slowly():
    log = [at(0, RunStart(run="a")), at(1, train(1)), at(36_000, RunStart(run="a"))]
    assert outcome(log, 301) == "breach"


# ---- the end, and what nobody observed


@pytest.mark.parametrize("status", ["completed", "stopped", "failed"])
def test_a_run_that_has_ended_need_not_write(status):
    assert outcome([at(0, train(1)), at(1, RunEnd(status=status))], 86_400) == "ok"


def test_a_log_that_stops_without_an_end_line_is_unknown_when_it_is_only_read():
    (reading,) = ask(SILENT, [at(0, train(1))], is_following=False)
    assert reading.outcome is Outcome.UNKNOWN
    assert reading.reason == "the log stops without an end line, and the silence after it was not observed"


def test_no_line_yet_is_unknown():
    assert outcome([], 0) == "unknown"


def test_a_log_without_times_is_unknown():
    assert outcome([b"loss 0.5", b"loss 0.4"], 0) == "unknown"


def test_a_clock_that_jumps_back_is_no_silence():
    _, changes = watch([rule(SILENT)], [at(3_600, train(1)), at(0, train(2)), at(299, train(3))])
    assert story(changes) == []


def test_any_line_ends_a_silence():
    """Bytes are not progress, but they are not silence either: that is another rule's matter."""
    _, changes = watch(
        [rule(SILENT)], [at(0, train(1)), *(at(30 * n, Phase(name="train", beat=n)) for n in range(1, 30))]
    )
    assert story(changes) == []
