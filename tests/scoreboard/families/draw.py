"""Which families are held out: drawn by the digest of the list as it was first committed.

The commit is the one of which `git rev-parse COMMIT:tests/scoreboard/families` gives that digest. A second list was
written when both draws from the first one had been judged and mended; all of it is the third draw.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from enum import StrEnum

from tests.scoreboard.families.listing import Family

LIST = "e6bfc0db9cdc860dc414b8c91c79ee722e51b9e8"
"""Git's digest of this folder in the commit that added the list, before anything was judged."""
SECOND_LIST = "d46c658ec458018682e7722321c5c64df0a9eccd"
"""The same of the second list, which all is the third draw."""
THIRD_LIST = "b749be4fab797bd89d6daf469a3611c791254eed"
"""The same of the third list, which all is the fourth draw."""
FOURTH_LIST = "accfe913d521b38b2122877d08091cd0d7854b35"
"""The same of the fourth list, which all is the fifth draw."""
FIRST, RESERVE = 25, 20
"""Families held out in the first draw, and in the second one, which is made only after a miss has been mended."""


class Part(StrEnum):
    """What a family is used for."""

    TUNING = "tuning"
    FIRST = "first draw"
    RESERVE = "second draw"
    THIRD = "third draw"
    FOURTH = "fourth draw"
    FIFTH = "fifth draw"


def parts_of(families: Mapping[str, Family], digest: str = LIST) -> dict[str, Part]:
    """Return the part of each family: names of the first list are sorted by a digest that includes the list's own."""
    names = [name for name, each in families.items() if each.batch == 1]
    drawn = sorted(names, key=lambda name: hashlib.sha256(f"{digest} {name}".encode()).hexdigest())
    first = {
        name: Part.FIRST if place < FIRST else Part.RESERVE if place < FIRST + RESERVE else Part.TUNING
        for place, name in enumerate(drawn)
    }
    later = {2: Part.THIRD, 3: Part.FOURTH, 4: Part.FIFTH}
    return first | {name: later[each.batch] for name, each in families.items() if each.batch in later}
