"""A watch as a process of its own, which can be killed at any moment, and the log it follows."""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from monitor.base.errors import StateError
from monitor.cli.watching import Manner, follow
from monitor.engine.step import Engine
from monitor.live.committer import open_committer
from monitor.rules import Rule
from monitor.sinks import Sink
from monitor.store import Saved
from monitor.store.store import look
from monitor.tail.logset import LogSet

LOOK_S = 0.05
"""Time between two checks for something that must happen."""
LOOKS = 2_400
"""Checks before giving up."""


class DaemonProcess:
    """A watch of a log with a state, forked so that a start is cheap; `kill` gives it no time to react."""

    def __init__(self, log: Path, state: Path, rules: Sequence[Rule], sinks: Mapping[str, Callable[[], Sink]]) -> None:
        self._log, self._state, self._rules, self._sinks = log, state, rules, sinks
        self._process: int | None = None

    def start(self) -> None:
        """Start it, as ``monitor watch LOG --state DIR --wait --notify-history`` would."""
        assert self._process is None
        self._process = os.fork()
        if self._process == 0:
            self._live()

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        self.signal(signal.SIGKILL)
        self.ended()

    def signal(self, number: int) -> None:
        """Send it a signal."""
        assert self._process is not None
        os.kill(self._process, number)

    def ended(self) -> int:
        """Wait for its end, and return its exit code; negative after a signal."""
        assert self._process is not None
        _, status = os.waitpid(self._process, 0)
        self._process = None
        return os.waitstatus_to_exitcode(status)

    def saved(self) -> Saved | None:
        """Return its last commit."""
        if not (self._state / "state.db").exists():
            return None
        try:
            _, found = look(self._state)
        except StateError:
            return None  # it is being made
        return found[0].saved if found else None

    def until(self, is_true: Callable[[Saved], bool]) -> Saved:
        """Wait until this is true of its last commit, and return that commit."""
        saved = None
        for _ in range(LOOKS):
            if (saved := self.saved()) is not None and is_true(saved):
                return saved
            pause(LOOK_S)
        raise AssertionError(f"its last commit is {saved and saved.position}; {self._output()}")

    def until_read(self) -> Saved:
        """Wait until the log is read and committed to its last byte."""

        def is_read(saved: Saved) -> bool:
            status, position = self._log.stat(), saved.position
            is_there = position is not None and position.inode == status.st_ino
            return is_there and position.read_offset == status.st_size

        return self.until(is_read)

    def until_output(self, text: str) -> None:
        """Wait until it has written this text."""
        for _ in range(LOOKS):
            if text in self._output():
                return
            pause(LOOK_S)
        raise AssertionError(f"it wrote only {self._output()}")

    def limit_files(self, num_bytes: int) -> None:
        """Make the system refuse its writes beyond so many bytes of any file."""
        assert self._process is not None
        resource.prlimit(self._process, resource.RLIMIT_FSIZE, (num_bytes, resource.RLIM_INFINITY))

    def _output(self) -> str:
        return (self._state.parent / "daemon.out").read_text()[-2000:]

    def _live(self) -> None:
        """Run the daemon; never returns."""
        code = 99
        try:
            out = (self._state.parent / "daemon.out").open("a", buffering=1)
            os.dup2(out.fileno(), 1)
            os.dup2(out.fileno(), 2)
            sys.stdout = sys.stderr = out
            opened = open_committer(self._state, {name: make() for name, make in self._sinks.items()})
            manner = Manner(wait=True, plain=True, notify_history=True)
            code = follow(LogSet([str(self._log)]), Engine(self._rules), opened, manner)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(code)


def pause(seconds: float) -> None:
    """Let another process run for a moment; no test may depend on how long."""
    threading.Event().wait(seconds)
