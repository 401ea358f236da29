"""The outbox at work: every alert to every receiver at least once, in order; one that fails delays no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from monitor.alert import Alert, Parcel, State, Told
from monitor.base.errors import SinkError
from monitor.notify.own_alerts import receiver_failed
from monitor.notify.receiver_queue import Moment, ReceiverQueue, Waiting
from monitor.notify.stages import Paces
from monitor.sinks import Sink

FAILURES_TOLD = 5
"""Failures in a row, half a minute of them, after which the other receivers are told. Chosen by hand."""


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
        """``left`` is what an earlier run of the program had committed and not seen delivered, ``told`` what was told.

        ``is_silenced`` says of an alert and a time whether people are to be left in peace.
        """
        kept = list(told)
        self._outlets = {
            name: ReceiverQueue(
                name, sink, paces, is_silenced=is_silenced, told=[each for each in kept if each.sink == name]
            )
            for name, sink in sinks.items()
        }
        self._failing_since: dict[str, float] = {}
        self._orphans: list[int] = []
        self._added_at = 0.0
        for parcel in left:
            if parcel.sink in self._outlets:
                self._outlets[parcel.sink].add(parcel.alert, self._added_at, number=parcel.number, is_tried=True)
            else:
                self._orphans.append(parcel.number)
        self.num_orphans = len(self._orphans)
        """Alerts left for receivers that this watch does not have; they are dropped."""

    @property
    def num_waiting(self) -> int:
        """Alerts that a receiver has not taken yet."""
        return sum(len(queue.waiting) for queue in self._outlets.values())

    @property
    def waiting_for(self) -> dict[str, int]:
        """How many wait for each receiver."""
        return {name: len(queue.waiting) for name, queue in self._outlets.items()}

    def add(self, alerts: Iterable[Alert]) -> None:
        """Put alerts in every receiver's queue."""
        for alert in alerts:
            for queue in self._outlets.values():
                queue.add(alert, self._added_at)

    def still_firing(self, rule: str) -> list[Alert]:
        """Return what some receiver was told of a rule, or will be, that nothing has ended yet; each alert once."""
        newest: dict[str, Alert] = {}
        for queue in self._outlets.values():
            newest |= {alert.id: alert for alert in queue.said() if alert.rule == rule}
        return [alert for alert in newest.values() if alert.state is State.FIRING]

    def uncommitted(self) -> list[Parcel]:
        """Return what waits and is in no commit yet, in the order in which `commit` wants the numbers back."""
        return [each.parcel for each in self._uncommitted()]

    def committed(self, parcels: Sequence[Parcel]) -> None:
        """Take what `uncommitted` returned with its numbers."""
        for waiting, parcel in zip(self._uncommitted(), parcels, strict=True):
            waiting.parcel = parcel

    def uncommit(self) -> None:
        """Take it that no commit holds any of what waits, or was told."""
        for queue in self._outlets.values():
            for each in queue.waiting:
                each.parcel = each.parcel._replace(number=0)
            queue.forget_numbers()
        self._orphans.clear()

    def settled(self) -> list[int]:
        """Return the numbers of what waits no longer, each once."""
        orphans, self._orphans = self._orphans, []
        return orphans + [number for queue in self._outlets.values() for number in queue.settled()]

    def unsettle(self, numbers: Iterable[int], told: Iterable[Told] = ()) -> None:
        """Take back what `settled` and `news` returned, for it could not be kept."""
        self._orphans += numbers
        for each in told:
            self._outlets[each.sink].renew(each.run)

    def news(self) -> list[Told]:
        """Return what receivers were told since this was asked last, to be kept with what is struck out."""
        return [told for queue in self._outlets.values() for told in queue.news()]

    def hurry(self) -> None:
        """Let every receiver be tried at the next `send`, and nobody wait for others any more."""
        for queue in self._outlets.values():
            queue.hurry()

    def send(self, mono: float, wall: float = 0.0, *, patience_s: float = 0.0) -> list[SinkError]:
        """Send what is due; return what went wrong, each first failure once.

        Times are monotonic seconds and seconds since 1970. A slow receiver is waited for no longer than ``patience_s``.
        """
        self._added_at, now, said = mono, Moment(mono, wall), []
        for name, queue in self._outlets.items():
            num_before = len(queue.waiting)
            error = queue.turn(now, patience_s=patience_s if queue.is_busy else 0.0)
            if error is not None and (error.permanent or queue.failures == 1):
                said.append(error)
            self._tell_others(name, queue, error, wall, num_dropped=num_before - len(queue.waiting))
        return said

    @property
    def is_busy(self) -> bool:
        """Whether a receiver has not answered yet."""
        return any(queue.is_busy for queue in self._outlets.values())

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
            self._add_but(name, receiver_failed(name, "it answers", State.RESOLVED, began_at=since, at=wall))

    def _add_but(self, name: str, alert: Alert) -> None:
        for other, queue in self._outlets.items():
            if other != name:
                queue.add(alert, self._added_at)

    def _uncommitted(self) -> list[Waiting]:
        return [each for queue in self._outlets.values() for each in queue.waiting if not each.parcel.number]
