"""What makes an alert come soon, without a clock: events end the wait, and without them no wait is longer than a poll.

How long it takes in seconds is measured by ``tests/benchmarks/bench_latency.py``.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import cast

import pytest

from monitor.alert import Alert
from monitor.base.clock import SystemClock
from monitor.engine.step import Engine
from monitor.live import daemon
from monitor.live.committer import Committer
from monitor.live.daemon import POLL_S, Daemon
from monitor.live.follower import Follower
from monitor.live.listener import Listener
from monitor.notify import Delivery
from monitor.pipeline import Pipeline
from monitor.tail import FileTail, Waker
from tests.cli.command import LIMIT_S
from tests.cli.watching import SHIPPED, ByHand, Watching
from tests.lines import at, train

NOT_A_NUMBER = [at(step, train(step, loss=float("nan"))) + b"\n" for step in range(3)]


class Told(Listener):
    """Lets a test wait for the next alert."""

    def __init__(self) -> None:
        self.alert = threading.Event()

    def on_alerts(self, alerts: list[Alert]) -> None:
        self.alert.set()


def test_an_event_ends_the_wait_so_that_an_alert_needs_no_tick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tick is an hour away: only events can bring the alert within the test's limit."""
    monkeypatch.setattr(daemon, "POLL_S", 3600.0)
    log = tmp_path / "run.log"
    log.touch()
    told = Told()
    pipeline = Pipeline(str(log), Engine(SHIPPED))
    with FileTail(log) as tail, Waker([log]) as waker:
        if waker.polled:
            pytest.skip(f"no file events here: {waker.mode}")
        clock, committer = SystemClock(), Committer(Delivery({}))
        follower = Follower(pipeline, tail, clock, told, committer)
        watch = Daemon([follower], clock, told, committer, report_every_s=3600.0, until_end=False)
        thread = threading.Thread(target=watch.run, args=(waker,))
        thread.start()
        try:
            with log.open("ab", buffering=0) as writer:
                for line in NOT_A_NUMBER:
                    writer.write(line)
            assert told.alert.wait(LIMIT_S)
        finally:
            watch.stop()
            thread.join(LIMIT_S)


class Waits(ByHand):
    """A fake waker without events: notes the longest wait it was given, then lets a line be written."""

    def __init__(self, watching: Watching, lines: list[bytes]) -> None:
        self._watching, self._lines = watching, list(lines)
        self.timeouts_s: list[float] = []

    def wait(self, timeout_s: float) -> bool:
        self.timeouts_s.append(timeout_s)
        self._watching.clock.advance(timeout_s)
        if self._lines:
            self._watching.write(self._lines.pop(0))
        else:
            self._watching.daemon.stop()
        return False


def test_with_polling_only_each_line_is_printed_at_the_next_poll(tmp_path: Path) -> None:
    watching = Watching(tmp_path / "run.log")
    waits = Waits(watching, NOT_A_NUMBER)
    with watching.tail:
        watching.daemon.run(cast(Waker, waits))
    assert len(waits.timeouts_s) == len(NOT_A_NUMBER) + 1
    assert max(waits.timeouts_s) <= POLL_S
    assert "TrainLossNonfinite" in {alert.rule for alert in watching.heard.alerts}


def test_a_backlog_is_read_without_a_wait(tmp_path: Path) -> None:
    watching = Watching(tmp_path / "run.log", poll_bytes=50)
    watching.write(b"".join(NOT_A_NUMBER))
    waits = Waits(watching, [])
    with watching.tail:
        watching.daemon.run(cast(Waker, waits))
    assert len(waits.timeouts_s) == 1
    assert watching.pipeline.run.lines == len(NOT_A_NUMBER)
