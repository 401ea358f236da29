"""``count``: more events than allowed, per epoch or per run, counted exactly."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from monitor.alert import Severity, State
from monitor.conditions import Outcome
from monitor.conditions.count import Count
from monitor.grammar import GuardCheck, Intent, RunEnd, RunStart
from tests.lines import START, ask, at, epoch_end, reset, rule, setting, story, train, watch

RESETS = Count(kind="count", signal="guard.reset", above=10, per="epoch", heartbeat="guard.check")
PER_RUN = Count(kind="count", signal="guard.reset", above=0, per="run", heartbeat="guard.check")


def resets(number: int, *, since: float = 0, epoch: int | None = None) -> list[bytes]:
    """Return resets one second apart."""
    return [at(since + n, reset(epoch=epoch)) for n in range(number)]


def counting(**fields) -> Count:
    """Return a count of resets."""
    return Count.model_validate({"kind": "count", "signal": "guard.reset", "heartbeat": "guard.check", **fields})


def one(log: list[bytes], condition: Count = RESETS):
    (reading,) = ask(condition, log)
    return reading


# ---- boundaries


@pytest.mark.parametrize(("number", "outcome"), [(1, "ok"), (10, "ok"), (11, "breach"), (500, "breach")])
def test_ten_in_an_epoch_are_quiet_and_eleven_fire(number, outcome):
    reading = one(resets(number))
    assert (reading.outcome, reading.value, reading.threshold) == (outcome, number, 10)


def test_the_alert_fires_at_the_eleventh_event():
    _, changes = watch([rule(RESETS)], resets(20))
    assert story(changes) == [("Probe", "firing", 10)]
    assert (changes[0].value, [each.line for each in changes[0].evidence]) == (11, [1, 11])


def test_six_at_the_end_of_an_epoch_and_five_at_the_start_of_the_next_are_quiet():
    assert one([*resets(6), at(6, epoch_end(1)), *resets(5, since=7)]).outcome is Outcome.OK


def test_six_and_five_around_a_late_own_epoch_are_eleven():
    assert one([*resets(6), at(6, epoch_end(1)), *resets(5, since=7, epoch=1)]).outcome is Outcome.BREACH


def test_events_at_one_instant_count_one_by_one():
    assert one([at(0, reset())] * 11).value == 11


def test_all_horizons_count_together():
    assert one([at(n, reset(h=(1, 5, 10, 20)[n % 4])) for n in range(11)]).outcome is Outcome.BREACH


def test_where_selects_the_events_to_count():
    condition = Count(kind="count", signal="guard.reset", where={"h": "5"}, above=0, per="run", heartbeat="guard.check")
    check = at(1, GuardCheck(h=1, step=1))
    assert one([at(0, reset(h=1)), check], condition).outcome is Outcome.OK
    assert one([at(0, reset(h=5)), check], condition).outcome is Outcome.BREACH


def test_a_restart_to_epoch_1_in_the_same_log_does_not_add_counts():
    start = [at(0, RunStart(run="a")), at(0, train(1)), *resets(6)]
    _, changes = watch([rule(RESETS)], [*start, *start])
    assert story(changes) == []


def test_a_restart_to_epoch_1_without_a_start_line_does_not_add_counts():
    log = [at(0, train(1)), *resets(6), at(6, train(600, 2)), at(7, train(1, 1)), *resets(6, since=8)]
    _, changes = watch([rule(RESETS)], log)
    assert story(changes) == []


@given(st.lists(st.sampled_from("rrrrrrrrreps"), max_size=120))
def test_the_alert_fires_with_the_first_event_that_is_one_too_many(letters):
    """Against a count by hand: r a reset, p one of the epoch before, e the end of an epoch, s a start."""
    log, attempt, epoch, tallies, expected = [], 0, 1, Counter(), None
    for place, letter in enumerate(letters):
        if letter == "s":
            attempt, epoch = attempt + 1, 1
        if letter in "rp":
            own = epoch if letter == "r" else max(1, epoch - 1)
            tallies[attempt, own] += 1
            if expected is None and tallies[attempt, own] == 11:
                expected = place
        record = {
            "r": reset(),
            "p": reset(epoch=max(1, epoch - 1)),
            "e": epoch_end(epoch),
            "s": RunStart(run="a"),
        }[letter]
        log.append(at(place, record))
        epoch += letter == "e"
    _, changes = watch([rule(RESETS)], [at(0, RunStart(run="a")), at(0, train(1)), *log])
    fired = [change.at - START for change in changes if change.state is State.FIRING]
    assert fired[:1] == ([] if expected is None else [expected])


# ---- when the alert ends


def test_the_alert_is_over_after_a_whole_later_epoch_with_few_enough():
    log = [*resets(11), at(20, epoch_end(1)), *resets(3, since=21), at(40, epoch_end(2))]
    _, changes = watch([rule(RESETS)], log)
    assert story(changes) == [("Probe", "firing", 10), ("Probe", "resolved", 40)]


def test_the_first_events_of_the_next_epoch_do_not_end_the_alert():
    _, changes = watch([rule(RESETS)], [*resets(11), at(20, epoch_end(1)), *resets(10, since=21)])
    assert story(changes) == [("Probe", "firing", 10)]


def test_two_bad_epochs_in_a_row_are_one_alert():
    _, changes = watch([rule(RESETS)], [*resets(11), at(20, epoch_end(1)), *resets(11, since=21)])
    assert story(changes) == [("Probe", "firing", 10)]


def test_a_bad_epoch_after_a_good_one_is_a_second_alert_with_its_own_id():
    log = [*resets(11), at(20, epoch_end(1)), *resets(1, since=21), at(40, epoch_end(2)), *resets(11, since=41)]
    _, changes = watch([rule(RESETS)], log)
    assert story(changes) == [("Probe", "firing", 10), ("Probe", "resolved", 40), ("Probe", "firing", 51)]
    assert changes[0].id != changes[2].id


# ---- having no event is not evidence by itself


def test_no_event_and_no_heartbeat_is_unknown():
    reading = one([at(0, train(1410, 3))])
    assert reading.outcome is Outcome.UNKNOWN
    assert reading.reason == "no [DEGENERACY-GUARD] line with guard.check was seen up to step 1,410, epoch 3"


def test_no_event_while_the_heartbeat_is_fresh_is_ok_and_cites_the_heartbeat():
    reading = one([at(0, train(1)), at(1, GuardCheck(h=1, step=1)), at(2, train(2))])
    assert (reading.outcome, reading.value, [each.line for each in reading.evidence]) == (Outcome.OK, 0, [2])


@pytest.mark.parametrize("ending", [[], [RunEnd(status="completed")]])
def test_a_heartbeat_that_stopped_long_ago_is_unknown_also_when_the_run_has_ended(ending):
    log = [at(0, GuardCheck(h=1, step=1)), at(1, train(5_000, 9)), *(at(2, each) for each in ending)]
    assert one(log).outcome is Outcome.UNKNOWN


def test_the_freshest_heartbeat_of_any_horizon_counts():
    beats = [at(n, GuardCheck(h=h, step=step)) for n, (h, step) in enumerate([(1, 0), (5, 1_000)])]
    assert one([*beats, at(5, train(1_001))]).outcome is Outcome.OK


def test_an_event_shows_that_events_would_be_seen():
    assert one(resets(1)).outcome is Outcome.OK


def test_an_old_event_proves_nothing_about_now():
    log = [at(0, train(1)), at(1, reset(step=1)), at(2, epoch_end(1)), at(3, epoch_end(2)), at(4, train(5_000, 4))]
    assert one(log).outcome is Outcome.UNKNOWN


def test_a_firing_alert_is_not_resolved_by_a_silent_guard():
    log = [*resets(11), at(20, epoch_end(1)), at(21, train(5_000, 2)), at(30, epoch_end(2)), at(40, epoch_end(3))]
    _, changes = watch([rule(RESETS)], log)
    assert story(changes) == [("Probe", "firing", 10)]


def test_per_run_one_event_too_many_fires_and_stays():
    log = [at(0, Intent(cadence_grad=1)), at(1, reset()), at(2, epoch_end(1)), at(3, epoch_end(2)), at(4, epoch_end(3))]
    _, changes = watch([rule(PER_RUN)], log)
    assert story(changes) == [("Probe", "firing", 1)]


# ---- levels and labels


def test_the_severity_rises_with_the_number():
    levels = [{"severity": "warning", "above": 2}, {"severity": "critical", "above": 4}]
    condition = counting(levels=levels, per="run")
    _, changes = watch([rule(condition)], resets(6))
    assert [(each.severity, each.value, each.threshold, each.at - START) for each in changes] == [
        (Severity.WARNING, 3, 2, 2),
        (Severity.CRITICAL, 5, 4, 4),
    ]


def test_labels_that_split_the_count_have_separate_alerts():
    condition = counting(above=2, per="run", by=["h"])
    log = [at(n, reset(h=h)) for n, h in enumerate([1, 5, 1, 5, 5, 1, 5])]
    _, changes = watch([rule(condition).model_copy(update={"by": ("h",)})], log)
    assert [(each.labels, each.value, each.at - START) for each in changes] == [
        ((("h", "5"),), 3, 4),
        ((("h", "1"),), 3, 5),
    ]


def test_the_number_may_be_a_setting_of_the_run():
    condition = counting(above={"config": "MAX_RESETS", "default": 10}, per="run")
    assert one([at(0, setting("MAX_RESETS", "2")), *resets(3)], condition).outcome is Outcome.BREACH
    assert one(resets(3), condition).outcome is Outcome.OK


# ---- sliding windows


def test_in_a_window_of_time_events_count_while_they_are_younger_than_it():
    condition = counting(above=2, per="5m")
    within = [at(0, reset()), at(150, reset()), at(299.999, reset())]
    assert one(within, condition).outcome is Outcome.BREACH
    assert one([*within[:2], at(300, reset())], condition).outcome is Outcome.OK


def test_the_alert_of_a_window_of_time_is_over_when_an_event_has_left_it():
    condition = counting(above=2, per="5m")
    log = [at(0, GuardCheck(h=1, step=1)), *(at(n, reset(step=1)) for n in (10, 20, 30))]
    assert story(watch([rule(condition)], log, wait=900)[1]) == [("Probe", "firing", 30), ("Probe", "resolved", 310)]


def test_in_a_window_of_steps_events_count_while_they_are_fewer_steps_old():
    condition = counting(above=2, per="200 steps")
    log = [at(n, reset(step=step)) for n, step in enumerate((100, 200))]
    assert one([*log, at(9, reset(step=299))], condition).outcome is Outcome.BREACH
    assert one([*log, at(9, reset(step=300))], condition).outcome is Outcome.OK


def test_in_a_window_of_reports_events_count_that_came_after_the_oldest_of_them():
    condition = counting(above=1, per="3 reports")
    checks = [at(n, GuardCheck(h=1, step=n)) for n in range(10)]
    assert one([*checks[:7], at(6, reset()), at(6, reset()), *checks[7:9]], condition).outcome is Outcome.BREACH
    assert one([*checks[:7], at(6, reset()), at(6, reset()), *checks[7:]], condition).outcome is Outcome.OK


def test_in_a_window_of_epochs_the_present_one_and_those_before_it_count_together():
    condition = counting(above=10, per="2 epochs")
    log = [*resets(6), at(6, epoch_end(1)), *resets(4, since=7)]
    assert one(log, condition).outcome is Outcome.OK
    assert one([*log, at(12, reset())], condition).outcome is Outcome.BREACH
    assert one([*log, at(12, epoch_end(2)), at(13, reset())], condition).outcome is Outcome.OK


@given(st.lists(st.integers(0, 40), min_size=1, max_size=60), st.integers(0, 5), st.integers(1, 100))
def test_a_window_of_steps_counts_like_a_count_by_hand(gaps, above, length):
    steps = [sum(gaps[: n + 1]) for n in range(len(gaps))]
    condition = counting(above=above, per=f"{length} steps")
    for newest in range(len(steps)):
        by_hand = sum(step > steps[newest] - length for step in steps[: newest + 1])
        reading = one([at(n, reset(step=step)) for n, step in enumerate(steps[: newest + 1])], condition)
        assert (reading.outcome is Outcome.BREACH) == (by_hand > above)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"above": 24, "per": "5m"}, "only the last 24 events are kept for a window; expected at most 23"),
        ({"above": {"config": "N", "default": 1}, "per": "5m"}, "only the last 24 events are kept"),
        ({"above": 1, "per": "25 reports"}, "per: 25 reports of guard.check; expected 1 to 24"),
        ({"above": 1, "per": "week"}, "not a period: 'week'; expected epoch, run, or a number and one of"),
        ({"above": 2.5, "per": "run"}, "above: not a number of events: 2.5; expected a whole number"),
        ({"above": -1, "per": "run"}, "above: not a number of events: -1"),
        ({"per": "run"}, "expected exactly one of above, levels"),
        ({"levels": [{"severity": "info", "below": 3}], "per": "run"}, "levels: a count has no lower limit"),
        ({"above": 1, "per": "run", "by": ["group"]}, "by: guard.reset has no label 'group'; expected one of h"),
    ],
)
def test_a_count_that_cannot_be_exact_is_refused_in_words(fields, message):
    with pytest.raises(ValidationError) as caught:
        counting(**fields)
    assert message in str(caught.value)
