"""A socket in the state folder through which users ask a running watch to silence and acknowledge alerts.

A request is one line of JSON, and so is its answer. The kernel, not the request, identifies the user. The socket's
permissions decide who may ask: the watch's own user, and the group that may read the state.
"""

from __future__ import annotations

import json
import math
import os
import pwd
import socket
import stat
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple, Self

from monitor.base.clock import Clock
from monitor.base.errors import MonitorError, StateError
from monitor.notify.silences import (
    Silence,
    add_silence,
    end_silences,
    new_silence,
    read_silence,
    target_of,
)

NAME = "control"
MODE = 0o660
REQUEST_BYTES = 4_096
ANSWER_BYTES = 65_536
PATIENCE_S = 2.0
"""Longest time that one request may take. Chosen by hand."""
MOST_CLIENTS = 32
"""Most requests at a time; another one ends the oldest, which is the likeliest to be idle. Chosen by hand, 2026-11."""
MOST_SHOWN = 100
"""Most silences in one answer, which stays below ANSWER_BYTES."""
LONGEST_S = 366 * 86_400.0
"""Longest silence: to mute a rule for good, disable it."""
REASON_CHARACTERS, AUTHOR_CHARACTERS = 300, 100
_QUEUE = 16


class Request(NamedTuple):
    """What a user asks for."""

    verb: str
    """``silence``, ``ack`` or ``unsilence``."""
    target: str
    for_s: float | None = None
    """How long a silence lasts."""
    reason: str = ""
    author: str = ""
    """A name to record with the asking user; empty for none."""


def perform(request: Request, directory: Path, user: str, now: float) -> list[Silence]:
    """Do what ``user`` asks at the time ``now``; return the silences that were made or ended.

    Raises MonitorError for an invalid request, StateError if the file cannot be written.
    """
    target = target_of(request.target)
    if request.verb == "unsilence":
        return end_silences(directory, target)
    named = request.author[:AUTHOR_CHARACTERS]
    author = f"{named} (as {user})" if named and named != user else user
    ends_at = None
    if request.verb == "silence":
        if request.for_s is None or not 0 < request.for_s <= LONGEST_S:
            raise MonitorError(
                "--for", "the silence is too short or too long", expected="more than 0 s, at most a year"
            )
        ends_at = now + request.for_s
    made = new_silence(target, author, request.reason[:REASON_CHARACTERS], now, ends_at)
    add_silence(directory, made, now)
    return [made]


