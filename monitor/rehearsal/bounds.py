"""What so many alarms in so many runs prove of the true share: exact bounds of a binomial proportion.

Clopper and Pearson, Biometrika 26 (1934) 404-413: the one-sided upper bound at 95 % is the largest share with which so
few alarms or fewer would come with a probability of 5 %. It assumes that the runs are independent and like those to
come: runs of one script with one setting are less proof than their number says.
"""

from __future__ import annotations

import math
from collections.abc import Callable

CONFIDENCE = 0.95


def upper_bound(alarmed: int, runs: int, confidence: float = CONFIDENCE) -> float:
    """Return the one-sided upper bound of the true share; 1 for no run."""
    if alarmed >= runs:
        return 1.0
    return _share(lambda share: _at_most(alarmed, runs, share) > 1 - confidence)


def lower_bound(alarmed: int, runs: int, confidence: float = CONFIDENCE) -> float:
    """Return the one-sided lower bound of the true share; 0 for no alarm."""
    if alarmed <= 0:
        return 0.0
    return _share(lambda share: 1 - _at_most(alarmed - 1, runs, share) < 1 - confidence)


def _share(is_below: Callable[[float], bool]) -> float:
    """Return the share up to which something is so, to the last digits of a float."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if is_below(middle) else (low, middle)
    return high


def _at_most(alarmed: int, runs: int, share: float) -> float:
    """Return the probability of at most so many alarms, if each run has one with this probability."""
    if share <= 0.0:
        return 1.0
    if share >= 1.0:
        return float(alarmed >= runs)
    log_yes, log_no = math.log(share), math.log1p(-share)
    terms = (
        math.lgamma(runs + 1) - math.lgamma(k + 1) - math.lgamma(runs - k + 1) + k * log_yes + (runs - k) * log_no
        for k in range(alarmed + 1)
    )
    return min(1.0, math.fsum(map(math.exp, terms)))
