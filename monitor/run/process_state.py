"""What the state letter of a process says of a run that makes no progress."""

from __future__ import annotations

from monitor.base.evidence import Evidence
from monitor.grammar import Process
from monitor.run.attempt import Attempt

FRESH_S = 120.0
"""Older facts about a process or GPU tell nothing about now; probes look every 30 s. Chosen by hand, 2026-11."""
_STUCK = {
    "T": "is stopped (state T: Ctrl-Z, SIGSTOP or a scheduler)",
    "t": "is stopped (state t: a debugger holds it)",
    "D": "waits for a disk, a network file system or a device (state D), and cannot be interrupted",
    "Z": "has exited, and its parent has not taken note (state Z)",
}


def stuck_words(stat: str | None) -> str:
    """Return why a process in this state makes no progress; empty for a state in which it can."""
    return _STUCK.get((stat or "")[:1], "")


def stuck_process(attempt: Attempt, now: float | None) -> tuple[str, Evidence] | None:
    """Return in words why the run's process makes no progress, with the line that shows it; None if it can."""
    seen = attempt.stated(Process)
    if seen is None or now is None or seen[1].at is None or now - seen[1].at > FRESH_S:
        return None
    words = stuck_words(seen[0].stat)
    return (words, seen[1]) if words else None
