"""SageMaker Debugger's built-in rules about tensors, reimplemented from their documentation, with its defaults.

They read tensors. Our log has the numbers that they compute from tensors, but per group of tensors instead of per
tensor, and at every report, while their default is every 500 steps.
"""

from __future__ import annotations

import math
from collections import deque
from pathlib import Path
from typing import ClassVar

from monitor.grammar import ActivationReport, Epoch, GradReport, InputReport, Train, WeightReport
from tests.scoreboard.rivals.alarms import Alarms
from tests.scoreboard.rivals.observed import TENSORS, Line, has_ended, observe
from tests.scoreboard.rivals.rival import Rival, RivalAlarm

DOCUMENT = "https://docs.aws.amazon.com/sagemaker/latest/dg/debugger-built-in-rules.html"

VANISHED = 1e-7
"""VanishingGradient: `threshold` of the mean absolute gradient."""
LARGE, SMALL, EPSILON = 10.0, 1e-8, 1e-9
"""WeightUpdateRatio: `large_threshold`, `small_threshold`, `epsilon`."""
INACTIVE_PCT = 50.0
"""DeadRelu: `threshold_layer`; a unit is dead below `threshold_inactivity`, 1 %, as in ACTIVATION-MONITOR."""
SAVED, RELATIVE, ABSOLUTE = 3, 1e-5, 1e-8
"""UnchangedTensor: `num_steps`, `rtol`, `atol`."""
INPUT_MEAN = 0.2
"""CheckInputImages: `threshold_mean`."""
STALLED_S = 1800.0
"""StalledTrainingRule: `threshold`."""


class SageMakerTensors(Rival):
    """Every tensor rule that our log can answer, with the documented defaults."""

    name = "SageMaker Debugger tensor rules"
    source = f"Amazon SageMaker AI Developer Guide, List of Debugger built-in rules, {DOCUMENT}"
    kinds: ClassVar = {
        "VanishingGradient": frozenset({"grad_vanish", "grad_zero"}),
        "ExplodingTensor": frozenset({"loss_nonfinite", "grad_nonfinite", "weight_nonfinite"}),
        "DeadRelu": frozenset({"dead_units"}),
        "WeightUpdateRatio": frozenset({"update_ratio", "update_underflow", "no_update"}),
        "AllZero": frozenset({"grad_zero", "loss_zero_or_frozen", "dead_units"}),
        "UnchangedTensor": frozenset({"no_update", "loss_zero_or_frozen"}),
        "CheckInputImages": frozenset({"input_shift"}),
        "StalledTrainingRule": frozenset({"stall_silent", "soft_hang"}),
    }
    not_observable: ClassVar = {
        "SaturatedActivation": "the inputs of tanh and sigmoid",
        "PoorWeightInitialization": "variances of weights by layer and percentiles of gradients",
        "TensorVariance": "thresholds: both are None by default",
        "ClassImbalance": "labels and predictions",
        "Confusion": "labels and predictions",
        "SimilarAcrossRuns": "a second run",
        "NLPSequenceRatio": "token ids",
    }

    def judge(self, log: Path, *, until: float | None = None) -> list[RivalAlarm]:
        lines, alarms, saved = observe(log), Alarms(), _Saved()
        _stalls(lines, alarms, until)
        for line in lines:
            match line.record:
                case GradReport() as report:
                    _gradients(report, line, alarms)
                case WeightReport() as report:
                    _weights(report, line, alarms, saved)
                case ActivationReport() as report:
                    _activations(report, line, alarms)
                case InputReport(mean=float(mean)):
                    text = f"mean of the inputs {mean:g}"
                    alarms.note("CheckInputImages", "inputs", abs(mean) > INPUT_MEAN, line, text)
                case Train(loss=float(loss)):
                    _loss(loss, line, alarms, saved)
                case Epoch(val_loss=float(loss)):
                    _finite(loss, "validation loss", line, alarms)
        return sorted(alarms.found, key=lambda alarm: alarm.at or 0.0)


