"""Log lines about measurements inside the network: gradients, weights, activations, inputs, the guard."""

from __future__ import annotations

import re
from collections.abc import Iterator

from monitor.grammar.fields import Share, leading_pairs
from monitor.grammar.record import Record, line


@line("ENCODER-GRAD", "{tensor} grad_norm={norm:.3e} max={max:.3e}", short_only=("max",))
class EncoderGrad(Record):
    """Gradient that reached one tensor of the encoder."""

    tensor: str
    max: float
    step: int | None = None
    norm: float


@line("", "{group}:l2={norm:.2e} max={max:.2e} grad={grad}", short_only=("max",))
class GroupGrad(Record):
    """One group within a gradient report.

    ``small`` counts tensors (or per-feature slices of grouped tensors) with a norm below GRAD_MONITOR_WARN_NORM,
    ``none`` those without a gradient, ``nonfinite`` elements that are nan or infinite. ``zero`` is the share of the
    steps looked at since the last report in which the gradient was exactly zero; the other numbers are then from the
    newest step in which it was not.
    """

    group: str
    max: float
    grad: Share
    small: int | None = None
    none: int | None = None
    mean_abs: float | None = None
    nonfinite: int | None = None
    zero: Share | None = None
    norm: float


@line("GRAD-MONITOR")
class GradReport(Record):
    """Gradients of every group, after unscaling and before clipping."""

    step: int
    epoch: int
    batch: int
    groups: tuple[GroupGrad, ...] = ()

    def text(self) -> str:
        """Return ``step= epoch= batch= group:l2=... | group:l2=...``."""
        return " ".join(filter(None, [super().text(), " | ".join(group.text() for group in self.groups)]))

    @classmethod
    def from_text(cls, text: str) -> GradReport | None:
        """Read a report; None if the line is a warning."""
        pairs, rest = leading_pairs(text)
        if not pairs or pairs[0][0] != "step":
            return None
        parts = _GROUP.findall(rest)
        groups = tuple(filter(None, (GroupGrad.from_text(part.strip()) for part in parts)))
        if "|".join(parts) != rest or len(groups) != len(parts):
            raise ValueError("a group is not name:l2= max= grad=")
        return cls._from_pairs({}, pairs, groups=groups)


# An unclosed quote takes the rest of the line, so that a hostile line is read in one pass.
_GROUP = re.compile(r'(?:"(?:[^"\\]|\\.)*+(?:"|$)|[^"|])+')


@line("GRAD-MONITOR", "{group}: norm {norm:.2e} < {threshold}", level="WARNING")
class GradBelow(Record):
    """A group whose gradient is below the warning level; belongs to the report of the same step."""

    group: str
    threshold: float
    step: int | None = None
    norm: float


@line("GRAD-MONITOR", "{group}: norm {norm}", level="WARNING")
class GradNonfinite(Record):
    """A group whose gradient is nan or infinite."""

    group: str
    norm: float
    step: int | None = None


@line("WEIGHT-MONITOR")
class WeightReport(Record):
    """Weights of one group; ``update`` is the norm of the last step's change, ``ratio`` is update / l2.

    ``unchanged`` is the share that did not move: of the elements with a gradient, where ``pushed`` tells their share of
    all, or else of all. ``kept`` is the cosine between the group's matrices now and in the report before.
    """

    group: str
    step: int | None = None
    l2: float | None = None
    update: float | None = None
    ratio: float | None = None
    unchanged: float | None = None
    nonfinite: int | None = None
    stale_grad: float | None = None
    pushed: float | None = None
    kept: float | None = None


@line("ACTIVATION-MONITOR")
class ActivationReport(Record):
    """Outputs of one watched layer."""

    layer: str
    step: int | None = None
    mean: float | None = None
    std: float | None = None
    dead_units: Share | None = None
    saturated: int | None = None


@line("INPUT-MONITOR")
class InputReport(Record):
    """The inputs of a batch, compared with the declared normalisation."""

    step: int | None = None
    mean: float | None = None
    std: float | None = None
    declared_mean: float | None = None
    declared_std: float | None = None
    worst_feature: str | None = None
    worst_mean: float | None = None
    worst_std: float | None = None


