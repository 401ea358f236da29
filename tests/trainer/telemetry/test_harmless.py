"""Telemetry never harms: with it and without it, the same weights to the last bit, whatever fails."""

from __future__ import annotations

import errno
import io
import itertools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.trainer.telemetry.harmless import STEPS, TRAININGS, net
from tests.trainer.telemetry.test_telemetry import fired, judge
from trainer.telemetry import Telemetry, layer_outputs
from trainer.telemetry import telemetry as public
from trainer.telemetry.eventlog import EventLog
from trainer.telemetry.group_gradients import Gradients
from trainer.telemetry.group_weights import WeightMoves

MONITORS = {
    "gradients": (Gradients, "report"),
    "weights": (WeightMoves, "measure"),
    "activations": (layer_outputs.LayerOutputs, "_look"),
}


REST = ("gan", "lbfgs", "changing")
"""Beside a plain model and one with sparse tables and two optimizers."""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "own.log"


def watched(name: str, log: Path, **options: object) -> nn.Module:
    held: list[Telemetry] = []

    def attach(model: nn.Module, optimizer: object) -> Telemetry:
        ticks = itertools.count()  # a step of a millisecond would depend on the load of the machine
        settings = {"train_every": 2, "grad_every": 6, "timer": lambda: next(ticks) / 1000, **options}
        held.append(Telemetry(model, optimizer, epochs=1, batches=STEPS, log=log, **settings))
        return held[0]

    model = TRAININGS[name](attach)
    held[0].epoch(1.0, Sharpe=0.5)
    held[0].close()
    return model


def alone(name: str) -> nn.Module:
    return TRAININGS[name](lambda model, optimizer: None)


def assert_same(one: nn.Module, other: nn.Module) -> None:
    states = [one.state_dict(), other.state_dict()]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def problems(log: Path) -> list[str]:
    return [line for line in log.read_text().splitlines() if "[TELEMETRY] off" in line or "[TELEMETRY] ignored" in line]


@pytest.mark.parametrize("name", TRAININGS)
def test_weights_are_the_same_and_no_monitor_fails_or_alarms(name: str, log: Path):
    assert_same(watched(name, log), alone(name))
    assert problems(log) == []
    assert [word for word in ("grad_norm=", "[GRAD-MONITOR]", "[WEIGHT-MONITOR]") if word not in log.read_text()] == []
    undeclared = {"GroupStopped"} if name == "changing" else set()
    assert fired(log) <= {"FrozenUndeclared"} | undeclared  # info


@pytest.mark.parametrize("monitor", MONITORS)
@pytest.mark.parametrize("name", ["plain", "sparse", *(pytest.param(each, marks=pytest.mark.slow) for each in REST)])
def test_a_monitor_that_fails_is_switched_off_with_one_line(
    monitor: str, name: str, log: Path, monkeypatch: pytest.MonkeyPatch
):
    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("a hook that fails")

    monkeypatch.setattr(*MONITORS[monitor], fail)
    assert_same(watched(name, log), alone(name))
    (line,) = problems(log)
    assert f'off monitor={monitor} reason="RuntimeError: a hook that fails"' in line
    assert judge(log)[0].run.understood == judge(log)[0].run.lines


@pytest.mark.parametrize("name", ["plain", "sparse", *REST])
def test_a_full_disk_costs_lines_only(name: str, log: Path, monkeypatch: pytest.MonkeyPatch):
    def open_full(path: Path, clock: Callable[[], float], **options: bool) -> EventLog:
        room = [3000]

        def put(file: int, line: bytes) -> int:
            if len(line) > room[0]:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            room[0] -= len(line)
            return os.write(file, line)

        return EventLog(path, clock, put=put, **options)

    monkeypatch.setattr(public, "EventLog", open_full)
    assert_same(watched(name, log), alone(name))
    assert 0 < log.stat().st_size <= 3000


@pytest.mark.parametrize("error", [errno.EIO, errno.ESTALE, errno.EBADF, errno.EPIPE])
def test_a_log_that_breaks_costs_lines_only(error: int, log: Path, monkeypatch: pytest.MonkeyPatch):
    def put(file: int, line: bytes) -> int:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(public, "EventLog", lambda path, clock, **options: EventLog(path, clock, put=put, **options))
    assert_same(watched("plain", log), alone("plain"))


