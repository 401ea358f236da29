"""Finds logs that appear while a watch runs, or that grow again after a long rest."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from monitor.base.clock import Clock
from monitor.base.errors import MonitorError
from monitor.engine.unjudged import reason_of
from monitor.live.follower import Follower
from monitor.live.opener import Opener
from monitor.tail.logset import MOST_LOGS, LogSet, is_record_file, lacks_figures
from monitor.tail.opening import ABANDONED_AFTER_S


class _Resting(NamedTuple):
    """Size and time of change of a log that is not followed because it is old."""

    num_bytes: int
    changed_ns: int


class Discovery:
    """Opens each log in a watch's folders and patterns once.

    An unknown log that was last written long before the watch began is not followed until it grows: of the hundred
    runs in a folder, one or two are live.
    """

    def __init__(
        self,
        logs: LogSet,
        opener: Opener,
        clock: Clock,
        complain: Callable[[str], None],
        *,
        known: Collection[str] = (),
    ) -> None:
        """``known`` are the full names of the logs that have a stored state."""
        self._logs, self._opener, self._clock, self._complain, self._known = logs, opener, clock, complain, known
        self._seen: set[str] = set()
        self._resting: dict[str, _Resting] = {}
        self._without_figures: dict[str, _Resting] = {}
        """As they were when they were looked at; they are looked at again once they have changed."""
        self._has_looked = False

    def more(self) -> Iterator[Follower]:
        """Yield followers of the logs found since the last call."""
        is_first, self._has_looked = not self._has_looked, True
        # Text logs first: what a file of records tells as well is then known.
        for log in sorted(self._logs.found(), key=is_record_file):
            if log in self._seen:
                continue
            status = _status(log)
            if status is None or status in (self._resting.get(log), self._without_figures.get(log)):
                continue
            if lacks_figures(log):
                self._without_figures[log] = status
                continue
            if is_first and str(Path(log).absolute()) not in self._known and self._is_old(status):
                self._resting[log] = status
                continue
            if len(self._seen) == MOST_LOGS:
                self._complain(f"more than {MOST_LOGS:,} logs found; the others are not followed")
                return
            self._seen.add(log)
            try:
                # A log from before the watch, or one that rested, has a history; a log that came later has none.
                is_new = log not in self._resting and (not is_first or bool(self._known))
                follower, messages = self._opener.open(log, may_be_missing=False, is_new=is_new)
            except MonitorError as error:
                self._complain(f"{error}; the log is not followed")
                continue
            except Exception as error:
                self._complain(f"{log}: cannot be opened ({reason_of(error)}); the log is not followed")
                continue
            for text in messages:
                self._complain(text)
            yield follower
        if is_first and self._resting:
            self._complain(
                f"{len(self._resting):,} logs were last written more than {ABANDONED_AFTER_S / 3600:.0f} h ago; "
                "they are followed once something is written to them"
            )

    def _is_old(self, status: _Resting) -> bool:
        return self._clock.wall() - status.changed_ns / 1e9 > ABANDONED_AFTER_S


def _status(log: str) -> _Resting | None:
    try:
        status = Path(log).stat()
    except OSError:
        return None
    return _Resting(status.st_size, status.st_mtime_ns)
