"""From readings to verdicts: a condition alarms as it begins to hold, not again while it does; an event each time."""

from __future__ import annotations

from tests.scoreboard.rivals.rival import Verdict


class Alarms:
    """The verdicts on one log, in order."""

    def __init__(self) -> None:
        self.verdicts: list[Verdict] = []
        self._holding: set[tuple[str, str]] = set()

    def note(self, label: str, subject: str, holds: bool, *, step: int | None, text: str) -> None:
        """Take one reading of a rule about one subject, such as a group or a layer."""
        if not holds:
            self._holding.discard((label, subject))
        elif (label, subject) not in self._holding:
            self._holding.add((label, subject))
            self.verdicts.append(Verdict(step, label, text))

    def event(self, label: str, *, step: int | None, text: str) -> None:
        """Take something that happens rather than lasts."""
        self.verdicts.append(Verdict(step, label, text))
