"""The live view of a watch: pictures on the terminal instead of lines, until the watch ends."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

from monitor.alert import State
from monitor.base.clock import Clock
from monitor.live.daemon import Daemon
from monitor.live.follower import Follower
from monitor.tail import Waker
from monitor.terminal.output import PlainOutput
from monitor.terminal.screen import Display, OtherLog, Scene, render, waiting

IDLE_S, LONG_IDLE_S = 1.0, 5.0
"""Seconds between two pictures while nothing happens; after a long silence fewer are needed."""
LONG_SILENCE_S = 60.0
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
        if self._is_worth_it(now) and self._display.is_due(now):
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
        try:
            with self._display:
                yield
        finally:
            self._watch = None
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
        follower = newest(daemon.followers)
        totals = follower.totals
        scene = Scene(
            follower.snapshot(),
            bytes_behind=totals.bytes_behind,
            lost_bytes=totals.lost_bytes,
            polling=totals.polling,
            is_behind=follower.tail.is_behind,
            notices=tuple(self._notices),
            others=tuple(_other(each) for each in daemon.followers if each is not follower),
        )
        heard_at, moment = scene.snapshot.run.heard_at, scene.snapshot.now
        self._is_quiet = heard_at is None or moment is None or moment - heard_at > LONG_SILENCE_S
        self._has_news, self._drawn_at = False, now
        self._display.show(lambda width, height: render(scene, width, height), now)

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

    return max(followers, key=order)


def _other(follower: Follower) -> OtherLog:
    pipeline = follower.pipeline
    attempt = pipeline.run.attempt
    firing = [each for each in pipeline.states.open.values() if each.state is State.FIRING and not each.inhibited_by]
    worst = max((each.severity for each in firing), key=lambda severity: severity.rank, default=None)
    return OtherLog(follower.log, pipeline.run.status.value, attempt.epoch, attempt.step, len(firing), worst)
