"""A request to end interrupts the run where it may, never the line that says how the run ended."""

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

# The signal's own handler must not run before the wait: Python would raise between two calls.
with stop_on_signals(stuck_after_s=0.1) as stop:
    stop.ask = lambda: None
    fit(Path({folder!r}), Path({panel!r}), hooks=dict(show=wait_for_good, stop=stop))
"""


def test_the_first_request_interrupts_and_later_ones_do_not():
    switch, seen = StopSwitch(), []
    with pytest.raises(Stopped), switch.interrupts():
        try:
            switch.ask()
        finally:
            switch.ask()
            seen.append("cleaned up")
    assert seen == ["cleaned up"]


def test_a_request_before_the_run_interrupts_its_beginning():
    switch, seen = StopSwitch(), []
    switch.ask()
    with pytest.raises(Stopped), switch.interrupts():
        seen.append("began")
    assert seen == []


def test_outside_of_the_run_a_request_is_only_noted():
    switch = StopSwitch()
    with switch.interrupts():
        pass
    switch.ask()
    assert switch.is_asked


def test_a_signal_in_the_instant_of_the_end_line_does_not_lose_it(tmp_path: Path):
    panel = make_panel(tmp_path)
    at_end: list[int] = []

    def show(bar: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    class Clock:
        """Signals whenever the time is asked for once the run has been stopped: before and within the end line."""

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


def test_a_run_stuck_in_a_library_still_writes_its_end_and_is_gone(tmp_path: Path):
    script = STUCK.format(folder=str(tmp_path), panel=str(make_panel(tmp_path)))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=False)
    assert done.returncode == 1, done.stderr.decode()
    end = parse_line((tmp_path / "run-0.log").read_bytes().splitlines()[-1])
    assert end is not None
    assert isinstance(end.record, RunEnd)
    assert (end.record.status, end.record.error) == ("stopped", "stuck")
