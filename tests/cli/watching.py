"""A live watch driven by hand: real files, a clock that moves only when told to."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from monitor.alert import Alert
from monitor.engine.step import Engine
from monitor.live.committer import Committer
from monitor.live.daemon import POLL_S, Daemon
from monitor.live.follower import Follower
from monitor.live.listener import Listener
from monitor.notify import Delivery
from monitor.pipeline import Pipeline
from monitor.reader.event import Event
from monitor.rules import Rule, load_rules
from monitor.snapshot import Snapshot
from monitor.tail import FileTail
from monitor.tail.source import Notice
from tests.cli.logs import joined
from tests.lines import START, story

SHIPPED = load_rules(sorted((Path(__file__).parents[2] / "rules").glob("*.yaml")))


class FakeClock:
    """Both clocks of a machine. Its time of day has nothing to do with the log's."""

    def __init__(self) -> None:
        self.day, self.passed = 2_000_000_000.0, 50.0

    def wall(self) -> float:
        return self.day

    def monotonic(self) -> float:
        return self.passed

    def advance(self, seconds: float) -> None:
        self.day += seconds
        self.passed += seconds


class Heard(Listener):
    """Keeps what a watch tells."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.alerts: list[Alert] = []
        self.notices: list[Notice] = []
        self.abandoned: list[float] = []
        self.pages: list[Snapshot] = []

    def on_event(self, event: Event) -> None:
        self.events.append(event)

    def on_alerts(self, alerts: list[Alert]) -> None:
        assert alerts, "alerts that changed, at least one"
        self.alerts += alerts

    def on_notice(self, notice: Notice) -> None:
        self.notices.append(notice)

    def on_abandoned(self, age_s: float) -> None:
        self.abandoned.append(age_s)

    def on_report_due(self, snapshot: Snapshot) -> None:
        self.pages.append(snapshot)


class ByHand:
    """A fake waker without events; a subclass decides what happens during a wait."""

    def wake(self) -> None:
        """End the present wait: there is none."""

    def add(self, path: Path) -> None:
        """Take note of nothing."""

    def why_polled(self, path: Path) -> str:
        return "no events in this test"

    def take_changed(self) -> None:
        """Any log may have changed."""


class Watching:
    """A log, a daemon that follows it, and what it said."""

    def __init__(
        self,
        log: Path,
        *,
        rules: Sequence[Rule] = SHIPPED,
        report_every_s: float = 60.0,
        until_end: bool = False,
        poll_bytes: int = 1 << 20,
    ) -> None:
        self.log, self.clock, self.heard = log, FakeClock(), Heard()
        self.tail = FileTail(log, poll_bytes=poll_bytes)
        self.pipeline = Pipeline(str(log), Engine(rules))
        committer = Committer(Delivery({}))
        self.follower = Follower(self.pipeline, self.tail, self.clock, self.heard, committer)
        self.daemon = Daemon(
            [self.follower], self.clock, self.heard, committer, report_every_s=report_every_s, until_end=until_end
        )

    def write(self, data: bytes | Iterable[bytes], *, age_s: float = 0.0) -> None:
        """Append bytes, or whole lines, so many seconds ago."""
        with self.log.open("ab") as file:
            file.write(data if isinstance(data, bytes) else joined(data))
        changed = self.clock.wall() - age_s
        os.utime(self.log, (changed, changed))

    def turn(self, data: bytes | Iterable[bytes] = b"", *, after_s: float = 0.0) -> None:
        """Let time pass, then something be written, then the daemon look once."""
        self.clock.advance(after_s)
        if data:
            self.write(data)
        self.daemon.turn()

    def rest(self, seconds: int) -> None:
        """Let time pass with a look every `POLL_S`, as a daemon does that nothing wakes."""
        for _ in range(int(seconds / POLL_S)):
            self.turn(after_s=POLL_S)

    def stalls(self) -> list[tuple[str, float | None]]:
        """Return the life of the stall alert: state, seconds after `START`."""
        return [(state, at) for rule, state, at in story(self.heard.alerts) if rule == "TrainingStall"]

    def run_time(self) -> float | None:
        """Return the run's present time, in seconds after `START`."""
        now = self.follower.now()
        return None if now is None else now - START
