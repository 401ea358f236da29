"""How a run is asked to end: SIGTERM becomes an exception in the main thread, once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn


class Stopped(BaseException):
    """Someone asked the run to end. Not an error, so that no handler of errors swallows it."""


@contextmanager
def stop_on_sigterm() -> Iterator[None]:
    """Raise Stopped in the main thread at the first SIGTERM and ignore later ones.

    A second signal must not cut off the line that says how the run ended.
    """

    def stop(number: int, frame: object) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Stopped

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
