"""What waits for one receiver, what it was told, and when it is tried again.

Machines get every transition, at once and in order. People are told of one run at a time, as the stages have it.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from monitor.alert import Alert, Parcel, State, Told
from monitor.base.errors import SinkError
from monitor.notify.stages import Paces, View, due_at, sift
from monitor.notify.worker import DeliveryWorker
from monitor.sinks.sink import Beats, Remembers, Resends, Sink

RETRY_FIRST_S = 1.0
RETRY_LONGEST_S = 300.0
"""A receiver that fails is tried again after 1, 2, 4 ... 300 seconds, each up to a fifth sooner or later, so that
many do not come back at once. Chosen by hand."""
JITTER = 0.2
MOST_TOLD = 256
"""Firing alerts of one run that are remembered as told. Chosen by hand."""


@dataclass
class Waiting:
    """One alert on its way."""

    parcel: Parcel
    came_at: float
    """Monotonic seconds."""
    is_tried: bool
    """Whether it may have arrived already."""


class Moment(NamedTuple):
    """Now."""

    mono: float
    """Monotonic seconds."""
    wall: float
    """Seconds since 1970-01-01 UTC."""


@dataclass
class _Errand:
    """What the receiver is busy with."""

    call: Callable[[], None]
    waiting: list[Waiting] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    run: str = ""
    is_beat: bool = False


class ReceiverQueue:
    """The way to one receiver."""

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
        self._errand: _Errand | None = None
        self._courier = DeliveryWorker(name) if sink.is_slow else None
        self._rng = rng or random.Random()
        self._is_hurried = False

    @property
    def is_busy(self) -> bool:
        """Whether the receiver has not answered yet."""
        return self._errand is not None

    def add(self, alert: Alert, now: float, *, number: int = 0, is_tried: bool = False) -> None:
        """Let an alert wait."""
        self.waiting.append(Waiting(Parcel(number, self.name, alert), now, is_tried))

    def hurry(self) -> None:
        """Wait for nothing any more."""
        self._retry_at, self._is_hurried = -math.inf, True

    def turn(self, now: Moment, *, patience_s: float = 0.0) -> SinkError | None:
        """Take the receiver's answer, waiting so long for it, and begin what is due; return what went wrong."""
        error: SinkError | None = None
        if self._errand is not None and self._courier is not None:
            is_done, error = self._courier.result(patience_s)
            if not is_done:
                return None
            self._finish(self._errand, error, now)
        if self._errand is None and now.mono >= self._retry_at and (job := self._next(now)):
            self._errand = job
            if self._courier is not None:
                self._courier.go(job.call)
            else:
                try:
                    job.call()
                except SinkError as failure:
                    error = failure
                self._finish(job, error, now)
        return error

    def said(self) -> list[Alert]:
        """Return what the receiver was told is firing, then what waits for it, in order."""
        told = [alert for each in self._told.values() for alert in each.firing]
        return told + [each.parcel.alert for each in self.waiting]

    def settled(self) -> list[int]:
        """Return the numbers of what waits no longer, each once."""
        numbers, self._delivered = self._delivered, []
        return numbers

    def news(self) -> list[Told]:
        """Return what the receiver was told since this was asked last, to be kept."""
        changed, self._changed = self._changed, set()
        return [self._told[run] for run in changed]

    def renew(self, run: str) -> None:
        """Take it that what it was told of a run is not kept."""
        self._changed.add(run)

    def forget_numbers(self) -> None:
        """Take it that nothing at all is kept."""
        self._changed = set(self._told)
        self._delivered.clear()

    def _next(self, now: Moment) -> _Errand | None:
        found = self._next_notice(now) if self.sink.is_for_people else self._next_batch()
        return found or self._next_repetition(now) or self._next_beat(now)

    def _next_batch(self) -> _Errand | None:
        """Everything, for a machine."""
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

            return _Errand(call, batch, [each.parcel.alert for each in batch], run)
        # Of one run at a time where it is remembered what was told.
        if isinstance(sink, Resends):
            batch = [each for each in batch if each.parcel.alert.run == run]
        alerts = _marked(batch)
        return _Errand(lambda: sink.send(alerts), batch, alerts, run)

    def _next_notice(self, now: Moment) -> _Errand | None:
        """Of the first run that is due, what people should know."""
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
                # What the notice makes needless goes with it: until then it says that there was a beginning.
                return _Errand(_sending(sink, alerts), chosen + dropped, alerts, run)
        return None

    def _next_repetition(self, now: Moment) -> _Errand | None:
        """What fires on, for people who may have forgotten and machines that do."""
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
                    return _Errand(_sending(sink, alerts), [], alerts, run)
        return None

    def _next_beat(self, now: Moment) -> _Errand | None:
        sink = self.sink
        if not isinstance(sink, Beats) or now.mono < self._beat_at:
            return None
        firing = [alert for told in self._told.values() for alert in told.firing]
        return _Errand(lambda: sink.beat(firing), is_beat=True)

    def _finish(self, job: _Errand, error: SinkError | None, now: Moment) -> None:
        self._errand = None
        if error is not None and not error.permanent:
            for each in job.waiting:
                each.is_tried = True
            self.failures += 1
            wait_s = min(RETRY_FIRST_S * 2 ** (self.failures - 1), RETRY_LONGEST_S)
            spread = 1 + JITTER * (2 * self._rng.random() - 1) if self._courier is not None else 1.0
            self._retry_at = now.mono + max(wait_s * spread, error.retry_after_s)
            return
        self.failures = 0
        if job.is_beat and isinstance(self.sink, Beats):
            self._beat_at = now.mono + self.sink.beats_s
            return
        self._strike(job.waiting)
        if self.sink.is_for_people or isinstance(self.sink, Resends):
            self._remember(job.run, job.alerts, now)
        elif own := [alert for alert in job.alerts if not alert.run]:
            # What the monitor says of itself is in no run's state: only this tells a later one what has to be ended.
            self._remember("", own, now)

    def _remember(self, run: str, alerts: Sequence[Alert], now: Moment) -> None:
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


def _sending(sink: Sink, alerts: Sequence[Alert]) -> Callable[[], None]:
    return lambda: sink.send(alerts)


def _marked(batch: Iterable[Waiting]) -> list[Alert]:
    """Return the alerts, marked where they may be a repetition."""
    return [replace(each.parcel.alert, resent=True) if each.is_tried else each.parcel.alert for each in batch]


def _of(group: Sequence[Waiting], alerts: Iterable[Alert]) -> list[Waiting]:
    places = {id(alert) for alert in alerts}
    return [each for each in group if id(each.parcel.alert) in places]
