"""The loss that a bar shows again and again: when it is news, and when it is a report although it is the same.

A bar repeats the last loss until it is given the next one, so a loss that is shown again is no report. One that is
shown for longer than losses usually last is: the training reports the same loss again, as one that is learned, or nan.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from monitor.reader.dialects.state import DialectState, ToldLoss

if TYPE_CHECKING:
    import numpy as np

GAPS_KEPT = 8
"""The longest of so many newest distances in steps is how long a loss usually lasts. Chosen by hand, 2026-11."""
FIRST_GAP_STEPS = 200
"""How long it lasts before a second loss was shown, as rules on missing lines take it (UNDECLARED_CADENCE_STEPS)."""
GAPS_ALLOWED = 2
"""After so many such distances, a line is missing (FAULTS: evidence_gap): by then the same loss is told again."""
GROWTH = 1.5
"""Each further time, it must be shown longer by this factor: a script that reports densely at its start, and then
every 100 steps, is not to be taken for one whose loss is frozen. Chosen by hand, 2026-11."""


def is_told(text: str, end: str, state: DialectState) -> bool:
    """Whether a loss that a bar shows at the state's step is to be told; note it.

    ``text`` is the loss, ``end`` the epoch whose last batch the bar shows, if it does: a loss is told once more then.
    """
    was, at_end = state.shown.get("loss", ("", ""))
    is_other, is_end = text != was, end not in ("", at_end)
    state.shown = {**state.shown, "loss": (text, end or ("" if is_other else at_end))}
    step, told = state.step, state.told
    if step is None or told.step is None:
        state.told = ToldLoss(step, step)
        return is_other or is_end
    if is_other:
        assert told.other_step is not None
        gap = (step - told.other_step,) if step > told.other_step else ()
        state.told = ToldLoss(step, step, 0, (*told.gaps, *gap)[-GAPS_KEPT:])
        return True
    if is_end:
        state.told = told._replace(step=step)
        return True
    if step < told.step + _lasts_steps(max(told.gaps, default=FIRST_GAP_STEPS), told.num_again):
        return False
    state.told = told._replace(step=step, num_again=told.num_again + 1)
    return True


def _lasts_steps(gap: int, num_again: int) -> int:
    """Return after how many steps the same loss is told again, after it was so often."""
    return int(min(GAPS_ALLOWED * gap * GROWTH ** min(num_again, 64), 1 << 53))


def first_again(steps: np.ndarray, others: np.ndarray, state: DialectState) -> int | None:
    """Return the first of many drawings that must be judged by itself: it may tell the loss of the one before again.

    ``steps`` are those of the drawings, ``others`` the places in it of those with another loss than the one before.
    None for no such drawing.
    """
    import numpy as np

    told = state.told
    if told.step is None or told.other_step is None:
        return 0
    lasts = np.concatenate(([told.other_step], steps[others]))
    gaps = np.diff(lasts)
    is_gap = gaps > 0
    known = np.concatenate((np.zeros(GAPS_KEPT - len(told.gaps), np.int64), told.gaps, gaps[is_gap]))
    usual = np.lib.stride_tricks.sliding_window_view(known, GAPS_KEPT).max(axis=1)
    usual = usual[np.concatenate(([0], is_gap.cumsum()))]
    after = lasts + GAPS_ALLOWED * np.where(usual > 0, usual, FIRST_GAP_STEPS)
    after[0] = told.step + _lasts_steps(int(usual[0]) or FIRST_GAP_STEPS, told.num_again)
    due = steps.searchsorted(after)
    is_again = due < np.concatenate((others, [len(steps)]))
    return int(due[is_again.argmax()]) if is_again.any() else None


def pass_over_told(steps: np.ndarray, state: DialectState) -> None:
    """Note losses at these steps, each another one than the one before."""
    told, last = state.told, int(steps[-1])
    gaps = [right - left for left, right in pairwise([told.other_step, *steps.tolist()]) if right > left]
    state.told = ToldLoss(last, last, 0, (*told.gaps, *gaps)[-GAPS_KEPT:])
