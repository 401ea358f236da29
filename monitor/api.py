"""The public Python interface: read a log to its end, or follow one; what is known comes as typed objects.

    from monitor import api

    log = api.read("train.log")
    print(log.exit_code, log.values.loss, [alert.summary for alert in log.alerts])

Names in this module keep their meaning between versions; other modules of `monitor` may change without notice.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.alert import Alert, Severity, State
from monitor.base.clock import Clock, SystemClock
from monitor.base.errors import MonitorError
from monitor.base.evidence import Evidence
from monitor.conditions import Background, Reading
from monitor.engine.step import Engine
from monitor.pipeline import Pipeline, is_blind
from monitor.reader.dialects.choice import LineChoice, dialects_of
from monitor.replay import Progress, replay
from monitor.rules import Rule
from monitor.rules.choice import RuleChoice
from monitor.run.ended import End, Ended
from monitor.run.last_values import LastValues, last_values
from monitor.run.run import Run
from monitor.run.sources import Source, companions
from monitor.snapshot import Snapshot, first_shown, with_sources
from monitor.tail import RecordTail, file_tail
from monitor.tail.logset import full_name
from monitor.tail.opening import holds_records

if TYPE_CHECKING:
    from monitor.live.collected import Collected
    from monitor.live.follower import Follower

__all__ = [
    "Alert",
    "End",
    "Ended",
    "Evidence",
    "Followed",
    "LastValues",
    "Log",
    "MonitorError",
    "Reading",
    "Rule",
    "Settings",
    "Severity",
    "Snapshot",
    "State",
    "follow",
    "one_run_each",
    "read",
]


@dataclass(frozen=True)
class Settings:
    """How logs are read and judged; the default is what `monitor check LOG` does."""

    rules: tuple[Path, ...] = ()
    """Rule files, or folders of them, on top of the shipped rules; a rule of the same name replaces."""
    changes: tuple[str, ...] = ()
    """Changes of single rules: ``RULE.level=VALUE``, or another field."""
    disabled: tuple[str, ...] = ()
    """Names of rules that are switched off."""
    dialect: str | None = None
    """The only dialect to read: a name or a file. None detects it from the log."""
    time_zone: str | None = None
    """Zone of times that name none, such as ``Europe/Berlin``. None means UTC."""

    def engine(self, background: Background | None = None) -> Engine:
        """Load the rules. Raises MonitorError for any mistake in them."""
        choice = RuleChoice(self.rules, self.changes, self.disabled)
        return Engine(choice.rules(), background, dialects_of(LineChoice(self.dialect, self.time_zone)))


@dataclass(frozen=True)
class Log:
    """What is known of one log."""

    snapshot: Snapshot
    """The run, and what each rule answers about it."""
    transitions: tuple[Alert, ...]
    """Everything that changed, in order: an alert appears once for each state that it was in."""
    is_blind: bool
    """Whether too little could be read to judge the run: an empty list of alerts then proves nothing."""
    host: str
    """The machine that read the log."""
    fired_earlier: bool = False
    """Whether an alert at warning or above fired, even if none of the transitions kept tells."""

    @property
    def path(self) -> str:
        """The log, as it was named."""
        return self.snapshot.log

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """Every alert that ever fired, in its last state, in the order in which they first fired."""
        last = {(alert.key, alert.id): alert for alert in self.transitions if alert.state is not State.PENDING}
        return tuple(last.values())

    @property
    def values(self) -> LastValues:
        """The last value of everything that was read."""
        return last_values(self.snapshot.run)

    @property
    def end(self) -> End:
        """How the run ended, with its cause and evidence."""
        return self.snapshot.end

    @property
    def has_fired(self) -> bool:
        """Whether an alert at warning or above fired that no other one explains."""
        fired = (alert for alert in self.transitions if alert.state is State.FIRING)
        return self.fired_earlier or any(alert.severity.is_alarming and not alert.inhibited_by for alert in fired)

    @property
    def exit_code(self) -> int:
        """1 where something fired at warning or above, 3 where too little could be read to judge, else 0."""
        return 1 if self.has_fired else 3 if self.is_blind else 0


def read(
    log: str | Path,
    settings: Settings = Settings(),
    *,
    name: str | None = None,
    progress: Progress | None = None,
) -> Log:
    """Read a log to its end: a file, a gzip file, or ``-`` for standard input. Raises MonitorError.

    ``name`` is the path under which it was written, if it was copied since: ids of runs depend on it.
    """
    pipeline = Pipeline(str(log), settings.engine(), run=Run(log=full_name(name) if name else ""))
    transitions = replay(pipeline, progress=progress)
    return _log_of(pipeline, transitions, pipeline.snapshot(pipeline.run.now, is_following=False))


def one_run_each(logs: Sequence[Log]) -> list[Log]:
    """Put logs of one run together: a text log, and the files of figures that its trainer wrote as well.

    What they show is that of the text log, and of the other files what only they show.
    """
    main_of = companions(Source(each.path, each.snapshot.run) for each in logs)
    found = []
    for log in logs:
        if log.path in main_of:
            continue
        others = [each for each in logs if main_of.get(each.path) == log.path]
        found.append(
            replace(
                log,
                snapshot=with_sources(log.snapshot, [each.snapshot for each in others]),
                transitions=first_shown([log.transitions, *(each.transitions for each in others)]),
                is_blind=all(each.is_blind for each in (log, *others)),
            )
        )
    return found


class Followed:
    """A log that is being written. Holds the file open until `follow` ends."""

    def __init__(self, follower: Follower, transitions: Collected) -> None:
        """Use `follow`."""
        self._follower, self._new = follower, transitions
        self._transitions: list[Alert] = []

    def poll(self) -> list[Alert]:
        """Read what is new, let silence count, and return the transitions since the last call. Never waits."""
        self._follower.poll()
        while self._follower.tail.is_behind:
            self._follower.poll()
        found = self._new.take()
        self._transitions += found
        return found

    @property
    def is_over(self) -> bool:
        """Whether the log says that its run has ended, and is read to its end."""
        return self._follower.is_over

    @property
    def log(self) -> Log:
        """What is known now."""
        return _log_of(self._follower.pipeline, self._transitions, self._follower.snapshot())


@contextmanager
def follow(
    log: str | Path,
    settings: Settings = Settings(),
    *,
    clock: Clock | None = None,
) -> Iterator[Followed]:
    """Follow a log through rotation and truncation; nothing is stored and no one is notified. Raises MonitorError.

    with api.follow("train.log") as followed:
        while not followed.is_over:
            for alert in followed.poll():
                print(alert.summary)
            time.sleep(1)
    """
    # Following needs the store and the outbox, which reading a log to its end does not.
    from monitor.live.collected import Collected
    from monitor.live.committer import Committer
    from monitor.live.follower import Follower
    from monitor.notify import Delivery

    transitions = Collected()
    pipeline = Pipeline(str(log), settings.engine())
    tail = RecordTail(str(log)) if holds_records(Path(log)) else file_tail(Path(log))
    follower = Follower(pipeline, tail, clock or SystemClock(), transitions, Committer(Delivery({})))
    try:
        yield Followed(follower, transitions)
    finally:
        follower.close()


def _log_of(pipeline: Pipeline, transitions: Iterable[Alert], snapshot: Snapshot) -> Log:
    return Log(snapshot, tuple(transitions), is_blind(pipeline), socket.gethostname())
