"""One claim of the page: a mark, the words, and the lines of the log as evidence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from monitor.base.evidence import Evidence


class Mark(StrEnum):
    """A verdict at a glance."""

    OK = "✅"
    """Proved by the lines of the log."""
    CAUTION = "⚠️"
    """No alert is open, but a figure is doubtful, or an alert fired before and is over."""
    BREACH = "❌"
    UNKNOWN = "❔"
    """Never seen, or not recently enough to tell."""
    NOT_APPLICABLE = "➖"
    """The run declared that there is nothing to check."""


WORST_FIRST = (Mark.BREACH, Mark.CAUTION, Mark.UNKNOWN, Mark.OK, Mark.NOT_APPLICABLE)


def worst(marks: list[Mark]) -> Mark:
    """Return the worst mark; unknown if there is none."""
    return min(marks, key=WORST_FIRST.index, default=Mark.UNKNOWN)


@dataclass(frozen=True)
class Statement:
    """One claim of the page, with its evidence."""

    subject: str
    """What it is about; empty where the text tells it."""
    text: str
    evidence: tuple[Evidence, ...] = ()
    mark: Mark | None = None
    """None for a fact that is not judged."""

    def __post_init__(self) -> None:
        """Hold the first promise: no ✅ and no ➖ without a line of evidence."""
        needs_evidence = self.mark in (Mark.OK, Mark.NOT_APPLICABLE)
        assert self.evidence or not needs_evidence, f"{self.mark} without evidence: {self.subject} {self.text}"
