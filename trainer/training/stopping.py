"""How a run is asked to end: SIGTERM and SIGINT are recorded, and where allowed, raise an exception in the main thread.

Training asks between two steps, so that it can save a state from which a resumed run goes on as if nothing had
happened; loading and waiting are interrupted. If the main thread does not react, because it is stuck inside a library,
a side thread ends the process.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STUCK_AFTER_S = 20.0
"""Time within which the main thread must end; `torchrun` kills the process 30 s after its request."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def exit_code(signal_number: int | None) -> int:
    """Return the exit code of a run that ended because of a signal, as shells count it; 1 without a signal."""
    return 1 if signal_number is None else 128 + signal_number


class Stopped(BaseException):
    """The run was asked to end. Not an Exception, so that error handlers do not swallow it."""


class StopSwitch:
    """Whether the run has been asked to end, and where this may interrupt it."""

    def __init__(self) -> None:
        self.is_asked = False
        self.is_agreed = False
        """Whether all processes know, by the last step, that one of them has been asked to end."""
        self.signal: int | None = None
        """The signal that asked first; None if none has."""
        self.when_stuck: Callable[[], None] = lambda: None
        """Called before the process is ended because its main thread is stuck."""
        self._may_interrupt = False
        self._ended = threading.Event()

    def ask(self, signal_number: int | None = None) -> None:
        """Record the request; raise Stopped at the first one, if the run may be interrupted now."""
        is_first, self.is_asked = not self.is_asked, True
        self.signal = signal_number if is_first else self.signal
        if is_first and self._may_interrupt:
            raise Stopped

    @contextmanager
    def interrupts(self) -> Iterator[None]:
        """Let a request raise Stopped within this block, even one that came before it.

        Code outside, such as writing the end line, is never interrupted.
        """
        before = self._may_interrupt
        try:
            self._may_interrupt = True
            if self.is_asked:
                raise Stopped
            yield
        finally:
            self._may_interrupt = before

    def ended(self) -> None:
        """Record that the run has ended by itself."""
        self._ended.set()

    def wait_for_end(self, seconds: float) -> bool:
        """Return whether the run ended within this time."""
        return self._ended.wait(seconds)


@contextmanager
def stop_on_signals(*, stuck_after_s: float = STUCK_AFTER_S) -> Iterator[StopSwitch]:
    """Turn SIGTERM and SIGINT into requests to the yielded switch."""
    switch = StopSwitch()
    arrived, arrives = os.pipe()
    os.set_blocking(arrives, False)
    before = {number: signal.signal(number, lambda number, frame: switch.ask(number)) for number in _SIGNALS}
    # The C signal handler writes to it, so it wakes the side thread even when the main thread cannot run Python.
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
    """Wait for a signal, then for the run to end; if it does not, end the process."""
    while number := os.read(arrived, 1):
        if number[0] in _SIGNALS and not switch.wait_for_end(stuck_after_s):
            switch.when_stuck()
            os._exit(exit_code(number[0]))
