"""What reading a foreign log must remember from one line to the next; kept with the run, so that a restart goes on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from monitor.base.evidence import Evidence
from monitor.reader.encoding import TextEncoding
from monitor.reader.facts import Facts
from monitor.reader.state import ReadState

NATIVE = "native"
"""The name of our own grammar, as a dialect."""


class ToldLoss(NamedTuple):
    """When the loss that a bar shows became a report."""

    step: int | None = None
    """Of its newest report; None before there was one."""
    other_step: int | None = None
    """Of the report in which it was another one than before."""
    num_again: int = 0
    """How often it was told since, because it was shown for long."""
    gaps: tuple[int, ...] = ()
    """The newest distances in steps from one such loss to the next."""


@dataclass
class DialectState:
    """Which dialect a log speaks, and the place in the run that its lines have named so far."""

    name: str = ""
    """The dialect in force; empty while none was recognised."""
    line: Evidence | None = None
    """The line that showed it: the evidence for all that follows from the dialect."""
    lacks: tuple[str, ...] = ()
    """The signals that none of the dialects seen so far can give, in order."""
    matched: dict[str, int] = field(default_factory=dict)
    """Lines understood, by dialect."""
    epoch: int | None = None
    """The epoch that was named last, counted from 1."""
    epochs: int | None = None
    """How many are planned, where a line said so."""
    step: int | None = None
    """The last step, counted over all epochs."""
    base: int = 0
    """Steps of the epochs before this one, for lines that count within an epoch."""
    bar: int | None = None
    """The place of the last progress bar of the whole training."""
    bar_total: int | None = None
    """Its end; a bar with another end is that of something else."""
    shown: dict[str, tuple[str, str]] = field(default_factory=dict)
    """What progress bars showed last, and the epoch at whose end it was told: bars repeat what they know."""
    told: ToldLoss = field(default_factory=ToldLoss)
    """When the loss of a bar was told."""
    measured: tuple[tuple[str, float], ...] = ()
    """The last value of each metric that a final claim could name."""
    at: float | None = None
    """What the last line with a time says, in seconds since 1970-01-01."""
    words: ReadState = field(default_factory=ReadState)
    """What reading by the vocabulary remembers."""
    facts: Facts = field(default_factory=Facts)
    """The last value of everything that was read by the vocabulary."""
    hint: tuple[str, Evidence] | None = None
    """The dialect that a mark showed, and its line, while nothing of the log was read yet."""
    is_counted: bool = False
    """Whether the last step is the number of its report, not a step of the log."""
    last_counted: int | None = None
    """The last number that we gave to a report, in an attempt that has named a step since."""
    metrics: tuple[str, ...] = ()
    """Name and split of the metrics that became signals."""
    monitored: tuple[str, ...] = ()
    """Those of them that only the lines about checkpoints report."""
    surplus: int = 0
    """Numbers under further names: not judged."""
    is_zone_assumed: bool = False
    """Whether a line's time named no zone and none was given, so that it was taken for UTC."""
    fit: int = 1
    """The training of the log that the last line belongs to, by the places read so far."""
    is_complete: bool = False
    """Whether that training has come to its planned end."""
    first_step: int | None = None
    """Its first step."""
    course: str = ""
    """The fold, trial or seed that was named last, with its number."""
    course_of_fit: str = ""
    """The one that the present training belongs to."""
    resume: int | None = None
    """A resume was said and no step came since: its step, or one of `course.NAMES_NO_STEP` and `course.ONLY_LOADS`."""
    unplaced: int = 0
    """Reports since the last one that named its step."""
    asides: int = 0
    """How many more unread lines may belong to the source code or settings above them."""
    encoding: TextEncoding = field(default_factory=TextEncoding)
    """How the log's text is encoded, where it is not UTF-8."""
    is_stopped: bool = False
    """Whether a line said that the training stops early, and no report of it came since."""

    @property
    def unread_words(self) -> str:
        """Say what was beyond the bounds on shapes and names, and was counted instead of read; empty for nothing."""
        lines, values = self.words.surplus, max(self.surplus, self.facts.surplus)
        parts = [f"{lines:,} lines of ever new shapes"] * bool(lines) + [f"{values:,} values of further names"] * bool(
            values
        )
        return f"{' and '.join(parts)} were counted, not read" if parts else ""
