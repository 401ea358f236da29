"""``monitor run --stop-on``: a doomed run is ended with its children, and nothing else ever is."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import psutil
import pytest

from monitor import api
from monitor.alert import Alert, Severity, State
from monitor.base.evidence import Evidence
from monitor.live.doomed import Dooms, Stopper
from monitor.live.follower import Follower
from monitor.run.run import Run
from tests.cli.command import LIMIT_S, monitor, started
from tests.reader.facts import CASES

WITHIN_S = 5.0
"""From the line to the end of all processes."""
TRAINING = """
import multiprocessing as mp, os, signal, sys, time

def works(ignores, leaves):
    if leaves:
        os.setsid()
    if ignores:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(0.05)

def saves(number, frame):
    print("saved checkpoint to last.pt")
    sys.exit(0)

if __name__ == "__main__":
    children = [mp.Process(target=works, args=each) for each in ((False, False), (True, False), (True, True))]
    if "saves" in sys.argv:
        signal.signal(signal.SIGTERM, saves)
        children = []
    for each in children:
        each.start()
    print("started with", *(each.pid for each in children))
    for step in range(1, 3000):
        loss = "nan" if step > 10 and "healthy" not in sys.argv else f"{1 + 1 / step:.5f}"
        print(f"step {step}/3000 loss {loss} lr 0.001")
        if step == 5:
            print("Saving model checkpoint to out/ckpt-5.pt")
        if step == 11:
            open("nan_at", "w").write(repr(time.time()))
        if step > 60 and "healthy" in sys.argv:
            break
        time.sleep(0.05)
"""


def ran(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a training under ``monitor run``."""
    (folder / "train.py").write_text(TRAINING)
    line = [sys.executable, "-m", "monitor", "run", "--state", "state", "--log", "run.log", *words]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=False)


def test_a_doomed_run_is_ended_with_its_children_and_the_state_tells_why(folder: Path):
    command = (sys.executable, "train.py")
    done = ran(folder, "--stop-on", "loss_nonfinite", "--stop-after", "0.5", "--stop-grace", "0.5", "--", *command)
    assert done.returncode == 128 + signal.SIGTERM, done.stderr
    log = (folder / "run.log").read_text()
    children = [int(word) for word in log.splitlines()[0].split()[2:]]
    assert len(children) == 3
    assert not any(psutil.pid_exists(pid) for pid in children)
    # Lines come every 0.05 s, so their number tells when the run ended.
    assert (log.count("loss nan") - 1) * 0.05 <= WITHIN_S
    assert "because of TrainLossNonfinite" in done.stderr
    assert "last checkpoint before it: out/ckpt-5.pt" in done.stderr
    said = monitor("status", "--state", "state")
    assert "ENDED by monitor run (TrainLossNonfinite)" in said.out
    (known,) = json.loads(monitor("status", "--state", "state", "--json").out)["logs"]
    assert (
        "monitor run ended it because of TrainLossNonfinite, SIGTERM: the training loss is nan"
        in known["verdict_reason"]
    )
    assert {alert["alert"] for alert in known["alerts"]} <= {"TrainLossNonfinite"}
    page = monitor("report", "--state", "state")
    assert "ENDED by monitor run (TrainLossNonfinite)" in page.out


@pytest.mark.slow
def test_a_training_that_saves_and_leaves_with_0_is_not_taken_for_done(folder: Path):
    done = ran(folder, "--stop-on", "loss_nonfinite", "--stop-after", "0", "--", sys.executable, "train.py", "saves")
    assert done.returncode == 1
    assert "saved checkpoint to last.pt" in (folder / "run.log").read_text()
    assert "SIGKILL" not in done.stderr.replace("SIGKILL after", "")
    assert "exit code 0" in json.loads(monitor("status", "--state", "state", "--json").out)["logs"][0]["verdict_reason"]


@pytest.mark.slow
def test_an_earlier_run_in_the_same_log_ends_nothing(folder: Path):
    (folder / "run.log").write_text("".join(f"step {step}/30 loss nan lr 0.001\n" for step in range(1, 30)))
    command = (sys.executable, "train.py", "healthy", "saves")
    done = ran(folder, "--stop-on", "loss_nonfinite", "--stop-after", "0", "--", *command)
    assert done.returncode == 0, done.stderr
    assert "because of" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2], ids=lambda number: number.name)
def test_the_signals_of_schedulers_are_passed_on(folder: Path, number: signal.Signals):
    listens = f"trap 'exit 7' {number.value}; echo ready; while :; do sleep 0.1; done"
    with started("run", "--log", "run.log", "--", "sh", "-c", listens, cwd=folder) as process:
        wait_for(folder / "run.log", "ready")
        wait_for(folder / "monitor.stderr", "watching")
        process.signal(number)
        assert process.ended().code == 7


def wait_for(file: Path, words: str) -> None:
    paused = threading.Event()
    for _ in range(int(LIMIT_S * 10)):
        if file.exists() and words in file.read_text():
            return
        paused.wait(0.1)
    pytest.fail(f"{file} never said {words!r}")


def test_it_is_off_by_default(folder: Path):
    (folder / "short.py").write_text("for step in range(1, 40): print(f'step {step}/40 loss nan lr 0.001')\n")
    done = ran(folder, "--", sys.executable, "short.py")
    assert (done.returncode, "because of" in done.stderr) == (0, False)


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        ("loss_nonfinit", "unknown kind 'loss_nonfinit'"),
        ("loss_spike", "'loss_spike' is never critical"),
        ("loss_nonfinite,", "unknown kind ''"),
    ],
)
def test_a_kind_that_is_unknown_or_never_critical_is_refused_before_anything_starts(folder: Path, kinds: str, message):
    said = monitor("run", "--stop-on", kinds, "--", "touch", "started")
    assert said.code == 2
    assert said.err.startswith(f"monitor: --stop-on: {message}; expected one of ")
    assert not (folder / "started").exists()


