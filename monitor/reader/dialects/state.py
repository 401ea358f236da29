"""What reading a foreign log must remember from one line to the next; kept with the run, so that a restart goes on."""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.base.evidence import Evidence

NATIVE = "native"
"""The name of our own grammar, as a dialect."""


@dataclass
class DialectState:
    """Which dialect a log speaks, and the place in the run that its lines have named so far."""

    name: str = ""
    """The dialect in force; empty while none was recognised."""
    line: Evidence | None = None
    """The line that showed it: the evidence for all that follows from the dialect."""
    lacks: tuple[str, ...] = ()
    """The signals that none of the dialects seen so far can give, in order."""
    matched: dict[str, int] = field(default_factory=dict)
    """Lines understood, by dialect."""
    epoch: int | None = None
    """The epoch that was named last, counted from 1."""
    epochs: int | None = None
    """How many are planned, where a line said so."""
    step: int | None = None
    """The last step, counted over all epochs."""
    base: int = 0
    """Steps of the epochs before this one, for lines that count within an epoch."""
    bar: int | None = None
    """Where the last progress bar of the whole training stood."""
    bar_total: int | None = None
    """Its end; a bar with another end is that of something else."""
    shown: dict[str, tuple[str, str]] = field(default_factory=dict)
    """What progress bars showed last, and at the end of which epoch it was told: bars repeat what they know."""
    measured: tuple[tuple[str, float], ...] = ()
    """The last value of each metric that a final claim could name."""
    at: float | None = None
    """What the last line with a time says, in seconds since 1970-01-01."""
    is_zone_assumed: bool = False
    """Whether a line's time named no zone and none was given, so that it was taken for UTC."""
