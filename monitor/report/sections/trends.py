"""How the figures go, in words: loss, gradients, and the pace against the baseline; each with the lines that show it.

Facts, not verdicts: nothing here has a mark, and what the figures do not show is not said.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterator, Sequence

from monitor.base.evidence import Evidence
from monitor.conditions.reading import Background
from monitor.report.statement import Statement
from monitor.run.attempt import Attempt
from monitor.run.series import Point, Series
from monitor.snapshot import Snapshot

EPOCHS = 5
"""Newest epochs that a change per epoch is taken from."""
FEWEST_EPOCHS = 3
FEWEST_REPORTS = 16
"""Fewer show no course. Chosen by hand, 2026-11."""
LEVEL = 0.005
"""A change per epoch below half a per cent is none. Chosen by hand, 2026-11."""
STEADY = 3.0
"""Gradient norms within this factor of each other are steady. Chosen by hand, 2026-11."""
PACE = 0.1
"""A pace within a tenth of the baseline's is the same. Chosen by hand, 2026-11."""
_PACES = (
    ("epoch.seconds", "an epoch takes {} than in the baseline", "longer", "less time"),
    ("train.s_per_batch", "a batch takes {} than in the baseline", "longer", "less time"),
    ("train.samples_per_s", "{} samples per second than in the baseline", "more", "fewer"),
    ("train.tokens_per_s", "{} tokens per second than in the baseline", "more", "fewer"),
)


def trends(snapshot: Snapshot, background: Background) -> tuple[Statement, ...]:
    """Return what the figures of the present attempt show of its course."""
    run, attempt = snapshot.run, snapshot.run.attempt
    return (*_losses(attempt, run.step_word), *_best(attempt), *_gradients(attempt), *_pace(attempt, background))


def _losses(attempt: Attempt, step_word: str) -> Iterator[Statement]:
    for series in attempt.of("epoch.train_loss").values():
        points = [tally.last for tally in list(series.epochs.values())[-EPOCHS:]]
        if words := _per_epoch(points):
            yield Statement("Training loss", words, _ends(points))
            return
    for series in attempt.of("train.loss").values():
        points = list(series.recent)
        is_by_epoch = len({point.epoch for point in points}) == len(points)
        points = points[-EPOCHS:] if is_by_epoch else points
        if words := _per_epoch(points) if is_by_epoch else _by_halves(points, step_word):
            yield Statement("Training loss", words, _ends(points))
            return


def _per_epoch(points: Sequence[Point]) -> str:
    """Return the change per epoch; empty where the values show none that can be named."""
    values = [point.value for point in points]
    if len(points) < FEWEST_EPOCHS or not all(math.isfinite(value) and value > 0 for value in values):
        return ""
    change = (values[-1] / values[0]) ** (1 / (points[-1].epoch - points[0].epoch or 1)) - 1
    reach = f"from epoch {points[0].epoch} to {points[-1].epoch}"
    if abs(change) < LEVEL:
        return f"level {reach}: {values[0]:.4g} to {values[-1]:.4g}"
    falls = sum(later < earlier for earlier, later in itertools.pairwise(values))
    share = falls / (len(values) - 1) if change < 0 else 1 - falls / (len(values) - 1)
    how = "" if share == 1 else " on the whole"
    verb = "falls" if change < 0 else "rises"
    return f"{verb}{how}, {100 * abs(change):.2g} % per epoch {reach}: {values[0]:.4g} to {values[-1]:.4g}"


def _by_halves(points: Sequence[Point], step_word: str) -> str:
    """Return how the median of the newer half of some reports differs from that of the older half."""
    values = [point.value for point in points]
    first, last = points[0].step, points[-1].step
    if len(points) < FEWEST_REPORTS or first is None or last is None or not all(map(math.isfinite, values)):
        return ""
    half = len(values) // 2
    before, after = statistics.median(values[:half]), statistics.median(values[half:])
    verb = "falls" if after < before else "rises" if after > before else "is level"
    if before > 0 and abs(after / before - 1) < LEVEL:
        verb = "is level"
    return f"{verb} from {step_word} {first:,} to {last:,}: the medians of its halves are {before:.4g} and {after:.4g}"


def _best(attempt: Attempt) -> Iterator[Statement]:
    for series in attempt.of("epoch.val_loss").values():
        points = [tally.last for tally in series.epochs.values()]
        finite = [point for point in points if math.isfinite(point.value)]
        if len(finite) < FEWEST_EPOCHS:
            continue
        best = min(finite, key=lambda point: point.value)
        since = points[-1].epoch - best.epoch
        words = f"lowest in epoch {best.epoch}: {best.value:.4g}"
        words += f", and not lower in the {since} since; now {points[-1].value:.4g}" if since else ", the newest"
        yield Statement("Validation loss", words, (best.evidence, points[-1].evidence) if since else (best.evidence,))
        return


def _gradients(attempt: Attempt) -> Iterator[Statement]:
    every = {signal: list(attempt.of(signal).values()) for signal in ("train.grad_norm", "grad.l2")}
    for signal, subject in (("train.grad_norm", "Gradient norm"), ("grad.l2", "Gradients by group")):
        kept = [_steady(series) for series in every[signal]]
        steady = [points for points in kept if points]
        if not steady or len(steady) < len(kept):
            continue
        begins = max((points[0] for points in steady), key=lambda point: point.serial)
        last = max((points[-1] for points in steady), key=lambda point: point.serial)
        where = f"epoch {begins.epoch}" if begins.epoch > 1 else f"step {begins.step:,}"
        if signal == "grad.l2":
            words = f"all {len(steady)} steady since {where}: each stays within a factor of {STEADY:g}"
        else:
            values = [point.value for point in steady[0]]
            words = f"steady since {where}: between {min(values):.3g} and {max(values):.3g}"
        yield Statement(subject, words, (begins.evidence, last.evidence))


def _steady(series: Series) -> list[Point]:
    """Return the newest points of a norm that lie within a factor of each other; none where they are too few."""
    found: list[Point] = []
    least, most = math.inf, 0.0
    for point in reversed(series.recent):
        least, most = min(least, point.value), max(most, point.value)
        if not (math.isfinite(point.value) and least > 0 and most <= STEADY * least) or point.step is None:
            break
        found.append(point)
    found.reverse()
    # A norm that is steady only since the newest reports is not called so.
    return found if len(found) >= FEWEST_EPOCHS and 2 * len(found) > len(series.recent) else []


def _pace(attempt: Attempt, background: Background) -> Iterator[Statement]:
    baseline = background.baseline
    for signal, words, more, less in _PACES if baseline is not None else ():
        series, was = attempt.of(signal).get(()), baseline.last.get((signal, ())) if baseline else None
        if series is None or not was or not math.isfinite(was) or not math.isfinite(series.last.value):
            continue
        ratio = series.last.value / was
        if abs(ratio - 1) <= PACE:
            said = f"as in the baseline: {series.last.value:.3g} after {was:.3g}"
        else:
            how = f"{100 * abs(ratio - 1):.0f} % {more if ratio > 1 else less}"
            said = f"{words.format(how)}: {series.last.value:.3g} after {was:.3g}"
        yield Statement("Pace", said, (series.last.evidence,))
        return


def _ends(points: Sequence[Point]) -> tuple[Evidence, ...]:
    return points[0].evidence, points[-1].evidence
