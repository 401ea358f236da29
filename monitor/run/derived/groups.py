"""Samples derived from gradient and weight reports, with what was declared and what came before."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from monitor import grammar
from monitor.grammar import Words
from monitor.reader.signals import Labels, Sample
from monitor.run.derived.declared_rate import declared_rate, declared_rates
from monitor.run.derived.inputs import Column, Columns, Known, Lines
from monitor.run.derived.training import has_exact_schedule

if TYPE_CHECKING:
    import numpy as np

LEAST_RATE_SHARE = 0.001
"""At a smaller share of the declared base rate an update may be rounded away: 5e-4 (a common base rate) x 0.001 is only
eight times the spacing of single-precision numbers around 1. Chosen by hand, 2026-11."""

FEW_LEFT = 0.5
"""Up to this share of a group left behind, its gradient is not asked. Chosen by hand, 2026-11: far below any alarm."""
LEAST_MOVED = 0.5
"""Of the fewest weights that a gradient can touch, the share that must have moved if all of them may have. Chosen by
hand, 2026-11: writers measure both numbers on samples.
"""


def of_gradients(record: grammar.GradReport, known: Known) -> Iterator[Sample]:
    """Yield how many tensors of each group have no gradient or a small one, and how the gradient changes with depth."""
    expected = _expected_none(known.intent.no_grad_expected or ())
    norms = [group.norm for group in record.groups]
    largest = max(norms, default=0.0) if all(map(math.isfinite, norms)) else 0.0
    for group in record.groups:
        labels = (("group", group.group),)
        num_none = group.grad.whole - group.grad.part if group.none is None else group.none
        yield Sample("grad.undeclared_none", labels, max(0.0, num_none - expected.get(group.group, 0.0)))
        if group.small is not None and group.grad.whole:
            yield Sample("grad.small_share", labels, group.small / group.grad.whole)
        if largest > 0:
            yield Sample("grad.share", labels, group.norm / largest)
    yield from _depth_ratio(record, known)


def gradient_columns(lines: Lines, known: Known) -> Columns:
    """Return what `of_gradients` yields for many lines that all have the number of tensors without gradient."""
    import numpy as np

    expected = _expected_none(known.intent.no_grad_expected or ())
    found: Columns = {}
    norms: dict[str, Column] = {}
    for (signal, labels), column in lines.columns.items():
        group = labels[0][1]
        if signal == "grad.l2":
            norms[group] = column
        elif signal == "grad.none":
            undeclared = np.maximum(0.0, column.values - expected.get(group, 0.0))
            found["grad.undeclared_none", labels] = Column(undeclared, column.rows)
        elif signal == "grad.small":
            whole = lines.columns["grad.tensors", labels].values
            has_any = whole != 0
            share = column.values[has_any] / whole[has_any]
            found["grad.small_share", labels] = Column(share, column.rows[has_any])
    if norms:
        rows = next(iter(norms.values())).rows
        largest = np.max([column.values for column in norms.values()], axis=0)
        is_known = (largest > 0) & np.isfinite(largest)
        for name, column in norms.items():
            share = column.values[is_known] / largest[is_known]
            found["grad.share", (("group", name),)] = Column(share, rows[is_known])
    ends = _ends(norms, known)
    if ends is not None:
        rows = next(iter(norms.values())).rows
        # numpy's own hypot may differ in the last bit.
        first, last = (
            np.array([math.hypot(*each) for each in zip(*(norms[name].values.tolist() for name in names), strict=True)])
            for names in ends
        )
        found["grad.first_l2", ()] = Column(first, rows)
        is_any, scale = last > 0, _scale(ends, known)
        with np.errstate(all="ignore"):
            found["grad.depth_ratio", ()] = Column(first[is_any] / last[is_any] * scale, rows[is_any])
    return found


def of_weights(record: grammar.WeightReport, known: Known) -> Iterator[Sample]:
    """Yield a step's update scaled to the declared base rate, and the share of the group that it did not move.

    Yields nothing for a step that was not meant to move the weights: its rate was almost 0, or it was skipped because
    a gradient was not finite.
    """
    share = _rate_share(record.step, known)
    if not share >= LEAST_RATE_SHARE or record.update is None or _was_skipped(record.step, known):
        return
    labels = (("group", record.group),)
    if record.update == 0:
        if _stands_still(record, labels, known):
            yield Sample("weight.base_ratio", labels, 0.0)
    elif record.ratio is not None:
        yield Sample("weight.base_ratio", labels, record.ratio / share)
    if record.ratio is not None and _is_first(record.group, known):
        yield Sample("weight.first_ratio", labels, record.ratio / share)
    # Where no gradient pushes any weight, weight decay alone moves them: none was left behind.
    if record.unchanged is None or record.update <= 0 or record.pushed == 0:
        return
    if not _may_be_all(record, labels, known):
        yield Sample("weight.left_behind", labels, record.unchanged)


def of_activations(record: grammar.ActivationReport, known: Known) -> Iterator[Sample]:
    """Yield the share of dead units of a layer; nothing for what runs before the first weights, and has no units."""
    if record.dead_units is None or not record.dead_units.whole or _is_before_weights(record.layer, known):
        return
    yield Sample("activation.dead_units", (("layer", record.layer),), record.dead_units.part / record.dead_units.whole)


def activation_columns(lines: Lines, known: Known) -> Columns:
    """Return what `of_activations` yields for many lines of layers that have all reported before."""
    return {
        ("activation.dead_units", labels): column
        for (signal, labels), column in lines.columns.items()
        if signal == "activation.dead_share" and not _is_before_weights(dict(labels)["layer"], known)
    }


def _is_before_weights(layer: str, known: Known) -> bool:
    """Whether a layer passes inputs on that no weight has touched, as dropout of the inputs does.

    Layers report in the order in which they run, and a group's depth counts all parts that run before it.
    """
    depth = _first_depth(known)
    if not depth:
        return False
    groups = [str(each.group) for each, _ in known.all_stated(grammar.ModelGroup)]
    order = [dict(labels)["layer"] for labels in known.of("activation.mean")]
    before = order[: order.index(layer)] if layer in order else order
    return len(before) < depth and not any(_are_related(each, group) for each in [*before, layer] for group in groups)


def _first_depth(known: Known) -> int:
    """Return how many parts run before the first group with weights, as far as the model's card says."""
    depths = [each.depth for each, _ in known.all_stated(grammar.ModelGroup)]
    return min((each for each in depths if each is not None), default=0)


