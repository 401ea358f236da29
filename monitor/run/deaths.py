"""Death texts that no progress has followed: what a run may have died of, and which of them names the cause."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from monitor.base.evidence import Evidence
from monitor.reader.causes import Cause

SURVIVED_AFTER_LINES = 200
"""Where no progress can be read at all, a death text was survived if the log goes on for so many lines without
another: a traceback of eight ranks with 20 frames each is shorter. Chosen by hand, 2026-11."""


RANKS_KEPT = 1_024
"""Most ranks told apart."""
CAUSES = {cause.value: cause for cause in Cause}


class Death(NamedTuple):
    """The first text of one cause since the run last moved."""

    serial: int
    """Number of its line within the attempt."""
    at: float | None
    """Time in the run; in a log without times, when it arrived. None if neither is known."""
    step: int | None
    epoch: int
    evidence: Evidence


class RankDeath(NamedTuple):
    """The first death text of one rank since the run last moved."""

    serial: int
    """Number of its line within the attempt."""
    at: float | None


def note_rank(ranks: dict[str, RankDeath], rank: int, death: RankDeath, moved: int) -> None:
    """Remember which rank a text is from, unless an earlier one of it came since line ``moved``, the last move."""
    known = ranks.get(str(rank))
    if known is None and len(ranks) >= RANKS_KEPT:
        return
    if known is None or known.serial < moved:
        ranks[str(rank)] = death


def ranks_since(ranks: Mapping[str, RankDeath], moved: int) -> dict[int, RankDeath]:
    """Return the ranks that failed since line ``moved``, the first one first."""
    found = sorted((death.serial, int(rank)) for rank, death in ranks.items() if death.serial >= moved)
    return {rank: ranks[str(rank)] for _, rank in found}


def note_death(deaths: dict[str, Death], cause: str, death: Death, moved: int) -> None:
    """Remember a text, unless an earlier one of its cause came since line ``moved``, the last move."""
    known = deaths.get(cause)
    if known is None or known.serial < moved:
        deaths[cause] = death


def since(deaths: Mapping[str, Death], moved: int) -> dict[Cause, Death]:
    """Return the death texts since line ``moved``, the last move, the earliest first.

    A text behind a progress bar came after the move that its line shows.
    """
    found = sorted(((death.serial, name) for name, death in deaths.items() if death.serial >= moved))
    return {CAUSES[name]: deaths[name] for _, name in found}


def leading_cause(deaths: Iterable[Cause]) -> Cause:
    """Return the cause nearest to the root: the first of the strongest; the others are its effects."""
    return max(deaths, key=lambda cause: cause.strength)
