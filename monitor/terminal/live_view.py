"""The live view of a watch: pictures on the terminal instead of lines, and keys, until the watch ends."""

from __future__ import annotations

import getpass
import os
import signal
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import PurePath
from types import FrameType

from monitor.alert import State
from monitor.base.clock import Clock
from monitor.base.errors import MonitorError
from monitor.live.daemon import Daemon
from monitor.live.follower import Follower
from monitor.notify.silences import Silence, Silences
from monitor.run.last_values import last_values
from monitor.service.control import Request, perform
from monitor.snapshot import Snapshot
from monitor.tail import Waker
from monitor.terminal.keyboard import Keyboard
from monitor.terminal.output import PlainOutput
from monitor.terminal.screen import Display, FollowedLog, Scene, render, waiting
from monitor.terminal.screen.chart import Course
from monitor.terminal.screen.text import time_of_day
from monitor.terminal.screen.verdicts import listed
from monitor.terminal.screen.view import Verb, View, Wish, press

IDLE_S, LONG_IDLE_S = 1.0, 5.0
"""Seconds between two pictures while nothing happens; after a long silence fewer are needed."""
LONG_SILENCE_S = 60.0
SILENCE_S = 3_600.0
"""How long the key of the live view silences a rule."""
NOTICES = 50
"""Newest notices to keep for the picture, and to print at the end."""


class LiveOutput:
    """An output that draws while it is shown, and prints lines otherwise."""

    def __init__(self, clock: Clock, display: Display) -> None:
        self._clock, self._display = clock, display
        self._watch: tuple[Daemon, Waker] | None = None
        self._notices: deque[str] = deque(maxlen=NOTICES)
        self._has_news = True
        self._drawn_at: float | None = None
        self._is_quiet = False
        self._is_suspended = False
        self._keyboard: Keyboard | None = None
        self._view = View()
        self._silences: Silences | None = None
        self._courses: dict[str, Course] = {}

    def say(self, lines: Sequence[str]) -> None:
        """Note that there is something new: the picture is drawn from the run, not from these lines."""
        self._has_news = True

    def warn(self, text: str) -> None:
        """Show a line among the notices."""
        self._notices.append(text)
        self._has_news = True
        if self._watch is None:
            PlainOutput().warn(text)

    def turn(self) -> None:
        """Draw a picture if one is due."""
        if self._watch is None:
            return
        if self._is_suspended:
            self._suspend()
        now = self._clock.monotonic()
        keys = self._keyboard.taken() if self._keyboard is not None else []
        for key in keys:
            self._press(key, self._watch[0])
        # A person who presses a key must not wait for the next picture.
        if keys or (self._is_worth_it(now) and self._display.is_due(now)):
            try:
                self._draw(now, self._watch[0])
            except OSError:
                self._watch = None  # the terminal is gone, and with it the reader of any message

    @contextmanager
    def shown(self, daemon: Daemon, waker: Waker) -> Iterator[None]:
        """Take the terminal; afterwards print the notices that came meanwhile."""

        def on_resize(number: int, frame: FrameType | None) -> None:
            self._has_news = True
            waker.wake()

        def on_suspend(number: int, frame: FrameType | None) -> None:
            self._is_suspended = True
            waker.wake()

        num_said = len(self._notices)
        handlers = {signal.SIGWINCH: on_resize, signal.SIGTSTP: on_suspend}
        old = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        self._watch = daemon, waker
        self._silences = Silences(daemon.state) if daemon.state is not None else None
        try:
            with self._display, ExitStack() as held:
                if self._display.keys is not None:
                    self._keyboard = held.enter_context(Keyboard(self._display.keys, waker.wake))
                yield
        finally:
            self._watch = self._keyboard = None
            for number, handler in old.items():
                signal.signal(number, handler)
            with suppress(OSError):
                for text in list(self._notices)[num_said:]:
                    PlainOutput().warn(text)

    def _is_worth_it(self, now: float) -> bool:
        if self._has_news or self._drawn_at is None:
            return True
        return now - self._drawn_at >= (LONG_IDLE_S if self._is_quiet else IDLE_S)

    def _draw(self, now: float, daemon: Daemon) -> None:
        if not daemon.followers:
            self._has_news, self._drawn_at = False, now
            notices = tuple(self._notices)
            self._display.show(lambda width, height: waiting(notices, width, height), now)
            return
        follower = self._shown(daemon.followers)
        totals, snapshot = follower.totals, follower.snapshot()
        for each in _runs(daemon.followers):
            self._courses.setdefault(each.log, Course()).add(each.pipeline.run.attempt)
        scene = Scene(
            snapshot,
            bytes_behind=totals.bytes_behind,
            lost_bytes=totals.lost_bytes,
            polling=totals.polling,
            is_behind=follower.tail.is_behind,
            notices=tuple(self._notices),
            logs=_table(daemon.followers, follower),
            course=self._courses.get(follower.log, Course()),
            silenced=self._silenced(snapshot),
            view=self._view,
            has_keys=self._keyboard is not None,
        )
        heard_at, moment = scene.snapshot.run.heard_at, scene.snapshot.now
        self._is_quiet = heard_at is None or moment is None or moment - heard_at > LONG_SILENCE_S
        self._has_news, self._drawn_at = False, now
        self._display.show(lambda width, height: render(scene, width, height), now)

    def _shown(self, followers: Sequence[Follower]) -> Follower:
        """Return the log that a person has chosen, else the newest run."""
        return next((each for each in followers if each.log == self._view.log), None) or newest(followers)

    def _press(self, key: str, daemon: Daemon) -> None:
        """Change the view by a key, and do what it asks for."""
        if not daemon.followers:
            if key == "q":
                daemon.stop()
            return
        shown = self._shown(daemon.followers)
        alerts = [group[-1] for group in listed(shown.snapshot(), self._view.filter)]
        logs = [each.log for each in _runs(daemon.followers)]
        self._view, wish = press(self._view, key, alerts, logs, shown.log)
        self._has_news = True
        if wish is not None:
            self._view = replace(self._view, message=self._granted(wish, daemon))

    def _granted(self, wish: Wish, daemon: Daemon) -> str:
        """Do what was asked for; return what was done, or why not."""
        if wish.verb is Verb.QUIT:
            daemon.stop()
            return "the watch ends"
        alert = wish.alert
        assert alert is not None
        if daemon.state is None:
            return "a watch without --state DIR keeps no silences and acknowledgements"
        clock, user = self._clock, getpass.getuser()
        if wish.verb is Verb.UNSILENCE:
            requests = [Request("unsilence", target) for target in (alert.id, alert.rule)]
        elif wish.verb is Verb.SILENCE:
            requests = [Request("silence", alert.rule, SILENCE_S, "from the live view")]
        else:
            requests = [Request("ack", alert.id, reason="from the live view")]
        done: list[Silence] = []
        problem = ""
        for request in requests:
            try:
                done += perform(request, daemon.state, user, clock.wall())
            except MonitorError as error:
                problem = str(error)
        if not done:
            return problem
        verb = {Verb.ACK: "acknowledged", Verb.SILENCE: "silenced for 1 h:", Verb.UNSILENCE: "no longer silenced:"}
        return f"{verb[wish.verb]} {alert.id if wish.verb is Verb.ACK else alert.rule}"

    def _silenced(self, snapshot: Snapshot) -> dict[str, str]:
        """Return the open alerts that people are not told about now, each with the reason."""
        if self._silences is None:
            return {}
        now, found = self._clock.wall(), {}
        for alert in snapshot.open:
            if (silence := self._silences.covering(alert, now)) is not None:
                until = "" if silence.ends_at is None else f" until {time_of_day(silence.ends_at)[:5]}"
                found[alert.id] = f"silenced{until}" if until else "acknowledged"
        return found

    def _suspend(self) -> None:
        """Restore the terminal before Ctrl-Z stops us, and take it again when we continue."""
        self._is_suspended = False
        self._display.close()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._display.open()
        self._display.forget()
        self._has_news = True


