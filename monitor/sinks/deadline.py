"""A total time for one delivery: a receiver that sends a byte now and then never runs into a timeout."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Self


class Deadline:
    """Breaks the connections that it holds once its time is over; a context manager around one delivery."""

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        """Whether the time is over; then what failed is the receiver's slowness."""
        self._held: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._break)
        self._timer.daemon = True

    def hold(self, connection: socket.socket) -> None:
        """Take a connection, before TLS takes over its descriptor: a copy shares its fate."""
        with self._lock:
            self._held.append(connection.dup())
        if self.is_over:
            self._break()

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._timer.cancel()
        with self._lock:
            for each in self._held:
                each.close()
            self._held.clear()

    def _break(self) -> None:
        self.is_over = True
        with self._lock:
            for each in self._held:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
