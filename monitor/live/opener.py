"""Open a log to be followed: from where its state ends, or as one that nobody has seen before."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from monitor.base.clock import Clock
from monitor.base.errors import LogError
from monitor.engine.step import Engine
from monitor.live.committer import Committer, Loaded
from monitor.live.follower import FactSource, Follower, LogListener
from monitor.pipeline import Pipeline
from monitor.store import Saved
from monitor.tail import FileTail, StreamTail, Tail
from monitor.tail.logset import STDIN
from monitor.tail.opening import check_followable
from monitor.tail.start import Start, position_at


class Opener:
    """Makes a `Follower` of each log of a watch."""

    def __init__(
        self,
        engine: Engine,
        committer: Committer,
        clock: Clock,
        announcer_of: Callable[[Pipeline], LogListener],
        *,
        start: Start = Start.START,
        notify_history: bool = False,
        is_state_lost: bool = False,
        sources: Callable[[str], Sequence[FactSource]] = lambda log: (),
    ) -> None:
        """``start`` is where a first attach begins; ``is_state_lost`` says that all logs were known once."""
        self.engine = engine
        self._keeper, self._clock, self._voice, self._sources = committer, clock, announcer_of, sources
        self._start, self._notify_history, self._is_state_lost = start, notify_history, is_state_lost

    def open(self, log: str, *, may_be_missing: bool, is_new: bool = False) -> tuple[Follower, list[str]]:
        """Return a log ready to be followed, and what a person should know of its state.

        ``is_new`` says that the log did not exist when the watch began: nothing in it is history. Raises LogError for
        what cannot be a log, StateError.
        """
        if log == STDIN:
            return self._open_stream()
        path, loaded = Path(log), self._keeper.load(log)
        saved = loaded.saved
        if not ((may_be_missing or saved) and not path.exists()):
            check_followable(path)
        if saved is None:
            position = None if is_new else position_at(path, self._start)
            pipeline = Pipeline(log, self.engine)
        else:
            position, pipeline = saved.position, _watcher_of(log, self.engine, saved)
        return self._following(pipeline, FileTail(path, position), loaded, is_new=is_new), loaded.problems

    def _open_stream(self) -> tuple[Follower, list[str]]:
        if sys.stdin is None or sys.stdin.closed:
            raise LogError(STDIN, "standard input is closed", expected="a log on it")
        self._keeper.forget(STDIN)
        told = []
        if self._keeper.directory is not None:
            told.append(
                "standard input cannot be read again: what is kept of it is for monitor status, and a later watch "
                "begins anew"
            )
        tail = StreamTail(STDIN, sys.stdin.fileno())
        return self._following(Pipeline(STDIN, self.engine), tail, Loaded(None, [], [])), told

    def _following(self, pipeline: Pipeline, tail: Tail, loaded: Loaded, *, is_new: bool = False) -> Follower:
        return Follower(
            pipeline,
            tail,
            self._clock,
            self._voice(pipeline),
            self._keeper,
            saved=loaded.saved or Saved(is_resending=bool(self._is_state_lost or loaded.lost)),
            tells_history=self._notify_history or is_new,
            sources=self._sources(pipeline.log),
        )


def _watcher_of(log: str, engine: Engine, saved: Saved) -> Pipeline:
    return Pipeline(log, engine, run=saved.run, states=saved.states, fired=saved.fired, history=saved.history)
