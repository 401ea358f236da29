"""What a receiver is to those who send."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from monitor.alert import Alert


class Sink(Protocol):
    """Somewhere that alerts go."""

    @property
    def is_for_people(self) -> bool:
        """Whether people are told: once, together, and not of what is silenced. Machines get every transition."""
        ...

    @property
    def is_slow(self) -> bool:
        """Whether sending may take longer than the watch can wait."""
        ...

    def send(self, alerts: Sequence[Alert]) -> None:
        """Deliver alerts, in order. Raises SinkError."""
        ...


@runtime_checkable
class Remembers(Protocol):
    """A sink that can tell what it already has, so that a second delivery doubles nothing."""

    def missing(self, alerts: Sequence[Alert]) -> list[Alert]:
        """Return those of the alerts that did not arrive. Raises SinkError."""
        ...


@runtime_checkable
class Resends(Protocol):
    """A sink that wants what fires again and again."""

    @property
    def resend_s(self) -> float:
        """How often, in seconds."""
        ...


@runtime_checkable
class Beats(Protocol):
    """A sink that wants a sign of life whether anything fires or not."""

    @property
    def beats_s(self) -> float:
        """How often, in seconds."""
        ...

    def beat(self, firing: Sequence[Alert]) -> None:
        """Give one, knowing what fires. Raises SinkError."""
        ...
