"""Delivers every alert to every receiver at least once, in order; a failing receiver delays no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from monitor.alert import Alert, Parcel, State, Told
from monitor.base.errors import SinkError
from monitor.notify.own_alerts import receiver_failed
from monitor.notify.receiver_queue import Now, ReceiverQueue, Waiting
from monitor.notify.stages import Paces
from monitor.sinks import Sink

FAILURES_TOLD = 5
"""Failures in a row (half a minute) after which the other receivers are told. Chosen by hand."""


class Delivery:
    """Sends alerts to receivers."""

    def __init__(
        self,
        sinks: Mapping[str, Sink],
        left: Iterable[Parcel] = (),
        *,
        told: Iterable[Told] = (),
        paces: Paces = Paces(),  # noqa: B008 - a tuple never changes
        is_silenced: Callable[[Alert, float], bool] = lambda alert, wall: False,
    ) -> None:
        """``left`` is what an earlier process had committed but not seen delivered, ``told`` what it had told.

        ``is_silenced`` returns whether an alert is silenced at a time (seconds since 1970).
        """
        kept = list(told)
        self._queues = {
            name: ReceiverQueue(
                name, sink, paces, is_silenced=is_silenced, told=[each for each in kept if each.sink == name]
            )
            for name, sink in sinks.items()
        }
        self._failing_since: dict[str, float] = {}
        self._orphans: list[int] = []
        self._added_at = 0.0
        for parcel in left:
            if parcel.sink in self._queues:
                self._queues[parcel.sink].add(parcel.alert, self._added_at, number=parcel.number, is_tried=True)
            else:
                self._orphans.append(parcel.number)
        self.num_orphans = len(self._orphans)
        """Alerts for receivers that this watch does not have; they are dropped."""

    @property
    def num_waiting(self) -> int:
        """Number of alerts that a receiver has not accepted yet."""
        return sum(self.waiting_for.values())

    @property
    def waiting_for(self) -> dict[str, int]:
        """Number of waiting alerts by receiver."""
        return {name: len(queue.waiting) for name, queue in self._queues.items()}

    def add(self, alerts: Iterable[Alert]) -> None:
        """Put alerts in every receiver's queue."""
        for alert in alerts:
            for queue in self._queues.values():
                queue.add(alert, self._added_at)

    def still_firing(self, rule: str) -> list[Alert]:
        """Return a rule's alerts that a receiver was told, or will be told, are firing; each alert once."""
        return [alert for alert in self.all_firing() if alert.rule == rule]

    def all_firing(self) -> list[Alert]:
        """Return all such alerts, of any rule."""
        newest: dict[str, Alert] = {}
        for queue in self._queues.values():
            newest |= {alert.id: alert for alert in queue.told_or_waiting()}
        return [alert for alert in newest.values() if alert.state is State.FIRING]

    def uncommitted(self) -> list[Parcel]:
        """Return the waiting alerts that no commit holds yet; `committed` expects their numbers in this order."""
        return [each.parcel for each in self._uncommitted()]

    def committed(self, parcels: Sequence[Parcel]) -> None:
        """Take back what `uncommitted` returned, now with numbers."""
        for waiting, parcel in zip(self._uncommitted(), parcels, strict=True):
            waiting.parcel = parcel

    def uncommit(self) -> None:
        """Treat everything that waits or was told as not committed."""
        for queue in self._queues.values():
            for each in queue.waiting:
                each.parcel = each.parcel._replace(number=0)
            queue.forget_numbers()
        self._orphans.clear()

    def settled(self) -> list[int]:
        """Return the numbers of alerts that no longer wait, each once."""
        orphans, self._orphans = self._orphans, []
        return orphans + [number for queue in self._queues.values() for number in queue.settled()]

    def unsettle(self, numbers: Iterable[int], told: Iterable[Told] = ()) -> None:
        """Take back what `settled` and `news` returned, because it could not be stored."""
        self._orphans += numbers
        for each in told:
            self._queues[each.sink].keep_again(each.run)

    def news(self) -> list[Told]:
        """Return what receivers were told since the last call, to be stored together with `settled`."""
        return [told for queue in self._queues.values() for told in queue.news()]

    def hurry(self) -> None:
        """Try every receiver at the next `send`, without grouping or retry delays."""
        for queue in self._queues.values():
            queue.hurry()

    def send(self, mono: float, wall: float = 0.0, *, patience_s: float = 0.0) -> list[SinkError]:
        """Send what is due; return the errors, only the first of each series of failures.

        Times are monotonic seconds and seconds since 1970. Waits at most ``patience_s`` for a slow receiver.
        """
        self._added_at, now, errors = mono, Now(mono, wall), []
        for name, queue in self._queues.items():
            num_before = len(queue.waiting)
            error = queue.turn(now, patience_s=patience_s if queue.is_busy else 0.0)
            if error is not None and (error.permanent or queue.failures == 1):
                errors.append(error)
            self._tell_others(name, queue, error, wall, num_dropped=num_before - len(queue.waiting))
        return errors

    @property
    def is_busy(self) -> bool:
        """Whether a receiver still has to answer."""
        return any(queue.is_busy for queue in self._queues.values())

    def _tell_others(
        self, name: str, queue: ReceiverQueue, error: SinkError | None, wall: float, *, num_dropped: int
    ) -> None:
        since = self._failing_since.get(name)
        if error is not None and error.permanent:
            why = f"{error}; {num_dropped} alerts will not reach it"
            self._add_but(name, receiver_failed(name, why, State.CLOSED, began_at=wall, at=wall))
        elif error is not None and queue.failures == FAILURES_TOLD:
            self._failing_since[name] = wall
            self._add_but(name, receiver_failed(name, str(error), State.FIRING, began_at=wall, at=wall))
        elif since is not None and queue.failures == 0:
            del self._failing_since[name]
            self._add_but(name, receiver_failed(name, "it answers again", State.RESOLVED, began_at=since, at=wall))

    def _add_but(self, name: str, alert: Alert) -> None:
        for other, queue in self._queues.items():
            if other != name:
                queue.add(alert, self._added_at)

    def _uncommitted(self) -> list[Waiting]:
        return [each for queue in self._queues.values() for each in queue.waiting if not each.parcel.number]
