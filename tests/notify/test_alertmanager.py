"""A real Alertmanager on the loopback: firing alerts appear in it, and ended ones clear."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import pytest

from monitor.base.clock import SystemClock
from monitor.notify import Delivery
from monitor.sinks import open_sinks
from tests.cli.command import started
from tests.notify.receivers import alert, critical, ended, free_port, until

PROGRAM = "prometheus-alertmanager"
CONFIG = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"


class Alertmanager:
    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._opener = build_opener(ProxyHandler({}))

    def ask(self, path: str) -> Any:
        with self._opener.open(f"{self.url}{path}", timeout=5) as response:
            return json.loads(response.read())

    def alerts(self) -> dict[str, dict[str, Any]]:
        """Return its active alerts by name."""
        return {each["labels"]["alertname"]: each for each in self.all()}

    def all(self) -> list[dict[str, Any]]:
        """Return its active alerts."""
        found: list[dict[str, Any]] = self.ask("/api/v2/alerts?active=true&silenced=true&inhibited=true")
        return found

    def logs_of(self, rule: str) -> set[str]:
        """Return the logs for which a rule fires."""
        return {each["labels"].get("log", "") for each in self.all() if each["labels"]["alertname"] == rule}

    def is_ready(self) -> bool:
        try:
            return bool(self.ask("/api/v2/status"))
        except (URLError, OSError):
            return False


@pytest.fixture
def manager(require: Callable[[str], None], tmp_path: Path) -> Iterator[Alertmanager]:
    require(PROGRAM)
    config, port = tmp_path / "alertmanager.yml", free_port()
    config.write_text(CONFIG)
    command = [
        str(shutil.which(PROGRAM)),
        f"--config.file={config}",
        f"--storage.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with (tmp_path / "alertmanager.log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        found = Alertmanager(port)
        try:
            until(found.is_ready)
            yield found
        finally:
            process.terminate()


def test_firing_alerts_appear_ended_ones_clear_and_explained_ones_are_not_posted(manager: Alertmanager):
    clock = SystemClock()
    delivery = Delivery(open_sinks([f"alertmanager:{manager.url}"]).sinks)

    def send() -> None:
        delivery.send(clock.monotonic(), clock.wall())

    def is_empty() -> bool:
        send()
        return delivery.num_waiting == 0 and not delivery.is_busy

    now = clock.wall()
    spike, explained = critical(1, at=now - 60, starts_at=now - 60), alert(2, inhibited_by="Rule1")
    send()
    delivery.add([spike, explained])
    until(is_empty)
    until(lambda: "Rule1" in manager.alerts())
    (found,) = manager.alerts().values()
    assert found["labels"] == {
        "alertname": "Rule1",
        "severity": "critical",
        "fault": "loss_spike",
        "run": "run-1",
        "group": "gat",
    }
    assert found["annotations"]["summary"] == spike.summary
    assert found["annotations"]["id"] == spike.id
    assert found["annotations"]["evidence"].startswith("run.log:41: ")
    assert datetime.fromisoformat(found["startsAt"]).timestamp() == pytest.approx(now - 60, abs=0.01)
    assert datetime.fromisoformat(found["endsAt"]).timestamp() > now + 120

    delivery.add([ended(spike, at=now, ends_at=now)])
    until(is_empty)
    until(lambda: manager.alerts() == {})


def test_a_firing_alert_is_sent_again_before_alertmanager_resolves_it(manager: Alertmanager):
    clock = SystemClock()
    delivery = Delivery(open_sinks([f"alertmanager:{manager.url}"]).sinks)
    now, mono = clock.wall(), clock.monotonic()
    delivery.send(mono, now)
    delivery.add([critical(1, at=now, starts_at=now)])

    def answers() -> bool:
        delivery.send(mono, now)
        return not delivery.is_busy and "Rule1" in manager.alerts()

    until(answers)
    first = manager.alerts()["Rule1"]["updatedAt"]
    delivery.send(mono + 59, now + 59)
    assert not delivery.is_busy
    delivery.send(mono + 61, now + 61)
    assert delivery.is_busy
    until(lambda: manager.alerts()["Rule1"]["updatedAt"] > first)


NAN = b"iter 30: loss nan, time 20.10ms, mfu 12.00%\n"
HEALTHY = b"".join(b"iter %d: loss %.4f, time 20.10ms, mfu 12.00%%\n" % (step, 3 - step / 100) for step in (0, 10, 20))
RULE = "TrainLossNonfinite"


@pytest.mark.parametrize("num_watches", [1, 2], ids=["one watch", "a watch each"])
def test_two_logs_that_begin_alike_are_two_runs_and_the_end_of_one_leaves_the_other_firing(
    manager: Alertmanager, tmp_path: Path, num_watches: int
):
    logs = [tmp_path / name / "train.log" for name in ("a", "b")]
    for log in logs:
        log.parent.mkdir()
        log.write_bytes(HEALTHY + NAN)
    groups = [logs] if num_watches == 1 else [[log] for log in logs]
    with ExitStack() as watches:
        for number, group in enumerate(groups):
            record = f"jsonl:{tmp_path}/{number}.jsonl"
            words = ["--sink", f"alertmanager:{manager.url}", "--sink", record, "--notify-history", "--no-probes"]
            watches.enter_context(started("watch", *map(str, group), "--plain", *words, cwd=tmp_path))
        until(lambda: manager.logs_of(RULE) == {str(log) for log in logs}, patience_s=30)
        with logs[0].open("ab") as log:
            log.writelines(b"iter %d: loss 2.5000, time 20.10ms, mfu 12.00%%\n" % step for step in range(40, 400, 10))
        until(lambda: manager.logs_of(RULE) == {str(logs[1])}, patience_s=30)
    told = [json.loads(line) for path in tmp_path.glob("*.jsonl") for line in path.read_text().splitlines()]
    ids = {log: {each["id"] for each in told if each["log"] == str(log)} for log in logs}
    assert all(ids.values()) and not ids[logs[0]] & ids[logs[1]]
    assert len({each["run"] for each in told}) == 2
    assert {each["host"] for each in told} == {socket.gethostname()}
