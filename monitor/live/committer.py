"""What a watch keeps between its turns and beyond its end: commit first, then let the alerts out.

Without a state folder nothing outlives the process, and everything else is the same. One folder serves all logs of
a watch: what changed since the last commit goes into one transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from monitor.alert import Alert
from monitor.base.clock import Clock
from monitor.base.errors import StateError
from monitor.notify import Delivery, Paces, Silences, state_lost
from monitor.sinks import Sink
from monitor.snapshot import HISTORY_LIMIT
from monitor.store import Saved
from monitor.store.coders import UnknownState
from monitor.store.recording import Recording

if TYPE_CHECKING:
    from monitor.store.store import Store

COMMIT_S = 1.0
"""Least time between two commits while nothing fires; what was read since is read again after a kill."""
MOST_COMMITTING = 0.05
"""Share of the time that commits may take while nothing fires. Chosen by hand."""
LAST_WAIT_S = 10.0
"""How long the end of a watch waits for receivers that have not answered. Chosen by hand."""


class Keepable(Protocol):
    """One log, as far as what is known of it must be kept."""

    @property
    def log(self) -> str:
        """The log's name, as the user gave it."""
        ...

    @property
    def recording(self) -> Recording:
        """What is recorded of it beside the state."""
        ...

    @property
    def mark(self) -> object:
        """Another one when there is something new to keep."""
        ...

    def take_urgency(self) -> bool:
        """Whether a commit is wanted now; asked once."""
        ...

    def saved(self) -> Saved:
        """Return all that another process needs to go on from here."""
        ...


class Loaded(NamedTuple):
    """What a state folder knows of a log, or of all."""

    saved: Saved | None
    """The state to go on from; None where there is none that can be read."""
    lost: list[Alert]
    """Says that a state was there and is lost."""
    problems: list[str]
    """What a person should know, in words."""


