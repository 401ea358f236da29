"""Reports the daemon's state to systemd through sd_notify: ready, status, alive, stopping.

Without a service manager (NOTIFY_SOCKET is unset) nothing is sent.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, MutableMapping

MOST_CHARACTERS = 200
"""Longest status line; it must fit on one line of a terminal."""


class Notifier:
    """Sends messages to the supervisor; messages that cannot be delivered are dropped, so a watch never waits."""

    def __init__(self, address: str = "", *, watchdog_s: float | None = None) -> None:
        """``address`` is a path or an abstract ``@name``; ``watchdog_s`` is the watchdog's timeout."""
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._sign_every_s = watchdog_s / 3 if watchdog_s else None
        self._signed_at: float | None = None
        self._status = ""

    @property
    def is_heard(self) -> bool:
        """Whether a supervisor listens."""
        return bool(self._address)

    def ready(self) -> None:
        """Report that the watch is ready."""
        self._send("READY=1", f"MAINPID={os.getpid()}")

    def stopping(self) -> None:
        """Report that the watch is stopping."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """Send a status line, if it has changed."""
        # A line end in a run's name would start another message.
        line = "".join(each if each.isprintable() else " " for each in text)[:MOST_CHARACTERS]
        if line != self._status:
            self._status = line
            self._send(f"STATUS={line}")

    def sign(self, monotonic: float) -> None:
        """Send a sign of life if a third of the watchdog's timeout has passed since the last one."""
        if self._sign_every_s is None:
            return
        if self._signed_at is None or monotonic - self._signed_at >= self._sign_every_s:
            self._signed_at = monotonic
            self._send("WATCHDOG=1")

    def _send(self, *messages: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.setblocking(False)
            try:
                channel.sendto("\n".join(messages).encode("utf-8", "replace"), self._address)
            except OSError:
                # systemd does not read, or is behind; send the status again next time.
                self._status = ""


def from_environment(environment: MutableMapping[str, str], pid: int) -> Notifier:
    """Return the notifier that the environment describes for the process ``pid``.

    Removes the address from the environment, so that a command started by an alert cannot send in the daemon's name.
    """
    address = environment.pop("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        address = ""
    return Notifier(address, watchdog_s=_watchdog_s(environment, pid) if address else None)


def _watchdog_s(environment: Mapping[str, str], pid: int) -> float | None:
    """Return the watchdog's timeout; None if there is none or it is for another process."""
    wait_us, owner = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not wait_us.isdecimal() or not int(wait_us) or (owner and owner != str(pid)):
        return None
    return int(wait_us) / 1e6
