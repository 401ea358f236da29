"""Which runs a part of the list has: healthy ones of each family, and families for each fault, half from the start."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import torch

from tests.scoreboard.families.draw import Part, parts_of
from tests.scoreboard.families.faults import FAULTS, Fault, fitting
from tests.scoreboard.families.forms import FORMS
from tests.scoreboard.families.listing import every_family

HEALTHY = {Part.TUNING: 1, Part.FIRST: 8, Part.RESERVE: 10, Part.THIRD: 5, Part.FOURTH: 3, Part.FIFTH: 4}
"""Healthy runs of each family: 25 families of 8 are 200, of which 2 % are four runs."""
CLAIMED = {Part.TUNING: 2, Part.FIRST: 4, Part.RESERVE: 4, Part.THIRD: 4, Part.FOURTH: 3, Part.FIFTH: 3}
"""Most runs of each fault that the list claims to see, each in another family."""
LATE = (Part.FOURTH, Part.FIFTH)
"""Draws of claimed faults only, and of all faults of both lists."""
UNCLAIMED = 2
"""Most runs of each fault that it does not claim; the fourth and the fifth draw have none."""


class Job(NamedTuple):
    """One run."""

    family: str
    number: int
    """Counts the runs of the same family and fault."""
    fault: str = ""
    onset: str = ""
    """start or middle; empty for a healthy run."""

    @property
    def name(self) -> str:
        """The unique name of the run."""
        return ".".join([self.family, self.fault or "healthy", *([self.onset] if self.onset else []), str(self.number)])

    @property
    def seed(self) -> int:
        """A seed that no other run has."""
        return int(_digest(self.name)[:8], 16)

    @property
    def form(self) -> str:
        """The form in which the run's printed numbers are judged."""
        return list(FORMS)[int(_digest(f"form {self.name}")[:8], 16) % len(FORMS)]


def jobs_of(part: Part) -> list[Job]:
    """Return the runs of a part of the list."""
    names = [name for name, its in parts_of(every_family()).items() if its is part]
    healthy = [Job(name, number) for number in range(HEALTHY[part]) for name in sorted(names)]
    return healthy + list(_faulty(sorted(names), part))


def _faulty(names: list[str], part: Part) -> Iterator[Job]:
    fits = {name: {each.name for each in fitting_in(name)} for name in names}
    for fault in FAULTS.values():
        if fault.batch > 1 and part not in (Part.THIRD, *LATE):
            continue
        most = CLAIMED[part] if fault.claimed else UNCLAIMED if part not in LATE else 0
        chosen = sorted((n for n in names if fault.name in fits[n]), key=lambda name: _digest(f"{name} {fault.name}"))
        for place, name in enumerate(chosen[:most]):
            yield Job(name, 0, fault.name, fault.onsets[place % len(fault.onsets)])


@cache
def fitting_in(name: str) -> tuple[Fault, ...]:
    """Return the faults that can be made in a family."""
    torch.manual_seed(0)
    return tuple(fitting(every_family()[name].build()))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
