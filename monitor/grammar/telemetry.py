"""Log lines about telemetry itself: what it had to switch off, and what it saw and the training did not declare."""

from __future__ import annotations

from monitor.grammar.fields import Words
from monitor.grammar.record import Record, line


@line("TELEMETRY", "off", level="WARNING")
class MonitorOff(Record):
    """A monitor within the training failed and was switched off; the training goes on."""

    monitor: str
    reason: str | None = None
    step: int | None = None


@line("TELEMETRY", "ignored", level="WARNING")
class CallIgnored(Record):
    """A call of the training to its telemetry that failed and had no effect."""

    call: str
    reason: str | None = None
    step: int | None = None


@line("TELEMETRY")
class Observed(Record):
    """What telemetry saw and the training did not declare; each is written once.

    ``were_trained`` names those of the frozen groups that were trained in this run before.
    """

    observed_frozen: Words | None = None
    were_trained: Words | None = None
    observed_unfrozen: Words | None = None
    observed_added: Words | None = None
    observed_removed: Words | None = None
    step: int | None = None
