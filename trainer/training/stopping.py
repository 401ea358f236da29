"""How a run is asked to end: SIGTERM and SIGINT become an exception in the main thread, once, and only where it is due.

A process that does not react, because its main thread waits within a library, ends by a side thread.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STUCK_AFTER_S = 20.0
"""How long the main thread has to end; `torchrun` kills 30 s after it asked."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopped(BaseException):
    """Someone asked the run to end. Not an error, so that no handler of errors swallows it."""


class StopSwitch:
    """Whether the run has been asked to end, and where that may interrupt it."""

    def __init__(self) -> None:
        self.is_asked = False
        self.when_stuck: Callable[[], None] = lambda: None
        """The last words of a run whose main thread does not end."""
        self._may_interrupt = False
        self._ended = threading.Event()

    def ask(self) -> None:
        """Note the wish, and raise Stopped at the first one, if the run may be interrupted now."""
        is_first, self.is_asked = not self.is_asked, True
        if is_first and self._may_interrupt:
            raise Stopped

    @contextmanager
    def interrupts(self) -> Iterator[None]:
        """Let a request raise Stopped within this block, one that came before included.

        What stands outside, such as the line that says how the run ended, is never cut off.
        """
        try:
            self._may_interrupt = True
            if self.is_asked:
                raise Stopped
            yield
        finally:
            self._may_interrupt = False

    def ended(self) -> None:
        """Note that the run has ended by itself."""
        self._ended.set()

    def wait_for_end(self, seconds: float) -> bool:
        """Return whether the run ended within this time."""
        return self._ended.wait(seconds)


@contextmanager
def stop_on_signals(*, stuck_after_s: float = STUCK_AFTER_S) -> Iterator[StopSwitch]:
    """Turn SIGTERM and SIGINT into requests of the switch that is given."""
    switch = StopSwitch()
    arrived, arrives = os.pipe()
    os.set_blocking(arrives, False)
    before = {number: signal.signal(number, lambda number, frame: switch.ask()) for number in _SIGNALS}
    # Written by the system's own handler: it tells the side thread even when the main thread cannot run Python.
    wakeup = signal.set_wakeup_fd(arrives, warn_on_full_buffer=False)
    guard = threading.Thread(target=_end_if_stuck, args=(switch, arrived, stuck_after_s), name="stop", daemon=True)
    guard.start()
    try:
        yield switch
    finally:
        switch.ended()
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(arrives)
        guard.join()
        os.close(arrived)


def _end_if_stuck(switch: StopSwitch, arrived: int, stuck_after_s: float) -> None:
    """Wait for a signal, then for the run's end; end the process where that does not come."""
    while number := os.read(arrived, 1):
        if number[0] in _SIGNALS and not switch.wait_for_end(stuck_after_s):
            switch.when_stuck()
            os._exit(1)
