"""The probe of the process against real processes: alive, stopped, killed, unburied, reused, of others."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from monitor.clock import SystemClock
from monitor.logline import Process, ProcessGone, RunEnd, RunStart, format_line, parse_line
from monitor.probes.process import LAST_WORDS_S, LOOK_S, ProcessProbe, oom_kills
from monitor.run import Run
from monitor.watcher import Watcher
from tests.cli.watching import SHIPPED
from tests.monitor.lines import numbered, watcher
from tests.notify.receivers import until

CLOCK = SystemClock()
NOBODY = 65_534


@pytest.fixture
def training() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "300"])
    yield process
    process.kill()
    process.wait()


def told(pid: int, *, host: str | None = None, at: float | None = None) -> Watcher:
    """Return a watch of a log whose RUN line names a process."""
    watching = watcher(SHIPPED)
    start = RunStart(run="run-1", pid=pid, host=host or socket.gethostname(), attempt=1)
    for line in numbered([format_line(at or CLOCK.wall(), start).encode()]):
        watching.take(line)
    return watching


def record(body: str) -> object:
    read = parse_line(f"2025-10-30T23:40:51.123Z {body}".encode())
    assert read is not None
    return read.record


def end_of(probe: ProcessProbe, run: Run, mono: float = 100.0) -> list[object]:
    """Return what the probe says once the process has ended, and that it holds its tongue before."""
    until(lambda: probe._held is None or probe._held.has_ended())
    assert probe.poll(mono, run) == []
    assert probe.poll(mono + LAST_WORDS_S - 0.1, run) == []
    return [record(body) for body in probe.poll(mono + LAST_WORDS_S, run)]


def test_a_live_process_is_described_now_and_then_and_its_death_is_told_once(training: subprocess.Popen[bytes]):
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


def test_a_number_that_another_process_has_now_is_not_the_trainings(training: subprocess.Popen[bytes]):
    """A log of yesterday whose PID was given to somebody else since: of that one's death nothing follows."""
    run, probe = told(training.pid, at=CLOCK.wall() - 86_400).run, ProcessProbe(CLOCK)
    assert probe.poll(0.0, run) == []
    training.kill()
    training.wait()
    assert probe.poll(1.0, run) == probe.poll(10.0, run) == []


def test_a_log_of_another_machine_says_nothing_of_a_process_here(training: subprocess.Popen[bytes]):
    run, probe = told(training.pid, host="elsewhere").run, ProcessProbe(CLOCK)
    assert probe.poll(0.0, run) == []
    training.kill()
    training.wait()
    assert probe.poll(10.0, run) == []


def test_a_process_that_was_never_seen_alive_is_not_said_to_have_died(training: subprocess.Popen[bytes]):
    training.kill()
    training.wait()
    run, probe = told(training.pid).run, ProcessProbe(CLOCK)
    assert [probe.poll(second, run) for second in (0.0, 5.0, 500.0)] == [[], [], []]


def test_after_its_end_line_nothing_is_said_of_a_process(training: subprocess.Popen[bytes]):
    watching, probe = told(training.pid), ProcessProbe(CLOCK)
    probe.poll(0.0, watching.run)
    training.kill()
    training.wait()
    assert probe.poll(1.0, watching.run) == []
    for line in numbered([format_line(CLOCK.wall(), RunEnd(status="completed")).encode()]):
        watching.take(line)
    assert probe.poll(10.0, watching.run) == []


def test_a_child_of_ours_tells_how_it_ended():
    child = subprocess.Popen(["sh", "-c", "sleep 0.3; exit 3"])
    run, probe = told(child.pid).run, ProcessProbe(CLOCK, child.pid, exit_of=child.poll)
    probe.poll(0.0, run)
    child.wait()
    gone = ProcessGone(pid=child.pid, how="exited", status=3)
    assert end_of(probe, run) == [gone, RunEnd(status="failed", error="exited 3")]


def test_a_child_that_ends_well_has_completed_even_where_its_log_does_not_say_so():
    child = subprocess.Popen(["sleep", "0.2"])
    run, probe = told(child.pid).run, ProcessProbe(CLOCK, child.pid, exit_of=child.poll)
    probe.poll(0.0, run)
    child.wait()
    assert end_of(probe, run) == [RunEnd(status="completed")]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can look as somebody else")
def test_a_process_of_another_user_is_alive_until_it_dies(
    training: subprocess.Popen[bytes], require: Callable[[str], None]
):
    """Looked at by nobody, to whom signals to it are forbidden."""
    require("setpriv")
    program = (
        "import sys; from monitor.clock import SystemClock; from monitor.probes.process import ProcessProbe\n"
        "from monitor.run import Run\n"
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


def test_the_kernels_count_of_kills_for_memory_is_a_number_or_unknown():
    count = oom_kills(os.getpid())
    assert count is None or count >= 0
