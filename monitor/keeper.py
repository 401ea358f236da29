"""What a watch keeps between its turns and beyond its end: commit first, then let the alerts out.

Without a state folder nothing outlives the process, and everything else is the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from monitor.alerts import Alert
from monitor.clock import Clock
from monitor.errors import StateError
from monitor.facts import Fact, FactsFile, Kind, Recorder
from monitor.notify import Delivery, state_lost
from monitor.sinks import Sink
from monitor.statecodec import UnknownState
from monitor.store import Saved
from monitor.watcher import HISTORY_LIMIT

if TYPE_CHECKING:
    from monitor.store.store import Store

COMMIT_S = 1.0
"""Least time between two commits while nothing fires; what was read since is read again after a kill."""
MOST_COMMITTING = 0.05
"""Share of the time that commits may take while nothing fires. Chosen by hand."""


class Opened(NamedTuple):
    """A keeper, and what it found."""

    keeper: Keeper
    saved: Saved | None
    """The state to go on from; None where there is none that can be read."""
    lost: list[Alert]
    """Says that a state was there and is lost."""
    problems: list[str]
    """What a person should know, in words."""


class Keeper:
    """Holds the outbox and, with a state folder, the store and the recorded facts."""

    def __init__(self, delivery: Delivery, store: Store | None = None, saved: Saved | None = None) -> None:
        self._delivery, self._store = delivery, store
        self._facts: FactsFile | None = None
        self._unwritten: list[Fact] = []
        self._facts_file, self._facts_bytes = (saved.facts_file, saved.facts_bytes) if saved else ("", 0)
        if store is not None and self._facts_file:
            self._facts = _open_facts(store.directory / self._facts_file, self._facts_bytes)
        self.recorder = Recorder(_heard_last(saved) if saved else None)
        self._due_at = 0.0
        self._mark: object = None
        self._is_urgent = self._is_troubled = False

    def add(self, alerts: Sequence[Alert]) -> None:
        """Take alerts that have to go out."""
        self._delivery.add(alerts)

    def settle(self, clock: Clock, state: Callable[[], Saved], *, mark: object, is_urgent: bool) -> list[str]:
        """Commit if it is time to, then send what is due; return what went wrong or right again, in words.

        ``state`` makes what is to be committed. ``mark`` is another one when that has changed; ``is_urgent`` asks for a
        commit now.
        """
        said: list[str] = []
        facts = self.recorder.take()
        if self._store is not None:
            self._unwritten += facts
            self._is_urgent |= is_urgent
            if self._is_due(clock.monotonic(), mark):
                said += self._commit(self._store, clock, state(), mark)
        said += [str(error) for error in self._delivery.send(clock.monotonic())]
        if self._store is not None and (settled := self._delivery.settled()):
            try:
                self._store.forget_parcels(settled)
            except StateError as error:
                self._delivery.unsettle(settled)
                said += self._trouble(self._store, error)
        return said

    def hurry(self) -> None:
        """Let the next commit and the next deliveries come at once, however often they failed."""
        self._due_at = 0.0
        self._is_urgent = True
        self._delivery.hurry()

    def close(self) -> None:
        """Let go of the files; what was not settled is not kept."""
        if self._facts is not None:
            self._facts.close()
        if self._store is not None:
            self._store.close()

    def _is_due(self, now: float, mark: object) -> bool:
        if self._is_urgent or self._delivery.uncommitted():
            return not self._is_troubled or now >= self._due_at
        return mark != self._mark and now >= self._due_at

    def _commit(self, store: Store, clock: Clock, saved: Saved, mark: object) -> list[str]:
        began = clock.monotonic()
        settled = self._delivery.settled()
        try:
            self._write_facts(store, saved)
            saved.facts_file, saved.facts_bytes = self._facts_file, self._facts_bytes
            saved.holds_heard = self.recorder.is_holding
            numbered = store.commit(saved, self._delivery.uncommitted(), settled)
        except StateError as error:
            self._delivery.unsettle(settled)
            self._due_at = clock.monotonic() + COMMIT_S
            return self._trouble(store, error)
        self._delivery.committed(numbered)
        self._mark, self._is_urgent = mark, False
        ended = clock.monotonic()
        self._due_at = ended + max(COMMIT_S, (ended - began) / MOST_COMMITTING)
        if not self._is_troubled:
            return []
        self._is_troubled = False
        return [f"{store.directory}: the state is written again"]

    def _trouble(self, store: Store, error: StateError) -> list[str]:
        if store.was_renewed():
            # What waits was known to the old file alone.
            self._delivery.uncommit()
        self._is_troubled, is_news = True, not self._is_troubled
        return [f"{error}; the watch goes on, and what it knows is lost if it ends now"] if is_news else []

    def _write_facts(self, store: Store, saved: Saved) -> None:
        if not self._unwritten:
            return
        if not self._facts_file:
            self._facts_file = _free_name(store.directory, saved.run.id or "run")
        if self._facts is None:
            self._facts = _open_facts(store.directory / self._facts_file, self._facts_bytes)
        try:
            self._facts_bytes = self._facts.append(self._unwritten)
        except OSError as error:
            raise _facts_trouble(self._facts.path, error) from None
        self._unwritten = []


def open_keeper(directory: Path, log: Path, sinks: Mapping[str, Sink]) -> Opened:
    """Open a state folder for a log. Raises StateError for one that cannot be used."""
    # SQLite is for those alone who keep a state.
    from monitor.store.store import Store

    store = Store(directory, str(log), history_limit=HISTORY_LIMIT)
    try:
        lost, problems = [], []
        if store.set_aside is not None:
            why = f"the state was damaged; it is kept as {store.set_aside}, and the log is read from its start"
            lost.append(state_lost(str(log), str(store.set_aside), why))
            problems.append(why)
        try:
            saved, left = store.load(), store.parcels()
        except UnknownState as error:
            store.forget_log()
            saved, left = None, []
            why = f"the state was written by another version ({error}); the log is read from its start"
            lost.append(state_lost(str(log), str(directory), why))
            problems.append(why)
        delivery = Delivery(sinks, left)
        if delivery.num_orphans:
            problems.append(f"{delivery.num_orphans} alerts were left for receivers that are not named now; dropped")
        delivery.add(lost)
        return Opened(Keeper(delivery, store, saved), saved, lost, problems)
    except BaseException:
        store.close()
        raise


def _open_facts(path: Path, keep_bytes: int) -> FactsFile:
    try:
        return FactsFile(path, keep_bytes)
    except OSError as error:
        raise _facts_trouble(path, error) from None


def _facts_trouble(path: Path, error: OSError) -> StateError:
    return StateError(str(path), f"cannot be written ({error.strerror})", expected="room on its disk")


def _heard_last(saved: Saved) -> Fact | None:
    heard_at = saved.run.heard_at
    if heard_at is None or not saved.holds_heard:
        return None
    return Fact(Kind.HEARD, saved.run.lines, heard_at)


def _free_name(directory: Path, run: str) -> str:
    """Return a file name for a run that no other run of this folder has."""
    stem = re.sub(r"[^\w.-]", "_", run)[:80].lstrip(".") or "run"
    name, number = f"{stem}.facts.jsonl", 1
    while (directory / name).exists():
        number += 1
        name = f"{stem}-{number}.facts.jsonl"
    return name
