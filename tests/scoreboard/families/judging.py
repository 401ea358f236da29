"""The monitor's answer to one log, by the public interface with the shipped rules."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from monitor import api
from monitor.alert import State


class Alarm(NamedTuple):
    """An alert at warning or above that no other one explains, when it began to fire."""

    rule: str
    fault: str
    severity: str
    step: int
    summary: str
    line: int = 0
    """The last line that proves it; 0 for none."""


def alarms_of(log: Path) -> list[Alarm]:
    """Return what fired in a log, in order."""
    found = api.read(log)
    return [
        Alarm(
            each.rule,
            each.fault,
            each.severity.value,
            each.step or 0,
            each.summary,
            max((proof.line for proof in each.evidence), default=0),
        )
        for each in found.transitions
        if each.state is State.FIRING and each.severity.is_alarming and not each.inhibited_by
    ]
