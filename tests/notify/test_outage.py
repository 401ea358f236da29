"""A receiver is down for an hour while the watch is killed: every alert arrives, in order, once."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from monitor.alert import Alert, State
from monitor.base.errors import MonitorError, SinkError
from monitor.notify import Delivery, ended_by_start, reload_failed, unwatched
from monitor.notify.own_alerts import receiver_failed
from monitor.sinks import open_sinks
from monitor.store.store import Store
from tests.cli.logs import TROUBLED
from tests.notify.receivers import Web, alert, critical, free_port, until, web

WALL = 1_700_000_000.0


class Patchy:
    """A receiver that is down until told otherwise."""

    is_for_people, is_slow = False, False

    def __init__(self) -> None:
        self.is_down, self.got, self.num_tries = True, list[tuple[str, str, bool]](), 0

    def send(self, alerts: Sequence[Alert]) -> None:
        self.num_tries += 1
        if self.is_down:
            raise SinkError("patchy", "does not answer", permanent=False)
        self.got += [(each.id, each.state.value, each.resent) for each in alerts]


def opened(folder: Path, sink: Patchy) -> tuple[Store, Delivery]:
    store = Store(folder, history_limit=10)
    return store, Delivery({"patchy": sink}, store.parcels(), told=store.told())


def settle(store: Store, delivery: Delivery, passed_s: float) -> None:
    """Do what a turn of the watch does."""
    delivery.committed(store.commit({}, delivery.uncommitted()))
    delivery.send(passed_s, WALL + passed_s)
    store.forget_parcels(delivery.settled(), delivery.news())


def kill(store: Store) -> None:
    """Leave the store as a kill does: nothing is closed, and the lock is gone with the process."""
    store._lock.close()


def test_alerts_survive_an_hour_of_outage_and_repeated_kills(tmp_path: Path):
    sink, rng = Patchy(), random.Random(20251030)
    store, delivery = opened(tmp_path, sink)
    expected, passed_s = [], 0.0
    while passed_s < 3_600:
        if rng.random() < 0.05:
            each = alert(len(expected) + 1)
            expected.append(each.id)
            delivery.add([each])
        settle(store, delivery, passed_s)
        if rng.random() < 0.01:
            kill(store)
            store, delivery = opened(tmp_path, sink)
        passed_s += 5
    assert len(expected) > 20 and sink.got == []
    assert sink.num_tries < 200, "about one try every five minutes, apart from restarts"
    sink.is_down = False
    delivery.hurry()
    settle(store, delivery, passed_s)
    kill(store)
    store, delivery = opened(tmp_path, sink)
    settle(store, delivery, passed_s + 10)
    assert [name for name, _, _ in sink.got] == expected
    assert delivery.num_waiting == 0
    store.close()


def test_a_real_webhook_gets_each_alert_once_and_in_order_after_an_hour_of_outage(tmp_path: Path, port: int):
    """The state is reopened again and again, as after kills. The hour passes on a fake clock; the refusals are real."""
    url, rng = f"webhook:http://127.0.0.1:{port}/hook", random.Random(20251031)

    def anew() -> tuple[Store, Delivery]:
        store = Store(tmp_path, history_limit=10)
        return store, Delivery(open_sinks([url]).sinks, store.parcels(), told=store.told())

    def turn(passed_s: float) -> None:
        delivery.committed(store.commit({}, delivery.uncommitted()))
        delivery.send(passed_s, WALL + passed_s)
        while delivery.is_busy:
            delivery.send(passed_s, WALL + passed_s, patience_s=5)
        store.forget_parcels(delivery.settled(), delivery.news())

    store, delivery = anew()
    expected: list[str] = []
    for passed_s in range(0, 3_600, 30):
        if rng.random() < 0.3:
            expected.append(critical(len(expected) + 1).id)
            delivery.add([critical(len(expected))])
        turn(passed_s)
        if rng.random() < 0.05:
            kill(store)
            store, delivery = anew()
    assert len(expected) > 20
    with web(port) as server:
        server.plan = [500, "close"]
        for passed_s in range(3_600, 7_200, 30):
            turn(passed_s)
            if passed_s == 5_400:
                kill(store)
                store, delivery = anew()
        accepted = [request.json["alerts"] for request in server.got[2:]]
    assert [each["id"] for alerts in accepted for each in alerts] == expected
    assert all(each["resent"] for each in accepted[0]), "an alert that was tried before is marked"
    assert delivery.num_waiting == 0
    store.close()


def test_a_notice_is_repeated_on_time_even_after_a_kill(tmp_path: Path):
    sink = Patchy()
    sink.is_for_people, sink.is_down = True, False
    store, delivery = opened(tmp_path, sink)
    delivery.send(0.0, WALL)
    delivery.add([critical(1)])
    settle(store, delivery, 0.0)
    assert len(sink.got) == 1
    kill(store)
    store, delivery = opened(tmp_path, sink)
    settle(store, delivery, 14_399.0)
    assert len(sink.got) == 1
    settle(store, delivery, 14_400.0)
    assert sink.got[1:] == [(critical(1).id, "firing", True)]
    store.close()


@pytest.mark.parametrize("is_for_people", [True, False], ids=["people", "a machine"])
def test_a_new_watch_ends_the_own_alerts_of_an_earlier_one(tmp_path: Path, is_for_people: bool):
    sink = Patchy()
    sink.is_down, sink.is_for_people = False, is_for_people
    store, delivery = opened(tmp_path, sink)
    told = [
        unwatched("run-1", "it hung", WALL),
        reload_failed([MonitorError("rules.yaml:1", "is wrong")], WALL),
        receiver_failed("other", "does not answer", State.FIRING, began_at=WALL, at=WALL),
    ]
    delivery.add(told)
    settle(store, delivery, 0.0)
    kill(store)
    store, delivery = opened(tmp_path, sink)
    delivery.add(ended_by_start(delivery.still_firing, WALL + 400))
    settle(store, delivery, 400.0)
    assert len(sink.got) == 6
    assert [(name, state) for name, state, _ in sink.got[-3:]] == [
        (told[0].id, "resolved"),
        (told[1].id, "resolved"),
        (told[2].id, "closed"),
    ], "the receiver may still be failing"
    assert ended_by_start(delivery.still_firing, WALL + 401) == []
    store.close()


# ---- a real watch, killed for real


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "run.log"


@pytest.fixture
def port() -> int:
    return free_port()


class Watch:
    def __init__(self, log: Path, state: Path, url: str) -> None:
        options = ["--state", str(state), "--sink", "webhook:env:HOOK", "--notify-history"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "monitor", "watch", str(log), *options],
            env={**os.environ, "HOOK": url},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def test_a_watch_killed_during_an_outage_delivers_everything_afterwards(log: Path, tmp_path: Path, port: int):
    log.write_text("")
    state, url = tmp_path / "state", f"http://127.0.0.1:{port}/hook"
    watch = Watch(log, state, url)
    lines = [line + b"\n" for line in TROUBLED]
    half = len(lines) // 2
    with log.open("ab") as file:
        file.writelines(lines[:half])
        file.flush()
        until(lambda: (state / "state.db").exists())
        watch.kill()
        watch = Watch(log, state, url)
        file.writelines(lines[half:])
    expected = replayed(log)
    watch.kill()
    with web(port) as server:
        server.plan = [500, "close"]
        watch = Watch(log, state, url)
        until(lambda: {each["id"] for each in told(server)} >= critical_ids(expected), 60)
        watch.process.send_signal(signal.SIGTERM)
        watch.process.communicate(timeout=30)
        assert watch.process.returncode == 0
        got = told(server)
    assert {each["id"] for each in got} <= {each["id"] for each in expected}
    newest = {each["id"]: each["state"] for each in got}
    final = {each["id"]: each["state"] for each in expected}
    assert newest == {name: final[name] for name in newest}, "each was told its final state"


def replayed(log: Path) -> list[dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "-m", "monitor", "replay", str(log), "--json"], capture_output=True, text=True, check=False
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert found
    return found


def told(server: Web) -> list[dict[str, object]]:
    return [each for request in list(server.got) for each in request.json["alerts"]]


def critical_ids(alerts: list[dict[str, object]]) -> set[object]:
    return {
        each["id"]
        for each in alerts
        if each["severity"] == "critical" and each["state"] == "firing" and "inhibited_by" not in each
    }
