"""AUTOTRAINER's problems, reimplemented from the paper and the default thresholds of the authors' program.

They are about the gradients of the first and the last layer, the losses of an epoch, and accuracy. The program checks
every third epoch; here it gets every gradient report. Its gradient problems count only while accuracy is below 70 %;
our regressions have no accuracy, so that condition is always true.
"""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

from monitor.grammar import ActivationReport, Epoch, GradReport, GroupGrad, ModelGroup, WeightReport
from tests.scoreboard.rivals.alarms import Alarms
from tests.scoreboard.rivals.observed import Line, observe
from tests.scoreboard.rivals.rival import Rival, RivalAlarm

VANISH_RATIO, VANISH_NORM, EXPLODE_RATIO = 1e-3, 1e-4, 70.0
"""beta_1, beta_2, beta_3: norm of the first layer's gradient over the last one's, and that norm itself."""
DEAD_SHARE = 0.7
"""gamma: share of the gradient that is exactly zero."""
SWING, SWING_SHARE = 0.03, 0.2
"""zeta, eta: difference in accuracy between neighbouring extremes, and in which share of the epochs."""
SLOW_GAIN = 0.01
"""delta: the largest gain of accuracy from one epoch to the next."""
EXPLODED_LOSS = 1e5
"""A validation loss that counts as exploded."""
JUDGED_FROM, EVERY_EPOCHS = 0.3, 3
"""Accuracy is judged every third epoch, after this share of the epochs."""

VANISH, EXPLODE, DYING, UNSTABLE, SLOW = (
    "gradient vanish",
    "gradient explode",
    "dying ReLU",
    "oscillating loss",
    "slow convergence",
)


class AutoTrainer(Rival):
    """The five problems; the last two only if the EPOCH line has `accuracy=` and `val_accuracy=`."""

    name = "AUTOTRAINER thresholds"
    source = (
        "X. Zhang, J. Zhai, S. Ma, C. Shen: AUTOTRAINER: An Automatic DNN Training Problem Detection and Repair "
        "System, ICSE 2021, https://doi.org/10.1109/ICSE43902.2021.00043; defaults: https://github.com/shiningrain/AUTOTRAINER"
    )
    kinds: ClassVar = {
        VANISH: frozenset({"grad_vanish", "grad_zero"}),
        EXPLODE: frozenset({"grad_explode", "grad_nonfinite", "weight_nonfinite", "loss_nonfinite"}),
        DYING: frozenset({"dead_units"}),
        UNSTABLE: frozenset({"loss_spike", "loss_diverge"}),
        SLOW: frozenset({"not_learning"}),
    }
    not_observable: ClassVar = {
        UNSTABLE: "accuracy, where a run has none",
        SLOW: "accuracy, where a run has none",
        "the gate of accuracy below 70 %": "accuracy, where a run has none",
    }

    def judge(self, log: Path, *, until: float | None = None) -> list[RivalAlarm]:
        alarms, layers, history = Alarms(), _Layers(), _Accuracy()
        for line in observe(log):
            match line.record:
                case ModelGroup() as group:
                    layers.describe(group)
                case ActivationReport() as report:
                    layers.activate(report, line, alarms)
                case GradReport() as report:
                    layers.judge(report, line, alarms)
                case WeightReport() as report:
                    is_broken = bool(report.nonfinite) or not math.isfinite(report.l2 or 0.0)
                    text = f"weights of {report.group}: nan or infinite"
                    alarms.note(EXPLODE, f"weights of {report.group}", is_broken, line, text)
                case Epoch() as epoch:
                    _losses(epoch, line, alarms)
                    history.judge(epoch, line, alarms)
        return alarms.found