def newest(followers: Sequence[Follower]) -> Follower:
    """Return the log to show in full: the newest run that has not ended, its main log before those of ranks."""

    def order(follower: Follower) -> tuple[bool, bool, float]:
        attempt = follower.pipeline.run.attempt
        return not follower.pipeline.run.rank, attempt.ended is None, attempt.began_at or 0.0

    return max(_runs(followers) or followers, key=order)


def _table(followers: Sequence[Follower], shown: Follower) -> tuple[FollowedLog, ...]:
    names = Counter(PurePath(each.log).name for each in followers)
    return tuple(
        _followed(each, is_shown=each is shown, has_twin=names[PurePath(each.log).name] > 1)
        for each in _runs(followers)
    )


def _runs(followers: Sequence[Follower]) -> list[Follower]:
    """Return the logs without the further files of their runs."""
    return [each for each in followers if each.main is None]


def _followed(follower: Follower, *, is_shown: bool, has_twin: bool) -> FollowedLog:
    pipeline = follower.pipeline
    run, attempt = pipeline.run, pipeline.run.attempt
    firing = [each for each in pipeline.states.open.values() if each.state is State.FIRING and not each.inhibited_by]
    worst = max((each.severity for each in firing), key=lambda severity: severity.rank, default=None)
    now = follower.now()
    is_over = attempt.ended is not None or run.heard_at is None or now is None
    return FollowedLog(
        follower.log,
        run.status.value,
        attempt.step,
        last_values(run).loss,
        None if is_over or now is None or run.heard_at is None else max(0.0, now - run.heard_at),
        len(firing),
        worst,
        is_shown,
        has_twin,
    )
