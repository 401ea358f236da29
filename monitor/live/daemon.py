"""The loop of a live watch: look at what changed, keep what is known, let the alerts out, wait for more."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from monitor.base.clock import Clock
from monitor.base.errors import MonitorError
from monitor.engine.step import Engine
from monitor.live.committer import Committer
from monitor.live.follower import Follower, LogListener
from monitor.live.status_line import how_it_stands
from monitor.run.summary import summarise
from monitor.service.sdnotify import Notifier
from monitor.snapshot import Snapshot
from monitor.tail import Waker

POLL_S = 1.0
"""Longest wait between two looks at a log: right without file events too, a second late at most."""

TURN_S = 0.05
"""Time after which a turn that has many logs to look at keeps what it has, and lets its alerts out. Chosen by hand."""

STATUS_S = 5.0
"""Least time between two words to a supervisor on how it stands. Chosen by hand."""


class Listener(LogListener):
    """What a watch tells the outside; the default says nothing."""

    def on_trouble(self, text: str) -> None:
        """Hear of something that befell the watch: a state that cannot be written, a receiver that does not answer."""

    def on_report_due(self, snapshot: Snapshot) -> None:
        """Hear that it is time for a new status page of a log."""

    def on_turn(self) -> None:
        """Hear that there was a look, which happens at least every POLL_S."""


class Daemon:
    """Follows logs until it is stopped, until their runs have ended, or until no more can come."""

    def __init__(
        self,
        followers: Iterable[Follower],
        clock: Clock,
        listener: Listener,
        committer: Committer,
        *,
        report_every_s: float | None,
        until_end: bool,
        find_more: Callable[[], Iterable[Follower]] | None = None,
        notifier: Notifier | None = None,
    ) -> None:
        """``find_more`` returns logs that have appeared since it was asked last, ready to be followed.

        Without ``report_every_s`` nobody wants pages, without ``notifier`` there is no supervisor.
        """
        self._clock, self._listener, self._keeper = clock, listener, committer
        self._notifier, self._is_ready, self._status_due_at = notifier or Notifier(), False, clock.monotonic()
        self._report_every_s, self._until_end, self._find_more = report_every_s, until_end, find_more
        self._followings: dict[Path, Follower] = {}
        self._pages_due_at: dict[str, float] = {}
        # Those to be looked at next, in the order in which their bytes came.
        self._waiting: dict[Path, Follower] = {}
        self._is_stopped = False
        self._waker: Waker | None = None
        self._looked_at_all = clock.monotonic() - POLL_S
        # What others ask for; a signal handler or another thread appends.
        self._asked: deque[Callable[[], None]] = deque()
        for each in followers:
            self._add(each)

    @property
    def followers(self) -> tuple[Follower, ...]:
        """The logs that are followed, in the order in which they came."""
        return tuple(self._followings.values())

    def run(self, waker: Waker) -> None:
        """Follow the logs; returns when stopped, or when nothing more can come."""
        self._waker = waker
        for each in self._followings.values():
            self._watch_for(each, waker)
        changed: Collection[Path] | None = None
        while not self._is_stopped:
            self.turn(changed)
            if self._is_over():
                return
            if not self._waiting and not any(each.tail.is_behind for each in self._followings.values()):
                # From look to look, not from the end of the work: by polling alone a line waits no longer than POLL_S.
                waker.wait(max(0.0, self._looked_at_all + POLL_S - self._clock.monotonic()))
            changed = waker.take_changed()

    def stop(self) -> None:
        """End `run` after its present turn; for a signal handler too."""
        self._is_stopped = True
        if self._waker is not None:
            self._waker.wake()

    def ask(self, action: Callable[[], None]) -> None:
        """Have something done by the loop itself before its next look; for a signal handler too."""
        self._asked.append(action)
        if self._waker is not None:
            self._waker.wake()

    def replace_rules(self, engine: Engine) -> None:
        """Go on with other rules; alerts of rules that are gone are closed. From the loop, or before it runs."""
        for each in self._followings.values():
            each.replace_rules(engine)

    def turn(self, changed: Collection[Path] | None = None) -> None:
        """Look: fold what is new, let silence speak, keep what is known, then renew the pages that are due.

        ``changed`` are the logs that may have changed; None for any. All are looked at every POLL_S.
        """
        while self._asked:
            self._asked.popleft()()
        now = self._clock.monotonic()
        if changed is None or now - self._looked_at_all >= POLL_S:
            self._looked_at_all = now
            self._look_for_more()
            due = self._followings
        else:
            if any(path not in self._followings for path in changed):
                self._look_for_more()
            due = {path: each for path, each in self._followings.items() if path in changed or _is_eager(each)}
        for path, each in due.items():
            self._waiting.setdefault(path, each)
        looked_at = self._look(until=now + TURN_S)
        for text in self._keeper.settle(self._clock, looked_at):
            self._listener.on_trouble(text)
        self._leave_figures(looked_at)
        if self._report_every_s is not None:
            self._renew_pages(self._report_every_s)
        self._listener.on_turn()
        self._tell_supervisor()

    def end(self) -> None:
        """Keep what is known; after the last turn."""
        self._notifier.stopping()
        self._keeper.hurry()
        for text in [*self._keeper.settle(self._clock, self._followings.values()), *self._keeper.finish(self._clock)]:
            self._listener.on_trouble(text)

    def _look(self, *, until: float) -> list[Follower]:
        """Look at the logs that wait for it, first come, first served; return those that had their turn."""
        looked_at: list[Follower] = []
        while self._waiting and (not looked_at or self._clock.monotonic() < until):
            each = self._waiting.pop(next(iter(self._waiting)))
            each.look()
            looked_at.append(each)
            if each.tail.is_at_end and each.tail.descriptor is not None and self._waker is not None:
                self._waker.drop_stream(each.tail.descriptor)
        return looked_at

    def _tell_supervisor(self) -> None:
        """Say that a turn is over: nothing but a loop that goes round keeps the watchdog quiet."""
        now = self._clock.monotonic()
        if not self._is_ready:
            self._is_ready = True
            self._notifier.ready()
        self._notifier.sign(now)
        if self._notifier.is_heard and now >= self._status_due_at:
            self._status_due_at = now + STATUS_S
            self._notifier.status(how_it_stands(self.followers))

    def _leave_figures(self, looked_at: Iterable[Follower]) -> None:
        """Leave the figures of runs that have ended in the state folder, for later runs to be compared with."""
        directory = self._keeper.directory
        if directory is None:
            return
        for each in looked_at:
            run = each.take_ended()
            if run is not None:
                # Most watches end before their run does.
                from monitor.store.baselines import Baselines

                try:
                    Baselines(directory).add_finished(summarise(run, each.log))
                except MonitorError as error:
                    self._listener.on_trouble(str(error))

    def _look_for_more(self) -> None:
        for each in self._find_more() if self._find_more else ():
            self._add(each)

    def _add(self, follower: Follower) -> None:
        self._followings[Path(follower.log)] = follower
        self._pages_due_at[follower.log] = self._clock.monotonic()
        if self._waker is not None:
            self._watch_for(follower, self._waker)

    def _watch_for(self, follower: Follower, waker: Waker) -> None:
        if follower.tail.descriptor is not None:
            waker.add_stream(follower.tail.descriptor)
            return
        path = Path(follower.log)
        waker.add(path)
        follower.polling = waker.why_polled(path)

    def _renew_pages(self, every_s: float) -> None:
        now = self._clock.monotonic()
        for each in self._followings.values():
            if each.has_caught_up and not each.tail.is_behind and now >= self._pages_due_at[each.log]:
                self._pages_due_at[each.log] = now + every_s
                self._listener.on_report_due(each.snapshot())

    def _is_over(self) -> bool:
        """Whether every log says that its run has ended, where that is asked for, or none can grow any more."""
        followers = self._followings.values()
        if self._until_end and followers and all(each.is_over for each in followers):
            return True
        return bool(followers) and not self._find_more and all(each.tail.is_at_end for each in followers)


def _is_eager(follower: Follower) -> bool:
    """Whether a log is worth a look though no event named it: it has more to read, or its events name nothing."""
    return follower.tail.is_behind or follower.tail.descriptor is not None
