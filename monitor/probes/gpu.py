"""The GPUs that a training uses, as their driver sees them; asked in a process of its own.

A driver call may hang for ever, and must not hang the watch: the asking process writes a line per look, and is
killed and started anew, later and later, when it falls silent. Without a driver there are no GPU facts, and no error.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from monitor.grammar import Gpu, RunStart, body_of
from monitor.run.run import Run

LOOK_S = 30.0
"""How often the driver is asked."""
SILENT_S = 90.0
"""A look takes milliseconds; an asking process that is silent for so long hangs."""
RETRY_S = (60.0, 3_600.0)
"""First and longest wait before one that hung or ended is started again; each is twice the one before."""
NO_DRIVER = 3
"""How the asking process ends where there is no driver or no GPU: it is not asked again."""
LINE_BYTES = 65_536
DEVICES = ("/dev/nvidiactl", "/dev/dxg")
"""Without any of these there is no driver to ask: on Linux, and in a Linux within Windows."""


class GpuProbe:
    """Asks for one log. Cheap to have where there is no GPU."""

    def __init__(self, pid: int | None = None, *, command: list[str] | None = None) -> None:
        self._given = pid
        self._command = command or [sys.executable, "-m", "monitor.probes.nvml_worker"]
        self._is_needless = command is None and not any(Path(each).exists() for each in DEVICES)
        self._process: subprocess.Popen[bytes] | None = None
        self._rest = b""
        self._heard_at = self._start_at = 0.0
        self._wait_s = RETRY_S[0]

    def poll(self, monotonic: float, run: Run) -> list[str]:
        """Return what the driver has said since, as lines without a time."""
        if self._is_needless or run.attempt.ended is not None or run.attempt.intent.device == "cpu":
            self.close()
            return []
        if self._process is None:
            if monotonic >= self._start_at:
                self._start(monotonic, run)
            return []
        found = self._read(self._process, monotonic)
        if self._process.poll() is not None:
            self._is_needless = self._process.returncode == NO_DRIVER
            self._give_up(monotonic)
        elif monotonic - self._heard_at > SILENT_S:
            self._give_up(monotonic)
        return found

    def close(self) -> None:
        """End the asking process."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            assert process.stdout is not None
            process.stdout.close()
            # A process that hangs in the driver does not die before the driver lets go of it; it is not waited for.
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.2)

    def _start(self, monotonic: float, run: Run) -> None:
        stated = run.attempt.stated(RunStart)
        pid = self._given or (stated[0].pid if stated else None)
        try:
            self._process = subprocess.Popen(
                [*self._command, str(LOOK_S), str(pid or 0)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError:
            self._is_needless = True
            return
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        self._rest, self._heard_at = b"", monotonic

    def _read(self, process: subprocess.Popen[bytes], monotonic: float) -> list[str]:
        assert process.stdout is not None
        try:
            data = os.read(process.stdout.fileno(), LINE_BYTES)
        except BlockingIOError:
            return []
        if data:
            self._heard_at, self._wait_s = monotonic, RETRY_S[0]
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-LINE_BYTES:]
        return [body for line in lines for body in _bodies(line)]

    def _give_up(self, monotonic: float) -> None:
        self.close()
        self._start_at = monotonic + self._wait_s
        self._wait_s = min(2 * self._wait_s, RETRY_S[1])


def _bodies(line: bytes) -> list[str]:
    """Return what a line of the asking process says of each GPU; nothing for a line that is none."""
    try:
        return [body_of(Gpu(**found)) for found in json.loads(line)]
    except (ValueError, TypeError):
        return []
