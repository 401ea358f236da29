"""``command:PROGRAM``: runs a program of the user's for each notice, with the alerts as JSON lines on its input."""

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
from monitor.sinks.sink import Takes

TIMEOUT_S = 60.0
CHARACTERS_SHOWN = 200


class Command:
    """A program, started without a shell; its output is shown only if it fails."""

    takes = Takes("PROGRAM", str)
    is_for_people, is_slow = False, True

    def __init__(self, line: str, where: str, *, timeout_s: float = TIMEOUT_S) -> None:
        """Raises MonitorError if the program does not exist."""
        try:
            self._arguments = shlex.split(line)
        except ValueError as error:
            raise MonitorError(where, f"not a command ({error})", expected="a program and its arguments") from None
        if not self._arguments or shutil.which(self._arguments[0]) is None:
            name = self._arguments[0] if self._arguments else line
            raise MonitorError(
                where, f"cannot find the program {name!r}", expected="an executable program; no shell is used"
            )
        self._where, self._timeout_s = where, timeout_s

    def send(self, alerts: Sequence[Alert]) -> None:
        """Run the program once. Raises SinkError if its exit code is not 0."""
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
            _, printed = process.communicate(given, timeout=self._timeout_s)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            what = f"did not end within {self._timeout_s:g} s and was killed"
            raise SinkError(self._where, what, permanent=False) from None
        if process.returncode:
            text = printed.decode("utf-8", "replace").strip()[-CHARACTERS_SHOWN:]
            raise SinkError(self._where, f"ended with {process.returncode}: {text}", permanent=False)
