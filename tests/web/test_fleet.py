"""Two machines with four runs under a real Prometheus and a real Alertmanager: the right alerts, once each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from monitor.base.clock import SystemClock
from tests.cli.command import monitor, started
from tests.notify.receivers import free_port, until
from tests.web.engines import Heard, Prometheus, alertmanager, ask, prometheus, webhook
from tests.web.states import steps

PATIENCE_S, WRITE_S = 120.0, 0.5
CLOCK = SystemClock()
DEAD = 'Traceback (most recent call last):\n  File "train.py", line 7, in <module>\nRuntimeError: CUDA out of memory.\n'
STALLS = """
groups:
  - name: quick
    rules:
      - {alert: TrainingStall, fault: stall_silent, kind: stall, silence: 8s, severity: critical, summary: silent,
         why: a test wants it, action: nothing, source: "chosen by hand for this test, 2026-11"}
"""


def has_happened(is_so: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    until(is_so, PATIENCE_S)


class Fleet:
    """Two machines, each with two runs, one watch and one server, and the engines that look at them."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self._stack = folder, stack
        self.step, self._written_at = 400, 0.0
        self.logs = {name: folder / name / "train.log" for name in ("well", "dies", "silent", "other")}
        for log in self.logs.values():
            log.parent.mkdir()
            log.write_text(steps(0, 400))
        (folder / "watch.yaml").write_text(STALLS)
        self.hosts = {"127.0.0.1": ("well", "dies"), "127.0.0.2": ("silent", "other")}
        self.ports = {host: free_port() for host in self.hosts}
        self.servers: dict[str, ExitStack] = {}
        for host, names in self.hosts.items():
            words = ["--state", folder / host, "--plain", "--no-probes", "--rules", folder / "watch.yaml"]
            stack.enter_context(
                started("watch", *(self.logs[each] for each in names), *words, cwd=self.in_(f"w{host}"))
            )
            self.answer(host)

    def in_(self, name: str) -> Path:
        """Return a folder for the messages of a process."""
        found = self.folder / "processes" / name
        found.mkdir(parents=True, exist_ok=True)
        return found

    def answer(self, host: str) -> None:
        """Start the server of a machine."""
        own = self.servers[host] = self._stack.enter_context(ExitStack())
        listen = f"{host}:{self.ports[host]}"
        words = ["serve", "--state", self.folder / host, "--listen", listen]
        own.enter_context(started(*words, cwd=self.in_(f"s{host}")))

    def answers(self) -> bool:
        """Whether the server of every machine knows its runs."""
        try:
            found = [ask(f"http://{host}:{port}/healthz")["runs"] for host, port in self.ports.items()]
        except OSError:
            return False
        return found == [len(names) for names in self.hosts.values()]

    def write(self, *silent: str) -> None:
        """Have every run go on, but these; at a pace that trainings have."""
        now = CLOCK.monotonic()
        if now - self._written_at < WRITE_S:
            return
        self._written_at = now
        self.step += 10
        for name, log in self.logs.items():
            if name not in silent:
                with log.open("a") as file:
                    file.write(f"step {self.step}: loss {2 + self.step * 7919 % 97 / 1000:.4f}\n")


@contextmanager
def everything(folder: Path) -> Iterator[tuple[Fleet, Prometheus, Heard]]:
    """Start all of it, with rules that wait for seconds instead of minutes."""
    rules = monitor("fleet", "print", "rules").out
    for waits in ("for: 5m", "for: 2m", "for: 15m"):
        rules = rules.replace(waits, "for: 6s")
    with ExitStack() as stack:
        url, heard = stack.enter_context(webhook())
        fleet = Fleet(folder, stack)
        has_happened(fleet.answers)
        targets = [f"{host}:{port}" for host, port in fleet.ports.items()]
        engine = stack.enter_context(prometheus(folder, targets, rules, stack.enter_context(alertmanager(folder, url))))
        yield fleet, engine, heard


@pytest.mark.slow
def test_one_dies_one_is_silent_and_one_machine_stops_answering(require: Callable[[str], None], tmp_path: Path):
    for program in ("prometheus", "prometheus-alertmanager"):
        require(program)
    with everything(tmp_path) as (fleet, engine, heard):
        has_happened(lambda: len(engine.query("trainwarden_run_info")) == 4)
        gone: set[str] = set()

        def goes_on(is_so: Callable[[], bool]) -> None:
            def look() -> bool:
                fleet.write(*gone)
                return is_so()

            has_happened(look)

        goes_on(lambda: len(engine.query("trainwarden_run_state{state='running'} == 1")) == 4)
        assert heard.notices == []

        with fleet.logs["dies"].open("a") as log:
            log.write(DEAD)
        gone.add("dies")
        goes_on(lambda: any(about == "dies" for _, about in heard.told("firing")))
        gone.add("silent")
        goes_on(lambda: ("TrainingStall", "silent") in heard.told("firing"))
        about_dead = [each for each in heard.told("firing") if each[1] == "dies"]

        # The machine with the silent run does not answer: that is an alert, and what fired there goes on firing.
        fleet.servers["127.0.0.2"].close()
        goes_on(lambda: ("TrainwardenUnreachable", "127.0.0.2") in heard.told("firing"))
        goes_on(lambda: engine.query("up == 0") != [] and not engine.query("trainwarden_alert{alert='TrainingStall'}"))
        assert heard.told("resolved") == []
        assert ("TrainingStall", "silent") in engine.firing()

        fleet.answer("127.0.0.2")
        goes_on(lambda: ("TrainwardenUnreachable", "127.0.0.2") in heard.told("resolved"))
        assert heard.told("resolved") == [("TrainwardenUnreachable", "127.0.0.2")]

        gone.discard("silent")
        goes_on(lambda: ("TrainingStall", "silent") in heard.told("resolved"))
        assert [each for each in heard.told("firing") if each[1] in ("well", "other")] == []
        assert len(heard.told("firing")) == len(set(heard.told("firing"))), heard.notices
        assert len(about_dead) >= 1

        # Every query of the dashboard is answered, with data.
        dashboard = json.loads(monitor("fleet", "print", "dashboard").out)
        with fleet.logs["well"].open("a") as log:
            log.write(f"step {fleet.step + 10} of 10000: loss 2.0, accuracy 0.7\n")
        queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
        for query in queries:
            plain = query.replace("$instance", ".*").replace("$run", ".*")
            has_happened(lambda plain=plain: engine.query(plain) != [])  # type: ignore[misc]
