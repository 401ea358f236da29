"""``command:CMD``: a program of the user's, started for each notice with the alerts as JSON lines on its input."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress

from monitor.alert import Alert
from monitor.base.errors import MonitorError, SinkError
from monitor.sinks.jsonl import json_line

TIMEOUT_S = 60.0
WORDS_SHOWN = 200


class Command:
    """A program, started without a shell; what it prints is shown only where it fails."""

    is_for_people, is_slow = False, True

    def __init__(self, line: str, where: str, *, timeout_s: float = TIMEOUT_S) -> None:
        """Raises MonitorError for a program that is not there."""
        try:
            self._arguments = shlex.split(line)
        except ValueError as error:
            raise MonitorError(where, f"is no command ({error})", expected="a program and its arguments") from None
        if not self._arguments or shutil.which(self._arguments[0]) is None:
            name = self._arguments[0] if self._arguments else line
            raise MonitorError(where, f"{name!r} is no program", expected="one that can be started; no shell is used")
        self._where, self._timeout_s = where, timeout_s

    def send(self, alerts: Sequence[Alert]) -> None:
        """Start the program once. Raises SinkError where it ends with anything but 0."""
        given = "".join(f"{json_line(alert)}\n" for alert in alerts).encode("ascii")
        try:
            process = subprocess.Popen(
                self._arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise SinkError(self._where, f"cannot be started ({error.strerror})", permanent=False) from None
        try:
            _, said = process.communicate(given, timeout=self._timeout_s)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            what = f"did not end within {self._timeout_s:g} s and was killed"
            raise SinkError(self._where, what, permanent=False) from None
        if process.returncode:
            words = said.decode("utf-8", "replace").strip()[-WORDS_SHOWN:]
            raise SinkError(self._where, f"ended with {process.returncode}: {words}", permanent=False)
