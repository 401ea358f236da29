"""The loop of a live watch: poll the logs, commit the state, send alerts, wait for more."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from monitor.alert import Alert
from monitor.base.clock import Clock
from monitor.base.errors import MonitorError
from monitor.engine.step import Engine
from monitor.engine.unjudged import reason_of
from monitor.live.committer import Committer
from monitor.live.follower import Follower
from monitor.live.listener import Listener
from monitor.live.one_run import OneRun
from monitor.live.set_aside import SetAside
from monitor.live.status_line import status_line
from monitor.run.summary import summarise
from monitor.service.sdnotify import Notifier
from monitor.tail import Waker

POLL_S = 1.0
"""Longest time between two polls of a log; without file events, output is read at most this late."""

TURN_S = 0.05
"""Time after which a turn with many logs to poll commits and sends what it has so far. Chosen by hand."""

STATUS_S = 5.0
"""Shortest time between two status lines to the supervisor. Chosen by hand."""


class Daemon:
    """Follows logs until it is stopped, their runs have ended, or no more output can come."""

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
        one_run: OneRun | None = None,
    ) -> None:
        """``find_more`` returns followers of the logs that have appeared since its last call; ``one_run`` knows which
        of the logs are of one run.

        Without ``report_every_s`` no pages are written; without ``notifier`` there is no supervisor.
        """
        self._clock, self._listener, self._committer = clock, listener, committer
        self._notifier, self._is_ready, self._status_due_at = notifier or Notifier(), False, clock.monotonic()
        self._report_every_s, self._until_end, self._find_more = report_every_s, until_end, find_more
        self._one_run = one_run or OneRun()
        self._followers: dict[Path, Follower] = {}
        self._pages_due_at: dict[str, float] = {}
        # Followers to be polled next, in the order in which their output came.
        self._waiting: dict[Path, Follower] = {}
        self._set_aside = SetAside()
        self._is_stopped = False
        self._waker: Waker | None = None
        self._polled_all_at = clock.monotonic() - POLL_S
        # Requests to the loop; a signal handler or another thread appends.
        self._requests: deque[Callable[[], None]] = deque()
        for each in followers:
            self._add(each)

    @property
    def followers(self) -> tuple[Follower, ...]:
        """The followers, in the order in which their logs were found."""
        return tuple(self._followers.values())

    @property
    def state(self) -> Path | None:
        """The folder in which the state is kept; None for none."""
        return self._committer.directory

    def run(self, waker: Waker) -> None:
        """Follow the logs; return when stopped, or when no more output can come."""
        self._waker = waker
        for each in self._followers.values():
            self._watch_for(each, waker)
        changed: Collection[Path] | None = None
        while not self._is_stopped:
            self.turn(changed)
            if self._is_over():
                return
            if not self._waiting and not any(each.tail.is_behind for each in self._followers.values()):
                # Counted from poll to poll, so that without file events a line waits no longer than POLL_S.
                waker.wait(max(0.0, self._polled_all_at + POLL_S - self._clock.monotonic()))
            changed = waker.take_changed()

    def stop(self) -> None:
        """End `run` after its present turn; a signal handler may call this."""
        self._is_stopped = True
        if self._waker is not None:
            self._waker.wake()

    def ask(self, action: Callable[[], None]) -> None:
        """Have the loop perform an action before its next poll; a signal handler may call this."""
        self._requests.append(action)
        if self._waker is not None:
            self._waker.wake()

    def replace_rules(self, engine: Engine) -> None:
        """Switch to other rules and close the alerts of rules that are gone. Call from the loop, or before it runs."""
        for each in self._followers.values():
            each.replace_rules(engine)

    def turn(self, changed: Collection[Path] | None = None) -> None:
        """Poll: fold new output, judge silences, commit, send, then renew the pages that are due.

        ``changed`` are the logs that may have changed; None for all. Every log is polled every POLL_S.
        """
        while self._requests:
            self._requests.popleft()()
        now = self._clock.monotonic()
        if changed is None or now - self._polled_all_at >= POLL_S:
            self._polled_all_at = now
            self._find_new()
            due = self._followers
        else:
            if any(path not in self._followers for path in changed):
                self._find_new()
            due = {path: each for path, each in self._followers.items() if path in changed or _is_eager(each)}
        for path, each in due.items():
            self._waiting.setdefault(path, each)
        polled = self._poll(until=now + TURN_S)
        self._one_run.turn(now)
        for text in self._committer.settle(self._clock, polled):
            self._listener.on_trouble(text)
        self._save_baselines(polled)
        if self._report_every_s is not None:
            self._renew_pages(self._report_every_s)
        self._listener.on_turn()
        self._notify_supervisor()

    def end(self) -> None:
        """Commit everything and wait for receivers; call after the last turn."""
        self._notifier.stopping()
        self._committer.hurry()
        for text in [
            *self._committer.settle(self._clock, [each for each in self.followers if not self._set_aside.holds(each)]),
            *self._committer.finish(self._clock),
        ]:
            self._listener.on_trouble(text)

    def _poll(self, *, until: float) -> list[Follower]:
        """Poll the waiting logs, first come, first served; return those that were polled in time."""
        polled: list[Follower] = []
        while self._waiting and (not polled or self._clock.monotonic() < until):
            each = self._waiting.pop(next(iter(self._waiting)))
            if not self._is_polled(each):
                continue
            polled.append(each)
            if each.tail.is_at_end and each.tail.descriptor is not None and self._waker is not None:
                self._waker.drop_stream(each.tail.descriptor)
        return polled

    def _is_polled(self, follower: Follower) -> bool:
        """Poll a log; False where it cannot be judged, which must not stop the others."""
        if self._set_aside.is_waiting(follower):
            return False
        try:
            follower.poll()
        except Exception as error:
            self._tell(self._set_aside.put(follower, error, self._clock.wall()))
            return False
        self._tell(self._set_aside.take_back(follower, self._clock.wall()))
        return True

    def _tell(self, alerts: list[Alert]) -> None:
        """Tell the monitor's alerts about a log."""
        if alerts:
            self._committer.add(alerts)
            self._listener.on_alerts(alerts)

    def _notify_supervisor(self) -> None:
        """Report that a turn is over; only a loop that keeps turning satisfies the watchdog."""
        now = self._clock.monotonic()
        if not self._is_ready:
            self._is_ready = True
            self._notifier.ready()
        self._notifier.sign(now)
        if self._notifier.is_heard and now >= self._status_due_at:
            self._status_due_at = now + STATUS_S
            self._notifier.status(status_line(self.followers))

    def _save_baselines(self, polled: Iterable[Follower]) -> None:
        """Store the figures of ended runs in the state folder, so that later runs can be compared with them."""
        directory = self._committer.directory
        if directory is None:
            return
        for each in polled:
            run = each.take_ended()
            if run is not None:
                # Imported late: most watches end before their run does.
                from monitor.store.baselines import Baselines

                try:
                    Baselines(directory).add_finished(summarise(run, each.log))
                except MonitorError as error:
                    self._listener.on_trouble(str(error))
                except Exception as error:
                    self._listener.on_trouble(f"{each.log}: its figures cannot be kept ({reason_of(error)})")

    def _find_new(self) -> None:
        for each in self._find_more() if self._find_more else ():
            self._add(each)

    def _add(self, follower: Follower) -> None:
        self._followers[Path(follower.log)] = follower
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
        for each in self._followers.values():
            if self._set_aside.holds(each) or each.main is not None:
                continue
            if each.has_caught_up and not each.tail.is_behind and now >= self._pages_due_at[each.log]:
                self._pages_due_at[each.log] = now + every_s
                try:
                    self._listener.on_report_due(each.snapshot())
                except Exception as error:
                    self._listener.on_trouble(f"{each.log}: its page cannot be made ({reason_of(error)})")

    def _is_over(self) -> bool:
        """Whether all runs have ended, if the user asked to stop then, or no log can grow any further."""
        followers = self._followers.values()
        if self._until_end and followers and all(each.is_over for each in followers):
            for each in followers:
                self._listener.on_trouble(f"{each.log}: the watch of it ends: {each.why_over}")
                each.finish()
            return True
        return bool(followers) and not self._find_more and all(each.tail.is_at_end for each in followers)


def _is_eager(follower: Follower) -> bool:
    """Whether to poll a log that no file event named: it has more to read, or it is a stream."""
    return follower.tail.is_behind or follower.tail.descriptor is not None
