"""Alerts: what a rule found, in the one form that every receiver and the report see."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from monitor.base.escape import redact
from monitor.base.evidence import Evidence
from monitor.reader.signals import Labels

JSON_VERSION = 1


class Severity(StrEnum):
    """How much a person should mind."""

    INFO = "info"
    """Worth knowing; no alarm."""
    WARNING = "warning"
    """Look at it today."""
    CRITICAL = "critical"
    """The run is wasting its time now."""

    @property
    def is_alarming(self) -> bool:
        """Whether it counts as something that fired: exit code 1, false alarm if wrong."""
        return self is not Severity.INFO

    @property
    def rank(self) -> int:
        """How severe it is: 0 for the mildest."""
        return list(Severity).index(self)


class State(StrEnum):
    """Where an alert is in its life."""

    PENDING = "pending"
    """Breached, but not yet for as long or as often as the rule asks."""
    FIRING = "firing"
    RESOLVED = "resolved"
    """There is evidence that it is over."""
    CLOSED = "closed"
    """The attempt ended while it fired: nothing more will be known."""


class AlertKey(NamedTuple):
    """Which alert: one per rule and labels."""

    rule: str
    labels: Labels


@dataclass(frozen=True)
class Alert:
    """One alert at one moment. Times are in seconds since 1970-01-01 UTC, by the run's clock; None if it has none."""

    id: str
    """Stable across restarts, rotations and replays: made of the run, the rule, the labels and the first evidence."""
    run: str
    attempt: int
    rule: str
    fault: str
    severity: Severity
    state: State
    at: float | None
    starts_at: float | None
    ends_at: float | None
    epoch: int
    step: int | None
    labels: Labels
    value: float | None
    threshold: float | None
    summary: str
    action: str
    reason: str
    """Why it is in this state, in words."""
    needs: str
    """What a replay needs besides the log to find it again: empty, or ``facts``."""
    evidence: tuple[Evidence, ...]
    inhibited_by: str = ""
    """The rule whose alert explains this one, so that nobody is paged for it; empty for none."""
    resent: bool = False
    """Sent before, or perhaps: the state or the proof of delivery was lost. The id is the same."""

    @property
    def key(self) -> AlertKey:
        """Which alert it is."""
        return AlertKey(self.rule, self.labels)

    def to_json(self) -> dict[str, object]:
        """Return the one form in which every machine receives an alert.

        Strict JSON, non-finite numbers as text; the shapes of common secrets are blotted out of the evidence.
        ``inhibited_by`` is there only where another alert explains this one, ``resent`` only where it is true.
        """
        return {
            "version": JSON_VERSION,
            "id": self.id,
            "run": self.run,
            "attempt": self.attempt,
            "alert": self.rule,
            "fault": self.fault,
            "severity": self.severity.value,
            "state": self.state.value,
            "at": iso_time(self.at),
            "starts_at": iso_time(self.starts_at),
            "ends_at": iso_time(self.ends_at),
            "epoch": self.epoch,
            "step": self.step,
            "labels": dict(self.labels),
            "value": _strict(self.value),
            "threshold": _strict(self.threshold),
            "summary": self.summary,
            "action": self.action,
            "reason": self.reason,
            "needs": self.needs,
            **({"inhibited_by": self.inhibited_by} if self.inhibited_by else {}),
            **({"resent": True} if self.resent else {}),
            "evidence": [
                {"path": each.path, "line": each.line, "offset": each.offset, "text": redact(each.text)}
                for each in self.evidence
            ],
        }


def iso_time(at: float | None) -> str | None:
    """Return a time as ``2025-10-30T23:40:51.123Z``; None for none, or one that no calendar holds."""
    if at is None:
        return None
    try:
        moment = datetime.fromtimestamp(at, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _strict(value: float | None) -> float | str | None:
    return value if value is None or math.isfinite(value) else str(value)


class Parcel(NamedTuple):
    """One alert on its way to one receiver."""

    number: int
    """Unique within the state folder; 0 for one that is not committed yet."""
    sink: str
    """The receiver, as the user named it."""
    alert: Alert


class Told(NamedTuple):
    """What one receiver was told of one run."""

    sink: str
    """The receiver, as the user named it."""
    run: str
    sent_at: float
    """Time of the newest notice, in seconds since 1970-01-01 UTC."""
    firing: tuple[Alert, ...]
    """What it was told is firing, and nothing newer of."""
