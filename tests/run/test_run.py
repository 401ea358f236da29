"""A run folded from its lines: attempts, epochs, time, and bounded memory."""

import sys

import pytest

from monitor import grammar
from monitor.base.evidence import TEXT_LIMIT, Evidence
from monitor.grammar import Intent, Phase, RunEnd, RunStart
from monitor.reader.event import Event
from monitor.reader.signals import CROWDED_OUT, Sample
from monitor.run.attempt import SERIES_LIMIT, Attempt, Status
from monitor.run.facts import FACTS_LIMIT
from monitor.run.run import Run
from tests.lines import START, at, attempt_of, epoch_end, report, reset, run_of, setting, train


def resets_per_epoch(attempt: Attempt) -> dict[int, int]:
    """Return how many resets each epoch has, over all horizons."""
    counts: dict[int, int] = {}
    for series in attempt.of("guard.reset").values():
        for epoch, tally in series.epochs.items():
            counts[epoch] = counts.get(epoch, 0) + tally.count
    return counts


def now_of(log: list[bytes]) -> float | None:
    now = run_of(log).now
    return None if now is None else round(now - START, 6)


# ---- identity


def test_the_run_is_named_by_its_start_line():
    assert run_of([at(0, RunStart(run="night-7")), at(1, train(1))]).id == "night-7"


def test_a_run_without_a_start_line_is_named_by_its_first_line_in_any_file():
    log = [at(0, train(1)), at(1, train(2))]
    assert run_of(log).id == run_of([b"", *log]).id
    assert run_of(log).id != run_of(log[1:]).id


# ---- attempts


def test_a_second_start_line_opens_a_second_attempt():
    run = run_of([at(0, RunStart(run="a")), at(1, train(900)), at(2, RunStart(run="a")), at(3, train(1))])
    assert (run.attempt.number, run.attempt.step, [past.last_step for past in run.past]) == (2, 1, [900])
    assert run.id == "a"


def test_a_start_line_after_settings_is_still_the_first_attempt():
    run = run_of([at(0, setting("LR", "1")), at(1, RunStart(run="a")), at(2, train(1))])
    assert (run.attempt.number, run.past) == (1, [])
    assert run.attempt.setting("LR") is not None


def test_a_restart_to_epoch_1_without_a_start_line_is_a_new_attempt():
    run = run_of([at(0, train(900, 3)), at(1, reset()), at(2, train(1, 1)), at(3, reset())])
    assert run.attempt.number == 2
    assert resets_per_epoch(run.attempt) == {1: 1}


def test_a_restart_within_the_first_epoch_is_a_new_attempt():
    """Two starts with six resets each are not twelve resets in an epoch."""
    start = [at(0, train(step, 1)) for step in (1, 25, 50)] + [at(0, reset(step=50)) for _ in range(6)]
    run = run_of([*start, *start])
    assert run.attempt.number == 2
    assert resets_per_epoch(run.attempt) == {1: 6}


def test_two_writers_in_one_log_do_not_hide_what_they_count():
    """Each is sometimes a step behind the other. That is not a restart, or their counts would never add up."""
    steps = [1, 2, 1, 3, 2, 4, 3, 5, 4, 6, 5, 7, 6]
    attempt = attempt_of([line for step in steps for line in (at(step, train(step)), at(step, reset(step=step)))])
    assert max(resets_per_epoch(attempt).values()) > 10


def test_a_repeated_train_line_is_not_a_restart():
    assert run_of([at(0, train(50)), at(0, train(50)), at(1, train(51))]).attempt.number == 1


def test_the_end_of_one_attempt_is_not_the_end_of_the_next():
    log = [at(0, RunStart(run="a")), at(1, RunEnd(status="failed")), at(2, RunStart(run="a"))]
    run = run_of(log)
    assert run.status is Status.RUNNING
    assert [past.status for past in run.past] == [Status.FAILED]


@pytest.mark.parametrize(
    ("written", "status"),
    [
        ("completed", Status.COMPLETED),
        ("stopped", Status.STOPPED),
        ("failed", Status.FAILED),
        ("crashed", Status.FAILED),
        ("FAILED", Status.FAILED),
        ("", Status.FAILED),
    ],
)
def test_the_end_line_gives_the_status_and_an_unknown_one_counts_as_failed(written, status):
    assert run_of([at(0, train(1)), at(1, RunEnd(status=written))]).status is status


def test_a_run_without_lines_is_waiting():
    assert Run().status is Status.WAITING


# ---- epochs


def test_a_line_with_its_own_epoch_belongs_there():
    assert resets_per_epoch(attempt_of([at(0, train(900, 3)), at(1, reset(epoch=2))])) == {2: 1}


def test_a_line_without_an_epoch_belongs_to_the_last_announced_one():
    for announced in (train(900, 3), Phase(name="train", epoch=3), report(900, 3, gat=0.5)):
        assert resets_per_epoch(attempt_of([at(0, announced), at(1, reset())])) == {3: 1}


def test_after_the_end_line_of_epoch_n_it_is_n_plus_1():
    log = [at(0, train(1, 1)), at(0, reset()), at(1, epoch_end(1)), at(1, reset()), at(1, reset(epoch=1))]
    assert resets_per_epoch(attempt_of(log)) == {1: 2, 2: 1}


