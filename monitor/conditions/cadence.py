"""How often the run declares that it reports a signal."""

from __future__ import annotations

from monitor.reader.signals import Signal
from monitor.run.attempt import Attempt

CADENCE_SETTINGS = {"grad": "GRAD_MONITOR_EVERY", "train": "train_every"}
"""The settings with the trainer's reporting interval, for runs whose INTENT lines do not declare it."""


def declared_cadence_steps(attempt: Attempt, signal: Signal) -> int | None:
    """Return the number of steps between two reports that the run declares; None if it declares nothing usable."""
    declared = {"train": attempt.intent.cadence_train, "grad": attempt.intent.cadence_grad}.get(signal.cadence or "")
    if declared is not None and declared > 0:
        return declared
    name = CADENCE_SETTINGS.get(signal.cadence or "")
    setting = attempt.setting(name) if name else None
    is_number = setting is not None and setting[0].isdecimal() and len(setting[0]) < 10
    return (int(setting[0]) or None) if setting is not None and is_number else None
