"""What became of a run: log, process and GPU together, each word with what it rests on."""

from __future__ import annotations

import pytest

from monitor.grammar import Gpu, Intent, Phase, Process, ProcessGone, Record, RunEnd, RunStart
from monitor.reader.event import read_event
from monitor.report.run_state import FRESH_S, RunState, RunVerdict, run_state_of
from monitor.run.run import Run
from tests.lines import START, at, numbered, train
from tests.notify.receivers import alert, critical

STALL = critical(1, fault="stall_silent", rule="TrainingStall", summary="silent for 301 s")
TRACEBACK = b"Traceback (most recent call last):"


def run_of(*lines: Record | bytes) -> Run:
    """Fold records ten seconds apart, the first a start."""
    run = Run()
    given = [RunStart(run="run-1", attempt=1), *lines]
    log = [each if isinstance(each, bytes) else at(10 * index, each) for index, each in enumerate(given)]
    for line in numbered(log):
        run.fold(read_event(line, "run.log"))
    return run


def judged(*lines: Record | bytes, stalls: bool = False, after_s: float = 0.0) -> RunVerdict:
    run = run_of(*lines)
    assert run.now is not None
    return run_state_of(run, [STALL] if stalls else [], run.now + after_s)


def process(cpu_pct: float | None, stat: str = "S") -> Process:
    return Process(pid=7, stat=stat, cpu_pct=cpu_pct)


@pytest.mark.parametrize(
    ("lines", "state", "words"),
    [
        ([train(1)], RunState.RUNNING, "last heard of 0 s ago"),
        ([train(1), RunEnd(status="completed")], RunState.FINISHED, "completed"),
        ([train(1), RunEnd(status="stopped")], RunState.FINISHED, "stopped"),
        ([train(1), RunEnd(status="failed", error="out of disk")], RunState.CRASHED, "out of disk"),
        ([train(1), ProcessGone(pid=7, how="exited", status=3)], RunState.CRASHED, "exit code 3"),
        ([train(1), ProcessGone(pid=7, how="killed", signal="SIGKILL")], RunState.KILLED, "SIGKILL"),
        (
            [train(1), ProcessGone(pid=7, how="killed", signal="SIGKILL", oom_kills=1)],
            RunState.KILLED,
            "the kernel killed 1 for lack of memory",
        ),
        ([train(1), ProcessGone(pid=7, how="gone", oom_kills=1)], RunState.KILLED, "for lack of memory"),
        ([train(1), ProcessGone(pid=7, how="gone")], RunState.CRASHED, "for an unknown reason"),
        ([train(1), TRACEBACK, ProcessGone(pid=7, how="gone")], RunState.CRASHED, "its log says why"),
        ([train(1), b"Killed", ProcessGone(pid=7, how="gone")], RunState.KILLED, "its log says why"),
        ([train(1), b"Killed"], RunState.KILLED, "by its log"),
        ([train(1), TRACEBACK, train(2)], RunState.RUNNING, "last heard of 0 s ago"),
        ([train(1), b"Killed", train(2)], RunState.RUNNING, "last heard of 0 s ago"),
        ([train(1), ProcessGone(pid=7, how="gone"), train(2)], RunState.RUNNING, "last heard of 0 s ago"),
        (
            [
                train(1),
                ProcessGone(pid=7, how="killed", signal="SIGTERM"),
                RunEnd(status="failed", error="killed SIGTERM"),
            ],
            RunState.KILLED,
            "SIGTERM",
        ),
    ],
)
def test_the_end_of_a_run_is_shown_with_the_line_that_proves_it(
    lines: list[Record | bytes], state: RunState, words: str
):
    found = judged(*lines)
    assert found.state is state
    assert words in found.why
    assert found.evidence


@pytest.mark.parametrize(
    ("facts", "state", "words"),
    [
        ([process(0.0)], RunState.HUNG, "uses 0 % of a processor, the use of its GPUs is unknown"),
        ([process(0.0), Gpu(index=0, util_pct=0.0)], RunState.HUNG, "its GPUs 0 %"),
        ([process(98.0)], RunState.SLOW, "98 % of a processor"),
        ([process(2.0), Gpu(index=0, util_pct=0.0), Gpu(index=1, util_pct=100.0)], RunState.SLOW, "its GPUs 100 %"),
        ([process(0.0, "T")], RunState.HUNG, "is stopped"),
        ([process(None)], RunState.UNKNOWN, "not known yet"),
        ([], RunState.UNKNOWN, "nothing is known about its process"),
    ],
)
def test_a_silent_run_hangs_or_is_slow_depending_on_its_process(facts: list[Record], state: RunState, words: str):
    found = judged(train(1), *facts, stalls=True)
    assert (found.state, words in found.why) == (state, True), found.why
    assert found.evidence[: len(STALL.evidence)] == STALL.evidence or state is RunState.HUNG


def test_old_facts_about_a_process_tell_nothing_about_now():
    assert judged(train(1), process(0.0), stalls=True, after_s=FRESH_S).state is RunState.HUNG
    assert judged(train(1), process(0.0), stalls=True, after_s=FRESH_S + 1).state is RunState.UNKNOWN


def test_an_idle_process_does_not_hang_while_its_log_grows():
    assert judged(train(1), process(0.0)).state is RunState.RUNNING


def test_a_declared_pause_is_none_of_it_in_its_phase_alone():
    pause = Intent(pause="checkpoint", expected_s=600.0)
    found = judged(train(1), pause, Phase(name="checkpoint", epoch=1), process(0.0), stalls=True)
    assert (found.state, found.evidence[0].line) == (RunState.PAUSED, 3)
    assert judged(train(1), pause, process(0.0), stalls=True).state is RunState.HUNG


def test_an_alert_for_a_crash_is_one_unless_another_explains_it():
    run = run_of(train(1), TRACEBACK)
    crash = critical(2, fault="crash", summary="a traceback, and no step after it")
    assert run_state_of(run, [crash], run.now).state is RunState.CRASHED
    assert run_state_of(run, [alert(2, fault="crash", inhibited_by="Other")], run.now).state is RunState.RUNNING


def test_it_is_unknown_whether_a_log_without_times_goes_on():
    assert run_state_of(run_of(train(1)), [], None).state is RunState.UNKNOWN


def test_of_an_empty_log_nothing_is_known():
    assert run_state_of(Run(), [], START).state is RunState.UNKNOWN
