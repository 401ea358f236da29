"""Phases, heartbeats, the pace of steps and the learning rate, on a fake clock."""

import itertools
from pathlib import Path

import pytest

from monitor.grammar import Phase, parse_line
from trainer.config import OptimConfig
from trainer.measure.pace import Stopwatch
from trainer.telemetry.eventlog import EventLog
from trainer.telemetry.phases import Phases
from trainer.training.schedule import learning_rate


class Clock:
    """A clock that moves only when a test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def read(log: EventLog) -> list[Phase]:
    lines = map(parse_line, log.path.read_bytes().splitlines())
    return [line.record for line in lines if line is not None and isinstance(line.record, Phase)]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(tmp_path: Path, clock: Clock) -> EventLog:
    return EventLog(tmp_path / "run.log", clock)


@pytest.fixture
def phases(log: EventLog, clock: Clock) -> Phases:
    return Phases(log, run="r1", pid=7, heartbeat_s=30.0, clock=clock)


def test_a_phase_is_logged_when_it_begins(log: EventLog, phases: Phases):
    phases.enter("train", epoch=2, step=10, total=5)
    (line,) = read(log)
    assert (line.name, line.epoch, line.step, line.done, line.total, line.beat) == (
        "train",
        2,
        10,
        0,
        5,
        None,
    )
    assert (line.run, line.pid) == ("r1", 7)


def test_a_heartbeat_has_its_number_and_the_progress_of_the_main_thread(log: EventLog, phases: Phases, clock: Clock):
    phases.enter("train", epoch=1, step=0, total=5)
    phases.moved(done=3, step=3)
    clock.now += 4.5
    phases.beat()
    clock.now += 1.0
    phases.beat()
    first, second = read(log)[1:]
    assert (first.beat, first.done, first.step, first.main_idle_s) == (1, 3, 3, 4.5)
    assert (second.beat, second.main_idle_s) == (2, 5.5)


def test_idle_time_is_not_negative_after_the_clock_jumps_back(log: EventLog, phases: Phases, clock: Clock):
    phases.enter("load")
    clock.now -= 3600
    phases.beat()
    assert read(log)[-1].main_idle_s == 0.0


def test_the_side_thread_beats_on_its_own_and_stops_with_the_run(log: EventLog, clock: Clock):
    with Phases(log, run="r1", pid=7, heartbeat_s=0.001, clock=clock) as phases:
        while not any(line.beat for line in read(log)):
            pass
    assert not phases._thread.is_alive()


def test_a_lap_separates_waiting_from_work():
    times = itertools.count(0.0, 1.0)
    stopwatch = Stopwatch(lambda: next(times))  # starts at 0
    stopwatch.loaded()  # waited 1 s
    stopwatch.stepped(batches=2, rows=10)  # worked 1 s
    lap = stopwatch.lap()  # at 3 s
    assert (lap.s_per_batch, lap.load_s, lap.samples_per_s) == (1.5, 0.5, pytest.approx(10 / 3))


def test_what_is_done_between_two_steps_is_no_waiting():
    times = iter([0.0, 1.0, 2.0, 50.0, 51.0, 52.0, 53.0, 54.0])
    stopwatch = Stopwatch(lambda: next(times))
    stopwatch.loaded()
    stopwatch.stepped(batches=1, rows=10)
    stopwatch.resume()  # a validation of 48 s
    stopwatch.loaded()
    stopwatch.stepped(batches=1, rows=10)
    assert stopwatch.lap()[:3] == (2.5, 1.0, pytest.approx(4.0))


def test_the_learning_rate_warms_up_linearly_then_falls_as_half_a_cosine():
    config = OptimConfig(base_lr=1.0, min_lr=0.2, warmup_steps=4)
    rates = [learning_rate(step, config, total_steps=12) for step in (1, 2, 4, 8, 12, 99)]
    assert rates == pytest.approx([0.25, 0.5, 1.0, 0.6, 0.2, 0.2])


def test_without_warm_up_the_first_step_is_on_the_cosine():
    config = OptimConfig(base_lr=1.0, min_lr=0.0, warmup_steps=0)
    assert learning_rate(1, config, total_steps=2) == pytest.approx(0.5)