class _Layers:
    """The model's groups from the input to the output, and the checks of their gradients."""

    def __init__(self) -> None:
        self._depths: dict[str, int] = {}
        self._sizes: dict[str, int] = {}
        self._units: dict[str, tuple[int, int]] = {}

    def describe(self, group: ModelGroup) -> None:
        if group.depth is not None:
            self._depths[group.group] = group.depth
        if group.trainable:
            self._sizes[group.group] = group.trainable

    def activate(self, report: ActivationReport, line: Line, alarms: Alarms) -> None:
        """Judge dead units: they pass no gradient, so they stand in for the share of zeros, which is not logged."""
        if report.dead_units is None or not math.isfinite(report.mean or 0.0):
            return  # the program checks for nan first, and then checks no units
        self._units[report.layer] = report.dead_units
        dead, whole = (sum(counts) for counts in zip(*self._units.values(), strict=True))
        text = f"{dead} of {whole} units inactive"
        alarms.note(DYING, "units", whole > 0 and dead / whole >= DEAD_SHARE, line, text)

    def judge(self, report: GradReport, line: Line, alarms: Alarms) -> None:
        groups = [group for group in report.groups if group.grad.part]
        for group in groups:
            is_broken = bool(group.nonfinite) or not math.isfinite(group.norm)
            text = f"gradient of {group.group}: nan or infinite"
            alarms.note(EXPLODE, f"gradient of {group.group}", is_broken, line, text)
        self._ratio(groups, line, alarms)
        self._zeros(groups, line, alarms)

    def _ratio(self, groups: list[GroupGrad], line: Line, alarms: Alarms) -> None:
        ordered = sorted((self._depths[group.group], group) for group in groups if group.group in self._depths)
        if len(ordered) < 2:
            return
        first, last = ordered[0][1].norm, ordered[-1][1].norm
        ratio = first / last if last else (math.inf if first else math.nan)
        text = f"first layer {first:g}, last layer {last:g}"
        alarms.note(VANISH, "layers", ratio < VANISH_RATIO and first < VANISH_NORM, line, text)
        alarms.note(EXPLODE, "layers", ratio > EXPLODE_RATIO, line, text)

    def _zeros(self, groups: list[GroupGrad], line: Line, alarms: Alarms) -> None:
        """Judge the zeros by the groups that are entirely zero, a lower bound."""
        known = [group for group in groups if group.group in self._sizes]
        whole = sum(self._sizes[group.group] for group in known)
        zero = sum(self._sizes[group.group] for group in known if group.max == 0)
        text = f"{zero} of {whole} elements of the gradient in groups of zeros"
        alarms.note(DYING, "gradient", whole > 0 and zero / whole >= DEAD_SHARE, line, text)


class _Accuracy:
    """Training and validation accuracy of every epoch that has both."""

    def __init__(self) -> None:
        self._train: list[float] = []
        self._valid: list[float] = []

    def judge(self, epoch: Epoch, line: Line, alarms: Alarms) -> None:
        stated = dict(epoch.extra)
        if "accuracy" not in stated or "val_accuracy" not in stated:
            return
        self._train.append(float(stated["accuracy"]))
        self._valid.append(float(stated["val_accuracy"]))
        number, total = epoch.epoch
        if number < JUDGED_FROM * total or (number - 1) % EVERY_EPOCHS:
            return
        num_swings = _num_swings(self._train)
        text = f"{num_swings} swings of accuracy in {number} epochs"
        alarms.note(UNSTABLE, "accuracy", num_swings >= SWING_SHARE * len(self._train), line, text)
        gain = max(_gain(self._train), _gain(self._valid))
        text = f"largest gain of accuracy {gain:g} in {number} epochs"
        alarms.note(SLOW, "accuracy", gain < SLOW_GAIN, line, text)


def _losses(epoch: Epoch, line: Line, alarms: Alarms) -> None:
    losses = [loss for loss in (epoch.train_loss, epoch.val_loss) if loss is not None]
    is_broken = not all(map(math.isfinite, losses)) or (epoch.val_loss or 0.0) >= EXPLODED_LOSS
    text = f"losses of the epoch {epoch.train_loss}, {epoch.val_loss}"
    alarms.note(EXPLODE, "losses", is_broken, line, text)


def _gain(accuracy: list[float]) -> float:
    return max((after - before for before, after in pairwise(accuracy)), default=0.0)


def _num_swings(accuracy: list[float]) -> int:
    """Count pairs of a high and a low, in their order, that are far apart."""
    triples = list(zip(accuracy, accuracy[1:], accuracy[2:], strict=False))
    highs = [middle for before, middle, after in triples if middle >= before and middle >= after]
    lows = [middle for before, middle, after in triples if middle <= before and middle <= after]
    return sum(high - low >= SWING for high, low in zip(highs, lows, strict=False))
