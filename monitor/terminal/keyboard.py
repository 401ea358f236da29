"""Keys of the terminal → names of keys, read by a thread of their own so that each wakes the watch at once."""

from __future__ import annotations

import os
import re
import select
import threading
from collections import deque
from collections.abc import Callable
from typing import Self

READ_BYTES = 1024
MOST_WAITING = 256
"""Keys kept until the next picture; more are dropped, such as pasted text."""
BACKGROUND_S = 1.0
"""Pause between two looks whether this program is in the foreground again."""
_NAMES = {
    "\x1b[A": "up", "\x1bOA": "up", "\x1b[B": "down", "\x1bOB": "down", "\x1b[5~": "pgup", "\x1b[6~": "pgdn",
    "\x1b[H": "home", "\x1bOH": "home", "\x1b[1~": "home", "\x1b[7~": "home",
    "\x1b": "esc", "\r": "enter", "\n": "enter", "\t": "tab", "\x7f": "backspace", "\x08": "backspace",
}  # fmt: skip
_KEY = re.compile(r"\x1b\[[0-9;]*[A-Za-z~]|\x1bO[A-Za-z]|.", re.DOTALL)


def keys_of(data: bytes) -> list[str]:
    """Return the names of the keys in what a terminal sent; a key of no use to us is left out."""
    found = (_NAMES.get(each, each) for each in _KEY.findall(data.decode("utf-8", "ignore")))
    return [each for each in found if each in _KNOWN or (len(each) == 1 and each.isprintable())]


_KNOWN = frozenset(_NAMES.values())


class Keyboard:
    """Collects keys until it is closed; ``wake`` is called from its thread after each."""

    def __init__(self, descriptor: int, wake: Callable[[], None]) -> None:
        self._descriptor, self._wake = descriptor, wake
        self._keys: deque[str] = deque(maxlen=MOST_WAITING)
        self._reader, self._writer = os.pipe2(os.O_CLOEXEC)
        self._thread = threading.Thread(target=self._read, name="keyboard", daemon=True)

    def taken(self) -> list[str]:
        """Return the keys since the last call."""
        return [self._keys.popleft() for _ in range(len(self._keys))]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        os.close(self._writer)
        self._thread.join()
        os.close(self._reader)

    def _read(self) -> None:
        while True:
            # The system stops a background program that reads the keyboard.
            is_ours = self._is_in_foreground()
            watched = [self._reader, self._descriptor] if is_ours else [self._reader]
            ready, _, _ = select.select(watched, [], [], None if is_ours else BACKGROUND_S)
            if self._reader in ready:
                return
            if self._descriptor not in ready or not self._is_in_foreground():
                continue
            try:
                data = os.read(self._descriptor, READ_BYTES)
            except OSError:
                return
            if not data:
                return
            self._keys.extend(keys_of(data))
            self._wake()

    def _is_in_foreground(self) -> bool:
        try:
            return os.tcgetpgrp(self._descriptor) == os.getpgrp()
        except OSError:
            return False
