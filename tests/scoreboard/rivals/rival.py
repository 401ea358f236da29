"""The interface of a rival: another detector that judges the same log, with its own names for what it finds.

In: the path of a log in the native grammar. Out: alarms in the order in which the rival would have given them while
the log grew.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, NamedTuple, Protocol


class RivalAlarm(NamedTuple):
    """One alarm, when its condition begins to hold; it is not repeated while the condition holds."""

    step: int | None
    """The newest training step that the rival had seen; None before the first."""
    label: str
    """The rival's name of its rule."""
    text: str
    """What it found, with the numbers."""
    at: float | None
    """Seconds since 1970 by the log's clock; None if the log has no time there."""


class Rival(Protocol):
    """A detector. Each class sets the four attributes and implements `judge`."""

    name: str
    """Its name on the board."""
    source: str
    """Where its rules and thresholds are published."""
    kinds: ClassVar[Mapping[str, frozenset[str]]]
    """The kinds of fault for each of its rules; empty for a rule that names none of ours."""
    not_observable: ClassVar[Mapping[str, str]]
    """Published rules that our log cannot answer, with what each would need."""

    def judge(self, log: Path, *, until: float | None = None) -> list[RivalAlarm]:
        """Return every alarm on this log.

        `until` is when the watching stopped, in seconds since 1970, for logs that fall silent; the default is the time
        of the last line.
        """
        ...

    def catches(self, kind: str) -> frozenset[str]:
        """Return its rules for this kind of fault."""
        return frozenset(label for label, kinds in self.kinds.items() if kind in kinds)

    def prepare(self) -> str | None:
        """Install what it needs, if anything; return why it cannot work here, or None if it can."""
        return None
