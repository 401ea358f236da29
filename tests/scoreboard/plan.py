"""The runs of a scoreboard: every kind on every architecture with every seed, and healthy runs."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from tests.scoreboard.healthy import EVERY, HARD, PLAIN
from tests.scoreboard.kinds import KINDS
from tests.scoreboard.lives import LIVES, QUIET, STORY
from tests.scoreboard.recipes import ARCHITECTURES, TUNED_ON, Job, Recipe

TUNING_SEEDS = (1, 2, 3)
"""Used while rules and faults were developed."""
HELD_OUT_SEEDS = (11, 12, 13, 14, 15)
"""Never used before the rules were frozen."""
NUM_PLAIN, NUM_HARD = 41, 3
"""Held-out healthy runs per architecture, of the plain kind and of each hard kind."""
FIRST_HEALTHY_SEED = 101
STORIES = 8
"""Stories of each kind; the tuning board has one per seed."""
QUICK_KINDS = ("loss_nonfinite", "grad_zero", "lr_off", "metric_constant", "dead_inputs", "update_ratio")
QUICK_HEALTHY = (PLAIN, "dropout", "accumulate_4", "frozen_first")


class Board(StrEnum):
    """Which runs to do."""

    TUNING = "tuning"
    """The tuning seeds, without the architecture that is never used for tuning."""
    HELD_OUT = "held-out"
    """The published board: the held-out seeds on every architecture."""
    QUICK = "quick"
    """A sample of the tuning seeds, to check that everything works."""


def jobs_of(board: Board) -> list[Job]:
    """Return all runs of a board, long ones first."""
    found = list({Board.TUNING: _tuning, Board.HELD_OUT: _held_out, Board.QUICK: _quick}[board]())
    return sorted(found, key=lambda job: (job.architecture != "shipped", job.kind, job.architecture, job.seed))


def _tuning() -> Iterator[Job]:
    for kind in KINDS:
        yield from (kind.job(a, seed) for a in TUNED_ON if a in kind.architectures for seed in TUNING_SEEDS)
    for healthy in EVERY:
        yield from (healthy.job(a, seed) for a in TUNED_ON if a in healthy.architectures for seed in TUNING_SEEDS)
    yield from (_story(name, seed) for name in _told() for seed in TUNING_SEEDS)


def _held_out() -> Iterator[Job]:
    for kind in KINDS:
        yield from (kind.job(a, seed) for a in kind.architectures for seed in HELD_OUT_SEEDS)
    for healthy in EVERY:
        count = NUM_HARD if healthy in HARD else NUM_PLAIN
        for architecture in healthy.architectures:
            yield from (healthy.job(architecture, FIRST_HEALTHY_SEED + place) for place in range(count))
    yield from (_story(name, HELD_OUT_SEEDS[0] + place) for name in _told() for place in range(STORIES))


def _quick() -> Iterator[Job]:
    for kind in KINDS:
        if kind.name in QUICK_KINDS:
            yield from (kind.job(a, TUNING_SEEDS[0]) for a in ("shipped", "mlp") if a in kind.architectures)
    for healthy in EVERY:
        if healthy.name in QUICK_HEALTHY:
            yield from (healthy.job(a, TUNING_SEEDS[0]) for a in ARCHITECTURES[:3] if a in healthy.architectures)
    yield from (_story(name, TUNING_SEEDS[0]) for name in _told())


def _told() -> list[str]:
    return [*(kind.name for kind in LIVES), *QUIET]


def _story(name: str, seed: int) -> Job:
    return Job(name, STORY, seed, Recipe())
