"""What changed, in order, for any number of readers: each goes at its own pace, and none holds another."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import deque
from collections.abc import Mapping
from threading import Lock
from typing import NamedTuple

MOST_KEPT = 1_024
MOST_BYTES = 16_000_000
"""What is kept for readers that were away. Chosen by hand, 2026-11."""


class Event(NamedTuple):
    """One event of the stream."""

    number: int
    kind: str
    """``runs``, ``gone`` or ``alert``."""
    data: bytes
    """As the stream has it, with its id."""


class Events:
    """Published by one thread, read by the tasks of an event loop."""

    def __init__(self) -> None:
        self.start = secrets.token_hex(4)
        """Differs in each process, so that a reader of an earlier one learns that it has missed something."""
        self._lock = Lock()
        self._kept: deque[Event] = deque()
        self._kept_bytes = 0
        self._number = 0
        self._readers: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}

    @property
    def last_id(self) -> str:
        """The id of the newest event."""
        return f"{self.start}-{self._number}"

    @property
    def num_readers(self) -> int:
        """How many read the stream now."""
        return len(self._readers)

    def publish(self, kind: str, document: Mapping[str, object]) -> None:
        """Add an event, and wake the readers."""
        text = json.dumps(document, allow_nan=False)
        with self._lock:
            self._number += 1
            data = f"id: {self.start}-{self._number}\nevent: {kind}\ndata: {text}\n\n".encode("ascii")
            self._kept.append(Event(self._number, kind, data))
            self._kept_bytes += len(data)
            while len(self._kept) > MOST_KEPT or self._kept_bytes > MOST_BYTES:
                self._kept_bytes -= len(self._kept.popleft().data)
            readers = list(self._readers.items())
        for wake, loop in readers:
            try:
                loop.call_soon_threadsafe(wake.set)
            except RuntimeError:
                continue  # its loop is closed: the program ends

    def since(self, name: str) -> tuple[list[bytes], str] | None:
        """Return the events after an id, and the newest id; None if some of them are not kept any more."""
        start, _, number = name.partition("-")
        with self._lock:
            newest = self._number
            if start != self.start or not number.isdecimal() or int(number) > newest:
                return None
            oldest = self._kept[0].number if self._kept else newest + 1
            if int(number) + 1 < oldest:
                return None
            return [each.data for each in self._kept if each.number > int(number)], f"{self.start}-{newest}"

    def join(self, wake: asyncio.Event) -> None:
        """Have ``wake`` set, in the running loop, after each event."""
        with self._lock:
            self._readers[wake] = asyncio.get_running_loop()

    def leave(self, wake: asyncio.Event) -> None:
        """Undo `join`."""
        with self._lock:
            self._readers.pop(wake, None)
