"""A terminal of a given size with a ``monitor`` in it: what it wrote, and what a person would see."""

from __future__ import annotations

import codecs
import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from monitor.base.clock import SystemClock
from tests.cli.command import LIMIT_S

# The process makes the terminal its own, so that Ctrl-C and a change of size reach it.
_TAKE = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
_SEQUENCE = re.compile(r"\x1b\[(?P<parameters>[0-9;?]*)(?P<final>[A-Za-z])")


class Announcer:
    """The other end of the pseudo-terminal that a process runs in."""

    def __init__(self, popen: subprocess.Popen[bytes], descriptor: int) -> None:
        self._popen, self._descriptor = popen, descriptor
        self.written = ""
        # A read may end within a character.
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def until(self, is_true: Callable[[Announcer], bool]) -> None:
        """Read what is written until this is true; waits for the process, at most LIMIT_S."""
        deadline = SystemClock().monotonic() + LIMIT_S
        while not is_true(self):
            assert SystemClock().monotonic() < deadline, f"it shows only:\n{self.text}"
            assert select.select([self._descriptor], [], [], LIMIT_S)[0], f"it shows only:\n{self.written[-4000:]}"
            assert self._read(), f"it ended with:\n{self.written[-4000:]}"

    def rest(self) -> int:
        """Read to the end, and return the exit code."""
        while self._read():
            pass
        return self._popen.wait(LIMIT_S)

    def stopped(self) -> bool:
        """Wait until it is stopped, as by Ctrl-Z; False where it has ended."""
        return os.WIFSTOPPED(os.waitpid(self._popen.pid, os.WUNTRACED)[1])

    def resize(self, width: int, height: int) -> None:
        """Change the size, as a window that is dragged does: the process hears of it."""
        fcntl.ioctl(self._descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._descriptor, keys.encode())

    def signal(self, number: int) -> None:
        """Send the process a signal."""
        self._popen.send_signal(number)

    def hang_up(self) -> None:
        """Close the window, and wait for the process to end: it gets a SIGHUP, and has nowhere to write to."""
        os.close(self._descriptor)
        self._descriptor = -1
        self._popen.wait(LIMIT_S)

    def close(self) -> None:
        """Let go of what is still held."""
        if self._descriptor >= 0:
            os.close(self._descriptor)

    @property
    def echoes(self) -> bool:
        """Whether what is typed is shown."""
        return bool(termios.tcgetattr(self._descriptor)[3] & termios.ECHO)

    @property
    def is_alternate(self) -> bool:
        """Whether the alternate screen is on: what was there before will come back."""
        return self.written.rfind("\x1b[?1049h") > self.written.rfind("\x1b[?1049l")

    @property
    def rows(self) -> list[str]:
        """The rows of the picture, as far as it was drawn by going to a place, clearing and writing."""
        shown: dict[int, str] = {}
        y, place = 0, 0
        for found in _SEQUENCE.finditer(self.written):
            shown[y] = shown.get(y, "") + self.written[place : found.start()]
            place = found.end()
            if found["final"] == "J":
                shown.clear()
            if found["final"] == "H":
                y = int(found["parameters"].split(";")[0] or 1) - 1
                shown[y] = ""
        shown[y] = shown.get(y, "") + self.written[place:]
        return [shown.get(number, "") for number in range(max(shown) + 1)]

    @property
    def text(self) -> str:
        """The picture as text."""
        return "\n".join(self.rows)

    def _read(self) -> bool:
        try:
            data = os.read(self._descriptor, 65536)
        except OSError:  # how Linux says that the other end is closed
            return False
        self.written += self._decoder.decode(data)
        return bool(data)


def terminal(
    *words: str | Path, width: int = 80, height: int = 24, cwd: Path, **variables: str
) -> AbstractContextManager[Announcer]:
    """Run ``monitor WORDS...`` in a terminal, with these variables; it does not outlive the block."""
    command = [sys.executable, "-m", "monitor", *map(str, words)]
    return program_in_terminal(command, width=width, height=height, cwd=cwd, **variables)


@contextmanager
def program_in_terminal(
    words: Sequence[str], *, width: int = 80, height: int = 24, cwd: Path, **variables: str
) -> Iterator[Announcer]:
    """Run a program, by its full path, in a terminal; it does not outlive the block."""
    command = [sys.executable, "-c", _TAKE, *words]
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    environment |= {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **variables}
    ours, theirs = os.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
    with subprocess.Popen(
        command, cwd=cwd, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as popen:
        os.close(theirs)
        made = Announcer(popen, ours)
        try:
            yield made
        finally:
            popen.kill()
            made.close()