ALERT = Alert(
    id="1", run="r", attempt=1, rule="TrainLossNonfinite", fault="loss_nonfinite", severity=Severity.CRITICAL,
    state=State.FIRING, at=None, starts_at=None, ends_at=None, epoch=1, step=3, labels=(), value=None, threshold=None,
    summary="the training loss is nan", action="", reason="", needs="",
    evidence=(Evidence("run.log", 3, 100, None, "loss nan"),),
)  # fmt: skip


@dataclass
class FakeFollower:
    """What `Dooms` looks at."""

    firing: list[Alert] = field(default_factory=list)
    has_caught_up: bool = True
    run: Run = field(default_factory=Run)


def doomed(
    *looks: tuple[float, list[Alert]], after_s: float = 2.0, silenced: bool = False, log_bytes: int = 0
) -> list[bool]:
    """Return at which looks a run is doomed; each is a time and what fires then."""
    dooms = Dooms({"loss_nonfinite"}, after_s, lambda alert: silenced, log_bytes=log_bytes)
    return [dooms.look(cast(Follower, FakeFollower(firing)), now) is not None for now, firing in looks]


def test_an_alert_must_keep_firing():
    assert doomed((0, [ALERT]), (1, [ALERT]), (2, [ALERT])) == [False, False, True]
    assert doomed((0, [ALERT]), (1, []), (2, [ALERT]), (3, [ALERT]), (4, [ALERT])) == [False] * 4 + [True]


@pytest.mark.parametrize(
    "change",
    [
        {"severity": Severity.WARNING},
        {"state": State.PENDING},
        {"inhibited_by": "Crash"},
        {"fault": "grad_nonfinite"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_only_critical_alerts_of_the_kind_that_nothing_explains_doom_a_run(change: dict[str, object]):
    other = replace(ALERT, **change)  # type: ignore[arg-type]
    assert doomed((0, [other]), (100, [other])) == [False, False]


def test_a_silenced_alert_and_one_of_an_earlier_run_end_nothing():
    assert doomed((0, [ALERT]), (100, [ALERT]), silenced=True) == [False, False]
    assert doomed((0, [ALERT]), (100, [ALERT]), log_bytes=200) == [False, False]


class FakeGroup:
    """Processes that end at a signal."""

    def __init__(self, ends_at: int) -> None:
        self.signals: list[int] = []
        self._ends_at = ends_at

    def signal(self, number: int) -> None:
        self.signals.append(number)

    def is_over(self) -> bool:
        return self._ends_at in self.signals


@pytest.mark.parametrize(
    ("ends_at", "signals"), [(signal.SIGTERM, [signal.SIGTERM]), (signal.SIGKILL, [signal.SIGTERM, signal.SIGKILL])]
)
def test_sigkill_comes_only_where_sigterm_was_not_enough(ends_at: int, signals: list[int]):
    group, follower = FakeGroup(ends_at), FakeFollower([ALERT])
    stopper = Stopper(group, 7, Dooms({"loss_nonfinite"}, 0, lambda alert: False), 0.1, lambda text: None)
    stopper.followers = lambda: [cast(Follower, follower)]
    assert len(stopper.poll(0.0, follower.run)) == 1
    assert stopper.poll(9.0, follower.run) == []
    assert stopper.finish()
    assert group.signals == signals


REAL_TRAINING = """
import time, torch
from torch.utils.data import DataLoader, TensorDataset

if __name__ == "__main__":
    torch.manual_seed(0)
    x = torch.randn(4096, 8)
    model = torch.nn.Sequential(torch.nn.Linear(8, 32), torch.nn.ReLU(), torch.nn.Linear(32, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    step = 0
    for epoch in range(1, 200):
        for (batch,) in DataLoader(TensorDataset(x), batch_size=64, num_workers=2, persistent_workers=False):
            loss = (model(batch) - batch.sum(1, keepdim=True)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            print(f"{time.time():.2f} step {step}/12800 loss {loss.item():.5f} lr {optimizer.param_groups[0]['lr']}")
            if step == 100:
                optimizer.param_groups[0]["lr"] = 1e6
            time.sleep(0.02)
"""


@pytest.mark.slow
def test_a_real_training_is_ended_within_5_s_of_the_line_with_its_loaders(folder: Path):
    (folder / "real.py").write_text(REAL_TRAINING)
    done = ran(folder, "--stop-on", "loss_nonfinite", "--", sys.executable, "real.py")
    assert done.returncode == 128 + signal.SIGTERM, done.stderr
    lines = [line for line in (folder / "run.log").read_text().splitlines() if " step " in line]
    first = next(line for line in lines if "loss nan" in line or "loss inf" in line)
    assert float(lines[-1].split()[0]) - float(first.split()[0]) <= WITHIN_S
    assert not [each for each in psutil.process_iter(["cmdline"]) if "real.py" in (each.info["cmdline"] or ())]


@pytest.mark.slow
def test_no_healthy_run_of_the_cases_meets_the_condition():
    if not CASES.is_dir():
        pytest.skip("the shared cases are not there")
    cases = [json.loads(line) for line in (CASES / "manifest.jsonl").read_text().splitlines()]
    healthy = [case for case in cases if case.get("never") == ["*"]]
    assert len(healthy) > 80
    for case in healthy:
        log = api.read(next(CASES.glob(f"{case['name']}.*")))
        found = {alert.fault for alert in log.alerts if alert.severity is Severity.CRITICAL and not alert.inhibited_by}
        assert found <= set(case.get("may", ())), case["name"]
