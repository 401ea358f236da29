"""A watch under a supervisor: it reports when it is ready, sends signs of life, reloads, and stops in order."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from monitor.base.clock import SystemClock
from monitor.service.sdnotify import Notifier, from_environment
from tests.cli.command import monitor
from tests.cli.logs import EPOCH_1, TROUBLED, write
from tests.notify.receivers import until
from tests.service.supervisor import WATCHDOG_S, Supervisor, supervised

CLOCK = SystemClock()
MINE = """
groups:
  - name: mine
    rules:
      - alert: LossSeen
        fault: overfit
        kind: threshold
        signal: epoch.train_loss
        above: {level}
        severity: warning
        summary: "the loss is {{value}}"
        why: a test wants it
        action: nothing
        source: chosen by hand for this test, 2026-11
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "run.log", EPOCH_1)
    (tmp_path / "mine.yaml").write_text(MINE.format(level=1000))
    (tmp_path / "watch.yaml").write_text("rules: [mine.yaml]\nsinks: ['jsonl:alerts.jsonl']\n")
    return tmp_path


def alerts(folder: Path) -> list[tuple[str, str]]:
    """Return what the file of alerts has: rule and state."""
    path = folder / "alerts.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [(each["alert"], each["state"]) for each in map(json.loads, lines)]


def test_the_supervisor_is_told_of_ready_status_and_stopping(folder: Path):
    with supervised(folder, "run.log", "--state", "state") as watch:
        until(lambda: watch.has_said("READY=1"))
        until(lambda: watch.has_said("STATUS=fit-1: running, epoch 2/2, step 1; nothing fires"))
        first = watch.supervisor.hear().index("READY=1")
        watch.process.send_signal(signal.SIGTERM)
        assert watch.process.wait(20) == 0
        said = watch.supervisor.hear()
    assert f"MAINPID={watch.process.pid}" in said
    assert said.index("STOPPING=1") > first


def test_only_a_turning_loop_sends_signs_of_life(folder: Path):
    with supervised(folder, "run.log") as watch:
        until(lambda: watch.supervisor.hear(0.01).count("WATCHDOG=1") >= 3)
        watch.process.send_signal(signal.SIGSTOP)
        before = len(watch.supervisor.hear(0.1))
        assert len(watch.supervisor.hear(WATCHDOG_S)) == before
        watch.process.send_signal(signal.SIGCONT)
        until(lambda: watch.supervisor.hear(0.01)[before:].count("WATCHDOG=1") >= 1)


def test_an_alerts_command_cannot_reach_the_supervisor():
    environment = {"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "7"}
    assert from_environment(environment, 7).is_heard
    assert "NOTIFY_SOCKET" not in environment


def test_another_processs_watchdog_is_ignored(tmp_path: Path):
    supervisor = Supervisor(tmp_path)
    environment = {"NOTIFY_SOCKET": supervisor.address, "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "7"}
    from_environment(environment, 8).sign(0.0)
    assert supervisor.hear() == []
    supervisor.close()


def test_a_runs_name_cannot_forge_messages_to_the_supervisor(tmp_path: Path):
    supervisor = Supervisor(tmp_path)
    Notifier(supervisor.address).status("run\nREADY=1\nMAINPID=1: running")
    assert supervisor.hear() == ["STATUS=run READY=1 MAINPID=1: running"]
    supervisor.close()


def test_a_reload_puts_changed_rules_in_force(folder: Path):
    with supervised(folder, "run.log", "--config", "watch.yaml", "--state", "state", "--notify-history") as watch:
        until(lambda: watch.has_said("READY=1"))
        (folder / "mine.yaml").write_text(MINE.format(level=0))
        watch.reload()
        until(lambda: "reloaded: " in watch.err())
        write(folder / "run.log", [*EPOCH_1, *TROUBLED[len(EPOCH_1) :]])
        until(lambda: ("LossSeen", "firing") in alerts(folder))


@pytest.mark.parametrize("name", ["mine.yaml", "watch.yaml"])
def test_a_bad_file_changes_nothing_and_fires_an_alert_until_it_is_corrected(folder: Path, name: str):
    good = (folder / name).read_text()
    with supervised(folder, "run.log", "--config", "watch.yaml", "--state", "state") as watch:
        until(lambda: watch.has_said("READY=1"))
        (folder / name).write_text("groups: [{")
        watch.reload()
        until(lambda: ("ReloadFailed", "firing") in alerts(folder))
        assert f"monitor: {name}:" in watch.err()
        watch.reload()
        until(lambda: watch.err().count("stay in force") == 2)
        assert watch.process.poll() is None
        (folder / name).write_text(good)
        watch.reload()
        until(lambda: ("ReloadFailed", "resolved") in alerts(folder))
    assert [state for rule, state in alerts(folder) if rule == "ReloadFailed"] == ["firing", "resolved"]


def test_a_reload_names_changes_that_need_a_restart(folder: Path):
    with supervised(folder, "run.log", "--config", "watch.yaml") as watch:
        until(lambda: watch.has_said("READY=1"))
        (folder / "watch.yaml").write_text("rules: [mine.yaml]\nsinks: []\n")
        watch.reload()
        until(lambda: "watch.yaml: sinks: changed; in force from the next start" in watch.err())


def test_the_status_of_an_unwatched_run_is_unknown(folder: Path):
    def says(words: str) -> bool:
        return words in monitor("status", "--state", str(folder / "state")).out

    with supervised(folder, "run.log", "--state", "state") as watch:
        until(lambda: watch.has_said("READY=1"))
        until(lambda: says(" · running "))
        watch.process.kill()
        watch.process.wait()
        assert says(": no watch is running\n")
        assert says(" · no end seen; last line ")
        assert not says(" · running ")
