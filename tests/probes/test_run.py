"""``monitor run`` as a user starts it, and a watch of a training that is killed; all processes are real."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.notify.receivers import until

STEPS = "import time\nfor i in range(12):\n    print(f'step {i} loss={1 / (i + 1):.4f}'); time.sleep(0.02)\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    options = ["--log", "run.log", "--state", "state", "--sink", "jsonl:alerts.jsonl"]
    return subprocess.run(
        [sys.executable, "-m", "monitor", "run", *options, "--", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def fired(folder: Path) -> set[str]:
    lines = (folder / "alerts.jsonl").read_text().splitlines()
    return {
        each["alert"] for each in map(json.loads, lines) if each["state"] == "firing" and "inhibited_by" not in each
    }


def test_a_successful_training_passes_on_its_exit_code_and_leaves_its_log(folder: Path):
    done = run(folder, sys.executable, "-c", STEPS)
    assert done.returncode == 0, done.stderr
    assert fired(folder) == set()
    assert (folder / "run.log").read_text().count("loss=") == 12
    assert "completed" in done.stdout


@pytest.mark.parametrize(
    ("last", "code", "how"),
    [("raise SystemExit(7)", 7, "exited 7"), ("import os; os.kill(os.getpid(), 9)", 137, "killed SIGKILL")],
)
def test_the_cause_of_death_is_known_alerted_and_replayed(folder: Path, last: str, code: int, how: str):
    done = run(folder, sys.executable, "-c", STEPS + last)
    assert done.returncode == code, done.stderr
    assert "RunFailed" in fired(folder)
    (facts,) = (folder / "state").glob("*.facts.jsonl")
    assert how in facts.read_text()
    assert replayed(folder, facts) == (folder / "alerts.jsonl").read_text()


@pytest.mark.parametrize(
    ("program", "lines"), [("import no_such_module", 3), ("raise SystemExit(1)", 0)], ids=["a traceback", "no word"]
)
def test_a_training_that_dies_before_any_known_output_has_failed(folder: Path, program: str, lines: int):
    """The most common failure: the log has no times, and no line of it is understood."""
    done = run(folder, sys.executable, "-c", program)
    assert done.returncode == 1
    assert len((folder / "run.log").read_text().splitlines()) == lines
    assert "RunFailed" in fired(folder)
    (facts,) = (folder / "state").glob("*.facts.jsonl")
    if lines:  # an empty log is refused by a replay
        assert replayed(folder, facts) == (folder / "alerts.jsonl").read_text()


def replayed(folder: Path, facts: Path) -> str:
    again = subprocess.run(
        [sys.executable, "-m", "monitor", "replay", "run.log", "--facts", str(facts), "--json"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return again.stdout


def test_a_missing_command_is_one_line_and_exit_code_2(folder: Path):
    done = run(folder, "no-such-program-at-all")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("monitor: no-such-program-at-all: cannot be started")


def test_the_training_outlives_a_killed_monitor(folder: Path):
    program = STEPS.replace("range(12)", "range(100)") + "open('done', 'w').close()"
    command = [sys.executable, "-m", "monitor", "run", "--log", "run.log", "--", sys.executable, "-c", program]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as monitor:
        until(lambda: (folder / "run.log").exists() and "step 3" in (folder / "run.log").read_text())
        monitor.kill()
    until(lambda: (folder / "done").exists())
    assert "step 99" in (folder / "run.log").read_text()


def test_a_signal_to_the_monitor_is_passed_on_to_the_training(folder: Path):
    program = STEPS.replace("range(12)", "range(3000)")
    command = [sys.executable, "-m", "monitor", "run", "--log", "run.log", "--", sys.executable, "-c", program]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as monitor:
        until(lambda: (folder / "run.log").exists() and "step 3" in (folder / "run.log").read_text())
        monitor.send_signal(signal.SIGTERM)
        assert monitor.wait(30) == 128 + signal.SIGTERM


TRAINER = """
import os, socket, sys, time
from monitor.grammar import RunStart, Train, format_line
from monitor.grammar import Share
log = open(sys.argv[1], "a", buffering=1)
start = RunStart(run="run-1", pid=os.getpid(), host=socket.gethostname(), attempt=1)
log.write(format_line(time.time(), start) + "\\n")
for step in range(1, 1000):
    record = Train(epoch=Share(1, 2), batch=Share(step, 1000), step=step, loss=1.0 / step, lr=0.1)
    log.write(format_line(time.time(), record) + "\\n")
    time.sleep(0.05)
"""


def test_a_watch_sees_within_seconds_that_its_training_was_killed(folder: Path):
    assert socket.gethostname()
    log = folder / "run.log"
    log.touch()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen([sys.executable, "-c", TRAINER, str(log)], env=environment) as training:
        until(lambda: "step=3 " in log.read_text())
        options = ["--state", "state", "--sink", "jsonl:alerts.jsonl"]
        command = [sys.executable, "-m", "monitor", "watch", str(log), *options]
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as watch:
            until(lambda: any("PROC" in each.read_text() for each in (folder / "state").glob("*.facts.jsonl")))
            training.kill()
            until(lambda: "ProcessGone" in (folder / "alerts.jsonl").read_text(), 20)
            watch.send_signal(signal.SIGTERM)
            assert watch.wait(30) == 0
    assert fired(folder) == {"ProcessGone"}
    (alert,) = map(json.loads, (folder / "alerts.jsonl").read_text().splitlines())
    assert alert["needs"] == "facts" and "gone" in alert["evidence"][0]["text"]