def _are_related(layer: str, group: str) -> bool:
    """Whether one is the other, or a part of it."""
    return f"{layer}.".startswith(f"{group}.") or f"{group}.".startswith(f"{layer}.")


def _may_be_all(record: grammar.WeightReport, labels: Labels, known: Known) -> bool:
    """Whether the weights that moved may be all that the gradient touches, as the rows of a batch in a table of words.

    A gradient other than 0 in n elements has a sum of absolute values of at most sqrt(n) times its norm, so that both
    tell the fewest that n can be. A writer that tells ``pushed`` has counted n itself.
    """
    if record.pushed is not None or record.unchanged is None or record.unchanged <= FEW_LEFT:
        return False
    norms, means = known.of("grad.l2").get(labels), known.of("grad.mean_abs").get(labels)
    stated = known.stated(grammar.ModelGroup, record.group)
    if norms is None or means is None or stated is None or {norms.last.step, means.last.step} != {record.step}:
        return False
    num, norm = stated[0].trainable or stated[0].parameters or 0, norms.last.value
    if not num or not 0 < norm < math.inf:
        return False
    least_touched = num * (means.last.value / norm) ** 2
    return 1 - record.unchanged >= LEAST_MOVED * least_touched


def _is_first(group: str, known: Known) -> bool:
    """Whether a group is next to the input."""
    stated = known.stated(grammar.ModelGroup, group)
    return stated is not None and stated[0].depth == 0


def _stands_still(record: grammar.WeightReport, labels: Labels, known: Known) -> bool:
    """Whether a step without an update shows that the group does not move.

    One report proves nothing, and neither does an update of 0 in report after report of a group whose norm moves all
    the same: the writer looks at an optimizer that does not hold it. Nor does a gradient that has all but vanished
    since it was largest: an optimizer that stops at a minimum, as L-BFGS does, has nothing left to do.
    """
    updates, norms = known.of("weight.update").get(labels), known.of("weight.l2").get(labels)
    if updates is None:
        return False
    is_blind = updates.last.value == 0 and norms is not None and norms.last.value != record.l2
    gradient = known.of("grad.l2").get(labels)
    return not is_blind and not (gradient is not None and gradient.is_at_rest)


