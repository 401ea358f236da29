"""Whether a signal gives evidence at all: switched off, never seen, overdue, or fresh."""

from __future__ import annotations

from monitor.attempt import Attempt
from monitor.conditions.reading import Reading, not_applicable, unknown
from monitor.series import Series
from monitor.signals import CATALOGUE, Labels, Signal

CADENCES_ALLOWED = 2
"""A signal is overdue when it was silent for more than twice its cadence (FAULTS: evidence_gap)."""
_OFF = frozenset({"0", "false", "no", "off"})


def absence(attempt: Attempt, signal_name: str) -> Reading | None:
    """Say why a signal that was never seen gives no evidence; None where it was seen.

    Not applicable only where the run echoed that it is switched off.
    """
    if attempt.of(signal_name):
        return None
    signal = CATALOGUE[signal_name]
    if switched_off := _switched_off(attempt, signal):
        return switched_off
    bearer = f"[{signal.tag}] line" if signal.tag else "line of that kind"
    return unknown(f"no {bearer} with {signal_name} was seen{_progress(attempt)}")


def overdue(attempt: Attempt, signal_name: str, labels: Labels, series: Series) -> Reading | None:
    """Say that a signal is silent for longer than its cadence; None while it is fresh."""
    signal, last = CATALOGUE[signal_name], series.last
    if signal.cadence == "epoch" or attempt.step is None:
        late_epochs = attempt.epoch - 1 - last.epoch
        if late_epochs <= CADENCES_ALLOWED:
            return None
        reason = f"no {signal_name} since epoch {last.epoch}; expected in every epoch; now epoch {attempt.epoch}"
        return unknown(reason, labels, (last.evidence,))
    cadence = _cadence_steps(attempt, signal, series)
    last_step, step = last.step or 0, attempt.step
    if step - last_step <= CADENCES_ALLOWED * cadence:
        return None
    reason = f"no {signal_name} since step {last_step:,}; expected every {cadence} steps; now step {step:,}"
    return unknown(reason, labels, (last.evidence,))


def _cadence_steps(attempt: Attempt, signal: Signal, series: Series) -> int:
    """Return the declared cadence, else the largest one observed, else one that a single report cannot outlive."""
    declared = {"train": attempt.intent.cadence_train, "grad": attempt.intent.cadence_grad}
    return declared.get(signal.cadence or "") or series.step_gap or UNDECLARED_CADENCE_STEPS


UNDECLARED_CADENCE_STEPS = 200
"""Assumed where nothing is declared and one report is all there is: the trainer's default GRAD_MONITOR_EVERY."""


def _switched_off(attempt: Attempt, signal: Signal) -> Reading | None:
    setting = attempt.setting(signal.switch) if signal.switch else None
    if setting is None or setting[0].lower() not in _OFF:
        return None
    return not_applicable(f"switched off: {signal.switch}={setting[0]}", setting[1])


def _progress(attempt: Attempt) -> str:
    if attempt.step is None:
        return f" in {attempt.lines:,} lines"
    return f" up to step {attempt.step:,}, epoch {attempt.epoch}"
