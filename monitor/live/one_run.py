"""Several files of one run in one watch: each fault is told once, and only silence of all of them is a silence.

Each file is judged by itself, so a replay of it gives the same history. What differs is what receivers hear: the first
file that shows a fault tells it, the last one that shows it ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from monitor.alert import Alert, State
from monitor.reader.signals import Labels
from monitor.run.run import Run
from monitor.run.sources import Known, Source, companions
from monitor.tail.logset import is_record_file

REFRESH_S = 5.0
"""How often it is looked anew which files are of one run, and how often one of them proves that another one's run is
alive: rules on silence do not need it more often. Chosen by hand, 2026-11."""


class Member(Protocol):
    """One file of a watch."""

    @property
    def log(self) -> str:
        """The log's name."""
        ...

    @property
    def run(self) -> Run:
        """What is known of its run."""
        ...

    @property
    def num_bytes(self) -> int:
        """Bytes read by this watch."""
        ...

    @property
    def firing(self) -> list[Alert]:
        """Its alerts that fire."""
        ...

    @property
    def history(self) -> Sequence[Alert]:
        """Its newest transitions."""
        ...

    @property
    def has_caught_up(self) -> bool:
        """Whether everything that was there when the watch began has been read."""
        ...

    def hear_of(self, *, has_moved: bool) -> None:
        """Take note that another file of the run grew, and whether it showed a further step."""
        ...


class _Fault(NamedTuple):
    main: str
    fault: str
    labels: Labels


class _Told(NamedTuple):
    by: str
    """The log that showed it, or that still shows it."""
    alert: Alert
    """As it was told."""


class OneRun:
    """Knows which files of a watch are of one run."""

    def __init__(self, told: Callable[[], Iterable[Alert]] = tuple) -> None:
        """``told`` returns the alerts that receivers know to be firing: those of an earlier watch."""
        self._told_before = told
        self._members: dict[str, Member] = {}
        self._main: dict[str, str] = {}
        self._known: Known = {}
        self._told: dict[_Fault, _Told] = {}
        self._due_at = self._heard_at = 0.0
        self._seen: dict[str, tuple[int, int | None]] = {}
        self._grown: dict[str, bool] = {}
        self._has_records = False

    def add(self, member: Member) -> None:
        """Take a further file into account."""
        self._members[member.log] = member
        self._has_records |= is_record_file(member.log)
        self._due_at = 0.0

    def main_of(self, log: str) -> str | None:
        """Return the file that shows the run of this one first; None if it does so itself."""
        return self._main.get(log)

    def main(self, log: str) -> Member | None:
        """Return the member of `main_of`."""
        return self._members.get(self._main.get(log, ""))

    def others_of(self, log: str) -> list[Member]:
        """Return the other files of a file's run; ``log`` is the one that shows it first."""
        return [self._members[each] for each, main in self._main.items() if main == log]

    def must_wait(self, log: str) -> bool:
        """Whether a file of records has to wait for text logs, to know which of its history they tell as well."""
        texts = (each for each in self._members.values() if not is_record_file(each.log))
        return is_record_file(log) and not all(each.has_caught_up for each in texts)

    def untold(self, log: str, history: Sequence[Alert]) -> list[Alert]:
        """Return what only this file of its run shows of its history."""
        if not self._has_records:
            return list(history)
        self.look()
        told = {(each.fault, each.labels) for other in self._others(log) for each in other.history}
        return [each for each in history if (each.fault, each.labels) not in told]

    def turn(self, now: float) -> None:
        """Look which files grew since the last turn; ``now`` is monotonic time in seconds."""
        if not self._has_records:
            return
        if now >= self._due_at:
            self._due_at = now + REFRESH_S
            self.look()
        for log, main in self._main.items():
            member = self._members[log]
            seen = (member.num_bytes, member.run.attempt.step)
            before = self._seen.get(log)
            self._seen[log] = seen
            if before is not None and seen[0] > before[0]:
                has_moved = seen[1] is not None and seen[1] > (before[1] or 0)
                self._grown[main] = self._grown.get(main, False) or has_moved
        if now - self._heard_at >= REFRESH_S and self._grown:
            grown, self._grown, self._heard_at = self._grown, {}, now
            for log, has_moved in grown.items():
                if log in self._members:
                    self._members[log].hear_of(has_moved=has_moved)

    def look(self) -> None:
        """Decide anew which files are of one run."""
        self._main = companions((Source(each.log, each.run) for each in self._members.values()), self._known)

    def admit(self, log: str, transitions: Sequence[Alert]) -> list[Alert]:
        """Return what receivers are told of a file's transitions."""
        if not self._has_records:
            return list(transitions)
        self.look()
        others = self._others(log)
        if not others:
            return list(transitions)
        main = self._main.get(log, log)
        return [told for each in transitions if (told := self._admitted(main, log, each, others)) is not None]

    def _others(self, log: str) -> list[Member]:
        main = self._main.get(log, log)
        return [each for each in (self._members[main], *self.others_of(main)) if each.log != log]

    def _admitted(self, main: str, log: str, alert: Alert, others: Sequence[Member]) -> Alert | None:
        if alert.inhibited_by or alert.state is State.PENDING:
            return alert
        fault = _Fault(main, alert.fault, alert.labels)
        alike = [(each.log, known) for each in others for known in each.firing if _is_alike(known, alert)]
        told = self._told.get(fault) or self._told_by(alike)
        if alert.state is State.FIRING:
            if told is not None and told.by != log and alike and told.alert.severity.rank >= alert.severity.rank:
                self._told[fault] = told
                return None
            self._told[fault] = _Told(log, alert)
            return alert
        if told is None or (told.by != log and told.alert.id != alert.id):
            return alert if not alike else None
        if alike:
            # The other file still shows it.
            self._told[fault] = _Told(alike[0][0], told.alert)
            return None
        self._told.pop(fault, None)
        if told.alert.id == alert.id:
            return alert
        return told.alert.ended(alert.state, alert.at, alert.reason)

    def _told_by(self, alike: Sequence[tuple[str, Alert]]) -> _Told | None:
        """Return the one of these alerts that receivers were told, perhaps by an earlier watch."""
        if not alike:
            return None
        before = {each.id for each in self._told_before()}
        log, alert = next((each for each in alike if each[1].id in before), alike[0])
        return _Told(log, alert)


def _is_alike(one: Alert, other: Alert) -> bool:
    return one.fault == other.fault and one.labels == other.labels and not one.inhibited_by
