"""Facts about the GPUs that a training uses, queried from their driver in a separate worker process.

A driver call may hang for ever and must not hang the watch. The worker writes one line per query; if it falls silent
it is killed and restarted after ever longer waits. Without a driver there are no GPU facts, and no error.
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
"""How often the driver is queried."""
SILENT_S = 90.0
"""A query takes milliseconds; a worker that is silent for this long hangs."""
RETRY_S = (60.0, 3_600.0)
"""First and longest wait before a worker that hung or ended is restarted; the wait doubles each time."""
NO_DRIVER = 3
"""Exit code of the worker if there is no driver or no GPU: it is not started again."""
LINE_BYTES = 65_536
DEVICES = ("/dev/nvidiactl", "/dev/dxg")
"""Device files of the driver on Linux and in WSL; without any of them there is no driver."""


class GpuProbe:
    """Queries the GPUs of one log's training. Cheap on a machine without a GPU."""

    def __init__(self, pid: int | None = None, *, command: list[str] | None = None) -> None:
        self._given = pid
        self._command = command or [sys.executable, "-m", "monitor.probes.nvml_worker"]
        self._is_unavailable = command is None and not any(Path(each).exists() for each in DEVICES)
        self._process: subprocess.Popen[bytes] | None = None
        self._rest = b""
        self._heard_at = self._start_at = 0.0
        self._wait_s = RETRY_S[0]

    def poll(self, monotonic: float, run: Run) -> list[str]:
        """Return what the driver reported since the last poll, as lines without a time."""
        if self._is_unavailable or run.attempt.ended is not None or run.attempt.intent.device == "cpu":
            self.close()
            return []
        if self._process is None:
            if monotonic >= self._start_at:
                self._start(monotonic, run)
            return []
        found = self._read(self._process, monotonic)
        if self._process.poll() is not None:
            self._is_unavailable = self._process.returncode == NO_DRIVER
            self._give_up(monotonic)
        elif monotonic - self._heard_at > SILENT_S:
            self._give_up(monotonic)
        return found

    def close(self) -> None:
        """End the worker."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            assert process.stdout is not None
            process.stdout.close()
            # A process that hangs in a driver call dies only when the call returns; do not wait for that.
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
            self._is_unavailable = True
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
    """Return one native line per GPU of a worker's line; none for a line that cannot be read."""
    try:
        return [body_of(Gpu(**found)) for found in json.loads(line)]
    except (ValueError, TypeError):
        return []
