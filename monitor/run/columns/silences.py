"""The silences between the lines of a block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.run.attempt import BREAK_S, LEARNABLE_SILENCE_S, Attempt

if TYPE_CHECKING:
    import numpy as np


def note_silences(attempt: Attempt, gaps_s: np.ndarray, ends: np.ndarray) -> None:
    """Note silences of one phase, in seconds, and when each ended, as `Attempt.note_silence` would one by one."""
    learnable = gaps_s[gaps_s <= LEARNABLE_SILENCE_S]
    breaks = ends[gaps_s > BREAK_S]
    if len(learnable):
        attempt.note_silence(float(learnable.max()), float(ends[-1]))
    if len(breaks):
        attempt.writes_since = float(breaks[-1])
