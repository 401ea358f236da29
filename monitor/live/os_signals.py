"""What signals do to a watch: end it in good order or, without a terminal, make it reload its files."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType

from monitor.live.daemon import Daemon

Stops = Callable[[Daemon], AbstractContextManager[list[int]]]
"""Installs handlers that end a watch; yields the signals that came."""
CALM = frozenset({signal.SIGTERM, signal.SIGHUP})
"""Signals from a supervisor rather than a person who wants a result: the exit code is 0."""


def stops_of(reload: Callable[[], None] | None) -> Stops:
    """Let SIGINT, SIGTERM and SIGHUP end the watch; with ``reload``, SIGHUP makes its loop call it instead."""

    @contextmanager
    def stops(daemon: Daemon) -> Iterator[list[int]]:
        came: list[int] = []

        def stop(number: int, frame: FrameType | None) -> None:
            came.append(number)
            daemon.stop()

        def hang_up(number: int, frame: FrameType | None) -> None:
            if reload is None:
                stop(number, frame)
            else:
                daemon.ask(reload)

        handlers = {signal.SIGINT: stop, signal.SIGTERM: stop, signal.SIGHUP: hang_up}
        if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
            # Started under nohup: the watch is meant to outlive its terminal.
            del handlers[signal.SIGHUP]
        old = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield came
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)

    return stops


def has_terminal() -> bool:
    """Whether there is a controlling terminal, whose end would send SIGHUP."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True
