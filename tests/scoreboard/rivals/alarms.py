"""From readings to alarms: a condition alarms once when it begins to hold, and an event every time."""

from __future__ import annotations

from tests.scoreboard.rivals.observed import Line
from tests.scoreboard.rivals.rival import RivalAlarm


class Alarms:
    """The alarms on one log, in order."""

    def __init__(self) -> None:
        self.found: list[RivalAlarm] = []
        self._holding: set[tuple[str, str]] = set()

    def note(self, label: str, subject: str, holds: bool, line: Line, text: str) -> None:
        """Process one reading of a rule about one subject, such as a group or a layer."""
        if not holds:
            self._holding.discard((label, subject))
        elif (label, subject) not in self._holding:
            self._holding.add((label, subject))
            self.event(label, line, text)

    def event(self, label: str, line: Line, text: str) -> None:
        """Process something that happens instead of lasting."""
        self.found.append(RivalAlarm(line.step, label, text, line.at))

    def silence(self, label: str, limit_s: float, last: Line, at: float) -> None:
        """Alarm if the time from a line until now is longer than the limit."""
        if last.at is not None and at - last.at > limit_s:
            text = f"nothing for {at - last.at:.0f} s"
            self.found.append(RivalAlarm(last.step, label, text, last.at + limit_s))
