"""What gradient and weight reports say of each group, by what was declared and what came before."""

from __future__ import annotations

import math
from collections.abc import Iterator

from monitor import logline
from monitor.derived.known import Known
from monitor.fields import Words
from monitor.schedule import declared_rate
from monitor.signals import Sample

LEAST_RATE_SHARE = 0.001
"""Below this share of the declared base rate a step may round to nothing: 5e-4 (a common base rate) x 0.001 is only
eight times the spacing of single-precision numbers around 1. Chosen by hand, 2026-11."""


def of_gradients(record: logline.GradReport, known: Known) -> Iterator[Sample]:
    """Yield each group's tensors without gradient and with a small one, and how the gradient changes with depth."""
    expected = _expected_none(known.intent.no_grad_expected or ())
    for group in record.groups:
        labels = (("group", group.group),)
        num_none = group.grad.whole - group.grad.part if group.none is None else group.none
        yield Sample("grad.undeclared_none", labels, max(0.0, num_none - expected.get(group.group, 0.0)))
        if group.small is not None and group.grad.whole:
            yield Sample("grad.small_share", labels, group.small / group.grad.whole)
    yield from _depth_ratio(record, known)


def of_weights(record: logline.WeightReport, known: Known) -> Iterator[Sample]:
    """Yield a step's update as it would be at the declared base rate, and how much of the group it left unmoved.

    Nothing of a step that was not meant to move the weights: at a rate of all but 0, or skipped because some
    gradient was not finite.
    """
    share = _rate_share(record.step, known)
    if not share >= LEAST_RATE_SHARE or record.update is None or _was_skipped(record.step, known):
        return
    labels = (("group", record.group),)
    if record.update == 0:
        yield Sample("weight.base_ratio", labels, 0.0)
    elif record.ratio is not None:
        yield Sample("weight.base_ratio", labels, record.ratio / share)
    if record.update > 0 and record.unchanged is not None:
        yield Sample("weight.left_behind", labels, record.unchanged)


def _depth_ratio(record: logline.GradReport, known: Known) -> Iterator[Sample]:
    """Yield the gradient of the group next to the input, and its ratio to that of the group next to the loss."""
    frozen = known.intent.frozen or ()
    depths = {}
    for group in record.groups:
        stated = known.stated(logline.ModelGroup, group.group)
        if stated is not None and stated[0].depth is not None and group.group not in frozen:
            depths[group.group] = stated[0].depth
    if len(set(depths.values())) < 2:
        return
    ends = min(depths.values()), max(depths.values())
    first, last = (
        math.hypot(*(group.norm for group in record.groups if depths.get(group.group) == depth)) for depth in ends
    )
    yield Sample("grad.first_l2", (), first)
    if last > 0:
        yield Sample("grad.depth_ratio", (), first / last)


def _expected_none(words: Words) -> dict[str, float]:
    """Read ``gat:1``: how many tensors of a group are expected to have no gradient; a group alone means any number."""
    expected = {}
    for word in words:
        group, colon, number = word.rpartition(":")
        if colon and number.isdecimal() and len(number) < 10:
            expected[group] = float(number)
        else:
            expected[word] = math.inf
    return expected


def _rate_share(step: int | None, known: Known) -> float:
    """Return the rate of a reported step as a share of the base rate; 1 where nothing is known of either.

    Reports count steps from 0, the schedule from 1. Without a schedule, the last rate reported by the highest one.
    """
    intent, reported = known.intent, known.of("train.lr").get(())
    if reported is not None and reported.last.value == 0:
        return 0.0
    rate = None if step is None else declared_rate(step + 1, intent)
    if rate is not None and intent.base_lr:
        return rate / intent.base_lr
    return reported.last.value / reported.maximum if reported is not None and reported.maximum > 0 else 1.0


def _was_skipped(step: int | None, known: Known) -> bool:
    """Whether the gradient report of this step holds one that is not finite: the optimizer left the step out."""
    reports = [series.last for series in known.of("grad.l2").values()]
    return any(report.step == step and not math.isfinite(report.value) for report in reports)
