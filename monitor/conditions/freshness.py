"""Tells whether a signal gives evidence: switched off, never seen, overdue, or fresh."""

from __future__ import annotations

import itertools
import math
import statistics

from monitor.conditions.cadence import declared_cadence_steps
from monitor.conditions.reach import reach_of
from monitor.conditions.reading import Reading, not_applicable, unknown
from monitor.grammar import Gpu
from monitor.reader.signals import CATALOGUE, Labels, Signal
from monitor.run.attempt import Attempt
from monitor.run.ended import has_ended as has_ended
from monitor.run.series import Series

CADENCES_ALLOWED = 2
"""A signal is overdue after a silence of more than twice its cadence (FAULTS: evidence_gap)."""
UNDECLARED_CADENCE_STEPS = 200
"""Assumed if no cadence is declared and there is only one report: the trainer's default GRAD_MONITOR_EVERY."""
_EPOCH_ENDS = ("epoch.train_loss", "epoch.val_loss")
_OFF = frozenset({"0", "false", "no", "off"})


def absence(attempt: Attempt, signal_name: str) -> Reading | None:
    """Return why a signal that was never seen gives no evidence; None if it was seen.

    Not applicable only if the run echoed that the signal is switched off, or declared that there is no such device.
    """
    if attempt.of(signal_name):
        return None
    if off := switched_off(attempt, signal_name):
        return off
    if CATALOGUE[signal_name].tag == Gpu.TAG and attempt.intent.device == "cpu":
        return not_applicable("declared: device=cpu", attempt.intent_evidence["device"])
    return unknown(f"no {line_kind(CATALOGUE[signal_name])} with {signal_name} was seen{_progress(attempt)}")


def overdue(attempt: Attempt, signal_name: str, labels: Labels, series: Series) -> Reading | None:
    """Return unknown if the evidence of a signal does not reach the present of the run; None while it does."""
    signal, last = CATALOGUE[signal_name], series.last
    reach = reach_of(attempt, signal, series)
    if reach is None:
        return None
    if not reach.covers:
        return unknown(reach.words(signal_name), labels, (last.evidence,))
    if reach.unit == "step" and is_left_behind(attempt, series, CADENCES_ALLOWED):
        reason = f"no {signal_name} since epoch {last.epoch}, and no step; now epoch {attempt.epoch}"
        return unknown(reason, labels, (last.evidence,))
    return None


def is_left_behind(attempt: Attempt, series: Series, epochs: float) -> bool:
    """Whether more than this many epochs ended without a step since the signal: a cadence in steps misses that."""
    last = series.last
    if attempt.epoch - 1 - last.epoch <= epochs or (attempt.step or 0) > (last.step or 0):
        return False
    # A log read from its middle shows late which epoch it is in, so count only epoch ends that were seen.
    ended = [each for name in _EPOCH_ENDS for each in attempt.of(name).values()]
    return any(sum(point.serial > last.serial for point in each.recent) > epochs for each in ended)


def cadence_steps(attempt: Attempt, signal: Signal, series: Series | None) -> int:
    """Return the declared cadence, else the largest interval observed, else an assumed one."""
    observed = series.step_gap if series is not None else None
    return declared_cadence_steps(attempt, signal) or observed or UNDECLARED_CADENCE_STEPS


def step_s(attempt: Attempt) -> float | None:
    """Return the median seconds per step over the newest progress lines; None while there are fewer than three."""
    known = paces(attempt)
    if len(known) >= _PACES_NEEDED:
        return statistics.median(known)
    reported = [point.value for series in attempt.of("train.s_per_batch").values() for point in series.recent]
    reported = [value for value in reported if math.isfinite(value) and value > 0]
    return statistics.median(reported) if len(reported) >= _PACES_NEEDED else None


def own_step_s(attempt: Attempt) -> float | None:
    """Return `step_s` without the share of the time in which the training waited for a core, as far as the log says so.

    How often a training reports is a matter of its settings; how long it waits for a core is one of the machine.
    """
    whole_s = step_s(attempt)
    waited = [point.value for series in attempt.of("train.run_delay_share").values() for point in series.recent]
    waited = [min(max(share, 0.0), 1.0) for share in waited if math.isfinite(share)]
    if whole_s is None or not waited:
        return whole_s
    return whole_s * (1 - statistics.median(waited))


def paces(attempt: Attempt) -> list[float]:
    """Return the seconds per step between successive progress lines of the same epoch, for the newest lines."""
    points = [point for series in attempt.of("train.loss").values() for point in series.recent]
    return [
        (right.at - left.at) / (right.step - left.step)
        for left, right in itertools.pairwise(points)
        if left.at is not None
        and right.at is not None
        and left.step is not None
        and right.step is not None
        and right.step > left.step
        and right.epoch == left.epoch
    ]


_PACES_NEEDED = 3
"""How many intervals give a step time; fewer may cover only the slow first steps. Chosen by hand, 2026-11."""


def switched_off(attempt: Attempt, signal_name: str) -> Reading | None:
    """Return not applicable if the run echoed that the signal is switched off, else None."""
    signal = CATALOGUE[signal_name]
    setting = attempt.setting(signal.switch) if signal.switch else None
    if setting is None or setting[0].lower() not in _OFF:
        return None
    return not_applicable(f"switched off: {signal.switch}={setting[0]}", setting[1])


def line_kind(signal: Signal) -> str:
    """Return, in words, which lines carry a signal."""
    return f"[{signal.tag}] line" if signal.tag else "line of that kind"


def _progress(attempt: Attempt) -> str:
    if attempt.step is None:
        return f" in {attempt.lines:,} lines"
    return f" up to step {attempt.step:,}, epoch {attempt.epoch}"
