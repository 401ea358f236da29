"""The outbox at work: every alert to every sink at least once, in order; a sink that fails delays no other."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

from monitor.alerts import Alert
from monitor.errors import SinkError
from monitor.sinks import Sink
from monitor.store import Parcel

RETRY_FIRST_S = 1.0
RETRY_LONGEST_S = 300.0
"""A sink that fails is tried again after 1, 2, 4 ... 300 seconds. Chosen by hand."""


@runtime_checkable
class Remembers(Protocol):
    """A sink that can tell what it already has, so that a second delivery doubles nothing."""

    def missing(self, alerts: Sequence[Alert]) -> list[Alert]:
        """Return those of the alerts that did not arrive. Raises SinkError."""
        ...


@dataclass
class _Parcel:
    """One alert for one sink."""

    parcel: Parcel
    is_tried: bool
    """Whether it may have arrived already."""


@dataclass
class _Queue:
    """What waits for one sink."""

    sink: Sink
    waiting: deque[_Parcel] = field(default_factory=deque)
    failures: int = 0
    """Failures in a row."""
    retry_at: float = 0.0
    """Monotonic time of the next try."""


class Delivery:
    """Sends alerts to sinks. Times are monotonic seconds."""

    def __init__(self, sinks: Mapping[str, Sink], left: Iterable[Parcel] = ()) -> None:
        """``left`` is what an earlier run of the program had committed and not seen delivered."""
        self._queues = {name: _Queue(sink) for name, sink in sinks.items()}
        self._delivered: list[int] = []
        self.num_orphans = 0
        """Alerts left for sinks that this watch does not have; they are dropped."""
        for parcel in left:
            if parcel.sink in self._queues:
                self._queues[parcel.sink].waiting.append(_Parcel(parcel, is_tried=True))
            else:
                self.num_orphans += 1
                self._delivered.append(parcel.number)

    @property
    def num_waiting(self) -> int:
        """Alerts that no sink has taken yet."""
        return sum(len(queue.waiting) for queue in self._queues.values())

    def add(self, alerts: Iterable[Alert]) -> None:
        """Put alerts in every sink's queue."""
        for alert in alerts:
            for name, queue in self._queues.items():
                queue.waiting.append(_Parcel(Parcel(0, name, alert), is_tried=False))

    def uncommitted(self) -> list[Parcel]:
        """Return what waits and is in no commit yet, in the order in which `commit` wants the numbers back."""
        return [each.parcel for each in self._uncommitted()]

    def committed(self, parcels: Sequence[Parcel]) -> None:
        """Take what `uncommitted` returned with its numbers."""
        for waiting, parcel in zip(self._uncommitted(), parcels, strict=True):
            waiting.parcel = parcel

    def uncommit(self) -> None:
        """Take it that no commit holds any of what waits."""
        for queue in self._queues.values():
            for each in queue.waiting:
                each.parcel = each.parcel._replace(number=0)
        self._delivered.clear()

    def settled(self) -> list[int]:
        """Return the numbers of what was delivered, each once."""
        numbers, self._delivered = self._delivered, []
        return numbers

    def unsettle(self, numbers: Iterable[int]) -> None:
        """Take back numbers from `settled` that could not be struck out."""
        self._delivered += numbers

    def hurry(self) -> None:
        """Let every sink be tried at the next `send`."""
        for queue in self._queues.values():
            queue.retry_at = -math.inf

    def send(self, now: float) -> list[SinkError]:
        """Send what is due; return what went wrong, each first failure once."""
        due = [queue for queue in self._queues.values() if queue.waiting and now >= queue.retry_at]
        return [error for queue in due if (error := self._send(queue, now))]

    def _uncommitted(self) -> list[_Parcel]:
        return [each for queue in self._queues.values() for each in queue.waiting if not each.parcel.number]

    def _send(self, queue: _Queue, now: float) -> SinkError | None:
        batch = list(queue.waiting)
        try:
            if alerts := _to_send(queue.sink, batch):
                queue.sink.send(alerts)
        except SinkError as error:
            for each in batch:
                each.is_tried = True
            if not error.permanent:
                queue.failures += 1
                wait_s = min(RETRY_FIRST_S * 2 ** (queue.failures - 1), RETRY_LONGEST_S)
                queue.retry_at = now + wait_s
                return error if queue.failures == 1 else None
            failure: SinkError | None = error
        else:
            failure = None
        queue.failures = 0
        queue.waiting.clear()
        self._delivered += [each.parcel.number for each in batch if each.parcel.number]
        return failure


def _to_send(sink: Sink, batch: Sequence[_Parcel]) -> list[Alert]:
    """Return what the sink lacks, or all of it, marked where it may be a repetition. Raises SinkError."""
    if isinstance(sink, Remembers):
        tried = [each.parcel.alert for each in batch if each.is_tried]
        missing = sink.missing(tried) if tried else []
        return [*missing, *(each.parcel.alert for each in batch if not each.is_tried)]
    return [replace(each.parcel.alert, resent=True) if each.is_tried else each.parcel.alert for each in batch]
