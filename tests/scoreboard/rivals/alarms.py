"""From readings to verdicts: a condition alarms as it begins to hold, not again while it does; an event each time."""

from __future__ import annotations

from tests.scoreboard.rivals.observed import Line
from tests.scoreboard.rivals.rival import Verdict


class Alarms:
    """The verdicts on one log, in order."""

    def __init__(self) -> None:
        self.verdicts: list[Verdict] = []
        self._holding: set[tuple[str, str]] = set()

    def note(self, label: str, subject: str, holds: bool, line: Line, text: str) -> None:
        """Take one reading of a rule about one subject, such as a group or a layer."""
        if not holds:
            self._holding.discard((label, subject))
        elif (label, subject) not in self._holding:
            self._holding.add((label, subject))
            self.event(label, line, text)

    def event(self, label: str, line: Line, text: str) -> None:
        """Take something that happens rather than lasts."""
        self.verdicts.append(Verdict(line.step, label, text, line.at))

    def silence(self, label: str, limit_s: float, last: Line, at: float) -> None:
        """Say that nothing came between a line and this time, if that is longer than the limit."""
        if last.at is not None and at - last.at > limit_s:
            text = f"nothing for {at - last.at:.0f} s"
            self.verdicts.append(Verdict(last.step, label, text, last.at + limit_s))
