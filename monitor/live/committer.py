"""Commits a watch's state, then sends its alerts.

Without a state folder nothing outlives the process; everything else is the same. One folder serves all logs of a
watch: everything that changed since the last commit goes into one transaction.
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
"""Shortest time between two commits while nothing fires; output read since is read again after a kill."""
MOST_COMMITTING = 0.05
"""Largest share of the time spent on commits while nothing fires. Chosen by hand."""
LAST_WAIT_S = 10.0
"""How long the end of a watch waits for receivers that still have to answer. Chosen by hand."""


class Committable(Protocol):
    """One log with state to commit."""

    @property
    def log(self) -> str:
        """The log's name, as the user gave it."""
        ...

    @property
    def recording(self) -> Recording:
        """The facts recorded for replay, as well as the state."""
        ...

    @property
    def version(self) -> object:
        """A value that changes whenever there is something new to store."""
        ...

    def take_urgency(self) -> bool:
        """Return whether a commit is wanted now, and reset that wish."""
        ...

    def saved(self) -> Saved:
        """Return all that another process needs to continue from here."""
        ...


class Loaded(NamedTuple):
    """The stored state of one log."""

    saved: Saved | None
    """The state to continue from; None if there is none that can be read."""
    lost: list[Alert]
    """Alerts that a stored state was lost."""


class Committer:
    """Holds the outbox and, with a state folder, the store."""

    def __init__(self, delivery: Delivery, store: Store | None = None) -> None:
        self.delivery, self._store = delivery, store
        self._due_at = 0.0
        # By log: the version in its newest commit, logs changed since, and logs that need a commit at once.
        self._versions: dict[str, object] = {}
        self._changed: dict[str, Committable] = {}
        self._urgent: set[str] = set()
        self._is_hurried = self._is_troubled = False

    @property
    def directory(self) -> Path | None:
        """The state folder, if any."""
        return None if self._store is None else self._store.directory

    def known_logs(self) -> set[str]:
        """Return the full names of the logs that have a stored state."""
        return set() if self._store is None else self._store.logs()

    def load(self, log: str) -> Loaded:
        """Return the stored state of a log."""
        if self._store is None:
            return Loaded(None, [])
        try:
            return Loaded(self._store.load(log), [])
        except UnknownState as error:
            self._store.forget_log(log)
            lost = [_written_by_another_version(log, self._store, error)]
            self.add(lost)
            return Loaded(None, lost)

    def generation_of(self, log: str, *, is_state_lost: bool) -> int:
        """Return how many runs began in a log of that path before one that begins now.

        A run whose state was lost is read again from its start: it is the same run, with the same ids.
        """
        begun = 0 if self._store is None else self._store.runs_begun(log)
        return max(0, begun - 1) if is_state_lost else begun

    def forget(self, log: str) -> None:
        """Delete the stored state of a log that cannot be resumed."""
        if self._store is not None:
            self._store.forget_log(log)

    def add(self, alerts: Sequence[Alert]) -> None:
        """Take alerts to be sent."""
        self.delivery.add(alerts)

    def settle(self, clock: Clock, logs: Iterable[Committable]) -> list[str]:
        """Commit if it is time to, then send what is due; return messages on problems and recoveries.

        ``logs`` are the logs that may have changed.
        """
        messages: list[str] = []
        for each in logs:
            is_urgent = each.take_urgency()
            each.recording.gather()
            if is_urgent:
                self._urgent.add(each.log)
            if is_urgent or self._is_hurried or self._versions.get(each.log) != each.version:
                self._changed[each.log] = each
        if self._store is not None:
            now = clock.monotonic()
            if self._is_due(now):
                is_for_all = self._is_hurried or now >= self._due_at
                wanted = self._changed.keys() if is_for_all else self._urgent
                messages += self._commit(self._store, clock, [self._changed[log] for log in list(wanted)])
        return messages + self._send(clock)

    def finish(self, clock: Clock) -> list[str]:
        """Wait a last time for slow receivers; return messages on problems."""
        messages: list[str] = []
        until = clock.monotonic() + LAST_WAIT_S
        while self.delivery.is_busy and clock.monotonic() < until:
            messages += self._send(clock, patience_s=0.2)
        waiting = {name: num for name, num in self.delivery.waiting_for.items() if num}
        kept = "the next watch will send them" if self._store is not None else "they are lost"
        return messages + [f"{name}: {num} alerts were not delivered; {kept}" for name, num in waiting.items()]

    def _send(self, clock: Clock, *, patience_s: float = 0.0) -> list[str]:
        """Send what is due and remove what was delivered from the outbox."""
        errors = self.delivery.send(clock.monotonic(), clock.wall(), patience_s=patience_s)
        messages = [str(error) for error in errors]
        settled, told = self.delivery.settled(), self.delivery.news()
        if self._store is not None and (settled or told):
            try:
                self._store.forget_parcels(settled, told)
            except StateError as error:
                self.delivery.unsettle(settled, told)
                messages += self._trouble(self._store, error)
        return messages

    def hurry(self) -> None:
        """Commit and send at the next `settle`, even after failures."""
        self._due_at = 0.0
        self._is_hurried = True
        self.delivery.hurry()

    def close(self) -> None:
        """Close the state; what was not settled is not stored."""
        if self._store is not None:
            self._store.close()

    def _is_due(self, now: float) -> bool:
        if self._urgent or self._is_hurried or self.delivery.uncommitted():
            return not self._is_troubled or now >= self._due_at
        return bool(self._changed) and now >= self._due_at

    def _commit(self, store: Store, clock: Clock, logs: Sequence[Committable]) -> list[str]:
        began = clock.monotonic()
        settled, told = self.delivery.settled(), self.delivery.news()
        try:
            versions, states = {}, {}
            for each in logs:
                versions[each.log] = each.version
                saved = states[each.log] = each.saved()
                each.recording.write(saved)
            numbered = store.commit(states, self.delivery.uncommitted(), settled, told)
        except StateError as error:
            self.delivery.unsettle(settled, told)
            self._due_at = clock.monotonic() + COMMIT_S
            return self._trouble(store, error)
        self.delivery.committed(numbered)
        for log, version in versions.items():
            self._versions[log] = version
            del self._changed[log]
        self._urgent -= versions.keys()
        self._is_hurried = False
        ended = clock.monotonic()
        # A commit of the urgent logs alone does not postpone the others.
        if not self._changed:
            self._due_at = ended + max(COMMIT_S, (ended - began) / MOST_COMMITTING)
        if not self._is_troubled:
            return []
        self._is_troubled = False
        return [f"{store.directory}: the state is written again"]

    def _trouble(self, store: Store, error: StateError) -> list[str]:
        if store.was_renewed():
            # The file was replaced: it holds neither the waiting alerts nor any log.
            self.delivery.uncommit()
            self._versions.clear()
        self._is_troubled, is_news = True, not self._is_troubled
        return [f"{error}; the watch continues, but its state is lost if it ends now"] if is_news else []


