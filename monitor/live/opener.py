"""Opens a log to be followed, from where its stored state ends or as a new one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from monitor.base.clock import Clock
from monitor.base.errors import LogError
from monitor.engine.step import Engine
from monitor.live.committer import Committer, Loaded
from monitor.live.follower import Follower
from monitor.live.listener import LogListener
from monitor.live.one_run import OneRun
from monitor.live.resumed import resumed
from monitor.pipeline import Pipeline
from monitor.probes import Probe
from monitor.run.run import Run
from monitor.store import Saved
from monitor.tail import RecordTail, StreamTail, Tail, file_tail
from monitor.tail.logset import STDIN
from monitor.tail.opening import check_followable, holds_records
from monitor.tail.recordtail import KnownRecords
from monitor.tail.start import Start, position_at


class Opener:
    """Makes a `Follower` of each log of a watch."""

    def __init__(
        self,
        engine: Engine,
        committer: Committer,
        clock: Clock,
        listener_of: Callable[[Pipeline], LogListener],
        *,
        start: Start = Start.START,
        notify_history: bool = False,
        is_state_lost: bool = False,
        probes: Callable[[str], Sequence[Probe]] = lambda log: (),
    ) -> None:
        """``start`` is where a first attach begins; ``is_state_lost`` means that all logs had a state that was lost."""
        self.engine = engine
        self._committer, self._clock, self._listener_of, self._probes = committer, clock, listener_of, probes
        self.one_run = OneRun(committer.delivery.all_firing)
        """Which of the logs are of one run."""
        self._start, self._notify_history, self._is_state_lost = start, notify_history, is_state_lost

    def open(self, log: str, *, may_be_missing: bool, is_new: bool = False) -> tuple[Follower, list[str]]:
        """Return a follower of a log, and messages for the user about its state.

        ``is_new`` means that the log did not exist when the watch began, so nothing in it is history. Raises LogError
        for a file that cannot be a log, and StateError.
        """
        if log == STDIN:
            return self._open_stream()
        path, loaded = Path(log), self._committer.load(log)
        saved, has_records = loaded.saved, holds_records(path)
        if not has_records and not ((may_be_missing or saved) and not path.exists()):
            check_followable(path)
        if saved is None:
            position = None if is_new or has_records else position_at(path, self._start)
            pipeline = self._first_pipeline(log, is_state_lost=bool(self._is_state_lost or loaded.lost))
        else:
            position = saved.position
            pipeline = resumed(log, self.engine, saved)
        last = pipeline.run.last
        if has_records:
            tail: Tail = RecordTail(log, KnownRecords() if last is None else KnownRecords(last.line, last.text))
        else:
            tail = file_tail(path, position, last_row=b"" if last is None else last.text.encode())
        return self._follower(pipeline, tail, loaded, is_new=is_new), [alert.summary for alert in loaded.lost]

    def _open_stream(self) -> tuple[Follower, list[str]]:
        if sys.stdin is None or sys.stdin.closed:
            raise LogError(STDIN, "standard input is closed", expected="a log on it")
        self._committer.forget(STDIN)
        messages = []
        if self._committer.directory is not None:
            messages.append(
                "standard input cannot be read again: its stored state is for monitor status only, and a later watch "
                "starts afresh"
            )
        tail = StreamTail(STDIN, sys.stdin.fileno())
        return self._follower(self._first_pipeline(STDIN), tail, Loaded(None, [])), messages

    def _first_pipeline(self, log: str, *, is_state_lost: bool = False) -> Pipeline:
        """Return the pipeline of a log without a stored state."""
        generation = self._committer.generation_of(log, is_state_lost=is_state_lost)
        return Pipeline(log, self.engine, run=Run(generation=generation))

    def _follower(self, pipeline: Pipeline, tail: Tail, loaded: Loaded, *, is_new: bool = False) -> Follower:
        return Follower(
            pipeline,
            tail,
            self._clock,
            self._listener_of(pipeline),
            self._committer,
            saved=loaded.saved or Saved(is_resending=bool(self._is_state_lost or loaded.lost)),
            tells_history=self._notify_history or is_new,
            probes=self._probes(pipeline.log),
            one_run=self.one_run,
        )