@line("BATCH-MONITOR")
class BatchReport(Record):
    """The batches looked at since the last report.

    ``repeated`` counts the batches equal to the one before; ``constant`` and ``zero`` are features that did not change,
    and that were 0, in all of them. ``order`` is the spread of the targets within batches over that of all batches: 1
    if shuffled, 0 if sorted. ``targets`` is the number of classes, if they are classes. ``filled`` is the share of
    numbers other than 0 among the features that change. ``softmax_twice`` and ``softmax_over_batch`` are 1 if the loss
    is one of class scores that went through a softmax before, or through one over the rows of the batch; ``broadcast``
    if it is one of every output with every target. ``shift`` is how far the features' means are from those of the first
    batches, in their standard deviations, ``scale`` the factor by which these have changed; both of the median feature.
    """

    step: int | None = None
    repeated: Share | None = None
    constant: Share | None = None
    zero: Share | None = None
    filled: float | None = None
    order: float | None = None
    targets: int | None = None
    entropy: float | None = None
    target_std: float | None = None
    pred_std: float | None = None
    ratio: float | None = None
    softmax_twice: int | None = None
    softmax_over_batch: int | None = None
    broadcast: int | None = None
    shift: float | None = None
    scale: float | None = None


@line("DEGENERACY-GUARD", "check")
class GuardCheck(Record):
    """One check of one horizon by the guard, as trainers up to 0.1.0 write it; also the guard's heartbeat."""

    step: int | None = None
    h: int
    std: float | None = None
    target_std: float | None = None
    ratio: float | None = None
    strikes: Share | None = None


@line("", "h{h}:")
class GuardHorizon(Record):
    """One horizon within a report of the guard; ``ratio`` is std / target_std."""

    h: int
    std: float | None = None
    target_std: float | None = None
    ratio: float | None = None
    strikes: Share | None = None


@line("DEGENERACY-GUARD", "checks")
class GuardReport(Record):
    """One check of all horizons by the guard; also the guard's heartbeat."""

    step: int | None = None
    horizons: tuple[GuardHorizon, ...] = ()

    def text(self) -> str:
        """Return ``checks step= h1: std=... | h5: std=...``."""
        return " ".join(filter(None, [super().text(), " | ".join(each.text() for each in self.horizons)]))

    @classmethod
    def from_text(cls, text: str) -> GuardReport | None:
        """Read a report; None if the line is another of the guard's."""
        found = cls._template.read(text)
        if found is None:
            return None
        pairs, rest = leading_pairs(found[1])
        parts = _GROUP.findall(rest)
        horizons = tuple(filter(None, (GuardHorizon.from_text(part.strip()) for part in parts)))
        if "|".join(parts) != rest or len(horizons) != len(parts):
            raise ValueError("a horizon is not h1: key=value ...")
        return cls._from_pairs({}, pairs, horizons=horizons)

    def checks(self) -> Iterator[GuardCheck]:
        """Yield the check of each horizon."""
        for each in self.horizons:
            yield GuardCheck(
                step=self.step,
                h=each.h,
                std=each.std,
                target_std=each.target_std,
                ratio=each.ratio,
                strikes=each.strikes,
            )


@line("DEGENERACY-GUARD", "prediction head reset applied (h={h}, scale={scale})", level="WARNING")
class GuardReset(Record):
    """One reset of all prediction heads; ``h`` is the horizon that caused it."""

    h: int
    scale: float
    step: int | None = None
    epoch: int | None = None
    recover_within_steps: int | None = None


@line("DEGENERACY-GUARD", "recovered")
class GuardRecovered(Record):
    """Predictions vary again after a reset."""

    h: int
    std: float | None = None
    step: int | None = None


@line("DEGENERACY-GUARD", "reset failed to restore variance", level="WARNING")
class GuardFailed(Record):
    """A reset that did not help within the declared number of steps."""

    h: int
    std: float | None = None
    step: int | None = None
