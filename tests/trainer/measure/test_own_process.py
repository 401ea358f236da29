"""What the log shows about the training process itself."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import psutil
import pytest

from monitor.grammar import Phase, Process, parse_line
from trainer.measure.own_process import OwnProcess
from trainer.telemetry.eventlog import EventLog
from trainer.telemetry.phases import Phases


def test_the_facts_agree_with_psutil():
    own = psutil.Process()
    found = OwnProcess(lambda: own.create_time() + 133.0).facts()
    assert found.pid == os.getpid()
    assert found.etime_s == pytest.approx(133.0, abs=0.01)
    assert found.ram_total_mb == pytest.approx(psutil.virtual_memory().total / 2**20, abs=0.01)
    assert found.rss_mb == pytest.approx(own.memory_info().rss / 2**20, rel=0.2)


def test_a_second_thread_shows_in_the_process_state():
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        assert OwnProcess(lambda: 0.0).facts().stat.endswith("l")
    finally:
        done.set()
        thread.join()


def test_each_phase_and_each_heartbeat_is_followed_by_a_process_line(tmp_path: Path):
    log = EventLog(tmp_path / "run.log", lambda: 1000.0)
    phases = Phases(log, run="r1", pid=os.getpid(), heartbeat_s=30.0, clock=lambda: 1000.0)
    phases.enter("train", epoch=1, step=0)
    phases.beat()
    kinds = [type(line.record) for line in map(parse_line, log.path.read_bytes().splitlines()) if line]
    assert kinds == [Phase, Process, Phase, Process]


def test_without_process_facts_only_their_line_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    log = EventLog(tmp_path / "run.log", lambda: 1000.0)
    phases = Phases(log, run="r1", pid=1, heartbeat_s=30.0, clock=lambda: 1000.0)
    monkeypatch.setattr(OwnProcess, "facts", lambda self: (_ for _ in ()).throw(psutil.AccessDenied(1)))
    phases.enter("train", epoch=1, step=0)
    assert log.path.read_bytes().count(b"[PHASE]") == 1
    assert b"[PROC]" not in log.path.read_bytes()
