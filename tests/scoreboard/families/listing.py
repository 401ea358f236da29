"""The list of families: each is a function that builds one small training; its docstring says what it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tests.scoreboard.families.training import Training


class Family(NamedTuple):
    """One family of trainings."""

    name: str
    what: str
    build: Callable[[], Training]
    """Builds a training from torch's random state."""
    batch: int
    """In which list it was: the first, or one added after a draw."""


FAMILIES: dict[str, Family] = {}


def family(build: Callable[[], Training], *, batch: int = 1) -> Callable[[], Training]:
    """Add a family to the list."""
    name = build.__name__
    assert name not in FAMILIES, f"{name}: twice in the list"
    FAMILIES[name] = Family(name, (build.__doc__ or "").strip().rstrip("."), build, batch)
    return build


def later_family(build: Callable[[], Training]) -> Callable[[], Training]:
    """Add a family to the second list, which was written after the first one's draws had been judged."""
    return family(build, batch=2)


def fourth_family(build: Callable[[], Training]) -> Callable[[], Training]:
    """Add a family to the third list, all of which is the fourth draw."""
    return family(build, batch=3)


def fifth_family(build: Callable[[], Training]) -> Callable[[], Training]:
    """Add a family to the fourth list, all of which is the fifth draw."""
    return family(build, batch=4)


def every_family() -> dict[str, Family]:
    """Return all families by name, in the order of the list."""
    from tests.scoreboard.families import (  # noqa: F401
        adapting,
        attention,
        codes,
        deep,
        domains,
        embeddings,
        equations,
        generative,
        graphs,
        images,
        learnt_from_others,
        likelihoods,
        mixed_pictures,
        neighbours,
        pairs,
        places_in_pictures,
        policies,
        regimes,
        rewards,
        sciences,
        sequences,
        steps,
        tables,
        texts,
        unusual_layers,
        ways,
        words_and_worlds,
    )

    return dict(sorted(FAMILIES.items()))