class Opened(NamedTuple):
    """A committer, and what it found in the state folder."""

    committer: Committer
    lost: list[Alert]
    """Alerts that a stored state was lost."""
    problems: list[str]
    """Messages for the user."""


def open_committer(directory: Path, sinks: Mapping[str, Sink], paces: Paces = Paces()) -> Opened:  # noqa: B008
    """Open a state folder. Raises StateError if it cannot be used."""
    # Imported late: only a watch with a state folder needs SQLite.
    from monitor.store.store import Store

    store = Store(directory, history_limit=HISTORY_LIMIT)
    try:
        lost = []
        if store.set_aside is not None:
            why = f"the state was damaged; it was moved to {store.set_aside}, and the log is read from its start"
            lost.append(state_lost(str(directory), str(store.set_aside), why))
        try:
            left, told = store.parcels(), store.told()
        except UnknownState as error:
            store.forget_all()
            left, told = [], []
            lost.append(_written_by_another_version(str(directory), store, error))
        problems = [alert.summary for alert in lost]
        silences = Silences(directory)
        delivery = Delivery(
            sinks,
            left,
            told=told,
            paces=paces,
            is_silenced=lambda alert, wall: silences.covering(alert, wall) is not None,
        )
        if delivery.num_orphans:
            problems.append(f"dropped {delivery.num_orphans} alerts for receivers that are no longer named")
        delivery.add(lost)
        return Opened(Committer(delivery, store), lost, problems)
    except BaseException:
        store.close()
        raise


def _written_by_another_version(log: str, store: Store, error: UnknownState) -> Alert:
    why = f"the state was written by another version ({error}); the log is read from its start"
    return state_lost(log, str(store.directory), why)
