"""Which steps are looked at between two reports of gradients: drawn by the step's number, so that a resumed run looks
at the same ones, and no rhythm of the training (two optimizers in turn, a sorted loader) is always missed.
"""

from __future__ import annotations

from functools import lru_cache

LOOKS = 4
"""Steps looked at in each interval, the report's own included. Chosen by hand, 2026-11: a group without a token in one
step of four, drawn at random, is taken for dead once in 256 reports.
"""


@lru_cache(maxsize=8)
def looked_steps(report: int, *, every: int) -> frozenset[int]:
    """Return the steps looked at for the report at this step: itself, and others drawn from the interval before it."""
    if every <= LOOKS:
        return frozenset(range(max(0, report - every + 1), report + 1))
    drawn, seed = {report}, report
    while len(drawn) < LOOKS:
        seed = _mixed(seed)
        drawn.add(report - 1 - seed % (every - 1))
    return frozenset(drawn)


def next_report(step: int, *, every: int, first: int) -> int:
    """Return the next step with a regular report, at this step or after it; ``first`` is the first step of the run."""
    early = first + min(LOOKS, every) - 1
    return early if step <= early else -(-step // every) * every


def _mixed(number: int) -> int:
    """Return a number that looks random: splitmix64 (Steele, Lea and Flood 2014)."""
    number = (number + 0x9E3779B97F4A7C15) & (2**64 - 1)
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & (2**64 - 1)
    return number ^ (number >> 31)