def test_metrics_after_the_end_line_belong_to_the_epoch_they_name():
    log = [at(0, epoch_end(1)), at(0, grammar.Metrics(epoch=1, sharpe=0.1)), at(1, reset())]
    attempt = attempt_of(log)
    assert set(attempt.of("metric.sharpe")[()].epochs) == {1}
    assert resets_per_epoch(attempt) == {2: 1}


def test_before_any_epoch_is_announced_it_is_the_first():
    assert resets_per_epoch(attempt_of([at(0, reset())])) == {1: 1}


def test_each_reset_line_counts_once_for_any_horizon():
    assert resets_per_epoch(attempt_of([at(0, reset(h=h)) for h in (1, 5, 5, 20)])) == {1: 4}


# ---- time


def test_the_runs_time_is_the_time_of_its_last_line():
    assert now_of([at(0, train(1)), at(7, train(2))]) == 7


def test_the_runs_time_pauses_when_the_clock_jumps_back():
    assert now_of([at(100, train(1)), at(0, train(2))]) == 100
    assert now_of([at(100, train(1)), at(0, train(2)), at(5, train(3))]) == 105


def test_a_line_without_a_time_has_the_time_of_the_last_line():
    assert now_of([at(7, train(1)), b"Traceback (most recent call last):"]) == 7
    assert now_of([b"hello", at(7, train(1))]) == 7


def test_a_log_without_times_has_no_time():
    run = run_of([b"loss 0.5", b"loss 0.4"])
    assert (run.now, run.heard_at, run.lines, run.understood) == (None, None, 2, 0)


def test_a_phase_learns_its_own_longest_silence():
    log = [
        at(0, Phase(name="load")),
        at(121, Phase(name="train")),
        at(131, Phase(name="validate")),
        at(149, epoch_end(1)),
    ]
    assert attempt_of(log).longest_silence_s == {"load": 121, "train": 10, "validate": 18}


def test_the_time_between_two_attempts_is_not_a_silence_of_the_new_one():
    """A trainer that was down for ten hours has not shown that loading takes ten hours."""
    log = [at(0, RunStart(run="a")), at(1, train(1)), at(36_000, RunStart(run="a")), at(36_005, Phase(name="load"))]
    assert attempt_of(log).longest_silence_s == {"load": 5}


# ---- what is deliberate, and settings


def test_intents_add_up_and_the_newer_value_counts():
    attempt = attempt_of([at(0, Intent(frozen=("gat",), cadence_grad=200)), at(1, Intent(cadence_grad=50))])
    assert (attempt.intent.frozen, attempt.intent.cadence_grad) == (("gat",), 50)
    assert attempt.intent_evidence["frozen"].line == 1
    assert attempt.intent_evidence["cadence_grad"].line == 2


def test_the_last_echo_of_a_setting_counts():
    found = attempt_of([at(0, setting("A", "1")), at(1, setting("B", "2")), at(2, setting("A", "3"))]).setting("A")
    assert found is not None
    assert (found[0], found[1].line) == ("3", 3)


# ---- bounded memory


def test_labels_without_end_are_bounded_and_counted():
    """100,000 tensors that each report once."""
    run = Run()
    for number in range(100_000):
        sample = Sample("encoder_grad.norm", (("tensor", f"t{number}"),), 1.0)
        run.fold(Event(Evidence("run.log", number, 80 * number, START, "text"), "INFO", None, (sample,)))
    assert len(run.attempt.of("encoder_grad.norm")) == SERIES_LIMIT
    assert run.attempt.dropped == run.attempt.of(CROWDED_OUT)[()].count == 100_000 - SERIES_LIMIT


def test_facts_without_end_are_bounded_and_counted():
    attempt = attempt_of([at(0, setting(f"K{number}", "1")) for number in range(5_000)])
    assert (len(attempt.facts), attempt.dropped) == (FACTS_LIMIT, 5_000 - FACTS_LIMIT)


def test_phases_without_end_are_bounded():
    log = [at(n, Phase(name=f"phase{n}")) for n in range(5_000)]
    assert len(attempt_of(log).longest_silence_s) <= FACTS_LIMIT


def test_attempts_without_end_are_bounded():
    run = run_of([at(n, RunStart(run="a")) for n in range(500)])
    assert (len(run.past), run.attempt.number, run.past[-1].number) == (32, 500, 499)


@pytest.mark.parametrize(
    "record",
    [
        grammar.EncoderGrad(tensor="t" * 60_000, norm=1.0, max=1.0),
        setting("K" * 60_000, "1"),
        setting("K", "v" * 60_000),
        RunStart(run="r" * 60_000),
    ],
    ids=["label", "key", "value", "run"],
)
def test_a_very_long_word_is_cut(record):
    """Four thousand words of 60,000 characters would be 240 MB."""
    run = run_of([at(0, record)])
    words = [run.id, *(word for place in run.attempt.facts for word in place)]
    words += [value for by_labels in run.attempt.series.values() for labels in by_labels for _, value in labels]
    words += [
        getattr(stated.record, name, "")
        for stated in run.attempt.facts.values()
        for name in ("value", "tensor", "run", "key")
    ]
    assert max(len(word or "") for word in words) <= TEXT_LIMIT


def test_an_integer_of_any_size_is_folded():
    run = run_of([b"2025-10-30T23:40:51.000Z INFO [TRAIN] epoch=1/2 batch=1/2 step=" + b"9" * 4_000 + b" loss=1.0"])
    assert sys.getsizeof(run.attempt.step) < 4_000