class _Saved:
    """The newest saved values of each tensor."""

    def __init__(self) -> None:
        self._values: dict[str, deque[float]] = {}

    def is_unchanged(self, tensor: str, value: float) -> bool:
        """Store a value; return whether the last ones are all close, in the sense of numpy.allclose."""
        kept = self._values.setdefault(tensor, deque(maxlen=SAVED))
        kept.append(value)
        return len(kept) == SAVED and all(abs(each - value) <= ABSOLUTE + RELATIVE * abs(value) for each in kept)

    def forget(self, tensor: str) -> None:
        self._values.pop(tensor, None)


def _gradients(report: GradReport, line: Line, alarms: Alarms) -> None:
    for group in report.groups:
        if not group.grad.part:
            continue  # without a gradient, SageMaker saves no tensor
        subject = f"gradient of {group.group}"
        if group.mean_abs is not None:
            text = f"{subject}: mean absolute value {group.mean_abs:g}"
            alarms.note("VanishingGradient", subject, group.mean_abs < VANISHED, line, text)
        alarms.note("AllZero", subject, group.max == 0, line, f"{subject}: all zero")
        is_nonfinite = bool(group.nonfinite) or not math.isfinite(group.norm)
        alarms.note("ExplodingTensor", subject, is_nonfinite, line, f"{subject}: nan or infinite")


def _weights(report: WeightReport, line: Line, alarms: Alarms, saved: _Saved) -> None:
    subject = f"weights of {report.group}"
    is_nonfinite = bool(report.nonfinite) or not math.isfinite(report.l2 or 0.0)
    alarms.note("ExplodingTensor", subject, is_nonfinite, line, f"{subject}: nan or infinite")
    if report.l2 is None or report.update is None:
        return
    alarms.note("AllZero", subject, report.l2 == 0, line, f"{subject}: all zero")
    ratio = report.update / (report.l2 + EPSILON)
    text = f"{subject}: update / weight {ratio:g}"
    alarms.note("WeightUpdateRatio", subject, ratio > LARGE or ratio < SMALL, line, text)
    # The tensors themselves are not in the log. Only if none of their elements moved are they unchanged for sure.
    if report.unchanged != 1.0:
        saved.forget(subject)
    is_unchanged = report.unchanged == 1.0 and saved.is_unchanged(subject, report.l2)
    alarms.note("UnchangedTensor", subject, is_unchanged, line, f"{subject}: not moved in {SAVED} reports")


def _activations(report: ActivationReport, line: Line, alarms: Alarms) -> None:
    subject = f"output of {report.layer}"
    if report.mean is not None:
        _finite(report.mean, subject, line, alarms)
    if report.dead_units is not None and report.dead_units.whole:
        dead_pct = 100 * report.dead_units.part / report.dead_units.whole
        text = f"{subject}: {dead_pct:.0f} % of the units inactive"
        alarms.note("DeadRelu", subject, dead_pct > INACTIVE_PCT, line, text)
    if report.mean is not None and report.std is not None:
        is_zero = report.mean == 0 and report.std == 0
        alarms.note("AllZero", subject, is_zero, line, f"{subject}: all zero")


def _loss(loss: float, line: Line, alarms: Alarms, saved: _Saved) -> None:
    _finite(loss, "loss", line, alarms)
    alarms.note("AllZero", "loss", loss == 0, line, "loss: zero")
    is_unchanged = saved.is_unchanged("loss", loss)
    alarms.note("UnchangedTensor", "loss", is_unchanged, line, f"loss: {loss!r} in {SAVED} reports")


def _finite(value: float, subject: str, line: Line, alarms: Alarms) -> None:
    alarms.note("ExplodingTensor", subject, not math.isfinite(value), line, f"{subject}: {value}")


def _stalls(lines: tuple[Line, ...], alarms: Alarms, until: float | None) -> None:
    """Look for long times without a tensor; the first one counts from the first line."""
    last = next((line for line in lines if line.at is not None), None)
    for line in lines:
        if isinstance(line.record, TENSORS) and line.at is not None and last is not None:
            alarms.silence("StalledTrainingRule", STALLED_S, last, line.at)
            last = line
    if until is not None and last is not None and not has_ended(lines):
        alarms.silence("StalledTrainingRule", STALLED_S, last, until)