class Committer:
    """Holds the outbox and, with a state folder, the store."""

    def __init__(self, delivery: Delivery, store: Store | None = None) -> None:
        self.delivery, self._store = delivery, store
        self._due_at = 0.0
        # By log: what the newest commit holds, what is new since, and who asks for a commit at once.
        self._marks: dict[str, object] = {}
        self._changed: dict[str, Keepable] = {}
        self._urgent: set[str] = set()
        self._is_hurried = self._is_troubled = False

    @property
    def directory(self) -> Path | None:
        """The state folder; None without one."""
        return None if self._store is None else self._store.directory

    def known_logs(self) -> set[str]:
        """Return the full names of the logs of which a state is kept."""
        return set() if self._store is None else self._store.logs()

    def load(self, log: str) -> Loaded:
        """Return what is known of a log from earlier."""
        if self._store is None:
            return Loaded(None, [], [])
        try:
            return Loaded(self._store.load(log), [], [])
        except UnknownState as error:
            self._store.forget_log(log)
            why = f"the state was written by another version ({error}); the log is read from its start"
            lost = [state_lost(log, str(self._store.directory), why)]
            self.add(lost)
            return Loaded(None, lost, [why])

    def forget(self, log: str) -> None:
        """Forget what is known of a log that cannot be resumed."""
        if self._store is not None:
            self._store.forget_log(log)

    def add(self, alerts: Sequence[Alert]) -> None:
        """Take alerts that have to go out."""
        self.delivery.add(alerts)

    def settle(self, clock: Clock, logs: Iterable[Keepable]) -> list[str]:
        """Commit if it is time to, then send what is due; return what went wrong or right again, in words.

        ``logs`` are those that may have changed.
        """
        said: list[str] = []
        for each in logs:
            is_urgent = each.take_urgency()
            each.recording.gather()
            if is_urgent:
                self._urgent.add(each.log)
            if is_urgent or self._is_hurried or self._marks.get(each.log) != each.mark:
                self._changed[each.log] = each
        if self._store is not None:
            now = clock.monotonic()
            if self._is_due(now):
                is_for_all = self._is_hurried or now >= self._due_at
                wanted = self._changed.keys() if is_for_all else self._urgent
                said += self._commit(self._store, clock, [self._changed[log] for log in list(wanted)])
        return said + self._send(clock)

    def finish(self, clock: Clock) -> list[str]:
        """Wait a last while for slow receivers; return what went wrong, in words."""
        said: list[str] = []
        until = clock.monotonic() + LAST_WAIT_S
        while self.delivery.is_busy and clock.monotonic() < until:
            said += self._send(clock, patience_s=0.2)
        waiting = {name: num for name, num in self.delivery.waiting_for.items() if num}
        kept = "they wait for the next watch" if self._store is not None else "they are lost"
        return said + [f"{name}: {num} alerts did not arrive; {kept}" for name, num in waiting.items()]

    def _send(self, clock: Clock, *, patience_s: float = 0.0) -> list[str]:
        """Send what is due and strike out what arrived."""
        errors = self.delivery.send(clock.monotonic(), clock.wall(), patience_s=patience_s)
        said = [str(error) for error in errors]
        settled, told = self.delivery.settled(), self.delivery.news()
        if self._store is not None and (settled or told):
            try:
                self._store.forget_parcels(settled, told)
            except StateError as error:
                self.delivery.unsettle(settled, told)
                said += self._trouble(self._store, error)
        return said

    def hurry(self) -> None:
        """Let the next commit and the next deliveries come at once, however often they failed."""
        self._due_at = 0.0
        self._is_hurried = True
        self.delivery.hurry()

    def close(self) -> None:
        """Let go of the state; what was not settled is not kept."""
        if self._store is not None:
            self._store.close()

    def _is_due(self, now: float) -> bool:
        if self._urgent or self._is_hurried or self.delivery.uncommitted():
            return not self._is_troubled or now >= self._due_at
        return bool(self._changed) and now >= self._due_at

    def _commit(self, store: Store, clock: Clock, logs: Sequence[Keepable]) -> list[str]:
        began = clock.monotonic()
        settled, told = self.delivery.settled(), self.delivery.news()
        try:
            marks, states = {}, {}
            for each in logs:
                marks[each.log] = each.mark
                saved = states[each.log] = each.saved()
                each.recording.write(saved)
            numbered = store.commit(states, self.delivery.uncommitted(), settled, told)
        except StateError as error:
            self.delivery.unsettle(settled, told)
            self._due_at = clock.monotonic() + COMMIT_S
            return self._trouble(store, error)
        self.delivery.committed(numbered)
        for log, mark in marks.items():
            self._marks[log] = mark
            del self._changed[log]
        self._urgent -= marks.keys()
        self._is_hurried = False
        ended = clock.monotonic()
        # A commit of what is urgent alone leaves the others waiting no longer.
        if not self._changed:
            self._due_at = ended + max(COMMIT_S, (ended - began) / MOST_COMMITTING)
        if not self._is_troubled:
            return []
        self._is_troubled = False
        return [f"{store.directory}: the state is written again"]

    def _trouble(self, store: Store, error: StateError) -> list[str]:
        if store.was_renewed():
            # What waits, and every log, was known to the old file alone.
            self.delivery.uncommit()
            self._marks.clear()
        self._is_troubled, is_news = True, not self._is_troubled
        return [f"{error}; the watch goes on, and what it knows is lost if it ends now"] if is_news else []


class Opened(NamedTuple):
    """A committer, and what it found."""

    committer: Committer
    lost: list[Alert]
    """Says that a state was there and is lost."""
    problems: list[str]
    """What a person should know, in words."""


def open_committer(directory: Path, sinks: Mapping[str, Sink], paces: Paces = Paces()) -> Opened:  # noqa: B008
    """Open a state folder. Raises StateError for one that cannot be used."""
    # SQLite is for those alone who keep a state.
    from monitor.store.store import Store

    store = Store(directory, history_limit=HISTORY_LIMIT)
    try:
        lost, problems = [], []
        if store.set_aside is not None:
            why = f"the state was damaged; it is kept as {store.set_aside}, and the log is read from its start"
            lost.append(state_lost(str(directory), str(store.set_aside), why))
            problems.append(why)
        try:
            left, told = store.parcels(), store.told()
        except UnknownState as error:
            store.forget_all()
            left, told = [], []
            why = f"the state was written by another version ({error}); the log is read from its start"
            lost.append(state_lost(str(directory), str(directory), why))
            problems.append(why)
        silences = Silences(directory)
        delivery = Delivery(
            sinks,
            left,
            told=told,
            paces=paces,
            is_silenced=lambda alert, wall: silences.covering(alert, wall) is not None,
        )
        if delivery.num_orphans:
            problems.append(f"{delivery.num_orphans} alerts were left for receivers that are not named now; dropped")
        delivery.add(lost)
        return Opened(Committer(delivery, store), lost, problems)
    except BaseException:
        store.close()
        raise
