"""``stall``: nothing written while the run should be writing, by phase."""

import pytest
from pydantic import ValidationError

from monitor import grammar
from monitor.conditions import Outcome
from monitor.conditions.stall import Stall
from monitor.grammar import Intent, Phase, RunEnd, RunStart
from tests.lines import START, Line, ask, at, numbered, pipeline, rule, story, take, train, watch

PROGRESS = Stall.model_validate(
    {"kind": "stall", "of": "progress", "silence": "90s", "learnt_factor": 6, "most": "900s", "most_factor": 3}
)
SILENT = Stall.model_validate({"kind": "stall", "silence": "300s"})


def outcome(log: list[bytes], wait: float, *, is_following: bool = True) -> str:
    (reading,) = ask(SILENT, log, wait=wait, is_following=is_following)
    return reading.outcome.value


def beats(phase: str, first: float, last: float, **fields) -> list[bytes]:
    """Return a heartbeat every 30 s with frozen figures."""
    times = range(int((last - first) // 30) + 1)
    return [at(first + 30 * n, Phase(name=phase, beat=n + 1, **fields)) for n in times]


def steps(*times: float) -> list[bytes]:
    """Return a progress line at each of these times, each a step further."""
    return [at(time, train(step)) for step, time in enumerate(times, 1)]


def hangs(log: list[bytes], *, wait: float = 0.0) -> list[tuple[str, float | None]]:
    """Return what a watch for progress tells: state and time."""
    return [(state, when) for _, state, when in story(watch([rule(PROGRESS)], log, wait=wait)[1])]


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


# ---- the end, and what was not observed


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


def test_a_clock_that_jumps_back_is_not_silence():
    _, changes = watch([rule(SILENT)], [at(3_600, train(1)), at(0, train(2)), at(299, train(3))])
    assert story(changes) == []


def test_any_line_ends_a_silence():
    """Bytes are not progress, but they are not silence either: that is another rule's matter."""
    _, changes = watch(
        [rule(SILENT)], [at(0, train(1)), *(at(30 * n, Phase(name="train", beat=n)) for n in range(1, 30))]
    )
    assert story(changes) == []


# ---- bytes, and no progress


def test_heartbeats_with_a_frozen_step_are_a_hang_at_its_deadline():
    log = [*steps(0, 2, 4), *beats("train", 30, 200, step=3, epoch=1)]
    assert hangs(log) == [("firing", 94)]


@pytest.mark.parametrize(("last", "expected"), [(90, []), (90.001, [("firing", 90)])])
def test_the_least_budget_is_90_s_to_the_millisecond(last, expected):
    log = [*steps(-2, 0), at(60, Phase(name="train", beat=1, step=2)), at(last, Phase(name="train", beat=2, step=2))]
    assert hangs(log) == expected


def test_a_step_ends_the_alert_and_is_its_evidence():
    _, changes = watch([rule(PROGRESS)], [*steps(0, 2), *beats("train", 30, 120, step=2), at(130, train(3))])
    assert story(changes) == [("Probe", "firing", 92), ("Probe", "resolved", 130)]
    assert [[each.line for each in change.evidence] for change in changes] == [[2], [2, 7]]


@pytest.mark.parametrize(
    ("interval", "budget"),
    [(1, 90), (15, 90), (20, 120), (100, 600), (150, 900), (200, 900), (300, 900), (400, 1_200)],
)
def test_the_budget_is_six_of_the_slowest_recent_interval_within_its_bounds(interval, budget):
    """max(90 s, 6 × the interval), at most max(900 s, 3 × the interval)."""
    log = steps(0, interval)
    (reading,) = ask(PROGRESS, log, wait=1)
    assert reading.threshold == budget


def test_the_slowest_of_the_recent_intervals_counts_and_an_old_one_is_forgotten():
    slow_start = steps(0, 100, *(102 + 2 * n for n in range(10)))
    (reading,) = ask(PROGRESS, slow_start)
    assert reading.threshold == 600
    (reading,) = ask(PROGRESS, steps(0, 100, *(102 + 2 * n for n in range(70))))
    assert reading.threshold == 90


def test_an_evaluation_between_the_steps_is_not_a_hang_once_one_was_seen():
    """Its bar writes for five minutes, between every fifty progress lines of a log that announces no phases."""
    log, now = [], 0.0
    for line in range(300):
        now += 2
        log.append(at(now, train(10 * line)))
        if line % 50 == 49:
            log += [at(now + 30 * n, grammar.Gpu(index=0, util_pct=90.0)) for n in range(10)]
            now += 300
    assert hangs(log) == [("firing", 190), ("resolved", 402)]


def test_a_clock_that_jumps_by_years_teaches_a_day_at_most():
    (reading,) = ask(PROGRESS, steps(0, 2e11), wait=1)
    assert reading.threshold == 3 * 86_400


def test_before_any_interval_was_seen_the_budget_is_the_highest():
    log = [at(0, Phase(name="train", epoch=1)), *beats("train", 30, 1_000, epoch=1)]
    assert hangs(log) == [("firing", 900)]


def test_a_step_that_goes_on_in_the_heartbeats_is_progress_however_rare_the_progress_lines():
    log = [*steps(0, 2), *(at(30 * n, Phase(name="train", beat=n, step=10 * n)) for n in range(1, 40))]
    assert hangs(log) == []


def test_a_repeated_progress_line_of_the_same_step_is_not_a_move():
    log = [*steps(0, 2), *(at(30 * n, train(2)) for n in range(1, 6))]
    assert hangs(log) == [("firing", 92)]


@pytest.mark.parametrize("phase", ["load", "fit_scaler", "validate", "checkpoint"])
def test_a_frozen_done_is_a_hang_in_every_phase(phase):
    log = [at(0, Phase(name=phase, done=0, total=9)), at(5, Phase(name=phase, beat=1, done=1, total=9))]
    assert hangs([*log, *beats(phase, 30, 120, done=1, total=9)]) == [("firing", 95)]


def test_a_phase_that_does_not_count_its_work_has_the_highest_budget_however_short_it_was_before():
    quick = [
        line
        for n in range(5)
        for line in (at(n, Phase(name="checkpoint", epoch=n)), at(n, Phase(name="train", epoch=n)), at(n, train(n)))
    ]
    log = [*quick, at(9, Phase(name="checkpoint", epoch=9)), *beats("checkpoint", 39, 1_000, epoch=9)]
    assert hangs(log) == [("firing", 909)]


def test_done_that_counts_on_is_progress():
    log = [at(0, Phase(name="validate", done=0, total=99))]
    assert hangs([*log, *(at(30 * n, Phase(name="validate", beat=n, done=n, total=99)) for n in range(1, 60))]) == []


def test_a_heartbeat_that_repeats_a_progress_line_is_not_a_second_move():
    log = [
        at(0, Phase(name="train", epoch=1, done=0)),
        *steps(1, 2),
        at(30, Phase(name="train", epoch=1, done=2, beat=1)),
    ]
    (reading,) = ask(PROGRESS, log)
    assert reading.value == 28


def test_a_new_phase_and_a_new_epoch_are_moves():
    log = [*steps(0, 2), at(60, Phase(name="validate", epoch=1)), at(120, Phase(name="train", epoch=2))]
    assert hangs([*log, *beats("train", 150, 180, epoch=2)]) == []


def test_silence_is_a_stall_rather_than_a_hang():
    log = steps(0, 2)
    assert hangs(log, wait=299) == []
    (reading,) = ask(PROGRESS, log, wait=200)
    assert reading.outcome is Outcome.UNKNOWN
    assert reading.reason == "no progress for 200 s, and nothing written for 200 s: a stall, or the end of the run"


def test_a_stall_in_which_the_heartbeat_ends_too_is_reported_only_as_a_stall():
    rules = [rule(SILENT, name="Stall"), rule(PROGRESS, name="Hang")]
    log = [*steps(*range(0, 40, 5)), at(36, Phase(name="train", beat=1, step=8))]
    assert story(watch(rules, log, wait=400)[1]) == [("Stall", "firing", 336)]


def test_bytes_that_come_back_without_a_step_are_a_hang_at_once():
    log = [*steps(0, 2), at(200, Phase(name="train", beat=1, step=2))]
    assert hangs(log) == [("firing", 200)]


def test_a_part_of_a_line_is_bytes_and_no_progress():
    """A line without a time ends a silence, but not a hang."""
    watching = pipeline([rule(PROGRESS)])
    changes = take(watching, numbered(steps(0, 2)))
    for seconds in range(30, 121, 30):
        changes += watching.hear(START + seconds)
    assert story(changes) == [("Probe", "firing", 92)]


def test_lines_without_a_time_that_keep_coming_do_not_end_a_hang():
    watching = pipeline([rule(PROGRESS)])
    changes = take(watching, numbered(steps(0, 2)))
    for number, seconds in enumerate(range(30, 200, 10), 3):
        changes += watching.hear(START + seconds)
        changes += watching.take(Line(number, 0, b"Epoch 1: 2it [00:09]"))
    assert story(changes) == [("Probe", "firing", 92)]


def test_a_declared_pause_adds_its_length_to_the_budget_of_its_phase():
    pause = at(0, Intent(pause="checkpoint", expected_s=600.0))
    log = [pause, at(1, Phase(name="checkpoint", epoch=1)), *beats("checkpoint", 31, 1_600, epoch=1)]
    assert hangs(log) == [("firing", 1_501)]


@pytest.mark.parametrize("status", ["completed", "failed"])
def test_a_run_that_has_ended_need_not_move(status):
    assert hangs([*steps(0, 2), at(3, RunEnd(status=status))], wait=9_000) == []


def test_a_log_that_stops_within_the_budget_is_unknown_when_it_is_only_read():
    (reading,) = ask(PROGRESS, steps(0, 2), is_following=False)
    assert reading.outcome is Outcome.UNKNOWN


def test_a_new_attempt_begins_with_a_fresh_budget():
    log = [at(0, RunStart(run="a")), *steps(1, 3), at(50, RunStart(run="a")), *beats("load", 80, 130)]
    assert hangs(log) == []


def test_before_the_first_step_nothing_is_known_of_a_log_without_phases():
    (reading,) = ask(PROGRESS, [b"hello", at(0, Intent(epochs=3))], wait=5)
    assert reading.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"of": "progress", "silence": "90s"}, "most: is missing; expected a duration"),
        ({"silence": "90s", "most": "60s"}, "most: shorter than silence"),
    ],
)
def test_an_invalid_stall_is_refused_in_words(fields, message):
    with pytest.raises(ValidationError) as caught:
        Stall.model_validate({"kind": "stall", **fields})
    assert message in str(caught.value)


def test_lines_that_begin_to_come_anew_after_a_stall_have_the_whole_budget():
    log = [*steps(0, 10, 20), *beats("train", 10_020, 10_110)]
    assert hangs(log) == []
    assert hangs([*log, *beats("train", 10_140, 10_200)]) == [("firing", 10_110)]


def test_heartbeats_that_come_rarely_but_keep_coming_do_not_hide_a_hang():
    log = [*steps(0, 10, 20), *(at(20 + 200 * n, Phase(name="train", beat=n)) for n in range(1, 4))]
    assert hangs(log) == [("firing", 220)]


FORMS = ("Epoch {e}/5, Train Loss: {loss}", "Epoch [{e}/5] loss {loss}", "step {e}/5 loss {loss}")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("reached", [5, 4])
def test_the_silence_between_a_finished_training_and_the_next_in_its_log_is_no_stall(form, reached):
    log = [
        f"2026-01-01 {10 + (place >= reached)}:00:{place:02},000 - INFO - {form.format(e=e, loss=1 / e)}".encode()
        for place, e in enumerate([*range(1, reached + 1), *range(1, 6)])
    ]
    _, changes = watch([rule(SILENT)], log)
    assert ("firing" in [state for _, state, _ in story(changes)]) == (reached < 5)
