"""State folders as watches leave them, made within this process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from monitor.base.clock import SystemClock
from monitor.engine.step import Engine
from monitor.live.committer import Committer
from monitor.live.follower import Follower
from monitor.notify import Delivery
from monitor.pipeline import Pipeline
from monitor.rules import load_rules
from monitor.rules.choice import rule_files
from monitor.snapshot import HISTORY_LIMIT
from monitor.store.store import Store
from monitor.tail import file_tail
from tests.cli.watching import Heard

RULES = load_rules(rule_files(()))
NAN = "step 400: loss nan\n"
RULE = "TrainLossNonfinite"


def steps(first: int, last: int) -> str:
    """Return the lines of a training that goes well."""
    return "".join(f"step {step}: loss {3 - step / 500:.4f}\n" for step in range(first, last, 10))


class Watch:
    """A watch whose turns the test makes; it holds the state folder until `close`."""

    def __init__(self, state: Path, logs: Sequence[Path]) -> None:
        self._clock = clock = SystemClock()
        self._committer = Committer(Delivery({}), Store(state, history_limit=HISTORY_LIMIT))
        self._followers = [
            Follower(Pipeline(str(log), Engine(RULES)), file_tail(log), clock, Heard(), self._committer) for log in logs
        ]
        self.turn()

    def turn(self) -> None:
        """Read what is new, and commit it."""
        for each in self._followers:
            each.poll()
            while each.tail.is_behind:
                each.poll()
        self._committer.hurry()
        assert self._committer.settle(self._clock, self._followers) == []

    def close(self) -> None:
        """Let go of the logs and of the state."""
        for each in self._followers:
            each.close()
        self._committer.close()


def logs_in(folder: Path, texts: Iterable[tuple[str, str]]) -> list[Path]:
    """Write logs, each in a folder of its own."""
    found = []
    for name, text in texts:
        log = folder / name / "train.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(text)
        found.append(log)
    return found