class Control:
    """The socket of a watch, served by its own thread so that a slow client does not delay the logs."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        """Start to listen. The caller holds the folder's lock. Raises StateError if the socket cannot be created."""
        self._directory, self._clock = directory, clock
        self._is_closed = False
        self._lock = threading.Lock()
        self._changing = threading.Lock()
        self._peers: list[socket.socket] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            with _opened(directory) as folder:
                with suppress(FileNotFoundError):
                    # Stale socket of a killed watch; we hold the lock, so its owner is gone.
                    if stat.S_ISSOCK(os.stat(NAME, dir_fd=folder, follow_symlinks=False).st_mode):
                        os.unlink(NAME, dir_fd=folder)
                self._socket.bind(_address(folder))
                os.chmod(NAME, MODE, dir_fd=folder)
            self._socket.listen(_QUEUE)
        except OSError as error:
            self._socket.close()
            what = f"cannot be created ({error.strerror})"
            raise StateError(str(directory / NAME), what, expected="a folder that can hold a socket") from None
        self._thread = threading.Thread(target=self._serve, name="control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._is_closed = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        with suppress(OSError):
            (self._directory / NAME).unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _serve(self) -> None:
        while not self._is_closed:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                # Closed, or out of file descriptors; in that case wait until some are free.
                if self._is_closed:
                    return
                threading.Event().wait(PATIENCE_S)
                continue
            with self._lock:
                self._peers.append(peer)
                for idle in self._peers[:-MOST_CLIENTS]:
                    with suppress(OSError):
                        idle.shutdown(socket.SHUT_RDWR)
            threading.Thread(target=self._serve_one, args=(peer,), name="control client", daemon=True).start()

    def _serve_one(self, peer: socket.socket) -> None:
        with peer:
            with suppress(OSError):
                peer.settimeout(PATIENCE_S)
                peer.sendall(self._answer(peer))
            with self._lock:
                self._peers.remove(peer)

    def _answer(self, peer: socket.socket) -> bytes:
        try:
            request = _request(_read_line(peer, REQUEST_BYTES, self._clock))
            with self._changing:
                done = perform(request, self._directory, _user_of(peer), self._clock.wall())
            answer: dict[str, object] = {"done": [asdict(each) for each in done[:MOST_SHOWN]]}
        except MonitorError as error:
            answer = {"error": str(error)}
        return json.dumps(answer).encode() + b"\n"


def ask(directory: Path, request: Request, clock: Clock) -> list[Silence] | None:
    """Send a request to the watch of a state folder; None if no watch listens. Raises MonitorError."""
    where = str(directory / NAME)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as peer:
        try:
            with _opened(directory) as folder:
                # With Python's own timeout, connect fails at once while the queue is full.
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(_QUEUE * PATIENCE_S), 0))
                peer.connect(_address(folder))
            peer.sendall(json.dumps(request._asdict()).encode() + b"\n")
            found = json.loads(_read_line(peer, ANSWER_BYTES, clock, patience_s=_QUEUE * PATIENCE_S))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except PermissionError:
            expected = "a member of the state folder's group"
            raise StateError(where, "this user may not use it", expected=expected) from None
        except (OSError, ValueError) as error:
            what = f"does not answer ({error})"
            raise StateError(where, what, expected="an answer from the watch; see its journal") from None
    if "error" in found:
        raise MonitorError(where, str(found["error"]))
    return [read_silence(each) for each in found["done"]]


def _request(line: bytes) -> Request:
    """Return the request in a line. Raises MonitorError for an invalid one."""
    try:
        found = json.loads(line)
        if not isinstance(found, Mapping) or not set(found) <= set(Request._fields):
            raise ValueError("unknown keys")
        for_s = found.get("for_s")
        is_number = isinstance(for_s, int | float) and not isinstance(for_s, bool)
        if not (for_s is None or (is_number and math.isfinite(for_s))):
            raise ValueError("for_s is not a number")
        words = {key: value for key, value in found.items() if key != "for_s"}
        if not all(isinstance(value, str) for value in words.values()):
            raise ValueError("a value is not text")
        request = Request(**words, for_s=None if for_s is None else float(for_s))
        if request.verb not in ("silence", "ack", "unsilence"):
            raise ValueError("unknown verb")
        return request
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise MonitorError("control", f"not a valid request ({error})", expected="one line of JSON") from None


def _read_line(peer: socket.socket, most_bytes: int, clock: Clock, *, patience_s: float = PATIENCE_S) -> bytes:
    """Return a line from a peer. Raises MonitorError if it is too long or comes too late."""
    until, data = clock.monotonic() + patience_s, b""
    while b"\n" not in data:
        left_s = until - clock.monotonic()
        if left_s <= 0 or len(data) > most_bytes:
            what = "the line takes too long" if left_s <= 0 else "the line is too long"
            raise MonitorError("control", what, expected=f"a line of at most {most_bytes} bytes, sent at once")
        peer.settimeout(left_s)
        try:
            some = peer.recv(most_bytes)
        except TimeoutError:
            continue
        except OSError as error:
            raise MonitorError("control", f"the connection broke ({error.strerror})") from None
        if not some:
            raise MonitorError("control", "the connection broke", expected="a whole line")
        data += some
    return data[: data.index(b"\n")]


def _user_of(peer: socket.socket) -> str:
    """Return the user at the other end, as the kernel reports it."""
    _, uid, _ = struct.unpack("iII", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("iII")))
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


@contextmanager
def _opened(directory: Path) -> Iterator[int]:
    folder = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield folder
    finally:
        os.close(folder)


def _address(folder: int) -> str:
    """Return a short path of the socket, for folders of any depth: socket paths are limited to 107 bytes."""
    return f"/proc/self/fd/{folder}/{NAME}"
