"""What every sink provides: how it is addressed, its options, and one verb, ``send``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

from monitor.alert import Alert
from monitor.sinks.secret import Secret


class Sink(Protocol):
    """Sends alerts to one receiver."""

    @property
    def is_for_people(self) -> bool:
        """Whether people read it: they get grouped notices, without silenced alerts. Machines get every transition."""
        ...

    @property
    def is_slow(self) -> bool:
        """Whether sending may take longer than the watch can wait."""
        ...

    def send(self, alerts: Sequence[Alert]) -> None:
        """Deliver alerts, in order. Raises SinkError."""
        ...


class Takes(NamedTuple):
    """How ``--sink`` and a watch file name a receiver of this kind."""

    place: str
    """What its address is, for error messages; empty if it has none."""
    address: type[Secret | Path | str]
    """`Secret` resolves ``env:``, ``file:`` and ``credential:``; `Path` is a file that the sink writes."""
    options: type[Any] | None = None
    """A dataclass of the further keys in a watch file; `spec` lists the types that it can read."""


class SinkKind(Protocol):
    """The class of a sink."""

    takes: ClassVar[Takes]

    def __call__(self, address: Any, where: str, *options: Any) -> Sink:
        """Open a sink with its options, if it has any; ``where`` names it in errors. Raises MonitorError."""
        ...


@runtime_checkable
class Remembers(Protocol):
    """A sink that knows what it already has, so that a second delivery duplicates nothing."""

    def missing(self, alerts: Sequence[Alert]) -> list[Alert]:
        """Return the alerts that did not arrive. Raises SinkError."""
        ...


@runtime_checkable
class Resends(Protocol):
    """A sink whose receiver expects firing alerts to be repeated."""

    @property
    def resend_s(self) -> float:
        """Seconds after which a firing alert is sent again."""
        ...


@runtime_checkable
class Beats(Protocol):
    """A sink that sends a sign of life whether or not anything fires."""

    @property
    def beats_s(self) -> float:
        """Seconds between two signs of life."""
        ...

    def beat(self, firing: Sequence[Alert]) -> None:
        """Send a sign of life; ``firing`` are the alerts that fire now. Raises SinkError."""
        ...
