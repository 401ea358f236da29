"""Which families are held out: drawn by the digest of the list as it was first committed.

The commit is the one of which `git rev-parse COMMIT:tests/scoreboard/families` gives that digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from enum import StrEnum

LIST = "e6bfc0db9cdc860dc414b8c91c79ee722e51b9e8"
"""Git's digest of this folder in the commit that added the list, before anything was judged."""
FIRST, RESERVE = 25, 20
"""Families held out in the first draw, and in the second one, which is made only after a miss has been mended."""


class Part(StrEnum):
    """What a family is used for."""

    TUNING = "tuning"
    FIRST = "first draw"
    RESERVE = "second draw"


def parts_of(names: Iterable[str], digest: str = LIST) -> dict[str, Part]:
    """Return the part of each family: names are sorted by a digest that includes the list's own."""
    drawn = sorted(names, key=lambda name: hashlib.sha256(f"{digest} {name}".encode()).hexdigest())
    return {
        name: Part.FIRST if place < FIRST else Part.RESERVE if place < FIRST + RESERVE else Part.TUNING
        for place, name in enumerate(drawn)
    }
