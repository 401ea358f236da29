"""A copy of a log, watched while it is written on a clock that a rehearsal moves: the same code as `monitor watch`."""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from monitor.alert import Alert
from monitor.engine.step import Engine
from monitor.live.collected import Collected
from monitor.live.committer import Committer
from monitor.live.follower import Follower
from monitor.live.resumed import resumed
from monitor.notify import Delivery
from monitor.pipeline import Pipeline
from monitor.run.run import Run
from monitor.snapshot import Snapshot
from monitor.store import Saved
from monitor.tail import file_tail
from monitor.tail.logset import full_name

FIRST_LOOK_S = 10.0
LONGEST_SILENCE_S = 7 * 86_400.0
"""Silence after which nothing more is waited for."""
LOOKS_GROW = 1.3
"""Looks at a silent log come further and further apart: alerts get the times of their deadlines all the same."""


class Told(NamedTuple):
    """A transition that the watch told."""

    alert: Alert
    line: int
    """Number of the line that showed it; 0 for one that silence showed."""
    after_s: float
    """Seconds since the break."""


class Writing(NamedTuple):
    """Bytes that are appended to the copy."""

    data: bytes
    arrival_s: float
    """When, on the rehearsal's clock."""
    line: int
    """Number of the line."""


class MovedClock:
    """Both clocks of a machine, moved by hand."""

    def __init__(self, wall: float) -> None:
        self._began_at, self.passed = wall, 0.0

    def wall(self) -> float:
        """Return the time of day."""
        return self._began_at + self.passed

    def monotonic(self) -> float:
        """Return the seconds that have passed."""
        return self.passed


class WatchedCopy:
    """A copy that is healthy up to the break, and the watch that has followed it so far."""

    def __init__(
        self,
        path: Path,
        log: str,
        engine: Engine,
        before: Iterable[bytes],
        lead: Sequence[Writing],
        *,
        wall: float,
        starts_s: float,
    ) -> None:
        """Write ``before`` to a new file ``path``, begin the watch, and let it see the ``lead`` come.

        ``wall`` is the time of day at which the rehearsal's clock, which begins at ``starts_s``, was 0.
        """
        self._path, self._log, self._engine = path, log, engine
        self._clock = MovedClock(wall)
        self._clock.passed = starts_s
        with path.open("wb") as file:
            for data in before:
                file.write(data)
        self._touch()
        told = Collected()
        first = self._follower(Saved(), Pipeline(str(path), engine, run=Run(log=full_name(log))), told)
        self._poll(first)
        for writing in lead:
            self._write(writing, first)
        self._saved = copy.deepcopy(first.saved())
        self._break_at_s = self._clock.passed
        first.close()
        self._num_bytes = path.stat().st_size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._path.unlink()

    def goes_on(self, tail: Sequence[Writing], *, falls_silent: bool = False) -> tuple[list[Told], Snapshot]:
        """Let the copy go on with these lines, and return what the watch tells, and what it knows at the end.

        With ``falls_silent``, nothing comes behind them until all that silence can raise has been told.
        """
        os.truncate(self._path, self._num_bytes)
        self._clock.passed = self._break_at_s
        self._touch()
        saved, told = copy.deepcopy(self._saved), Collected()
        pipeline = resumed(str(self._path), self._engine, saved)
        follower = self._follower(saved, pipeline, told)
        self._poll(follower)
        told.take()
        base, found = follower.now(), []
        for writing in tail:
            self._write(writing, follower)
            found += [self._told(each, writing.line, base) for each in told.take()]
        look_s = FIRST_LOOK_S
        silent_since = self._clock.passed
        while falls_silent and self._clock.passed - silent_since < LONGEST_SILENCE_S:
            self._clock.passed += look_s
            look_s *= LOOKS_GROW
            self._poll(follower)
            found += [self._told(each, 0, base) for each in told.take()]
        snapshot = follower.snapshot()
        follower.close()
        return found, snapshot

    def keep(self, path: Path) -> None:
        """Copy the file as it is now, whole, to a path."""
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self._path, path)

    def _told(self, alert: Alert, line: int, base: float | None) -> Told:
        """Say when an alert came; a deadline's alert, at its deadline."""
        since = self._clock.passed - self._break_at_s
        if alert.at is not None and base is not None:
            since = min(since, max(0.0, alert.at - base))
        return Told(alert, line, since)

    def _follower(self, saved: Saved, pipeline: Pipeline, told: Collected) -> Follower:
        last = pipeline.run.last
        tail = file_tail(self._path, saved.position, last_row=b"" if last is None else last.text.encode())
        return Follower(pipeline, tail, self._clock, told, Committer(Delivery({})), saved=saved)

    def _write(self, writing: Writing, follower: Follower) -> None:
        if writing.arrival_s > self._clock.passed:
            self._clock.passed = writing.arrival_s
            # As a watch that looks every second: what comes now has not been waiting.
            self._poll(follower)
        with self._path.open("ab") as file:
            file.write(writing.data)
        self._touch()
        self._poll(follower)

    def _poll(self, follower: Follower) -> None:
        follower.poll()
        while follower.tail.is_behind:
            follower.poll()

    def _touch(self) -> None:
        os.utime(self._path, (self._clock.wall(), self._clock.wall()))
