"""Open a log to be followed: from where its state ends, or as one that nobody has seen before."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from monitor.base.clock import Clock
from monitor.base.errors import LogError
from monitor.engine.step import Engine
from monitor.live.committer import Keeper, Loaded
from monitor.live.follower import FactSource, Following, LogListener
from monitor.pipeline import Watcher
from monitor.store import Saved
from monitor.tail import FileTail, StreamTail, Tail
from monitor.tail.logset import STDIN
from monitor.tail.opening import check_followable
from monitor.tail.start import Start, position_at


class Opener:
    """Makes a `Following` of each log of a watch."""

    def __init__(
        self,
        engine: Engine,
        keeper: Keeper,
        clock: Clock,
        voice: Callable[[Watcher], LogListener],
        *,
        start: Start = Start.START,
        notify_history: bool = False,
        is_state_lost: bool = False,
        sources: Callable[[str], Sequence[FactSource]] = lambda log: (),
    ) -> None:
        """``start`` is where a first attach begins; ``is_state_lost`` says that all logs were known once."""
        self.engine = engine
        self._keeper, self._clock, self._voice, self._sources = keeper, clock, voice, sources
        self._start, self._notify_history, self._is_state_lost = start, notify_history, is_state_lost

    def open(self, log: str, *, may_be_missing: bool, is_new: bool = False) -> tuple[Following, list[str]]:
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
            watcher = Watcher(log, self.engine)
        else:
            position, watcher = saved.position, _watcher_of(log, self.engine, saved)
        return self._following(watcher, FileTail(path, position), loaded, is_new=is_new), loaded.problems

    def _open_stream(self) -> tuple[Following, list[str]]:
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
        return self._following(Watcher(STDIN, self.engine), tail, Loaded(None, [], [])), told

    def _following(self, watcher: Watcher, tail: Tail, loaded: Loaded, *, is_new: bool = False) -> Following:
        return Following(
            watcher,
            tail,
            self._clock,
            self._voice(watcher),
            self._keeper,
            saved=loaded.saved or Saved(is_resending=bool(self._is_state_lost or loaded.lost)),
            tells_history=self._notify_history or is_new,
            sources=self._sources(watcher.log),
        )


def _watcher_of(log: str, engine: Engine, saved: Saved) -> Watcher:
    return Watcher(log, engine, run=saved.run, states=saved.states, fired=saved.fired, history=saved.history)
