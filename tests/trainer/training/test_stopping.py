"""A request to end interrupts the run, but never the writing of its end line."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.grammar import RunEnd, parse_line
from tests.trainer.runs import fit, make_panel
from trainer.training.stopping import Stopped, StopSwitch, stop_on_signals

STUCK = """
import ctypes, os, signal, sys
from pathlib import Path
from tests.trainer.runs import fit
from trainer.training.stopping import stop_on_signals

def wait_for_good(bar):
    os.kill(os.getpid(), signal.SIGTERM)
    lock, libc = ctypes.create_string_buffer(64), ctypes.CDLL(None)
    libc.pthread_mutex_lock(lock)
    libc.pthread_mutex_lock(lock)

# Python's handler must not act before the wait, or it would raise between the two calls.
with stop_on_signals(stuck_after_s=0.1) as stop:
    stop.ask = lambda number: None
    fit(Path({folder!r}), Path({panel!r}), hooks=dict(show=wait_for_good, stop=stop))
"""


def test_only_the_first_request_interrupts():
    switch, seen = StopSwitch(), []
    with pytest.raises(Stopped), switch.interrupts():
        try:
            switch.ask()
        finally:
            switch.ask()
            seen.append("cleaned up")
    assert seen == ["cleaned up"]


def test_a_request_before_the_run_interrupts_its_start():
    switch, seen = StopSwitch(), []
    switch.ask()
    with pytest.raises(Stopped), switch.interrupts():
        seen.append("began")
    assert seen == []


def test_outside_the_run_a_request_is_only_recorded():
    switch = StopSwitch()
    with switch.interrupts():
        pass
    switch.ask()
    assert switch.is_asked


def test_a_signal_while_the_end_line_is_written_does_not_lose_the_line(tmp_path: Path):
    panel = make_panel(tmp_path)
    at_end: list[int] = []

    def show(bar: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    class Clock:
        """Sends a signal at each call once the run has been stopped: before and during the end line."""

        def __init__(self) -> None:
            self.now = 1.7e9

        def __call__(self) -> float:
            self.now += 0.01
            if stop.is_asked:
                os.kill(os.getpid(), signal.SIGTERM)
                at_end.append(1)
            return self.now

    with stop_on_signals() as stop:
        run = fit(tmp_path, panel, hooks={"show": show, "stop": stop, "clock": Clock()})
    end = run.parsed()[-1].record
    assert isinstance(end, RunEnd)
    assert (end.status, run.result.status) == ("stopped", "stopped")
    assert len(at_end) >= 2


def test_a_run_stuck_in_a_library_still_writes_its_end_line_and_exits(tmp_path: Path):
    script = STUCK.format(folder=str(tmp_path), panel=str(make_panel(tmp_path)))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=False)
    assert done.returncode == 143, done.stderr.decode()
    end = parse_line((tmp_path / "run-0.log").read_bytes().splitlines()[-1])
    assert end is not None
    assert isinstance(end.record, RunEnd)
    assert (end.record.status, end.record.error) == ("stopped", "stuck")
