"""The time that a training waits for a core is counted, and no other waiting."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from trainer.measure.pace import Stopwatch
from trainer.measure.run_delay import TASKS, RunDelay

OWN = threading.get_native_id()
SECOND = 1_000_000_000


def put(tasks: Path, thread: int, *, ran: float, waited: float) -> None:
    """Write what the kernel says of a thread, in place."""
    (tasks / str(thread)).mkdir(exist_ok=True)
    (tasks / str(thread) / "schedstat").write_text(f"{round(ran * SECOND)} {round(waited * SECOND)} 7\n")


def test_the_longest_wait_of_the_threads_that_compute_counts(tmp_path: Path):
    put(tmp_path, OWN, ran=10, waited=1)
    put(tmp_path, 2, ran=8, waited=2)
    put(tmp_path, 3, ran=0.1, waited=3)  # a thread that only writes now and then
    delay = RunDelay(tmp_path)
    assert delay.take() is None
    put(tmp_path, OWN, ran=11, waited=1.5)
    put(tmp_path, 2, ran=9, waited=4)
    put(tmp_path, 3, ran=0.1, waited=9)
    assert delay.take() == pytest.approx(2.0)
    assert delay.take() == 0.0


def test_threads_that_start_later_are_found(tmp_path: Path):
    put(tmp_path, OWN, ran=10, waited=1)
    delay = RunDelay(tmp_path)
    delay.take()
    put(tmp_path, 2, ran=8, waited=2)
    delay.take()
    put(tmp_path, 2, ran=8, waited=5)
    assert delay.take() == pytest.approx(3.0)


@pytest.mark.parametrize("text", [None, "0 0 0\n", "", "words\n"])
def test_a_system_that_does_not_count_gives_nothing(tmp_path: Path, text: str | None):
    if text is not None:
        (tmp_path / str(OWN)).mkdir()
        (tmp_path / str(OWN) / "schedstat").write_text(text)
    delay = RunDelay(tmp_path)
    assert [delay.take() for _ in range(3)] == [None] * 3


def test_all_files_are_closed_with_it(tmp_path: Path):
    put(tmp_path, OWN, ran=10, waited=1)
    delay = RunDelay(tmp_path)
    delay.take()
    (file,) = delay._files.values()
    del delay
    with pytest.raises(OSError):
        os.fstat(file)


@pytest.mark.skipif(not (TASKS / str(OWN) / "schedstat").exists(), reason="the kernel does not count run delay")
def test_sleeping_is_no_run_delay_and_a_loop_is_on_a_core_or_waits_for_one():
    delay = RunDelay()
    delay.take()
    time.sleep(0.2)
    slept = delay.take()
    began, on_core = time.perf_counter(), time.thread_time()
    while time.perf_counter() - began < 0.2:
        pass
    ran, whole = time.thread_time() - on_core, time.perf_counter() - began
    assert slept is not None and slept < 0.1
    assert delay.take() == pytest.approx(whole - ran, abs=0.03)


def test_a_lap_has_the_wait_per_batch_without_that_between_two_steps():
    waits = iter([0.0, 5.0, 1.0, 9.0, 3.0])
    stopwatch = Stopwatch(lambda: 0.0, lambda: next(waits))
    stopwatch.stepped(batches=1, rows=1)
    assert stopwatch.lap().run_delay_s == 5.0
    stopwatch.stepped(batches=2, rows=1)
    assert stopwatch.lap().run_delay_s == 0.5
    stopwatch.resume()  # a validation that waited 9 s
    stopwatch.stepped(batches=2, rows=1)
    assert stopwatch.lap().run_delay_s == 1.5
