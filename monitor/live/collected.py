"""Transitions of a watch, kept until they are asked for."""

from __future__ import annotations

from monitor.alert import Alert
from monitor.live.listener import LogListener


class Collected(LogListener):
    """Keeps what it is told."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self._found: list[Alert] = []

    def on_alerts(self, alerts: list[Alert]) -> None:
        """Keep transitions."""
        self._found += alerts

    def take(self) -> list[Alert]:
        """Return what was told since the last call."""
        found, self._found = self._found, []
        return found
