"""The queue of one receiver: what waits for it, what it was told, and when it is tried again.

Machines get every transition, at once and in order. People are told of one run at a time, through the stages.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple

from monitor.alert import Alert, Parcel, State, Told
from monitor.base.errors import SinkError
from monitor.notify.stages import Paces, View, due_at, sift
from monitor.notify.worker import DeliveryWorker
from monitor.sinks.sink import Beats, Remembers, Resends, Sink

RETRY_FIRST_S = 1.0
RETRY_LONGEST_S = 300.0
"""A failing receiver is retried after 1, 2, 4 ... 300 seconds, each up to a fifth sooner or later so that many
retries do not coincide. Chosen by hand."""
JITTER = 0.2
MOST_TOLD = 256
"""Firing alerts per run that are remembered as told. Chosen by hand."""


@dataclass
class Waiting:
    """One alert on its way."""

    parcel: Parcel
    came_at: float
    """Monotonic seconds."""
    is_tried: bool
    """Whether it may have arrived already."""


class Now(NamedTuple):
    """The present time on two clocks."""

    mono: float
    """Monotonic seconds."""
    wall: float
    """Seconds since 1970-01-01 UTC."""


@dataclass
class _Task:
    """One call that the receiver is busy with."""

    call: Callable[[], None]
    waiting: list[Waiting] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    run: str = ""
    is_beat: bool = False


class ReceiverQueue:
    """Queues, sends and retries the alerts of one receiver."""

    def __init__(
        self,
        name: str,
        sink: Sink,
        paces: Paces,
        *,
        is_silenced: Callable[[Alert, float], bool],
        told: Iterable[Told] = (),
        rng: random.Random | None = None,
    ) -> None:
        self.name, self.sink, self._paces, self._is_silenced = name, sink, paces, is_silenced
        self.waiting: deque[Waiting] = deque()
        self.failures = 0
        """Failures in a row."""
        self._retry_at = self._beat_at = -math.inf
        self._told = {each.run: each for each in told}
        self._changed: set[str] = set()
        self._delivered: list[int] = []
        self._task: _Task | None = None
        self._worker = DeliveryWorker(name) if sink.is_slow else None
        self._rng = rng or random.Random()
        self._is_hurried = False

    @property
    def is_busy(self) -> bool:
        """Whether the receiver has not answered yet."""
        return self._task is not None

    def add(self, alert: Alert, now: float, *, number: int = 0, is_tried: bool = False) -> None:
        """Queue an alert."""
        self.waiting.append(Waiting(Parcel(number, self.name, alert), now, is_tried))

    def hurry(self) -> None:
        """Send at the next turn, regardless of the pace and the retry time."""
        self._retry_at, self._is_hurried = -math.inf, True

    def turn(self, now: Now, *, patience_s: float = 0.0) -> SinkError | None:
        """Take the receiver's answer, waiting ``patience_s`` for it, and start the next due task; return any error."""
        error: SinkError | None = None
        if self._task is not None and self._worker is not None:
            is_done, error = self._worker.result(patience_s)
            if not is_done:
                return None
            self._finish(self._task, error, now)
        if self._task is None and now.mono >= self._retry_at and (task := self._next(now)):
            self._task = task
            if self._worker is not None:
                self._worker.go(task.call)
            else:
                try:
                    task.call()
                except SinkError as failure:
                    error = failure
                self._finish(task, error, now)
        return error

    def told_or_waiting(self) -> list[Alert]:
        """Return the alerts that the receiver was told are firing, then those that wait for it, in order."""
        told = [alert for each in self._told.values() for alert in each.firing]
        return told + [each.parcel.alert for each in self.waiting]

    def settled(self) -> list[int]:
        """Return the numbers of alerts that no longer wait, each once."""
        numbers, self._delivered = self._delivered, []
        return numbers

    def news(self) -> list[Told]:
        """Return what the receiver was told since the last call, so that it can be stored."""
        changed, self._changed = self._changed, set()
        return [self._told[run] for run in changed]

    def keep_again(self, run: str) -> None:
        """Report in the next `news` what it was told of a run, because it was not stored."""
        self._changed.add(run)

    def forget_numbers(self) -> None:
        """Treat everything as not stored."""
        self._changed = set(self._told)
        self._delivered.clear()

    def _next(self, now: Now) -> _Task | None:
        found = self._next_notice(now) if self.sink.is_for_people else self._next_batch()
        return found or self._next_repetition(now) or self._next_beat(now)

    def _next_batch(self) -> _Task | None:
        """Return all that waits, for a machine."""
        if not self.waiting:
            return None
        batch = list(self.waiting)
        run = batch[0].parcel.alert.run
        sink = self.sink
        if isinstance(sink, Remembers):
            remembers, whole = sink, batch

            def call() -> None:
                tried = [each.parcel.alert for each in whole if each.is_tried]
                missing = remembers.missing(tried) if tried else []
                if new := [*missing, *(each.parcel.alert for each in whole if not each.is_tried)]:
                    sink.send(new)

            return _Task(call, batch, [each.parcel.alert for each in batch], run)
        # What was told is remembered per run, so a batch holds one run.
        if isinstance(sink, Resends):
            batch = [each for each in batch if each.parcel.alert.run == run]
        alerts = _marked(batch)
        return _Task(partial(sink.send, alerts), batch, alerts, run)

    def _next_notice(self, now: Now) -> _Task | None:
        """Return the notice of the first run that is due, for people."""
        sink = self.sink
        for run in dict.fromkeys(each.parcel.alert.run for each in self.waiting):
            group = [each for each in self.waiting if each.parcel.alert.run == run]
            known = self._told[run].firing if run in self._told else ()
            view = View(lambda alert: self._is_silenced(alert, now.wall), {alert.id for alert in known})
            sifted = sift([each.parcel.alert for each in group], view)
            chosen, dropped = _of(group, sifted.told), _of(group, sifted.dropped)
            if not chosen:
                self._strike(dropped)
                continue
            last_at = self._told[run].sent_at - now.wall + now.mono if run in self._told else None
            if self._is_hurried or now.mono >= due_at(sifted.told, chosen[0].came_at, last_at, self._paces):
                alerts = _marked(chosen)
                # Drop superseded alerts only with the notice: until then they show that the alert has begun.
                return _Task(partial(sink.send, alerts), chosen + dropped, alerts, run)
        return None

    def _next_repetition(self, now: Now) -> _Task | None:
        """Return alerts still firing, to remind people, and for machines that expect repetition."""
        sink = self.sink
        if not (sink.is_for_people or isinstance(sink, Resends)):
            return None
        every_s = sink.resend_s if isinstance(sink, Resends) else self._paces.repeat_interval_s
        for run, told in self._told.items():
            if told.firing and now.wall - told.sent_at >= every_s:
                alerts = [replace(alert, resent=True) for alert in told.firing]
                if sink.is_for_people:
                    alerts = [alert for alert in alerts if not self._is_silenced(alert, now.wall)]
                if alerts:
                    return _Task(partial(sink.send, alerts), [], alerts, run)
        return None

    def _next_beat(self, now: Now) -> _Task | None:
        sink = self.sink
        if not isinstance(sink, Beats) or now.mono < self._beat_at:
            return None
        firing = [alert for told in self._told.values() for alert in told.firing]
        return _Task(partial(sink.beat, firing), is_beat=True)

    def _finish(self, task: _Task, error: SinkError | None, now: Now) -> None:
        self._task = None
        if error is not None and not error.permanent:
            for each in task.waiting:
                each.is_tried = True
            self.failures += 1
            wait_s = min(RETRY_FIRST_S * 2 ** (self.failures - 1), RETRY_LONGEST_S)
            spread = 1 + JITTER * (2 * self._rng.random() - 1) if self._worker is not None else 1.0
            self._retry_at = now.mono + max(wait_s * spread, error.retry_after_s)
            return
        self.failures = 0
        if task.is_beat and isinstance(self.sink, Beats):
            self._beat_at = now.mono + self.sink.beats_s
            return
        self._strike(task.waiting)
        if self.sink.is_for_people or isinstance(self.sink, Resends):
            self._remember(task.run, task.alerts, now)
        elif own := [alert for alert in task.alerts if not alert.run]:
            # The monitor's own alerts are in no run's state: this record tells a later watch which ones to end.
            self._remember("", own, now)

    def _remember(self, run: str, alerts: Sequence[Alert], now: Now) -> None:
        firing = {alert.id: alert for alert in (self._told[run].firing if run in self._told else ())}
        for alert in alerts:
            if alert.state is State.FIRING and not alert.inhibited_by:
                firing[alert.id] = alert
            else:
                firing.pop(alert.id, None)
        self._told[run] = Told(self.name, run, now.wall, tuple(firing.values())[-MOST_TOLD:])
        self._changed.add(run)

    def _strike(self, gone: Sequence[Waiting]) -> None:
        if gone:
            places = {id(each) for each in gone}
            self.waiting = deque(each for each in self.waiting if id(each) not in places)
            self._delivered += [each.parcel.number for each in gone if each.parcel.number]


def _marked(batch: Iterable[Waiting]) -> list[Alert]:
    """Return the alerts, marked as resent where they may have arrived already."""
    return [replace(each.parcel.alert, resent=True) if each.is_tried else each.parcel.alert for each in batch]


def _of(group: Sequence[Waiting], alerts: Iterable[Alert]) -> list[Waiting]:
    places = {id(alert) for alert in alerts}
    return [each for each in group if id(each.parcel.alert) in places]
