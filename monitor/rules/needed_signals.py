"""The signals without which a condition can say nothing, in whatever log."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.conditions.combine import All, Combination
from monitor.conditions.condition import Condition
from monitor.conditions.counted import Occurrences
from monitor.conditions.line_cadence import Coverage
from monitor.conditions.missing import Missing
from monitor.conditions.sequence import Sequence
from monitor.conditions.stall import Stall
from monitor.reader.signals import CATALOGUE

Needed = tuple[frozenset[str], ...]
"""Groups of signals; of each group one at least is needed."""


def needed(condition: Condition) -> Needed:
    """Return the groups of signals of which a condition needs one each."""
    return tuple(_groups(condition))


def _groups(condition: Condition) -> Iterator[frozenset[str]]:
    match condition:
        case Combination():
            parts = [needed(part) for part in condition.of]
            if isinstance(condition, All):
                yield from (group for part in parts for group in part)
            elif all(parts):
                yield frozenset(name for part in parts for group in part for name in group)
        case Coverage() | Stall():
            return
        case Missing():
            yield frozenset({condition.signal})
        case Sequence():
            yield _known(condition.signal)
        case Occurrences():
            events = _known(condition.watches - {condition.heartbeat})
            if events:
                yield events
        case _:
            yield from (frozenset({name}) for name in sorted(_known(condition.watches)))


def _known(names: object) -> frozenset[str]:
    words = (names,) if isinstance(names, str) else names
    assert isinstance(words, (tuple, frozenset))
    return frozenset(words) & CATALOGUE.keys()
