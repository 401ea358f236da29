"""The recipe of docs/service.md stops a doomed run and no other."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.notify.receivers import until
from tests.service.supervisor import supervised

CHECKOUT = Path(__file__).parents[2]
RECIPE = CHECKOUT / "docs/examples/stop_doomed_run.py"
MONITOR = f"{sys.executable} -m monitor"
TRAINER = """
import os, socket, sys, time
from monitor.grammar import Share
from monitor.grammar import RunStart, Train, format_line
log = open(sys.argv[1], "a", buffering=1)
nan = {int(step) for step in sys.argv[2].split(",")}
start = RunStart(run="run-1", pid=os.getpid(), host=socket.gethostname(), attempt=1)
log.write(format_line(time.time(), start) + "\\n")
for step in range(1, 1000):
    loss = float("nan") if step in nan else 1.0 / step
    record = Train(epoch=Share(1, 2), batch=Share(step, 1000), step=step, loss=loss, lr=0.1)
    log.write(format_line(time.time(), record) + "\\n")
    time.sleep(0.05)
"""


@contextmanager
def training(log: Path, nan: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a training whose loss is nan at some steps."""
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    with subprocess.Popen([sys.executable, "-c", TRAINER, str(log), nan], env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def recipe(*options: str) -> str:
    words = [sys.executable, str(RECIPE), "TrainLossNonfinite", "--state", "state", "--monitor", MONITOR, *options]
    return f"command:{shlex.join(words)}"


ALWAYS = ",".join(map(str, range(20, 1000)))


def test_a_run_whose_loss_stays_nan_is_stopped(tmp_path: Path):
    log = tmp_path / "run.log"
    log.touch()
    sink = recipe("--after", "0.5", "--signal")
    with supervised(tmp_path, "run.log", "--state", "state", "--sink", sink) as watch:
        until(lambda: watch.has_said("READY=1"))
        with training(log, ALWAYS) as process:
            until(lambda: process.poll() is not None, 30)
    assert process.returncode == -15
    (mark,) = (tmp_path / "state").glob("stopped-*")
    assert mark.read_text().startswith("TrainLossNonfinite ")


def test_a_file_can_be_created_for_a_unit_that_may_stop_the_run(tmp_path: Path):
    log = tmp_path / "run.log"
    log.touch()
    sink = recipe("--after", "0.2", "--touch", "stop")
    with supervised(tmp_path, "run.log", "--state", "state", "--sink", sink) as watch:
        until(lambda: watch.has_said("READY=1"))
        with training(log, ALWAYS) as process:
            until((tmp_path / "stop").exists, 30)
            assert process.poll() is None


@pytest.mark.parametrize("nan", ["5", "0"], ids=["an alert that has ended by the second look", "nothing wrong"])
def test_a_run_that_recovers_is_not_stopped(tmp_path: Path, nan: str):
    log = tmp_path / "run.log"
    log.touch()
    alerts = tmp_path / "alerts.jsonl"
    with training(log, nan) as process:
        sinks = ["--sink", recipe("--after", "3", "--signal"), "--sink", "jsonl:alerts.jsonl"]
        with supervised(tmp_path, "run.log", "--state", "state", *sinks) as watch:
            if nan == "5":
                until(lambda: alerts.exists() and "TrainLossNonfinite" in alerts.read_text(), 30)
            # The recipe looks again after 3 seconds; these lines take 4.
            last = len(log.read_text().splitlines()) + 80
            until(lambda: len(log.read_text().splitlines()) >= last, 30)
            assert (alerts.exists() and "TrainLossNonfinite" in alerts.read_text()) is (nan == "5")
            assert watch.err().count("stop_doomed_run") == 0
        assert process.poll() is None
    assert list((tmp_path / "state").glob("stopped-*")) == []


def test_a_process_that_does_not_write_the_log_is_left_alone(tmp_path: Path):
    """Its number was another's when the RUN line was written."""
    with subprocess.Popen(["sleep", "60"]) as bystander:
        line = f'2025-10-30T23:40:51.123Z INFO [RUN] start run=run-1 pid={bystander.pid} host=h cmd="x"\n'
        (tmp_path / "run.log").write_text(line)
        alert = (
            '{"alert": "R", "id": "1", "state": "firing", "severity": "critical", "run": "r", "attempt": 1, '
            f'"summary": "s", "evidence": [{{"path": "{tmp_path / "run.log"}"}}]}}'
        )
        answer = tmp_path / "answer.py"
        answer.write_text('print(\'{"logs": [{"alerts": [{"id": "1"}]}]}\')')
        words = ["R", "--state", str(tmp_path), "--after", "0", "--monitor", f"{sys.executable} {answer}", "--signal"]
        done = subprocess.run(
            [sys.executable, str(RECIPE), *words], input=alert, capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert f"process {bystander.pid} does not hold" in done.stderr
        assert bystander.poll() is None
        bystander.kill()