def weight_columns(lines: Lines, known: Known) -> Columns | None:
    """Return what `of_weights` yields for many lines that all have a step; None if one was skipped or moved nothing."""
    import numpy as np

    if not lines.are_gradients_finite or not has_exact_schedule(known):
        return None
    found: Columns = {}
    with np.errstate(all="ignore"):
        shares = _rate_shares(lines, known)
        for (signal, labels), column in lines.columns.items():
            if signal != "weight.update":
                continue
            share, update, rows = shares[column.rows], column.values, column.rows
            if not update.all():
                return None  # whether such a group moves takes the report before
            is_meant = share >= LEAST_RATE_SHARE
            if (ratio := lines.columns.get(("weight.ratio", labels))) is not None:
                base = np.where(update == 0, 0.0, ratio.values / share)
                found["weight.base_ratio", labels] = Column(base[is_meant], rows[is_meant])
                if _is_first(labels[0][1], known):
                    first = ratio.values / share
                    found["weight.first_ratio", labels] = Column(first[is_meant], rows[is_meant])
            else:
                is_zero = is_meant & (update == 0)
                found["weight.base_ratio", labels] = Column(np.zeros(is_zero.sum()), rows[is_zero])
            if (unchanged := lines.columns.get(("weight.unchanged", labels))) is not None:
                pushed = lines.columns.get(("weight.pushed", labels))
                if (unchanged.values > FEW_LEFT).any() and pushed is None:
                    return None  # whether all that has a gradient moved takes the gradient before
                is_moved = is_meant & (update > 0)
                if pushed is not None:
                    is_moved &= pushed.values != 0
                found["weight.left_behind", labels] = Column(unchanged.values[is_moved], rows[is_moved])
    return found


def _rate_shares(lines: Lines, known: Known) -> np.ndarray:
    """Return what `_rate_share` returns for each line."""
    import numpy as np

    rates, base = lines.rates, known.intent.base_lr
    declared = declared_rates(lines.steps + 1, known.intent)
    shares = np.ones(len(lines.steps))
    if declared is not None and base:
        shares = declared / base
    elif rates is not None:
        shares = np.where(rates.highest > 0, rates.newest / rates.highest, 1.0)
    return shares if rates is None else np.where(rates.newest == 0, 0.0, shares)


def _depth_ratio(record: grammar.GradReport, known: Known) -> Iterator[Sample]:
    """Yield the gradient next to the input, and its ratio to the gradient next to the loss."""
    ends = _ends([group.group for group in record.groups], known)
    if ends is None:
        return
    first, last = (math.hypot(*(group.norm for group in record.groups if group.group in names)) for names in ends)
    yield Sample("grad.first_l2", (), first)
    if last > 0:
        yield Sample("grad.depth_ratio", (), first / last * _scale(ends, known))


_Ends = tuple[list[str], list[str]]


def _scale(ends: _Ends, known: Known) -> float:
    """Return what makes a ratio of norms one of mean squares: a table of embeddings has many more numbers than a gain.

    1 where the model's card does not say how many weights are trained.
    """
    counts = []
    for names in ends:
        stated = [known.stated(grammar.ModelGroup, name) for name in names]
        counts.append(sum((each[0].trainable or each[0].parameters or 0) if each else 0 for each in stated))
    return math.sqrt(counts[1] / counts[0]) if min(counts) > 0 else 1.0


def _ends(groups: Iterable[str], known: Known) -> _Ends | None:
    """Return the groups next to the input and the groups next to the loss; None if their depths are unknown."""
    frozen = known.intent.frozen or ()
    depths = {}
    for group in groups:
        stated = known.stated(grammar.ModelGroup, group)
        if stated is not None and stated[0].depth is not None and group not in frozen:
            depths[group] = stated[0].depth
    if len(set(depths.values())) < 2:
        return None
    first, last = min(depths.values()), max(depths.values())
    return [each for each in depths if depths[each] == first], [each for each in depths if depths[each] == last]


def _expected_none(words: Words) -> dict[str, float]:
    """Read ``gat:1``: how many tensors of a group may have no gradient; a group without a number may have any."""
    expected = {}
    for word in words:
        group, colon, number = word.rpartition(":")
        if colon and number.isdecimal() and len(number) < 10:
            expected[group] = float(number)
        else:
            expected[word] = math.inf
    return expected


def _rate_share(step: int | None, known: Known) -> float:
    """Return the rate of a reported step as a share of the base rate; 1 if neither is known.

    Reports count steps from 0, the schedule from 1. Without a schedule, divides the last reported rate by the highest.
    """
    intent, reported = known.intent, known.of("train.lr").get(())
    if reported is not None and reported.last.value == 0:
        return 0.0
    rate = None if step is None else declared_rate(step + 1, intent)
    if rate is not None and intent.base_lr:
        return rate / intent.base_lr
    return reported.last.value / reported.maximum if reported is not None and reported.maximum > 0 else 1.0


def _was_skipped(step: int | None, known: Known) -> bool:
    """Return whether a gradient of this step is not finite, so that the optimizer skipped the step."""
    reports = [series.last for series in known.of("grad.l2").values()]
    return any(report.step == step and not math.isfinite(report.value) for report in reports)
