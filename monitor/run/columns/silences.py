"""The silences between the lines of a block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.run.attempt import BREAK_S, BREAKS_KEPT, LEARNABLE_SILENCE_S, Attempt

if TYPE_CHECKING:
    import numpy as np


def note_silences(attempt: Attempt, gaps_s: np.ndarray, ends: np.ndarray) -> None:
    """Note silences of one phase, in seconds, and when each ended, as `Attempt.note_silence` would one by one."""
    learnable = gaps_s[gaps_s <= LEARNABLE_SILENCE_S]
    is_break = gaps_s > BREAK_S
    if len(learnable):
        attempt.note_silence(float(learnable.max()), float(ends[-1]))
    if is_break.any():
        attempt.writes_since = float(ends[is_break][-1])
        attempt.breaks_s = [*attempt.breaks_s, *gaps_s[is_break].tolist()][-BREAKS_KEPT:]
