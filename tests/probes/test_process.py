"""The process probe against real processes: alive, stopped, killed, zombie, reused PID, other users."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from monitor.base.clock import SystemClock
from monitor.grammar import Process, ProcessGone, RunEnd, RunStart, format_line, parse_line
from monitor.pipeline import Pipeline
from monitor.probes.identity import _writes, writer_of
from monitor.probes.process import LAST_WORDS_S, LOOK_S, ProcessProbe, oom_kills
from monitor.run.run import Run
from tests.cli.watching import SHIPPED
from tests.lines import numbered, pipeline
from tests.notify.receivers import until

CLOCK = SystemClock()
NOBODY = 65_534


@pytest.fixture
def training() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "300"])
    yield process
    process.kill()
    process.wait()


def told(pid: int, *, host: str | None = None, at: float | None = None) -> Pipeline:
    """Return a watch of a log whose RUN line names a process."""
    watching = pipeline(SHIPPED)
    start = RunStart(run="run-1", pid=pid, host=host or socket.gethostname(), attempt=1)
    for line in numbered([format_line(at or CLOCK.wall(), start).encode()]):
        watching.take(line)
    return watching


def record(body: str) -> object:
    read = parse_line(f"2025-10-30T23:40:51.123Z {body}".encode())
    assert read is not None
    return read.record


def end_of(probe: ProcessProbe, run: Run, mono: float = 100.0) -> list[object]:
    """Return what the probe reports once the process has ended; check that it reports nothing before."""
    until(lambda: probe._held is None or probe._held.has_ended())
    assert probe.poll(mono, run) == []
    assert probe.poll(mono + LAST_WORDS_S - 0.1, run) == []
    return [record(body) for body in probe.poll(mono + LAST_WORDS_S, run)]


def test_a_live_process_is_described_regularly_and_its_death_is_reported_once(training: subprocess.Popen[bytes]):
    run, probe = told(training.pid).run, ProcessProbe(CLOCK)
    (body,) = probe.poll(0.0, run)
    found = record(body)
    assert isinstance(found, Process) and (found.pid, found.stat) == (training.pid, "S")
    assert found.rss_mb and found.ram_total_mb and found.rss_mb < found.ram_total_mb
    assert probe.poll(LOOK_S - 0.1, run) == []
    assert len(probe.poll(LOOK_S, run)) == 1
    training.kill()
    training.wait()
    assert end_of(probe, run) == [ProcessGone(pid=training.pid, how="gone")]
    assert probe.poll(1_000.0, run) == []


def test_a_stopped_process_is_alive_and_shown_as_stopped(training: subprocess.Popen[bytes]):
    training.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, training.pid, os.WSTOPPED | os.WNOWAIT)
    (body,) = ProcessProbe(CLOCK).poll(0.0, told(training.pid).run)
    found = record(body)
    assert isinstance(found, Process) and found.stat == "T"


def test_a_zombie_is_dead(training: subprocess.Popen[bytes]):
    run, probe = told(training.pid).run, ProcessProbe(CLOCK)
    probe.poll(0.0, run)
    training.kill()
    assert end_of(probe, run) == [ProcessGone(pid=training.pid, how="zombie")]


def test_a_trainer_that_describes_itself_is_not_described_twice(training: subprocess.Popen[bytes]):
    watching, probe = told(training.pid), ProcessProbe(CLOCK)
    own = format_line(CLOCK.wall(), Process(pid=training.pid, stat="Rl", cpu_pct=99.0, rss_mb=1.0, etime_s=1.0))
    for line in numbered([own.encode()]):
        watching.take(line)
    assert probe.poll(0.0, watching.run) == []
    assert probe.poll(LOOK_S, watching.run) == []


def test_a_reused_pid_is_not_the_trainings(training: subprocess.Popen[bytes]):
    """Yesterday's log; its PID now belongs to another process, whose death is not the training's."""
    run, probe = told(training.pid, at=CLOCK.wall() - 86_400).run, ProcessProbe(CLOCK)
    assert probe.poll(0.0, run) == []
    training.kill()
    training.wait()
    assert probe.poll(1.0, run) == probe.poll(10.0, run) == []


def test_a_log_from_another_machine_is_not_linked_to_a_process_here(training: subprocess.Popen[bytes]):
    run, probe = told(training.pid, host="elsewhere").run, ProcessProbe(CLOCK)
    assert probe.poll(0.0, run) == []
    training.kill()
    training.wait()
    assert probe.poll(10.0, run) == []


def test_a_process_never_seen_alive_is_not_reported_dead(training: subprocess.Popen[bytes]):
    training.kill()
    training.wait()
    run, probe = told(training.pid).run, ProcessProbe(CLOCK)
    assert [probe.poll(second, run) for second in (0.0, 5.0, 500.0)] == [[], [], []]


def test_after_the_runs_end_line_its_process_is_not_reported(training: subprocess.Popen[bytes]):
    watching, probe = told(training.pid), ProcessProbe(CLOCK)
    probe.poll(0.0, watching.run)
    training.kill()
    training.wait()
    assert probe.poll(1.0, watching.run) == []
    for line in numbered([format_line(CLOCK.wall(), RunEnd(status="completed")).encode()]):
        watching.take(line)
    assert probe.poll(10.0, watching.run) == []


def test_the_exit_code_of_our_own_child_is_reported():
    child = subprocess.Popen(["sh", "-c", "sleep 0.3; exit 3"])
    run, probe = told(child.pid).run, ProcessProbe(CLOCK, child.pid, exit_of=child.poll)
    probe.poll(0.0, run)
    child.wait()
    gone = ProcessGone(pid=child.pid, how="exited", status=3)
    assert end_of(probe, run) == [gone, RunEnd(status="failed", error="exited 3")]


def test_a_child_with_exit_code_0_has_completed_even_without_an_end_line():
    child = subprocess.Popen(["sleep", "0.2"])
    run, probe = told(child.pid).run, ProcessProbe(CLOCK, child.pid, exit_of=child.poll)
    probe.poll(0.0, run)
    child.wait()
    assert end_of(probe, run) == [RunEnd(status="completed")]


# ---- found by its open log file

WRITER = "import sys, time; log = open(sys.argv[1], 'a'); log.write('step 1 loss=0.5\\n'); log.flush(); time.sleep(300)"


def _writers(log: Path) -> list[int]:
    """Return every process that holds a log open for writing."""
    if not log.exists():
        return []
    status = log.stat()
    pids = [int(place.name) for place in Path("/proc").iterdir() if place.name.isdecimal()]
    return [pid for pid in pids if _writes(pid, status.st_dev, status.st_ino)]


@contextmanager
def writing(log: Path, *before: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program that holds a log open for writing."""
    with subprocess.Popen([*before, sys.executable, "-c", WRITER, str(log)]) as process:
        try:
            until(lambda: process.pid in _writers(log))
            yield process
        finally:
            process.kill()


