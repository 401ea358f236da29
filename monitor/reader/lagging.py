"""The step of a report behind a progress bar: the bar's, where it surely keeps up with the training; else none.

A bar is drawn ten times a second at most, so in a fast training a report comes behind the bar of some steps before.
Where the reports name their epoch as a fraction, these and the bars around them tell how many steps an epoch has, and
so each step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

from monitor.reader.bars import Bar
from monitor.reader.state import BarLag, EpochLength

SLOW_S = 0.3
"""Seconds per step, on average, from which nearly all steps are drawn: three times tqdm's shortest time between two
drawings, for steps differ. Chosen by hand, 2026-11."""
FEWEST_NEXT = 4
"""Steps that were each drawn, one after the other, before the next is thought to be drawn too: a first step is often
slow alone."""
FEWEST_AGAIN = 20
"""The same in a training that is not slow, behind a step that was not drawn. Chosen by hand, 2026-11."""
FEWEST_DIGITS = 2
"""Decimal places to which epochs are rounded at least, however few are printed: `0.5` may be 0.50."""
FEWEST_AGREE = 3
"""Reports that must agree on the steps of an epoch. Chosen by hand, 2026-11."""
MOST_ROUNDED = 0.01
"""How much of an epoch may be rounded, at most, where bars are compared with it: a tenth would agree with most."""
MOST_TRIED = 8
"""Steps near an epoch that are tried: where there are more, its rounding tells none."""


def note_drawing(bar: Bar, lag: BarLag) -> None:
    """Note that the training's bar was drawn."""
    note_drawings((bar.done,), (bar.s_per_unit,), bar.total, lag)


def note_drawings(dones: Sequence[int], paces_s: Sequence[float | None], total: int | None, lag: BarLag) -> None:
    """Note that the training's bar was drawn, once or more often, without a report between.

    ``dones`` and ``paces_s`` are the steps done and the seconds per step of each drawing.
    """
    if lag.total != total:
        lag.__dict__.update(BarLag(total=total, stated=lag.stated).__dict__)
    # In names of their own, since a log may have a million of them.
    last, num_drawn, num_next, num_slow = lag.done, lag.num_drawn, lag.num_next, lag.num_slow
    has_leapt, is_fresh = lag.has_leapt, lag.is_fresh
    for done, pace_s in zip(dones, paces_s, strict=True):
        if not num_drawn and lag.fraction is not None:
            _compare(lag.behind, lag.fraction, done, lag)
        if done != last:
            is_over = total is not None and done >= total > 0
            is_slow = pace_s is not None and pace_s >= SLOW_S
            # Right behind a report, a bar that has moved may be drawn for its sake: it lagged.
            if done == last + 1 and (num_drawn > 0 or is_slow):
                num_next += 1
                num_slow = num_slow + 1 if is_slow else 0
            else:
                num_next = num_slow = 0
                has_leapt = has_leapt or not is_over
            fewest = FEWEST_AGAIN if has_leapt else FEWEST_NEXT
            is_fresh = is_over or (num_next >= fewest and (num_drawn > 0 or num_slow >= FEWEST_NEXT))
            last = done
        num_drawn += 1
    lag.done, lag.num_drawn, lag.num_next, lag.num_slow = last, num_drawn, num_next, num_slow
    lag.has_leapt, lag.is_fresh = has_leapt, is_fresh


def step_of(fraction: float | None, digits: int | None, lag: BarLag) -> int | None:
    """Return the step of a report behind the bar, and note the report; None where it is not sure.

    ``fraction`` is its epoch, printed with ``digits``.
    """
    fresh = lag.done if lag.is_fresh else None
    lag.fraction = None
    if fraction is None or not 0 < fraction < math.inf:
        return fresh
    lag.fraction, lag.digits = fraction, max(lag.digits, digits or 0, FEWEST_DIGITS)
    _compare(lag.before, fraction, lag.done, lag)
    lengths = {lag.stated} if lag.stated else {each.length for each in (lag.before, lag.behind) if each.length}
    if not lengths:
        return fresh
    steps = {step for length in lengths for step in _steps_at(fraction, length, lag) if step >= lag.done}
    if fresh is not None:
        steps &= {fresh}
    return steps.pop() if len(steps) == 1 else None


@lru_cache(maxsize=64)
def _half(digits: int) -> float:
    """Return half of the last decimal place."""
    return 0.5 * 10.0**-digits


def _steps_at(fraction: float, length: float, lag: BarLag) -> set[int]:
    """Return the steps whose epoch is printed like this."""
    half = _half(lag.digits)
    first, last = math.ceil((fraction - half) * length - 1e-6), math.floor((fraction + half) * length + 1e-6)
    if last - first >= MOST_TRIED:
        return {lag.done} if lag.is_fresh and first <= lag.done <= last else set()
    return {step for step in range(max(0, first), last + 1) if fraction in _printed(step, length, lag.digits)}


def _printed(step: int, length: float, digits: int) -> tuple[float, float]:
    """Return a step's epoch as it may be printed: divided, or whole epochs and a share, which may round otherwise."""
    whole = step // length
    return round(step / length, digits), round(whole + (step - whole * length) / length, digits)


def _compare(found: EpochLength, fraction: float, done: int, lag: BarLag) -> None:
    """Compare a bar with the epoch of the report beside it: how many steps would an epoch have?"""
    half = _half(lag.digits)
    if fraction == found.compared or lag.total is None or half > MOST_ROUNDED * fraction:
        return
    low, high = done / (fraction + half), done / (fraction - half)
    found.compared = fraction
    if found.num_agree and max(low, found.low) <= min(high, found.high):
        low, high, found.num_agree = max(low, found.low), min(high, found.high), found.num_agree + 1
    else:
        found.num_agree = 1
    found.low, found.high, found.length = low, high, 0.0
    if low > 0 and found.num_agree >= FEWEST_AGREE:
        # A training is of whole epochs; one that is not tells none of its steps.
        fewest, most = math.ceil(lag.total / high - 1e-9), math.floor(lag.total / low + 1e-9)
        if fewest == most and lag.total % fewest == 0:
            found.length = lag.total / fewest