def test_a_disk_that_is_full_at_the_start_is_waited_for(log: Path, monkeypatch: pytest.MonkeyPatch):
    opened = os.open
    left = [20]

    def open_later(path: object, *args: object) -> int:
        left[0] -= path == log
        if path == log and left[0] > 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return opened(path, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", open_later)
    assert_same(watched("plain", log), alone("plain"))
    assert "lines could not be written: no space left on the disk" in log.read_text()


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="needs root to mount a small disk")
@pytest.mark.parametrize("name", ["plain", "sparse"])
def test_a_small_disk_that_fills_up_costs_lines_only(name: str, tmp_path: Path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "none", str(disk)], capture_output=True).returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    try:
        assert_same(watched(name, disk / "own.log"), alone(name))
        assert (disk / "own.log").stat().st_size == 8192
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.parametrize("name", ["plain", "sparse", *(pytest.param(each, marks=pytest.mark.slow) for each in REST)])
def test_a_watcher_that_is_killed_harms_nothing(name: str, log: Path):
    reader = subprocess.Popen(["tail", "-F", str(log)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    timer = threading.Timer(0.05, reader.send_signal, [signal.SIGKILL])
    timer.start()
    assert_same(watched(name, log), alone(name))
    timer.join()
    assert reader.wait() == -signal.SIGKILL


@pytest.mark.parametrize("name", ["sparse", *(pytest.param(each, marks=pytest.mark.slow) for each in ("plain", *REST))])
def test_everything_that_can_fail_at_once_harms_nothing(name: str, log: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("a hook that fails")

    def put(file: int, line: bytes) -> int:
        if log.stat().st_size + len(line) > 3000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os.write(file, line)

    for owner, method in MONITORS.values():
        monkeypatch.setattr(owner, method, fail)
    monkeypatch.setattr(public, "EventLog", lambda path, clock, **options: EventLog(path, clock, put=put, **options))
    reader = subprocess.Popen(["tail", "-F", str(log)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    timer = threading.Timer(0.05, reader.kill)
    timer.start()
    assert_same(watched(name, log), alone(name))
    timer.join()
    assert reader.wait() == -signal.SIGKILL


@pytest.mark.parametrize("is_stopped", [True, False])
def test_a_pipe_whose_reader_stops_or_dies_is_not_waited_for(is_stopped: bool, tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        os.set_blocking(end, False)
        if not is_stopped:
            os.close(end)
        assert_same(watched("plain", pipe, train_every=1, grad_every=1), alone("plain"))
    finally:
        if is_stopped:
            os.close(end)


def test_wrong_calls_are_left_out_with_one_line_each(log: Path):
    with Telemetry(model := net(), torch.optim.SGD(model.parameters(), 0.1), epochs=2, batches=2, log=log) as telemetry:
        for _ in range(2):
            telemetry.step("no number", bad=object())  # type: ignore[arg-type]
            telemetry.step(torch.ones(3))
            telemetry.declare(nonsense=1)
            telemetry.epoch(torch.ones(2))
            telemetry.look(inputs=object(), targets="x", outputs=[None])
        telemetry.phase("x" * 10_000)
    found = problems(log)
    assert len(found) == 3
    assert [word in line for word, line in zip(("call=loss", "call=declare", "call=epoch"), found, strict=True)]
    assert "[RUN] end status=completed" in log.read_text()


def test_after_the_end_every_call_is_harmless(log: Path):
    model = net()
    telemetry = Telemetry(model, torch.optim.SGD(model.parameters(), 0.1), epochs=1, batches=1, log=log)
    telemetry.close()
    size = log.stat().st_size
    telemetry.step(1.0)
    telemetry.look()
    telemetry.epoch(1.0)
    telemetry.phase("load")
    telemetry.forward(is_training=True)
    telemetry.declare(pause="x")
    telemetry.fit(epochs=1, batches=1)
    telemetry.close("failed")
    assert log.stat().st_size == size


def test_a_watched_model_can_be_saved_whole_and_read_without_trainwarden(log: Path, tmp_path: Path):
    model = net(dropout=0.0)
    telemetry = Telemetry(model, torch.optim.SGD(model.parameters(), 0.1), epochs=1, batches=1, log=log)
    telemetry.forward(is_training=True)
    saved = io.BytesIO()
    torch.save(model, saved)
    (tmp_path / "model.pt").write_bytes(saved.getvalue())
    read = (
        "import sys, torch\n"
        "sys.modules['trainer'] = None\n"
        "model = torch.load(sys.argv[1], weights_only=False)\n"
        "print(model(torch.ones(1, 8)).item())\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", read, str(tmp_path / "model.pt")], capture_output=True, text=True, check=True
    )
    telemetry.close()
    assert float(ran.stdout) == pytest.approx(model(torch.ones(1, 8)).item())
