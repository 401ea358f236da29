"""``--stop-on``: which alerts doom a run, and the end of its processes."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from typing import Any, Protocol

from monitor.alert import Alert, Severity, State
from monitor.base.errors import MonitorError
from monitor.base.suggestion import suggestion
from monitor.grammar import ProcessStopping, body_of
from monitor.live.follower import Follower
from monitor.rules import Rule
from monitor.run.run import Run

LOOK_S = 0.1
"""How often it is looked whether processes have ended."""
LAST_WAIT_S = 10.0
"""How long killed processes are waited for: one in an uninterruptible call ends only when that returns."""


def kinds_of(text: str, rules: Sequence[Rule]) -> frozenset[str]:
    """Return the kinds of fault of ``--stop-on``. Raises MonitorError for one that no loaded rule calls critical."""
    known = {rule.fault for rule in rules}
    critical = {rule.fault for rule in rules if rule.severity is Severity.CRITICAL or _has_critical_level(rule)}
    found = [word.strip() for word in text.split(",")]
    for kind in found:
        if kind in critical:
            continue
        what = f"{kind!r} is never critical" if kind in known else f"unknown kind {kind!r}"
        expected = f"one of {', '.join(sorted(critical))}{suggestion(kind, critical)}"
        raise MonitorError("--stop-on", what, expected=expected)
    return frozenset(found)


class Dooms:
    """Decides that a run is doomed: an alert of a kind that was asked for, critical, and firing for a while."""

    def __init__(
        self, kinds: Collection[str], after_s: float, is_silenced: Callable[[Alert], bool], *, log_bytes: int = 0
    ) -> None:
        """``log_bytes`` are those of the log before the run began: what only they show dooms an earlier run."""
        self._kinds, self._after_s, self._is_silenced, self._log_bytes = kinds, after_s, is_silenced, log_bytes
        self._since: dict[str, float] = {}
        self._old: set[str] | None = None

    def look(self, follower: Follower, monotonic: float) -> Alert | None:
        """Return the alert that dooms the run now; call it at every turn."""
        if not follower.has_caught_up:
            return None
        firing = [alert for alert in follower.firing if self._counts(alert)]
        if self._old is None:
            self._old = {alert.id for alert in firing if alert.evidence[-1].offset < self._log_bytes}
        firing = [alert for alert in firing if alert.id not in self._old]
        self._since = {alert.id: self._since.get(alert.id, monotonic) for alert in firing}
        return next((alert for alert in firing if monotonic - self._since[alert.id] >= self._after_s), None)

    def _counts(self, alert: Alert) -> bool:
        is_named = alert.fault in self._kinds and alert.severity is Severity.CRITICAL
        is_firing = alert.state is State.FIRING and not alert.inhibited_by
        return is_named and is_firing and not self._is_silenced(alert)


class Group(Protocol):
    """The processes of a command."""

    def signal(self, number: int) -> None:
        """Send a signal to all that live."""
        ...

    def is_over(self) -> bool:
        """Whether all have ended."""
        ...


class ProcessGroup:
    """A command that leads a process group, with its children, also those that left the group."""

    def __init__(self, pid: int, exit_of: Callable[[], int | None]) -> None:
        self._pid, self._exit_of = pid, exit_of
        self._left: dict[int, Any] = {}

    def signal(self, number: int) -> None:
        """Send a signal to the group, and SIGKILL to those who left it as well."""
        self._note_children()
        with suppress(ProcessLookupError):
            os.killpg(self._pid, number)
        if number == signal.SIGKILL:
            for each in self._alive():
                each.kill()

    def is_over(self) -> bool:
        """Whether the command and all processes of its group and its children have ended."""
        self._note_children()
        is_gone = self._exit_of() is not None
        try:
            os.killpg(self._pid, 0)
        except ProcessLookupError:
            return is_gone and not any(self._alive())
        except PermissionError:
            return False
        return False

    def _note_children(self) -> None:
        import psutil

        with suppress(psutil.Error):
            for each in psutil.Process(self._pid).children(recursive=True):
                self._left.setdefault(each.pid, each)

    def _alive(self) -> Iterator[Any]:
        import psutil

        for each in self._left.values():
            try:
                # Knows a process by its PID and the time at which it began.
                if each.is_running() and each.status() != psutil.STATUS_ZOMBIE:
                    yield each
            except psutil.Error:
                continue


class Stopper:
    """Ends a doomed run, as a probe of its log: SIGTERM, some time to save and leave, then SIGKILL."""

    def __init__(self, group: Group, pid: int, dooms: Dooms, grace_s: float, tell: Callable[[str], None]) -> None:
        self._group, self._pid, self._dooms, self._grace_s, self._tell = group, pid, dooms, grace_s, tell
        self._ending: threading.Thread | None = None
        self.followers: Callable[[], Sequence[Follower]] = tuple
        """Returns the followers of the run's logs; to be set before the first poll."""

    def poll(self, monotonic: float, run: Run) -> list[str]:
        """Return that the run is being ended, when it is; never waits."""
        if self._ending is not None:
            return []
        followers = [each for each in self.followers() if each.run is run]
        alert = next((found for each in followers if (found := self._dooms.look(each, monotonic))), None)
        if alert is None or self._group.is_over():
            return []
        checkpoint = f"; {alert.checkpoint}" if alert.checkpoint else ""
        self._tell(
            f"ending process {self._pid} and its children because of {alert.rule}: {alert.summary}{checkpoint}; "
            f"SIGTERM now, SIGKILL after {self._grace_s:g} s"
        )
        self._group.signal(signal.SIGTERM)
        self._ending = threading.Thread(target=self._end, name="end of the command")
        self._ending.start()
        record = ProcessStopping(
            pid=self._pid, alert=alert.rule, fault=alert.fault, why=alert.summary, checkpoint=alert.checkpoint or None
        )
        return [body_of(record)]

    def close(self) -> None:
        """Keep ending what is being ended."""

    def finish(self) -> bool:
        """Wait until all processes of a doomed run have ended; return whether the run was ended."""
        if self._ending is not None:
            self._ending.join()
        return self._ending is not None

    def _end(self) -> None:
        if self._waits(self._grace_s):
            return
        self._tell(f"process {self._pid} or a child of it lives on after {self._grace_s:g} s: SIGKILL")
        self._group.signal(signal.SIGKILL)
        self._waits(LAST_WAIT_S)

    def _waits(self, seconds: float) -> bool:
        """Wait for the end of all processes; return whether they have ended."""
        paused = threading.Event()
        for _ in range(round(seconds / LOOK_S)):
            if self._group.is_over():
                return True
            paused.wait(LOOK_S)
        return self._group.is_over()


def _has_critical_level(rule: Rule) -> bool:
    return _names_critical(rule.condition.model_dump(mode="json"))


def _names_critical(value: object) -> bool:
    if isinstance(value, dict):
        return value.get("severity") == "critical" or any(map(_names_critical, value.values()))
    return isinstance(value, list) and any(map(_names_critical, value))
