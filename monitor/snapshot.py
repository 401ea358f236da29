"""What is known of one log at one moment; reports, status and the live view are made from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from monitor.alert import Alert
from monitor.conditions import Reading
from monitor.reader.signals import Labels
from monitor.rules import Rule
from monitor.run.ended import End, end_of
from monitor.run.run import Run

HISTORY_LIMIT = 1_000
"""Transitions kept for the report's timeline; the count of alerts is not limited."""


@dataclass(frozen=True)
class Snapshot:
    """What is known of one log at one moment."""

    log: str
    run: Run
    now: float | None
    """The run's time at this moment."""
    is_following: bool
    """Whether the log is still being followed; otherwise it was read to its end."""
    readings: tuple[tuple[Rule, tuple[Reading, ...]], ...]
    """The present readings of every rule."""
    open: tuple[Alert, ...]
    """The alerts firing now."""
    history: tuple[Alert, ...]
    """The transitions so far, oldest first."""
    totals: Totals | None = None
    """Totals of reading the log; None if they were not counted."""
    sources: tuple[Snapshot, ...] = ()
    """The other files of this run, such as the figures that its trainer writes beside the log."""

    @property
    def end(self) -> End:
        """How the run ended: the one answer for every command and page."""
        is_dead = any(each.fault == "crash" and not each.inhibited_by for each in self.open)
        return end_of(self.run, is_following=self.is_following, is_taken_for_dead=is_dead)


def said_once(found: Iterable[tuple[Rule, Sequence[Reading]]]) -> tuple[tuple[Rule, tuple[Reading, ...]], ...]:
    """Return the readings of every rule, those without a value that say the same as one: many rules miss one signal."""
    known: dict[tuple[Reading, ...], tuple[Reading, ...]] = {}
    whole = ((rule, tuple(readings)) for rule, readings in found)
    return tuple(
        (rule, known.setdefault(each, each) if all(one.value is None for one in each) else each) for rule, each in whole
    )


def with_sources(snapshot: Snapshot, others: Sequence[Snapshot]) -> Snapshot:
    """Return a run's snapshot with the other files of the run: of each fault, the first file that shows it."""
    if not others:
        return snapshot
    return replace(
        snapshot,
        open=first_shown([snapshot.open, *(each.open for each in others)]),
        history=first_shown([snapshot.history, *(each.history for each in others)]),
        sources=tuple(others),
    )


def first_shown(files: Iterable[Iterable[Alert]]) -> tuple[Alert, ...]:
    """Return the alerts of the files of one run without those of a fault that an earlier file shows."""
    found: list[Alert] = []
    known = set[tuple[str, Labels]]()
    for alerts in files:
        more = [each for each in alerts if (each.fault, each.labels) not in known]
        found += more
        known |= {(each.fault, each.labels) for each in more if not each.inhibited_by}
    return tuple(found)


class Totals(NamedTuple):
    """What the tail has read of this log, in all processes together."""

    bytes_read: int = 0
    truncated_lines: int = 0
    """Lines cut off because they were too long."""
    replaced_lines: int = 0
    """Lines that are not valid UTF-8; rules read bytes, so they are unaffected."""
    lost_bytes: int = 0
    """Bytes that were destroyed before they were read."""
    bytes_behind: int = 0
    """Bytes known to exist but not read yet."""
    seconds_behind: float = 0.0
    """Longest time that any of them may have been waiting; 0 if there are none."""
    generations: int = 0
    """Number of files the log has been: more than one after a rotation or truncation."""
    polling: str = ""
    """Why the log is only polled; empty if file events announce its changes."""


Publish = Callable[[Snapshot, Path], None]
"""Writes a snapshot's status page to a path."""
