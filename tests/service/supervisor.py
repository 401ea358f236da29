"""A socket in systemd's place that records every message of a watch."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WATCHDOG_S = 1.5


class Supervisor:
    """Reads the messages sent to it."""

    def __init__(self, folder: Path) -> None:
        self.address = str(folder / "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self.said: list[str] = []

    def hear(self, wait_s: float = 0.0) -> list[str]:
        """Return all messages so far, after waiting ``wait_s`` for more."""
        self._socket.settimeout(wait_s or 0.001)
        try:
            while True:
                self.said += self._socket.recv(4096).decode().split("\n")
                self._socket.settimeout(0.001)
        except TimeoutError:
            return self.said

    def close(self) -> None:
        self._socket.close()


class Supervised:
    """A watch with a supervisor and without a terminal."""

    def __init__(self, process: subprocess.Popen[bytes], supervisor: Supervisor, err: Path) -> None:
        self.process, self.supervisor, self._err = process, supervisor, err

    def has_said(self, word: str) -> bool:
        return any(word in each for each in self.supervisor.hear(0.01))

    def err(self) -> str:
        return self._err.read_text()

    def reload(self) -> None:
        self.process.send_signal(signal.SIGHUP)


@contextmanager
def supervised(folder: Path, *words: str) -> Iterator[Supervised]:
    """Start ``monitor watch WORDS...`` as a service manager does: in its own session, with an address to report to."""
    supervisor, err = Supervisor(folder), folder / "monitor.stderr"
    environment = {**os.environ, "NOTIFY_SOCKET": supervisor.address, "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6))}
    line = [sys.executable, "-m", "monitor", "watch", *words]
    with (
        err.open("wb") as stderr,
        subprocess.Popen(
            line, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=stderr, start_new_session=True
        ) as process,
    ):
        try:
            yield Supervised(process, supervisor, err)
        finally:
            process.kill()
            supervisor.close()
