"""Rows → terminal: draws on the alternate screen, and writes only the rows that changed."""

from __future__ import annotations

import os
import termios
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import IO, Any, Self

from rich.console import Console, ConsoleDimensions
from rich.control import Control
from rich.text import Text

INTERVAL_S = 0.25
"""Least time between two pictures."""

_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
# If the terminal disagrees about the width of a character, the row is cut instead of pushing the others down.
_NO_WRAP, _WRAP = "\x1b[?7l", "\x1b[?7h"
# A terminal with synchronized output shows a picture at once; others ignore this.
_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"
_CLEAR = "\x1b[H\x1b[2J"


class Display:
    """Shows pictures that fill the terminal, and restores it afterwards.

    ``keys`` is the descriptor of the keyboard: typed characters are not echoed into the picture. None for none.
    """

    def __init__(self, file: IO[str], *, keys: int | None = None) -> None:
        self._file, self.keys = file, keys
        self._console = Console(file=file, highlight=False, markup=False, emoji=False)
        self._keyboard: list[Any] | None = None
        self._shown: list[Text] = []
        self._shown_size = (0, 0)
        self._shown_at: float | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Present width and height in cells; rich's default where the terminal does not know."""
        with suppress(OSError, ValueError):
            # We ask the terminal: COLUMNS and LINES, which rich prefers, do not change when it is resized.
            width, height = os.get_terminal_size(self._file.fileno())
            if width and height:
                return width, height
        return self._console.width, self._console.height

    def is_due(self, now: float) -> bool:
        """Whether the last picture is old enough to be replaced, or the terminal has another size now."""
        is_old = self._shown_at is None or now - self._shown_at >= INTERVAL_S
        return is_old or self.size != self._shown_size

    def show(self, draw: Callable[[int, int], Sequence[Text]], now: float) -> None:
        """Draw a picture for the terminal's width and height, and write the rows that differ from the last one."""
        size = self.size
        rows = list(draw(*size))
        is_new = size != self._shown_size
        self._console.size = ConsoleDimensions(*size)
        with self._console.capture() as written:
            for y, row in enumerate(rows):
                if is_new or row != self._shown[y]:
                    self._console.control(Control.move_to(0, y))
                    self._console.print(row, end="", no_wrap=True, overflow="crop", crop=True)
        if text := written.get():
            self._write(f"{_BEGIN}{_CLEAR if is_new else ''}{text}{_END}")
        self._shown, self._shown_size, self._shown_at = rows, size, now

    def forget(self) -> None:
        """Write every row of the next picture, because something else may have written to the terminal."""
        self._shown_size, self._shown_at = (0, 0), None

    def open(self) -> None:
        """Take the terminal."""
        self._silence_keyboard()
        self._write(_ENTER + _NO_WRAP + _CLEAR)

    def close(self) -> None:
        """Restore the terminal; may be called twice, and when the terminal is gone."""
        with suppress(OSError, ValueError):
            self._write(_WRAP + _LEAVE)
        if self._keyboard is not None and self.keys is not None:
            with suppress(termios.error):
                termios.tcsetattr(self.keys, termios.TCSAFLUSH, self._keyboard)
            self._keyboard = None

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _silence_keyboard(self) -> None:
        """Stop the echo of typed characters; Ctrl-C and Ctrl-Z keep their meaning."""
        if self.keys is None:
            return
        # The system stops a background program that touches the keyboard.
        with suppress(termios.error, OSError):
            if os.tcgetpgrp(self.keys) == os.getpgrp():
                self._keyboard = termios.tcgetattr(self.keys)
                quiet = termios.tcgetattr(self.keys)
                quiet[3] &= ~(termios.ECHO | termios.ICANON)
                termios.tcsetattr(self.keys, termios.TCSANOW, quiet)

    def _write(self, text: str) -> None:
        self._file.write(text)
        self._file.flush()
