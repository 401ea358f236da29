"""Tell systemd how the daemon stands: ready, busy with what, alive, reloading, stopping (sd_notify's datagrams).

Without a service manager, NOTIFY_SOCKET being unset, every word goes nowhere.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, MutableMapping

MOST_CHARACTERS = 200
"""Of a status line, which one line of a terminal has to hold."""


class Notifier:
    """Sends what a supervisor wants to know; what cannot be delivered is dropped, a watch never waits for it."""

    def __init__(self, address: str = "", *, watchdog_s: float | None = None) -> None:
        """``address`` is a path, or ``@name`` of the abstract namespace; ``watchdog_s`` the longest wait for a sign."""
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._sign_every_s = watchdog_s / 3 if watchdog_s else None
        self._signed_at: float | None = None
        self._status = ""

    @property
    def is_heard(self) -> bool:
        """Whether there is somebody who listens."""
        return bool(self._address)

    def ready(self) -> None:
        """Say that the work has begun, or that a reload is over."""
        self._send("READY=1", f"MAINPID={os.getpid()}")

    def reloading(self, monotonic: float) -> None:
        """Say that the configuration is read again; ``ready`` ends it."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={int(monotonic * 1e6)}")

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """Say in one line what is being done; said again only when it has changed."""
        # A line end in a run's name would begin a message of its own.
        line = "".join(each if each.isprintable() else " " for each in text)[:MOST_CHARACTERS]
        if line != self._status:
            self._status = line
            self._send(f"STATUS={line}")

    def sign(self, monotonic: float) -> None:
        """Give a sign of life if one is due, a third of the time that the watchdog waits after the last one."""
        if self._sign_every_s is None:
            return
        if self._signed_at is None or monotonic - self._signed_at >= self._sign_every_s:
            self._signed_at = monotonic
            self._send("WATCHDOG=1")

    def _send(self, *words: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.setblocking(False)
            try:
                channel.sendto("\n".join(words).encode("utf-8", "replace"), self._address)
            except OSError:
                # Nobody reads it, or its reader is behind: then systemd knows better than we do how it stands.
                self._status = ""


def from_environment(environment: MutableMapping[str, str], pid: int) -> Notifier:
    """Return the notifier that the environment names for the process ``pid``.

    The address is taken out of it: a command that an alert starts must not speak in the daemon's name.
    """
    address = environment.pop("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        address = ""
    return Notifier(address, watchdog_s=_watchdog_s(environment, pid) if address else None)


def _watchdog_s(environment: Mapping[str, str], pid: int) -> float | None:
    """Return how long the watchdog waits for a sign; None where it waits for none, or for another process's."""
    wait_us, of = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not wait_us.isdecimal() or not int(wait_us) or (of and of != str(pid)):
        return None
    return int(wait_us) / 1e6
