"""A log that ends in its death: cause and line in any dialect, behind any wrapper; nothing unread is ever green."""

import itertools
import random

import pytest

from monitor import api
from monitor.api import Ended
from monitor.reader.causes import Cause
from tests.reader.test_endings import DEATHS, PARAPHRASES, WRAPPERS

NATIVE = "2025-10-30T23:4{m}:{s:02}.000Z INFO [TRAIN] epoch=1/20 batch={n}/500 step={n} loss=0.79 lr=0.0002"
DIALECTS = {
    "native": NATIVE,
    "nanogpt": "iter {n}: loss 2.{n:04}, time 100.00ms, mfu 15.00%",
    "keys": "2025-03-04 09:{m:02}:{s:02} step={n} loss=2.{n:04} lr=0.0003",
    "hf": "{{'loss': 2.{n:04}, 'grad_norm': 0.5, 'learning_rate': 1e-05, 'epoch': 0.{n:02}}}",
    "unknown": "Zyklus Nummer {n} ist vorbei, alles gut",
}
WANTED = {
    "interrupted": "info",
    "cancelled": "info",
    "time_limit": "warning",
    "preemption": "warning",
    "requeued": "warning",
}


def steps(dialect: str, first: int, last: int) -> list[str]:
    return [DIALECTS[dialect].format(n=n, m=n // 60, s=n % 60) for n in range(first, last)]


def read(path, lines: list[str]) -> api.Log:
    path.write_text("\n".join(lines) + "\n")
    return api.read(path)


def crash_of(log: api.Log) -> api.Alert | None:
    found = [alert for alert in log.alerts if alert.rule == "Crash" and alert.state is api.State.FIRING]
    return found[0] if found else None


FAMILY = list(itertools.product(DEATHS.items(), WRAPPERS.values(), DIALECTS))
SOME = random.Random(15).sample(FAMILY, 25)


def check_named(path, family) -> float:
    num_right = 0
    for (text, cause), wrapper, dialect in family:
        said = wrapper.format(text)
        log = read(path, [*steps(dialect, 1, 30), said])
        assert log.end.is_over, (text, wrapper, dialect)
        crash = crash_of(log)
        assert crash is not None and not crash.inhibited_by, (text, wrapper, dialect)
        is_right = log.end.cause is cause and log.end.ended.value == cause.ended
        num_right += is_right and crash.evidence[0].line == 30 and crash.severity == WANTED.get(cause, "critical")
        blind = 3 if dialect == "unknown" else 0
        assert log.exit_code == (blind if cause.ended == "cancelled" else 1), (text, wrapper, dialect)
    return num_right / len(family)


def test_the_last_words_of_a_log_name_cause_and_line(tmp_path):
    assert check_named(tmp_path / "a.log", SOME) >= 0.95


@pytest.mark.slow
def test_the_last_words_of_a_log_name_cause_and_line_in_every_dialect(tmp_path):
    assert check_named(tmp_path / "a.log", FAMILY) >= 0.95


def check_survived(path, family) -> None:
    for (text, _), wrapper, dialect in family:
        if dialect != "unknown":
            log = read(path, [*steps(dialect, 1, 30), wrapper.format(text), *steps(dialect, 30, 50)])
            assert (log.end.ended, crash_of(log)) == (Ended.NO_END, None), (text, wrapper, dialect)


def test_a_text_that_steps_follow_was_survived(tmp_path):
    check_survived(tmp_path / "a.log", SOME)


@pytest.mark.slow
def test_any_text_that_steps_follow_was_survived(tmp_path):
    check_survived(tmp_path / "a.log", FAMILY)


@pytest.mark.parametrize("words", PARAPHRASES)
def test_a_death_in_words_of_its_own_has_no_known_end(tmp_path, words):
    for dialect in DIALECTS:
        log = read(tmp_path / "a.log", [*steps(dialect, 1, 30), words])
        assert (log.end.ended, log.end.cause) == (Ended.NO_END, None)
        assert log.end.why.startswith("no end seen; last line")


def test_one_death_is_one_alert_that_cites_the_root(tmp_path):
    log = read(
        tmp_path / "a.log",
        [
            *steps("nanogpt", 1, 30),
            "[rank3]: Traceback (most recent call last):",
            '[rank3]:   File "train.py", line 12, in <module>',
            "[rank3]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 3 has a total",
            "E0302 x.py:874] failed (exitcode: 1) local_rank: 3 (pid: 33054)",
            "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: ",
            "srun: error: node-a: task 3: Exited with exit code 1",
        ],
    )
    alarming = [alert for alert in log.alerts if alert.severity.is_alarming and not alert.inhibited_by]
    assert [(alert.rule, alert.evidence[0].line) for alert in alarming] == [("Crash", 32)]
    assert alarming[0].summary.startswith("the run died on rank 3: out of GPU memory")


def test_in_a_log_with_times_the_alert_has_the_time_of_its_deadline(tmp_path):
    log = read(tmp_path / "a.log", [*steps("native", 1, 30), "Segmentation fault (core dumped)"])
    crash = crash_of(log)
    assert crash is not None and crash.at is not None and log.snapshot.run.now is not None
    assert crash.at - log.snapshot.run.now == 60.0


def test_an_unread_log_that_goes_on_for_long_has_survived_its_error(tmp_path):
    lines = [*steps("unknown", 1, 30), "RuntimeError: shapes differ", *steps("unknown", 30, 260)]
    log = read(tmp_path / "a.log", lines)
    assert (crash_of(log), log.end.ended, log.exit_code) == (None, Ended.NO_END, 3)


def test_a_preempted_run_that_starts_again_raises_no_alarm(tmp_path):
    preempted = "slurmstepd: error: *** JOB 812 ON node-a CANCELLED AT 2025-03-04T09:00:30 DUE TO PREEMPTION ***"
    later = [line.replace("04 09", "04 12") for line in steps("keys", 30, 50)]
    log = read(tmp_path / "a.log", [*steps("keys", 1, 30), preempted, *later])
    assert [alert.rule for alert in log.alerts if alert.severity.is_alarming and not alert.inhibited_by] == []


@pytest.mark.parametrize(
    ("closing", "ended"),
    [
        ("Training completed", Ended.COMPLETED),
        ("done training in 2401.3 seconds", Ended.COMPLETED),
        ("30 epochs completed in 0.050 hours.", Ended.COMPLETED),
        ("Early stopping triggered after 12 epochs", Ended.STOPPED),
        ("", Ended.NO_END),
    ],
)
def test_closing_words_tell_the_end(tmp_path, closing, ended):
    assert read(tmp_path / "a.log", [*steps("keys", 1, 30), closing]).end.ended is ended


def test_a_planned_total_that_is_reached_is_an_end(tmp_path):
    lines = [f"Epoch {n}/20 loss: 0.{50 - n} val_loss: 0.6" for n in range(1, 21)]
    assert read(tmp_path / "a.log", lines).end.ended is Ended.COMPLETED
    assert read(tmp_path / "a.log", lines[:-3]).end.ended is Ended.NO_END


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (["loading the data", "still loading"], 3),
        (["step 1", "step 2", "step 3"], 3),
        (steps("keys", 1, 30), 0),
        ([*steps("keys", 1, 30), "Killed"], 1),
    ],
)
def test_without_progress_and_a_loss_a_log_is_blind(tmp_path, lines, code):
    assert read(tmp_path / "a.log", lines).exit_code == code


def test_a_cause_of_the_list_is_named_in_every_ended_word():
    assert {cause.ended for cause in Cause} <= {ended.value for ended in Ended}
