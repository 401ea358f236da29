"""The phase of the run: a PHASE line at each change, and heartbeats from a side thread within each phase.

A heartbeat proves only that the process is alive; `done` and `main_idle_s` show whether the main thread makes progress.
Each PHASE line is followed by a PROC line with what the operating system reports about the process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

import psutil

from trainer.measure.own_process import OwnProcess
from trainer.telemetry.eventlog import EventLog, Phase
from trainer.telemetry.switches import Switches


class Phases:
    """The run's phase and its progress, logged at every change and every `heartbeat_s` seconds."""

    def __init__(
        self,
        log: EventLog,
        *,
        run: str,
        pid: int,
        heartbeat_s: float,
        clock: Callable[[], float],
        switches: Switches | None = None,
    ) -> None:
        """With `switches` a failing heartbeat ends the heartbeats, with a line in the log."""
        self._log, self._run, self._pid, self._heartbeat_s, self._clock = log, run, pid, heartbeat_s, clock
        self._switches = switches
        self._process = OwnProcess(clock)
        self._name, self._beat, self._moved_at = "load", 0, clock()
        self._epoch: int | None = None
        self._step: int | None = None
        self._done: int | None = None
        self._total: int | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_beating, name="heartbeat", daemon=True)

    def __enter__(self) -> Phases:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def enter(
        self,
        name: str,
        *,
        epoch: int | None = None,
        step: int | None = None,
        done: int = 0,
        total: int | None = None,
    ) -> None:
        """Begin a phase, or resume it after `done` pieces of work out of `total`, if that is known."""
        self._name, self._epoch, self._step, self._total = name, epoch, step, total
        self._done = done if total is not None else None
        self._moved_at = self._clock()
        self._write()

    def moved(self, *, done: int, step: int | None = None) -> None:
        """Record how many pieces of the phase the main thread has done."""
        self._done, self._moved_at = done, self._clock()
        self._step = step if step is not None else self._step

    def beat(self) -> None:
        """Write one heartbeat."""
        self._beat += 1
        self._write(beat=self._beat, main_idle_s=round(max(self._clock() - self._moved_at, 0.0), 3))

    def _keep_beating(self) -> None:
        while not self._ended.wait(self._heartbeat_s):
            if self._switches is None:
                self.beat()
            else:
                self._switches.run("heartbeats", self.beat)

    def _write(self, *, beat: int | None = None, main_idle_s: float | None = None) -> None:
        self._log.write(
            Phase(
                name=self._name,
                epoch=self._epoch,
                step=self._step,
                beat=beat,
                done=self._done,
                total=self._total,
                main_idle_s=main_idle_s,
                run=self._run,
                pid=self._pid,
            )
        )
        with suppress(psutil.Error, OSError):
            self._log.process(self._process.facts())
