"""Wake the reader when a log may have changed: by file events if possible, else by the clock.

An event is only a hint: a reader that checks its logs after each wait is correct without events. Directories are
watched rather than files, so that a log that is created later or replaced is noticed; one observer serves them all.
Events of other files in the same directory do not wake, nor do our own reads: watchdog's ``opened`` and
``closed_no_write`` events are not requested. A log's rotated files count as the log.
"""

from __future__ import annotations

import errno
import os
import select
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self, cast

from monitor.tail.mounts import MOUNTINFO, is_on_network

if TYPE_CHECKING:
    from watchdog.events import FileSystemEvent
    from watchdog.observers.api import BaseObserver, ObservedWatch


CHANGES_KEPT = 4_096
"""Events remembered between two waits; if there are more, every log counts as changed."""


class _Watch(NamedTuple):
    inode: int
    """The directory's inode when it was scheduled; if another directory takes its path, it needs a new watch."""
    scheduled: ObservedWatch


class Waker:
    """Waits for changes of some logs. ``wake`` may be called from any thread and from a signal handler.

    A directory means every file in it. With ``use_events=False`` only the clock wakes.
    """

    def __init__(self, paths: Iterable[Path] = (), *, use_events: bool = True, mountinfo: Path = MOUNTINFO) -> None:
        self._mountinfo = mountinfo
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._is_closed = False
        self._descriptors: list[int] = []
        # What changed, one path per event; None if that is unknown. The observer's thread appends.
        self._changes: deque[Path | None] = deque(maxlen=CHANGES_KEPT)
        # The log as it was added, by its directory and its name there.
        self._logs: dict[tuple[Path, str], Path] = {}
        # The names to wake for in each directory, "" for every name. Replaced, never modified: the observer's thread
        # reads it.
        self._names: dict[Path, frozenset[str]] = {}
        self._watches: dict[Path, _Watch] = {}
        self._polled: dict[Path, str] = {}
        self._observer, self._why_not = _start_observer() if use_events else (None, "file events are switched off")
        for path in paths:
            self.add(path)

    @property
    def polled(self) -> dict[Path, str]:
        """The directories without file events, each with the reason."""
        return dict(self._polled)

    @property
    def mode(self) -> str:
        """What wakes, in one line: ``events``, or ``polling`` with the reason."""
        if not self._polled:
            return "events"
        how = "polling" if len(self._polled) == len(self._names) else "events, in part polling"
        return f"{how} ({'; '.join(sorted(set(self._polled.values())))})"

    def why_polled(self, path: Path) -> str:
        """Return why a log has no file events; empty if it has."""
        return self._polled.get(path.resolve().parent, "")

    def add_stream(self, descriptor: int) -> None:
        """Wake when an open stream has bytes to read, or ends."""
        self._descriptors.append(descriptor)

    def drop_stream(self, descriptor: int) -> None:
        """Stop waking for a stream: after its end, every wait would return at once."""
        with suppress(ValueError):
            self._descriptors.remove(descriptor)

    def take_changed(self) -> frozenset[Path] | None:
        """Return the logs, as they were added, that changed before the last `wait` ended; None if any may have."""
        changes = self._changes
        if len(changes) == CHANGES_KEPT:
            changes.clear()
            return None
        found = [changes.popleft() for _ in range(len(changes))]
        return None if None in found else frozenset(path for path in found if path is not None)

    def add(self, path: Path) -> None:
        """Wake for this log or directory too."""
        # Writes to a link happen at its target; a change of the link itself happens in its own directory.
        for place in (path.absolute(), path.resolve()):
            directory, name = (place, "") if place.is_dir() else (place.parent, place.name)
            directory = directory.resolve()
            self._logs = {**self._logs, (directory, name): path}
            self._names = self._names | {directory: self._names.get(directory, frozenset()) | {name}}
            if self._observer is None:
                self._polled[directory] = self._why_not
            elif kind := is_on_network(directory, mountinfo=self._mountinfo):
                self._polled[directory] = f"{directory} is on {kind}"
        self._renew_watches()

    def wait(self, timeout_s: float) -> bool:
        """Return True as soon as something changes or ``wake`` is called, False after ``timeout_s``.

        Changes since the last wait count. Returns at once when closed.
        """
        if self._is_closed:
            return False
        if self._renew_watches():
            # Changes in a new directory before it was watched made no event.
            self.wake()
        is_woken = bool(select.select([self._reader, *self._descriptors], [], [], max(0.0, timeout_s))[0])
        with suppress(BlockingIOError):
            while os.read(self._reader, 4096):
                pass
        return is_woken

    def wake(self) -> None:
        """End the current wait, or the next one; any log may have changed."""
        self._changes.append(None)
        self._wake()

    def _wake(self) -> None:
        # A full pipe wakes just as well.
        with suppress(BlockingIOError):
            if not self._is_closed:
                os.write(self._writer, b"\0")

    def close(self) -> None:
        """Stop the observer and close everything; may be called twice."""
        if self._is_closed:
            return
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
        self._is_closed = True
        os.close(self._reader)
        os.close(self._writer)

    def dispatch(self, event: FileSystemEvent) -> None:
        """Take one event from the observer; called in its thread."""
        for name in (event.src_path, event.dest_path):
            if not name:
                continue
            path = Path(os.fsdecode(name))
            if event.is_directory:
                if any(directory.is_relative_to(path) for directory in self._names):
                    self.wake()
            elif (log := self._log_of(path)) is not None:
                self._changes.append(log)
                self._wake()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _log_of(self, path: Path) -> Path | None:
        """Return the log that a file is, or was rotated from; the directory if every file in it counts."""
        directory, name, logs = path.parent, path.name, self._logs
        if directory not in self._names:
            return None
        while name:
            if (log := logs.get((directory, name))) is not None:
                return log
            name = name[: max(name.rfind("."), name.rfind("-"), 0)]
        return logs.get((directory, ""))

    def _renew_watches(self) -> bool:
        """Watch each wanted directory, or its nearest parent until it exists; return whether any watch is new."""
        if self._observer is None:
            return False
        nearest = {directory: _nearest_existing(directory) for directory in self._names.keys() - self._polled.keys()}
        for watched in list(self._watches):
            if watched not in nearest.values() or _inode(watched) != self._watches[watched].inode:
                self._observer.unschedule(self._watches.pop(watched).scheduled)
        is_any_new = False
        for directory, existing in nearest.items():
            if existing in self._watches:
                continue
            try:
                self._watches[existing] = self._schedule(self._observer, existing)
                is_any_new = True
            except FileNotFoundError:
                continue
            except OSError as error:
                self._polled[directory] = f"{existing}: {error.strerror or error}"
        return is_any_new

    def _schedule(self, observer: BaseObserver, directory: Path) -> _Watch:
        """Watch a directory. Raises OSError, for instance when the system's inotify limits are reached."""
        from watchdog import events

        # watchdog ignores silently that it may not read a directory.
        if not os.access(directory, os.R_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        changes: list[type[FileSystemEvent]] = [
            events.FileModifiedEvent,
            events.FileCreatedEvent,
            events.FileDeletedEvent,
            events.FileMovedEvent,
            events.DirCreatedEvent,
            events.DirDeletedEvent,
            events.DirMovedEvent,
        ]
        inode = _inode(directory)
        # `dispatch` is all that watchdog calls.
        handler = cast("events.FileSystemEventHandler", self)
        scheduled = observer.schedule(handler, str(directory), event_filter=changes)
        return _Watch(inode, scheduled)


def _start_observer() -> tuple[BaseObserver | None, str]:
    """Return a running observer, or None and the reason."""
    try:
        from watchdog.observers import Observer

        observer = Observer()
        observer.start()
    except (ImportError, OSError) as error:
        return None, f"no file events: {getattr(error, 'strerror', None) or error}"
    return observer, ""


def _nearest_existing(directory: Path) -> Path:
    return next(path for path in (directory, *directory.parents) if path.is_dir())


def _inode(directory: Path) -> int:
    try:
        return directory.stat().st_ino
    except OSError:
        return 0
