"""Alerts: what a rule found, in the one form that every receiver and the report get."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from monitor.base.escape import redact
from monitor.base.evidence import Evidence
from monitor.base.strict_json import json_number
from monitor.base.wording import long_span
from monitor.reader.signals import Labels

JSON_VERSION = 1


class Severity(StrEnum):
    """How urgent an alert is."""

    INFO = "info"
    """Worth knowing; no alarm."""
    WARNING = "warning"
    """Look at it today."""
    CRITICAL = "critical"
    """The run is wasting time now."""

    @property
    def is_alarming(self) -> bool:
        """Whether it counts as an alarm: exit code 1, and a false alarm if wrong."""
        return self is not Severity.INFO

    @property
    def rank(self) -> int:
        """Severity as a number; 0 is the mildest."""
        return list(Severity).index(self)


class State(StrEnum):
    """The states of an alert."""

    PENDING = "pending"
    """Breached, but not yet for as long or as often as the rule requires."""
    FIRING = "firing"
    RESOLVED = "resolved"
    """Evidence shows that it is over."""
    CLOSED = "closed"
    """The attempt ended while it was firing, so its end will never be known."""


class AlertKey(NamedTuple):
    """Identifies an alert within a run: one per rule and labels."""

    rule: str
    labels: Labels


@dataclass(frozen=True)
class Alert:
    """One alert at one moment. Times are seconds since 1970-01-01 UTC by the run's clock; None if the log has none."""

    id: str
    """Stable across restarts, rotations and replays: derived from run, rule, labels and first evidence."""
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
    """Why it is in this state."""
    needs: str
    """What a replay needs besides the log to reproduce it: empty, or ``facts``."""
    evidence: tuple[Evidence, ...]
    inhibited_by: str = ""
    """The rule whose alert explains this one, so that it pages no one; empty for none."""
    resent: bool = False
    """May have been sent before, with the same id: the state or the proof of delivery was lost."""
    log: str = ""
    """Absolute path of the log; empty for an alert about the monitor itself, and from a state of version 0.1.0."""
    host: str = ""
    """The machine that read the log."""
    checkpoint: str = ""
    """The last checkpoint saved before the first line that shows it, and how far back it is, in words."""
    gpus: int = 0
    """How many GPUs the run used when the alert began; 0 if nothing tells."""
    counts: str = "step"
    """What the log counts: ``step``; ``epoch`` or ``report`` where it names no step, and ``step`` is our own count."""

    @property
    def named_step(self) -> int | None:
        """The step, where the log names steps; None where it is our own count."""
        return self.step if self.counts == "step" else None

    @property
    def place(self) -> str:
        """Where it began, as the log counts: ``step 370``, ``epoch 3``; empty if it counts nothing yet."""
        number = self.epoch if self.counts == "epoch" else self.step
        return "" if number is None else f"{self.counts} {number:,}"

    @property
    def key(self) -> AlertKey:
        """The alert's rule and labels."""
        return AlertKey(self.rule, self.labels)

    def ended(self, state: State, at: float | None, reason: str) -> Alert:
        """Return the transition that ends this alert."""
        return replace(self, state=state, at=at, ends_at=at, reason=reason)

    def to_json(self) -> dict[str, object]:
        """Return the alert as every machine receives it: strict JSON, with non-finite numbers as text.

        Text that looks like a secret is redacted. ``inhibited_by`` is present only if another alert
        explains this one, ``resent`` only if true, ``checkpoint`` only if one was saved before, ``gpus`` only if known,
        ``report``, a number of the monitor's, instead of a step if the log names none.
        """
        return {
            "version": JSON_VERSION,
            "id": self.id,
            "run": self.run,
            "log": self.log,
            "host": self.host,
            "attempt": self.attempt,
            "alert": self.rule,
            "fault": self.fault,
            "severity": self.severity.value,
            "state": self.state.value,
            "at": iso_time(self.at),
            "starts_at": iso_time(self.starts_at),
            "ends_at": iso_time(self.ends_at),
            "epoch": self.epoch,
            "step": self.named_step,
            **({"report": self.step} if self.counts != "step" and self.step is not None else {}),
            "labels": {name: redact(value) for name, value in self.labels},
            "value": json_number(self.value),
            "threshold": json_number(self.threshold),
            "summary": redact(self.summary),
            "action": self.action,
            "reason": redact(self.reason),
            "needs": self.needs,
            **({"inhibited_by": self.inhibited_by} if self.inhibited_by else {}),
            **({"resent": True} if self.resent else {}),
            **({"checkpoint": redact(self.checkpoint)} if self.checkpoint else {}),
            **({"gpus": self.gpus} if self.gpus else {}),
            "evidence": [
                {"path": each.path, "line": each.line, "offset": each.offset, "text": redact(each.text)}
                for each in self.evidence
            ],
        }


MOMENTS = frozenset({"crash", "ended_early"})
"""Faults that happen at a step; the others last since one."""
LEAST_GPU_HOURS = 0.1
"""Costs below are not worth a word; the figure has one decimal place."""


def place_of(alert: Alert, until: float | None, *, is_over: bool = False) -> str:
    """Return since which place an alert fires, and the cost up to a time: ``since step 370 (14 min, 1.9 GPU h)``.

    Without GPU hours where the log and its facts name no GPU, and for less than LEAST_GPU_HOURS.
    """
    began_at = min((each.at for each in alert.evidence[:1] if each.at is not None), default=alert.starts_at)
    lasted_s = until - began_at if until is not None and began_at is not None else 0.0
    gpu_hours = alert.gpus * lasted_s / 3600
    cost = f"{gpu_hours:,.1f} GPU h" if gpu_hours >= LEAST_GPU_HOURS else ""
    lasted = ", ".join(filter(None, (long_span(lasted_s), cost)))
    if f"since {alert.counts}" in alert.summary:
        return ""
    if alert.fault in MOMENTS:
        return f"at {alert.place}" if alert.place else ""
    if not alert.place or is_over:
        return f"for {lasted}" if lasted else ""
    return f"since {alert.place}" + (f" ({lasted})" if lasted else "")


def alert_id(identity: tuple[object, ...]) -> str:
    """Return an alert's id: 16 hexadecimal digits that depend on ``identity`` alone."""
    return hashlib.sha256(repr(identity).encode("utf-8", "backslashreplace")).hexdigest()[:16]


def iso_time(at: float | None) -> str | None:
    """Return a time as ``2025-10-30T23:40:51.123Z``; None for None and for times outside the calendar."""
    if at is None:
        return None
    try:
        moment = datetime.fromtimestamp(at, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Parcel(NamedTuple):
    """One alert on its way to one receiver."""

    number: int
    """Unique within the state folder; 0 until it is committed."""
    sink: str
    """The receiver, as the user named it."""
    alert: Alert


class Told(NamedTuple):
    """What one receiver was told about one run."""

    sink: str
    """The receiver, as the user named it."""
    run: str
    sent_at: float
    """Time of the newest notice, in seconds since 1970-01-01 UTC."""
    firing: tuple[Alert, ...]
    """Alerts that it was told are firing and has not been told are over."""
