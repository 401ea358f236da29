"""A watch with a state, driven turn by turn with a manual clock; it can be killed and started again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from monitor.alert import Alert
from monitor.engine.step import Engine
from monitor.live import lag_alert
from monitor.live.committer import Opened, open_committer
from monitor.live.daemon import Daemon
from monitor.live.follower import Follower
from monitor.pipeline import Pipeline
from monitor.rules import Rule
from monitor.sinks import Sink
from monitor.store import Saved
from monitor.tail import FileTail
from tests.cli.command import monitor
from tests.cli.logs import joined
from tests.cli.watching import SHIPPED, FakeClock, Heard


class Inbox:
    """A receiver that keeps what it is sent, and can be made to fail."""

    is_for_people = is_slow = False

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.error: Exception | None = None

    def send(self, alerts: Sequence[Alert]) -> None:
        if self.error is not None:
            raise self.error
        self.alerts += alerts


class Told(Heard):
    """Keeps everything that a watch tells, including its troubles and the history."""

    def __init__(self) -> None:
        super().__init__()
        self.troubles: list[str] = []
        self.history: list[Alert] = []

    def on_trouble(self, text: str) -> None:
        self.troubles.append(text)

    def on_history(self, alerts: Sequence[Alert], summary: Alert) -> None:
        self.history += alerts


class Kept:
    """A log, a state folder and, between `start` and `kill`, a daemon."""

    def __init__(self, folder: Path, *, rules: Sequence[Rule] = SHIPPED, tells_history: bool = True) -> None:
        self.log, self.state = folder / "run.log", folder / "state"
        self.rules, self.tells_history = rules, tells_history
        self.clock, self.heard, self.inbox = FakeClock(), Told(), Inbox()
        self.sinks: Mapping[str, Sink] = {"inbox": self.inbox}
        self.poll_bytes = 1 << 20
        self._opened: Opened | None = None

    @property
    def is_running(self) -> bool:
        """Whether it was started and not killed since."""
        return self._opened is not None

    def start(self) -> None:
        """Start the watch as ``monitor watch --state`` does."""
        opened = self._opened = open_committer(self.state, self.sinks)
        loaded = opened.committer.load(str(self.log))
        saved = loaded.saved
        engine = Engine(self.rules)
        self.pipeline = Pipeline(str(self.log), engine)
        if saved is not None:
            self.pipeline = Pipeline(
                str(self.log), engine, run=saved.run, states=saved.states, fired=saved.fired, history=saved.history
            )
        self.tail = FileTail(self.log, saved.position if saved else None, poll_bytes=self.poll_bytes)
        self.heard.troubles += [*opened.problems, *(alert.summary for alert in loaded.lost)]
        self.follower = Follower(
            self.pipeline,
            self.tail,
            self.clock,
            self.heard,
            opened.committer,
            saved=saved or Saved(is_resending=bool(opened.lost or loaded.lost)),
            tells_history=self.tells_history,
        )
        self.daemon = Daemon(
            [self.follower], self.clock, self.heard, opened.committer, report_every_s=60.0, until_end=False
        )

    def kill(self) -> None:
        """End it at once; uncommitted work is lost."""
        assert self._opened is not None
        self.follower.close()
        self._opened.committer.close()
        self._opened = None

    def end(self) -> None:
        """Stop it properly."""
        self.daemon.end()
        self.kill()

    def restart(self, *, after_s: float = 0.0) -> None:
        """Kill it, let time pass, start it again."""
        self.kill()
        self.clock.advance(after_s)
        self.start()

    def write(self, data: bytes | Iterable[bytes]) -> None:
        """Append bytes, or whole lines; the file's modification time is the clock's."""
        with self.log.open("ab") as file:
            file.write(data if isinstance(data, bytes) else joined(data))
        os.utime(self.log, (self.clock.wall(), self.clock.wall()))

    def turn(self, data: bytes | Iterable[bytes] = b"", *, after_s: float = 0.0) -> None:
        """Let time pass, then append data, then let the daemon turn once."""
        self.clock.advance(after_s)
        if data:
            self.write(data)
        self.daemon.turn()

    def facts(self) -> Path | None:
        """Return the facts file; None if there is none."""
        found = sorted(self.state.glob("*.facts.jsonl"))
        assert len(found) < 2
        return found[0] if found else None

    def live(self) -> list[dict[str, Any]]:
        """Return what was sent, as JSON, without alerts that the watch is late: minutes pass between its turns."""
        told = [alert for alert in self.inbox.alerts if alert.rule != lag_alert.RULE]
        return [json.loads(json.dumps(alert.to_json())) for alert in told]

    def replayed(self) -> list[dict[str, Any]]:
        """Return the alerts of a replay of the log and the facts with the same rules."""
        facts, names = self.facts(), {rule.alert for rule in self.rules}
        done = monitor("replay", self.log, "--json", *(["--facts", facts] if facts else []))
        return [alert for alert in done.objects() if alert["alert"] in names]