def test_without_a_run_line_the_process_is_the_one_that_writes_the_log(tmp_path: Path):
    log = tmp_path / "run.log"
    watching = pipeline(SHIPPED)
    for line in numbered([b"step 1 loss=0.5"]):
        watching.take(line)
    probe, run = ProcessProbe(CLOCK, log=log), watching.run
    assert probe.poll(0.0, run) == [], "no process writes it yet"
    with writing(log) as process, log.open() as reader:
        assert reader.readline()
        assert probe.poll(LOOK_S, run) == []
        assert probe.poll(2 * LOOK_S, run) == [], "it must be the same one for a while"
        (body,) = probe.poll(2 * LOOK_S + 1, run)
        found = record(body)
        assert isinstance(found, Process) and found.pid == process.pid
    assert probe.poll(2 * LOOK_S + 2, run) == probe.poll(2 * LOOK_S + 9, run) == [], "it may have ended well"
    with writing(log) as process:
        for look in range(4, 7):
            bodies = probe.poll(look * LOOK_S, run)
        (told_of,) = bodies
        assert f"pid={process.pid} " in told_of, "the next one is found again"


def test_of_parent_and_children_that_share_the_log_the_parent_is_the_training(tmp_path: Path):
    log = tmp_path / "run.log"
    program = f"exec >>{log}; echo step 1 loss=0.5; sleep 300 & sleep 300 & wait"
    with subprocess.Popen(["bash", "-c", program], start_new_session=True) as process:
        until(lambda: len(_writers(log)) == 3)
        assert writer_of(log) == process.pid
        os.killpg(process.pid, signal.SIGKILL)


def test_a_program_that_passes_on_anothers_output_is_not_the_training(tmp_path: Path):
    log = tmp_path / "run.log"
    with subprocess.Popen(["tee", str(log)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as tee:
        until(log.exists)
        until(lambda: len(_writers(log)) == 1)
        assert writer_of(log) is None
        assert tee.stdin is not None
        tee.stdin.close()


def test_two_unrelated_writers_give_no_training(tmp_path: Path):
    log = tmp_path / "run.log"
    with writing(log), writing(log):
        until(lambda: len(_writers(log)) == 2)
        assert writer_of(log) is None


def test_a_reader_of_the_log_is_not_the_training(tmp_path: Path):
    log = tmp_path / "run.log"
    log.write_text("step 1 loss=0.5\n")
    with subprocess.Popen(["tail", "-f", str(log)], stdout=subprocess.PIPE) as reader:
        assert reader.stdout is not None and reader.stdout.readline()
        assert writer_of(log) is None
        reader.kill()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run as another user")
def test_a_process_of_another_user_is_alive_until_it_dies(
    training: subprocess.Popen[bytes], require: Callable[[str], None]
):
    """The probe runs as the user nobody, who may not send it signals."""
    require("setpriv")
    program = (
        "import sys; from monitor.base.clock import SystemClock; from monitor.probes.process import ProcessProbe\n"
        "from monitor.run.run import Run\n"
        "run, probe = Run(), ProcessProbe(SystemClock(), int(sys.argv[1]))\n"
        "print('alive' if probe.poll(0.0, run) is not None and probe._held else 'dead', flush=True)\n"
        "sys.stdin.readline(); probe.poll(1.0, run); print(*probe.poll(9.0, run), flush=True)"
    )
    command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", sys.executable, "-c", program]
    may_read = [*command[:4], sys.executable, "-c", "import monitor, psutil"]
    readable = subprocess.run(may_read, capture_output=True, check=False)
    if readable.returncode:
        pytest.skip("nobody may not read this checkout")
    with subprocess.Popen(
        [*command, str(training.pid)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as looking:
        assert looking.stdin and looking.stdout
        assert looking.stdout.readline() == "alive\n"
        training.kill()
        training.wait()
        looking.stdin.write("\n")
        looking.stdin.flush()
        assert f"gone pid={training.pid}" in looking.stdout.readline()


def test_the_kernels_count_of_oom_kills_is_a_number_or_unknown():
    count = oom_kills(os.getpid())
    assert count is None or count >= 0
