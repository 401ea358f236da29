"""What a rival is: another detector that judges the same log, with its own words for what it finds.

In: the path of a log in the native grammar. Out: verdicts in the order in which the rival would have given them,
had it watched the log grow.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, NamedTuple, Protocol


class Verdict(NamedTuple):
    """One alarm, at the moment at which its condition begins to hold; it is not repeated while it holds."""

    step: int | None
    """The newest training step that the rival had seen; None before the first."""
    label: str
    """The rival's own name of its rule."""
    text: str
    """What it saw, with the numbers."""
    at: float | None
    """When, by the log's clock, in seconds since 1970; None where the log has no time there."""


class Rival(Protocol):
    """A detector. A class of its own states the four names and writes `judge`."""

    name: str
    """What the board calls it."""
    source: str
    """Where its rules and thresholds are published."""
    kinds: ClassVar[Mapping[str, frozenset[str]]]
    """The fault kinds that each of its rules names; a rule that names none is there too, with none."""
    not_observable: ClassVar[Mapping[str, str]]
    """Published rules that cannot be judged by our log, each with what they would need."""

    def judge(self, log: Path, *, until: float | None = None) -> list[Verdict]:
        """Return every alarm on this log.

        `until` is when the watching stopped, in seconds since 1970, for logs that fall silent; without it that is
        the time of the last line.
        """
        ...

    def catches(self, kind: str) -> frozenset[str]:
        """Return its rules that name this fault kind."""
        return frozenset(label for label, kinds in self.kinds.items() if kind in kinds)

    def prepare(self) -> str | None:
        """Install what it needs, if anything; return why it cannot judge here, None where it can."""
        return None
